// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Three programs that the verifier refuses, each for another reason, and one that it takes.
// Every kernel since 5.10 agrees.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64[4]);
} table SEC(".maps");

/* A hash: kernels since 6.14 know that a constant index of an array is never absent. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} flows SEC(".maps");

SEC("socket")
int endless(struct __sk_buff *skb)
{
	while (bpf_get_prandom_u32() != 7)
		;
	return 0;
}

SEC("socket")
int beyond(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *values = bpf_map_lookup_elem(&table, &zero);

	if (!values)
		return 0;
	return values[skb->len];
}

SEC("socket")
int unchecked(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(&flows, &zero);

	return *value;
}

SEC("socket")
int good(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *values = bpf_map_lookup_elem(&table, &zero);

	return values ? values[3] : 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
