// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A function to be replaced and its replacements. `target` gives the packet's length (14 less than
// the data in a test run) + 1; with `plus_ten` in place of `plus_one` the length + 10, with
// `by_hand` the length + 20. Kernel 5.10 and later where functions can be traced.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__noinline int plus_one(struct __sk_buff *skb)
{
	volatile int one = 1;

	return skb->len + one;
}

SEC("socket")
int target(struct __sk_buff *skb)
{
	return plus_one(skb);
}

SEC("?freplace/plus_one")
int plus_ten(struct __sk_buff *skb)
{
	return skb->len + 10;
}

SEC("?freplace")
int by_hand(struct __sk_buff *skb)
{
	return skb->len + 20;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
