// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What a loader program puts into instructions. A test run of `look` notes in `found` what became of
// symbols (`do_exit` is in every kernel, the weak ones in none) and gives `start` times `factor`: 12.
// `refused` is, wherever it is loaded. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define WEAK __attribute__((weak))

extern const void do_exit __ksym;
extern const void no_such_symbol __ksym WEAK;
extern const int no_such_variable __ksym WEAK;
extern int no_such_function(int) __ksym WEAK;

const volatile __u32 factor = 3;
__u32 start = 4;

struct {
	__u64 address;
	__u64 weak_address;
	int weak_variable;
	int weak_function;
} found = {};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

SEC("socket")
int look(struct __sk_buff *skb)
{
	__u32 key = skb->len;
	__u64 one = 1;

	found.address = (__u64)&do_exit;
	found.weak_address = (__u64)&no_such_symbol;
	found.weak_variable = &no_such_variable ? no_such_variable : -1;
	found.weak_function = no_such_function ? no_such_function(1) : -1;
	bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	return start * factor;
}

SEC("?socket")
int refused(struct __sk_buff *skb)
{
	__u32 key = 1;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);

	return *count;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
