// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A map that asks to be pinned by its name, and a socket filter that returns what it counts there:
// a second load finds the first one's count. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} pinned_count SEC(".maps");

SEC("socket")
int next(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u32 *count = bpf_map_lookup_elem(&pinned_count, &zero);

	return count ? ++*count : 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
