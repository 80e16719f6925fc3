// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Global functions whose parameter is tagged as the context (`__arg_ctx`), which kernels before 6.8
// know only by the name of its type. `any` is called by programs of two types: to an old kernel it
// must look different in each. A test run gives `by_socket` the packet's length (14 less than the
// data) + 1, `by_xdp` 2 + 1, `by_tp` nothing: it is only loaded. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define arg_ctx __attribute__((btf_decl_tag("arg:ctx")))

__noinline int any(void *ctx arg_ctx)
{
	return ctx ? 1 : 0;
}

__noinline int length(const void *ctx arg_ctx, int more)
{
	const struct __sk_buff *skb = ctx;

	return skb->len + more;
}

__noinline int first_word(__u64 *ctx arg_ctx)
{
	return ctx[0] != 0;
}

SEC("socket")
int by_socket(struct __sk_buff *skb)
{
	return length(skb, any(skb));
}

SEC("xdp")
int by_xdp(struct xdp_md *xdp)
{
	return any(xdp) + XDP_PASS;
}

SEC("raw_tp")
int by_tp(struct bpf_raw_tracepoint_args *args)
{
	return first_word(args->args);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
