// SPDX-License-Identifier: MIT OR Apache-2.0
// gcc: 12
//
// What GCC makes of a program, without the headers that are written for clang: a map by its
// definition, a global variable, a helper. Its BTF has a function without a name, which no kernel
// takes. A test run of `count` adds 1 to element 1 of `counts` and gives the packet's length (14
// less than the data) + 1000. Kernel 5.10 and later.
#include <linux/bpf.h>

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[2];
	__u32 *key;
	__u64 *value;
} counts __attribute__((section(".maps"), used));

__u32 added = 1000;

static void *(*const lookup)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;

__attribute__((section("socket"), used)) int count(struct __sk_buff *skb)
{
	__u32 key = 1;
	__u64 *value = lookup(&counts, &key);

	if (value)
		*value += 1;
	return skb->len + added;
}

char LICENSE[] __attribute__((section("license"), used)) = "Dual MIT/GPL";
