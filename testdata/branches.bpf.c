// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Branches that constants decide. With `enabled` unset nothing behind it is needed: a map that no
// kernel makes, a function and a type that no kernel has, a subprogram, a callback. The same for
// `level` of 2 or more, a signed `bias` below zero, a `switch`, and options of the kernel that are
// not set. Test-run as socket filters, programs return what they count, or what they let run.
// Kernel 5.10 and later (with `enabled` unset).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define ARRAY(name)                               \
	struct {                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY); \
		__uint(max_entries, 1);           \
		__type(key, __u32);               \
		__type(value, __u64);             \
	} name SEC(".maps")

ARRAY(always);
ARRAY(if_enabled);
ARRAY(if_high);
ARRAY(if_negative);
ARRAY(if_third);
ARRAY(if_configured);

const volatile _Bool enabled = 0;
const volatile __u32 level = 1;
const volatile short bias = 5;
const volatile __u64 choice = 1;
/* Not constant, though it never changes. */
volatile __u32 data_flag = 0;

extern _Bool CONFIG_SKEP_TEST __kconfig __weak;
extern int LINUX_KERNEL_VERSION __kconfig;

extern int no_such_function_at_all(int value) __ksym;
extern const int no_such_variable_at_all __ksym;

struct no_such_struct {
	int field;
} __attribute__((preserve_access_index));

static __always_inline int count(void *map)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(map, &key);

	if (!value)
		return -1;
	*value += 1;
	return 1;
}

static __noinline int deep(int value)
{
	return count(&if_enabled) + value;
}

/* Verified by itself, where it is there. */
__noinline int only_if_enabled(struct __sk_buff *skb)
{
	return deep(skb->len) + no_such_function_at_all(1);
}

SEC("socket")
int guarded(struct __sk_buff *skb)
{
	int sum = count(&always);

	if (enabled) {
		struct no_such_struct *none = (void *)skb;
		int field = 0;

		bpf_probe_read_kernel(&field, sizeof(field), &none->field);
		sum += only_if_enabled(skb) + field + no_such_variable_at_all;
	}
	return sum;
}

SEC("socket")
int switched(struct __sk_buff *skb)
{
	int sum = count(&always);

	if (level >= 2 && skb->len)
		sum += 10 * count(&if_high);
	if (bias < 0)
		sum += 100 * count(&if_negative);
	switch (choice) {
	case 1:
		sum += 1000;
		break;
	case 2:
		sum += 2000;
		break;
	case 3:
		sum += 3000 * count(&if_third);
		break;
	}
	return sum;
}

SEC("socket")
int configured(struct __sk_buff *skb)
{
	int sum = count(&always);

	if (CONFIG_SKEP_TEST)
		sum += 10 * count(&if_configured);
	if (LINUX_KERNEL_VERSION < 0x40000)
		sum += 100 * count(&if_high);
	return sum;
}

/* What may change is no constant: both maps are needed. */
SEC("socket")
int not_constant(struct __sk_buff *skb)
{
	int sum = count(&always);

	if (data_flag)
		sum += 10 * count(&if_high);
	return sum;
}

char LICENSE[] SEC("license") = "GPL";
