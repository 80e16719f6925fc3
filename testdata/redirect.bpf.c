// SPDX-License-Identifier: MIT OR Apache-2.0
//
// XDP programs that send packets on: `to_device` to slot 0 of the devmap `devices`, whose program is
// `at_device`; `to_cpu` to slot 0 of the cpumap `cpus`, whose program is `at_cpu`. Each counts in its
// own element of `seen`. `whole` takes packets in fragments. Kernel 5.10 and later, `whole` 5.18.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 8);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 8);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void count(__u32 place)
{
	__u64 *value = bpf_map_lookup_elem(&seen, &place);

	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("?xdp")
int to_device(struct xdp_md *ctx)
{
	count(0);
	return bpf_redirect_map(&devices, 0, XDP_DROP);
}

SEC("?xdp/devmap")
int at_device(struct xdp_md *ctx)
{
	count(1);
	return XDP_PASS;
}

SEC("?xdp")
int to_cpu(struct xdp_md *ctx)
{
	count(2);
	return bpf_redirect_map(&cpus, 0, XDP_DROP);
}

SEC("?xdp/cpumap")
int at_cpu(struct xdp_md *ctx)
{
	count(3);
	return XDP_PASS;
}

SEC("?xdp.frags")
int whole(struct xdp_md *ctx)
{
	count(4);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
