// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A map of every kind that an object can declare, each setting of a declaration among them. The
// program uses none. Kernel 5.10 and later for those up to `task_storage`, then what the newer
// names say.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Newer than the headers of some distributions. */
#define USER_RINGBUF 31
#define CGRP_STORAGE 32
#define RHASH 35
#define ULONG(name, value) enum { name##_value = value } name

#define LOCAL(name, kind)                                                                          \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(map_flags, BPF_F_NO_PREALLOC);                                              \
		__type(key, int);                                                                  \
		__type(value, struct pair);                                                        \
	} name SEC(".maps")

#define SIMPLE(name, kind, entries, key_bytes, value_bytes)                                        \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, entries);                                                      \
		__uint(key_size, key_bytes);                                                       \
		__uint(value_size, value_bytes);                                                   \
	} name SEC(".maps")

struct pair {
	__u32 first;
	__u32 second;
};

struct prefix {
	__u32 bits;
	__u8 address[4];
};

SIMPLE(percpu_hash, BPF_MAP_TYPE_PERCPU_HASH, 8, 4, 8);
SIMPLE(lru_percpu, BPF_MAP_TYPE_LRU_PERCPU_HASH, 64, 4, 8);
SIMPLE(stack, BPF_MAP_TYPE_STACK, 8, 0, 4);
SIMPLE(stack_trace, BPF_MAP_TYPE_STACK_TRACE, 16, 4, 8 * 127);
SIMPLE(devmap, BPF_MAP_TYPE_DEVMAP, 4, 4, 8);
SIMPLE(devmap_hash, BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 8);
SIMPLE(cpumap, BPF_MAP_TYPE_CPUMAP, 1, 4, 8);
SIMPLE(xskmap, BPF_MAP_TYPE_XSKMAP, 4, 4, 4);
SIMPLE(sockmap, BPF_MAP_TYPE_SOCKMAP, 4, 4, 8);
SIMPLE(sockhash, BPF_MAP_TYPE_SOCKHASH, 4, 4, 8);
SIMPLE(reuseport, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 4, 8);

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 2);
} cgroup_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
} perf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} trie SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_NUMA_NODE | BPF_F_RDONLY_PROG);
	__uint(numa_node, 0);
	__type(key, __u32);
	__type(value, __u64);
} numa SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 5000);
	__type(value, struct pair);
} typed_ring SEC(".maps");

// As the macros of aya write one.
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
	__type(key, struct {});
	__type(value, struct pair);
	__uint(value_size, 0);
} sized_ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, struct pair);
} cgroup_storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE);
	__type(key, struct bpf_cgroup_storage_key);
	__type(value, struct pair);
} percpu_cgroup SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u64);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	});
} hash_of_maps SEC(".maps");

LOCAL(sk_storage, BPF_MAP_TYPE_SK_STORAGE);
LOCAL(inode_storage, BPF_MAP_TYPE_INODE_STORAGE);
LOCAL(task_storage, BPF_MAP_TYPE_TASK_STORAGE);
LOCAL(cgrp_storage, CGRP_STORAGE);

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 100);
	__type(value, __u32);
	ULONG(map_extra, 3);
} bloom SEC(".maps");

struct {
	__uint(type, RHASH);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct pair);
	__type(value, __u64);
} resizable SEC(".maps");

struct {
	__uint(type, USER_RINGBUF);
	__uint(max_entries, 3 * 65536);
} user_ring SEC(".maps");

SEC("socket")
int none(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
