// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Types that came to BTF one by one: float (5.13), tags of declarations (5.16) and of types (5.17),
// 64-bit enums (6.0), and a data section that no variable is in (5.12): constants of local arrays.
// `pick` returns what `table` holds at LEN = `skb->len` modulo 32, adds 1 to `seen.runs` and sets
// `seen.wide`; the map `kept` has the same value type. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define __tag(name) __attribute__((btf_decl_tag(name)))
#define __lent __attribute__((btf_type_tag("lent")))

enum wide {
	NARROW = 1,
	WIDE = 1ULL << 40,
};

struct seen {
	double ratio;
	enum wide wide;
	int __lent *pointer;
	__u64 runs __tag("counted");
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct seen);
} kept SEC(".maps");

struct seen seen = {};

SEC("socket")
int pick(struct __sk_buff *skb)
{
	const __u32 table[32] = {
		3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3,
		2, 3, 84, 62, 6, 43, 38, 32, 79, 50, 28, 88, 41, 97, 16, 93,
	};
	__u32 zero = 0;
	struct seen *value = bpf_map_lookup_elem(&kept, &zero);

	if (value)
		value->runs++;
	seen.wide = WIDE;
	seen.runs++;
	return table[skb->len % 32];
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
