// SPDX-License-Identifier: MIT OR Apache-2.0
//
// How functions come into a program besides being called. `throws` and `throws_deep` end in their
// exception callbacks, which nothing calls (kernel 6.7 and later, with a JIT that unwinds): they
// give 32 + 16 and 7 + 1000, or 1 where nothing is thrown. `loops` takes the address of a static
// function in .text.callbacks (5.17), `walks` of one in .text (5.13): 0 + 1 + 2 + 3, and the sum of
// the map's four values. `no_callback` and `static_callback` name callbacks that cannot be used.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} values SEC(".maps");

extern void bpf_throw(__u64 cookie) __ksym;

static __noinline __u64 sixteen(__u64 cookie)
{
	return cookie + 16;
}

__noinline int add_sixteen(__u64 cookie)
{
	return sixteen(cookie);
}

__noinline int add_thousand(__u64 cookie)
{
	return cookie + 1000;
}

static __noinline int hidden_away(__u64 cookie)
{
	return cookie;
}

static __noinline int throw_if_long(__u32 len)
{
	if (len > 4)
		bpf_throw(7);
	return 1;
}

SEC("?tc")
exception_cb(add_sixteen)
int throws(struct __sk_buff *skb)
{
	if (skb->len > 4)
		bpf_throw(32);
	return 1;
}

SEC("?tc")
exception_cb(add_thousand)
int throws_deep(struct __sk_buff *skb)
{
	return throw_if_long(skb->len);
}

SEC("?tc")
exception_cb(no_such_function)
int no_callback(struct __sk_buff *skb)
{
	return hidden_away(skb->len);
}

SEC("?tc")
exception_cb(hidden_away)
int static_callback(struct __sk_buff *skb)
{
	return 1;
}

__attribute__((section(".text.callbacks"), used))
static long add(__u32 index, int *sum)
{
	*sum += index;
	return 0;
}

SEC("?tc")
int loops(struct __sk_buff *skb)
{
	int sum = 0;

	bpf_loop(4, add, &sum, 0);
	return sum;
}

static long add_value(void *map, __u32 *key, __u64 *value, int *sum)
{
	*sum += *value;
	return 0;
}

SEC("?tc")
int walks(struct __sk_buff *skb)
{
	int sum = 0;

	bpf_for_each_map_elem(&values, add_value, &sum, 0);
	return sum;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
