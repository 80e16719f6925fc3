// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Packets of a cgroup's sockets: counted and passed, or dropped, at either side. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 packets = 0;
__u64 bytes = 0;

static __always_inline void count(struct __sk_buff *skb)
{
	__sync_fetch_and_add(&packets, 1);
	__sync_fetch_and_add(&bytes, skb->len);
}

SEC("cgroup_skb/ingress")
int ingress(struct __sk_buff *skb)
{
	count(skb);
	return 1;
}

SEC("cgroup_skb/egress")
int egress(struct __sk_buff *skb)
{
	count(skb);
	return 1;
}

SEC("cgroup_skb/ingress")
int drop_ingress(struct __sk_buff *skb)
{
	count(skb);
	return 0;
}

SEC("cgroup_skb/egress")
int drop_egress(struct __sk_buff *skb)
{
	count(skb);
	return 0;
}

/* The section does not say at which side. */
SEC("cgroup/skb")
int either(struct __sk_buff *skb)
{
	count(skb);
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
