// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs to be test-run: on a context that comes back changed (`mark`), on a CPU (`where`), on real
// frames (`frames`, which drops and counts them). Kernel 5.10 and later; real frames since 5.18.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 count = 0;
__u32 cpu = 0;

SEC("tc")
int mark(struct __sk_buff *skb)
{
	skb->mark += 7;
	skb->cb[1] = skb->len;
	return 5;
}

SEC("raw_tp/sys_enter")
int where(struct bpf_raw_tracepoint_args *ctx)
{
	cpu = bpf_get_smp_processor_id();
	return ctx->args[0] + ctx->args[1];
}

SEC("xdp")
int frames(struct xdp_md *ctx)
{
	__sync_fetch_and_add(&count, 1);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
