// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs of socket maps. What a socket of `sockets` (or `by_key`) sends or receives goes to the
// one in slot `to` (with key `key`), to be received there (`flags` 1) or sent there (0), and is
// counted in `verdicts`. `redirect` and `redirect_by_key` see what is sent, `refuse` lets nothing be
// sent; `parse` and `stream` see streams, `packet` and `packet_by_key` what is received piece by
// piece (5.13 and later); `any` is not said where it goes. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u64);
} by_key SEC(".maps");

__u32 to = 1;
__u64 key = 1;
__u64 flags = 0;
__u64 parsed = 0;
__u64 verdicts = 0;

SEC("sk_msg")
int redirect(struct sk_msg_md *msg)
{
	__sync_fetch_and_add(&verdicts, 1);
	return bpf_msg_redirect_map(msg, &sockets, to, flags);
}

SEC("sk_msg")
int redirect_by_key(struct sk_msg_md *msg)
{
	__u64 k = key;

	__sync_fetch_and_add(&verdicts, 1);
	return bpf_msg_redirect_hash(msg, &by_key, &k, flags);
}

SEC("sk_msg")
int refuse(struct sk_msg_md *msg)
{
	__sync_fetch_and_add(&verdicts, 1);
	return SK_DROP;
}

SEC("sk_skb/stream_parser")
int parse(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&parsed, 1);
	return skb->len;
}

SEC("sk_skb/stream_verdict")
int stream(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&verdicts, 1);
	return bpf_sk_redirect_map(skb, &sockets, to, flags);
}

SEC("sk_skb/verdict")
int packet(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&verdicts, 1);
	return bpf_sk_redirect_map(skb, &sockets, to, flags);
}

SEC("sk_skb/verdict")
int packet_by_key(struct __sk_buff *skb)
{
	__u64 k = key;

	__sync_fetch_and_add(&verdicts, 1);
	return bpf_sk_redirect_hash(skb, &by_key, &k, flags);
}

SEC("sk_skb")
int any(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&verdicts, 1);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
