// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs of netfilter hooks. `pass` and `drop` count packets in `packets` and keep the longest in
// `longest`, with the hook and the family that they were called for in `hook` and `family`. Kernel
// 6.4 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sk_buff {
	unsigned int len;
} __attribute__((preserve_access_index));

struct nf_hook_state {
	__u8 hook;
	__u8 pf;
} __attribute__((preserve_access_index));

struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

__u64 packets = 0;
__u32 longest = 0;
__u32 hook = 0;
__u32 family = 0;

static __always_inline void count(struct bpf_nf_ctx *ctx)
{
	__u32 len = ctx->skb->len;

	__sync_fetch_and_add(&packets, 1);
	if (len > longest)
		longest = len;
	hook = ctx->state->hook;
	family = ctx->state->pf;
}

SEC("netfilter")
int pass(struct bpf_nf_ctx *ctx)
{
	count(ctx);
	return 1;
}

SEC("netfilter")
int drop(struct bpf_nf_ctx *ctx)
{
	count(ctx);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
