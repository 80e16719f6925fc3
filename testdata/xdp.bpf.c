// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Counts packets and bytes in per-CPU array `counts` (0: packets, 1: bytes) and passes them all;
// `drop` counts in the same map and drops. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void count(struct xdp_md *ctx)
{
	__u32 packets = 0, bytes = 1;
	__u64 *value;

	value = bpf_map_lookup_elem(&counts, &packets);
	if (value)
		*value += 1;
	value = bpf_map_lookup_elem(&counts, &bytes);
	if (value)
		*value += (void *)(long)ctx->data_end - (void *)(long)ctx->data;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	count(ctx);
	return XDP_PASS;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	count(ctx);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
