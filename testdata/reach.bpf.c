// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Ways to come to data, maps and functions: statics, which relocations reach by their section;
// symbols in inline assembly; a function and a struct that are declared before they are, or never.
// Zeroes with a section of their own. Test-run as socket filters, each program returns what it
// reached. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Never defined. */
struct unheard;

static int before(int x);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

__u64 seen SEC(".bss.counts");
static volatile __u64 hidden SEC(".bss.counts");
static volatile __u32 first = 40, second = 2;
struct unheard *nothing;

/* `hidden` and `second` lie behind others: an offset into the section. */
SEC("socket")
int by_section(struct __sk_buff *skb)
{
	hidden += 5;
	seen += 3;
	return before(first + second + (nothing != 0));
}

/* 100, and what `hidden` is. */
SEC("socket")
int by_assembly(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u64 *value;
	int got;

	asm volatile("r1 = %[table] ll\n"
		     "r2 = %[key]\n"
		     "call %[lookup]\n"
		     "%[value] = r0\n"
		     : [value] "=r"(value)
		     : [table] "i"(&table), [key] "r"(&key), [lookup] "i"(BPF_FUNC_map_lookup_elem)
		     : "r0", "r1", "r2", "r3", "r4", "r5", "memory");
	if (!value)
		return -1;
	*value += 100;
	asm volatile("r1 = %[value]\n"
		     "call %[before]\n"
		     "%[got] = r0\n"
		     : [got] "=r"(got)
		     : [value] "r"(*value), [before] "i"(before)
		     : "r0", "r1", "r2", "r3", "r4", "r5");
	return got + (int)hidden;
}

static __noinline int before(int x)
{
	return x + 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
