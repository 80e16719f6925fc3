// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Classifiers that tell in which order they ran: each puts its digit behind the others' in `order`, and
// lets the next one see the packet; `drops` does not. Only packets of protocol `protocol` count.
// Kernel 5.10 and later.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#define NEXT -1

const volatile __u32 protocol = 0;
__u64 order = 0;

static __always_inline int seen(struct __sk_buff *skb, int digit, int answer)
{
	if (skb->protocol != protocol)
		return NEXT;
	order = order * 10 + digit;
	return answer;
}

SEC("tc")
int first(struct __sk_buff *skb)
{
	return seen(skb, 1, NEXT);
}

SEC("tc")
int second(struct __sk_buff *skb)
{
	return seen(skb, 2, NEXT);
}

SEC("tc")
int third(struct __sk_buff *skb)
{
	return seen(skb, 3, NEXT);
}

SEC("tc")
int drops(struct __sk_buff *skb)
{
	return seen(skb, 9, TC_ACT_SHOT);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
