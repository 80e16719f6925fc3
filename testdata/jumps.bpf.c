// SPDX-License-Identifier: MIT OR Apache-2.0
// clang: 22
//
// Jump tables: indirect jumps in a program and in a function that two programs call. The context is
// the number of the case: `by_table` gives 100 + case * case + 3 for cases 0 to 15, and `pick` of
// what is above 15; `pick` the same without the 100, 1 above. Kernel 6.19 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 counter;

#define CASE(n, op, base) case n: counter op n + 3; return base + n * n + 3
#define CASES(base)                                                                        \
	CASE(0, +=, base); CASE(1, ^=, base); CASE(2, *=, base); CASE(3, -=, base);        \
	CASE(4, |=, base); CASE(5, +=, base); CASE(6, ^=, base); CASE(7, *=, base);        \
	CASE(8, -=, base); CASE(9, |=, base); CASE(10, +=, base); CASE(11, ^=, base);      \
	CASE(12, *=, base); CASE(13, -=, base); CASE(14, |=, base); CASE(15, +=, base)

static __noinline int pick(int number)
{
	switch (number) {
	CASES(0);
	default: return 1;
	}
}

SEC("syscall")
int by_table(int *number)
{
	switch (*number) {
	CASES(100);
	default: return pick(*number - 16);
	}
}

SEC("syscall")
int by_function(int *number)
{
	return pick(*number);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
