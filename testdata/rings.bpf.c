// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Producers of ring buffer `events`, run by test runs: each sends `count` records. What finds no
// room is counted in `dropped`. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MOST 1024

struct small {
	__u64 seq;
	__u64 rest[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

/* Set by the test. */
__u32 count = 0;
__u32 len = 0;
__u64 flags = 0;

__u64 seq = 0;
__u64 dropped = 0;
__u64 bytes[256] = {};
/* BPF_RB_AVAIL_DATA, RING_SIZE, CONS_POS, PROD_POS, OVERWRITE_POS. */
__u64 asked[5] = {};

/* 64 bytes, all words the same. */
SEC("socket")
int send(struct __sk_buff *skb)
{
	struct small *record;

	for (int i = 0; i < MOST; i++) {
		if (i >= count)
			break;
		record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
		if (!record) {
			dropped++;
			seq++;
			continue;
		}
		record->seq = seq;
		for (int n = 0; n < 7; n++)
			record->rest[n] = seq;
		seq++;
		bpf_ringbuf_submit(record, flags);
	}
	return 0;
}

/* `len` bytes, of which the first eight (if there are so many) are the number. */
SEC("socket")
int send_any(struct __sk_buff *skb)
{
	for (int i = 0; i < MOST; i++) {
		if (i >= count)
			break;
		bytes[0] = seq++;
		if (bpf_ringbuf_output(&events, bytes, len & 2047, flags))
			dropped++;
	}
	return 0;
}

/* Every second record is given back unused. */
SEC("socket")
int send_half(struct __sk_buff *skb)
{
	__u64 *record;

	for (int i = 0; i < MOST; i++) {
		if (i >= count)
			break;
		record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
		if (!record) {
			dropped++;
			continue;
		}
		*record = seq++;
		if (i & 1)
			bpf_ringbuf_discard(record, flags);
		else
			bpf_ringbuf_submit(record, flags);
	}
	return 0;
}

SEC("socket")
int ask(struct __sk_buff *skb)
{
	asked[0] = bpf_ringbuf_query(&events, 0);
	asked[1] = bpf_ringbuf_query(&events, 1);
	asked[2] = bpf_ringbuf_query(&events, 2);
	asked[3] = bpf_ringbuf_query(&events, 3);
	asked[4] = bpf_ringbuf_query(&events, 4);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
