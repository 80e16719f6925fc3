// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Maps whose keys and values have members of every kind, for those who name them. A test run of
// `sample` (socket filter) counts in `hits` and sends one `struct sample` to the ring. Kernel 5.10
// and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum action {
	PASS = 0,
	DROP = 1,
	LIMIT = 7,
};

struct flow_key {
	__u8 addr[4];
	__u16 port;
	__u16 vlan;
};

struct flow {
	__u64 packets;
	__u32 limit;
	enum action action;
	char name[8];
	__u32 low : 3;
	__u32 high : 29;
	__s16 ports[2];
	struct {
		__s8 x;
		__u8 y;
	} points[2];
	_Bool on;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow_key);
	__type(value, struct flow);
} flows SEC(".maps");

struct counts {
	__u64 packets;
	__u32 drops;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct counts);
} per_cpu SEC(".maps");

struct prefix {
	__u32 len;
	__u8 addr[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
} routes SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	__u32 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct locked);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 2);
	__uint(key_size, 0);
	__uint(value_size, 4);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__uint(key_size, 4);
	__uint(value_size, 6);
} plain SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} jumps SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__uint(key_size, 4);
	__uint(value_size, 4);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct counts);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} samples SEC(".maps");

struct sample {
	__u64 number;
	enum action action;
	char text[4];
};
struct sample *kept_in_btf __attribute__((unused));

__u64 hits = 0;
__u32 limit = 5;

SEC("socket")
int sample(struct __sk_buff *skb)
{
	struct sample *sample = bpf_ringbuf_reserve(&samples, sizeof(*sample), 0);

	if (!sample)
		return 0;
	sample->number = hits;
	sample->action = LIMIT;
	__builtin_memcpy(sample->text, "ok", 3);
	sample->text[3] = 0;
	bpf_ringbuf_submit(sample, 0);
	hits++;
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
