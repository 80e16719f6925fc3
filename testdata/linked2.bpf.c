// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The other half of linked1, see there.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

enum pid_type { PIDTYPE_SID = 200 };

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} own SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} shared SEC(".maps");

extern struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} jumps SEC(".maps");

static volatile __u32 twin_data = 40000;
__u32 bonus = 7;
__u32 apart SEC(".data.apart") = 60;
const volatile __u32 factor = 3;
extern __u32 steps;

__noinline int strength(int value)
{
	return value + 2;
}

__weak __noinline int first_weak(int value)
{
	return value + 30;
}

static __noinline int twin(int value)
{
	steps += 2;
	return value + twin_data;
}

__noinline int scale(int value)
{
	return twin(value * factor);
}

extern int LINUX_KERNEL_VERSION __kconfig;

SEC("socket")
int two(struct __sk_buff *skb)
{
	static const char text[] = "jumps";

	if (text[(steps >> 8) & 1] != 'j' || LINUX_KERNEL_VERSION == 0 ||
	    bpf_core_enum_value(enum pid_type, PIDTYPE_SID) != 3)
		return -1;
	/* No call: not every kernel lets a program that calls functions jump. */
	steps += 2;
	bpf_tail_call(skb, &jumps, 0);
	return -2;
}

char LICENSE[] SEC("license") = "GPL";
