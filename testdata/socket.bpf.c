// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Socket filters. `length` keeps whole packets, counts them and their bytes in array map `counts`
// (0: packets, 1: bytes) and returns the length; `constant` returns 42. A
// test run takes the Ethernet header off: 64 bytes in, 50 counted. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static __always_inline void add(__u32 slot, __u64 amount)
{
	__u64 *count = bpf_map_lookup_elem(&counts, &slot);

	if (count)
		__sync_fetch_and_add(count, amount);
}

SEC("socket")
int length(struct __sk_buff *skb)
{
	add(0, 1);
	add(1, skb->len);
	return skb->len;
}

SEC("socket")
int constant(struct __sk_buff *skb)
{
	return 42;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
