// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A program of each type that has test runs and of which `runs.bpf.c` has none; what each returns or
// leaves behind says that it ran, and on what. Each loads alone. Linux 5.10 and later; `lookup` 5.14,
// `call` 5.14, `verdict` 6.4.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("?socket")
int filter(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("?action")
int act(struct __sk_buff *skb)
{
	skb->mark = skb->len;
	return 2; /* TC_ACT_SHOT */
}

SEC("?cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	return skb->len == 40;
}

SEC("?lwt_in")
int tunnel_in(struct __sk_buff *skb)
{
	return skb->len == 40 ? BPF_DROP : BPF_OK;
}

SEC("?lwt_out")
int tunnel_out(struct __sk_buff *skb)
{
	return skb->len == 40 ? BPF_DROP : BPF_OK;
}

SEC("?lwt_xmit")
int tunnel_xmit(struct __sk_buff *skb)
{
	return skb->len == 40 ? BPF_DROP : BPF_OK;
}

SEC("?flow_dissector")
int dissect(struct __sk_buff *skb)
{
	struct bpf_flow_keys *keys = skb->flow_keys;

	keys->ip_proto = 17;
	keys->sport = 0x1234;
	return BPF_OK;
}

SEC("?sk_lookup")
int lookup(struct bpf_sk_lookup *ctx)
{
	return ctx->local_port == 80 ? SK_DROP : SK_PASS;
}

struct call {
	__u64 number;
	__u64 doubled;
};

SEC("?syscall")
int call(struct call *call)
{
	call->doubled = call->number * 2;
	return 7;
}

SEC("?netfilter")
int verdict(void *ctx)
{
	return 0; /* NF_DROP */
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
