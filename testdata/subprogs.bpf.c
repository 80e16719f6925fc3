// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Function calls: static and global functions in .text, two levels deep, one shared by two
// programs, one that uses a map and a global variable. With LEN = `skb->len` (in a test run 14 less
// than the data) `first` gives 2 * (LEN + 3) + 1 and `second` LEN + 3 + 1000; each adds 1 to
// `calls`. `alone` calls nothing. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} calls SEC(".maps");

__u32 bonus = 1000;

static __noinline void note_call(void)
{
	__u32 zero = 0;
	__u64 *count = bpf_map_lookup_elem(&calls, &zero);

	if (count)
		__sync_fetch_and_add(count, 1);
}

__noinline int plus_three(int value)
{
	note_call();
	return value + 3;
}

static __noinline int twice(int value)
{
	return 2 * plus_three(value);
}

__noinline int with_bonus(int value)
{
	return value + bonus;
}

SEC("socket")
int first(struct __sk_buff *skb)
{
	return twice(skb->len) + 1;
}

SEC("socket")
int second(struct __sk_buff *skb)
{
	return with_bonus(plus_three(skb->len));
}

SEC("socket")
int alone(struct __sk_buff *skb)
{
	return 5;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
