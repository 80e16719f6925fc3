// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One half of a program; linked2 is the other. Linked together, a test run of `one` gives the sum
// of what is asked of the other half and of this one, see `SUM` in the tests; a test run of `two`
// (of linked2) jumps back to `tail` through `jumps`. Both halves have static functions and data
// of the same names. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* The kernel's values differ, which CO-RE corrects. */
enum pid_type { PIDTYPE_PGID = 100 };

/* Defined in the other half. */
extern struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");
extern __u32 bonus;
extern const volatile __u32 factor;
extern __u32 apart SEC(".data.apart");
extern int scale(int value);
extern int two(struct __sk_buff *skb);

/* In both halves: the other one's counts. */
__weak __noinline int strength(int value)
{
	return value + 1;
}

/* In both halves, weak in both: this one's counts, if this half is linked first. */
__weak __noinline int first_weak(int value)
{
	return value + 20;
}

int tail(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} jumps SEC(".maps") = {
	.values = {
		[0] = tail,
		[2] = two,
	},
};

static volatile __u32 twin_data = 300;
__u32 steps;

static __noinline int twin(int value)
{
	steps++;
	return value + twin_data;
}

extern int LINUX_KERNEL_VERSION __kconfig;

SEC("socket")
int tail(struct __sk_buff *skb)
{
	return steps + 5000;
}

SEC("socket")
int one(struct __sk_buff *skb)
{
	static const char text[] = "first";
	__u32 zero = 0;
	__u64 *value = bpf_map_lookup_elem(&shared, &zero);

	if (!value || LINUX_KERNEL_VERSION < 0x50000)
		return -1;
	*value += 1;
	return scale(2) + bonus + factor + apart + strength(0) + first_weak(0) + twin(0) +
	       text[*value & 3] +
	       1000000 * bpf_core_enum_value(enum pid_type, PIDTYPE_PGID);
}

char LICENSE[] SEC("license") = "GPL";
