// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Counts packets and bytes that a cgroup sends, in the storages of cgroups' programs: one value for
// all CPUs (`bytes`), one for each (`packets`). Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} bytes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, __u64);
} packets SEC(".maps");

SEC("cgroup_skb/egress")
int sent(struct __sk_buff *skb)
{
	__u64 *sum = bpf_get_local_storage(&bytes, 0);
	__u64 *count = bpf_get_local_storage(&packets, 0);

	__sync_fetch_and_add(sum, skb->len);
	*count += 1;
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
