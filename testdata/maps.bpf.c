// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Many kinds of map. A test run of `touch` (socket filter) writes to each, reads back, follows the
// inner map and jumps to `tail` by slot 1 of `jumps`; the value that comes back is 100 plus the
// number of steps that worked (7), or a smaller number where the jump failed.
// Contents that need more than creation: `jumps` [1] = tail, [3] = touch; `outer` [0] = inner_a,
// [2] = inner_b. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct pair {
	__u32 first;
	__u32 second;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
	__uint(map_flags, BPF_F_MMAPABLE);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, struct pair);
	__type(value, __u64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 12);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} ring SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { [0] = &inner_a, [2] = &inner_b },
};

int tail(struct __sk_buff *skb);
int touch(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int (void *));
} jumps SEC(".maps") = {
	.values = { [1] = (void *)&tail, [3] = (void *)&touch },
};

/* How many steps worked. */
static __always_inline int steps(void)
{
	struct pair pair = { 1, 2 };
	__u32 zero = 0, two = 2, seven = 7, got = 0;
	__u64 value = 7;
	__u64 *wide;
	__u32 *word;
	void *found;
	int done = 0;

	wide = bpf_map_lookup_elem(&array, &two);
	if (wide) {
		*wide = value;
		done++;
	}
	if (!bpf_map_update_elem(&hash, &pair, &value, BPF_ANY))
		done++;
	word = bpf_map_lookup_elem(&percpu, &zero);
	if (word) {
		*word += 1;
		done++;
	}
	if (!bpf_map_update_elem(&lru, &zero, &seven, BPF_ANY))
		done++;
	if (!bpf_map_push_elem(&queue, &seven, 0) && !bpf_map_pop_elem(&queue, &got) && got == 7)
		done++;
	if (!bpf_ringbuf_output(&ring, &pair, sizeof(pair), 0))
		done++;
	found = bpf_map_lookup_elem(&outer, &two);
	if (found) {
		word = bpf_map_lookup_elem(found, &zero);
		if (word) {
			*word = 7;
			done++;
		}
	}
	return done;
}

SEC("socket")
int touch(struct __sk_buff *skb)
{
	int done = steps();

	skb->cb[0] = done;
	bpf_tail_call(skb, &jumps, 1);
	return done;
}

SEC("socket")
int tail(struct __sk_buff *skb)
{
	return 100 + skb->cb[0];
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
