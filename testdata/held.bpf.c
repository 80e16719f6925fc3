// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A program that is long at work on a record of ring buffer `events`: what goes into it comes from
// memory of the process, which may have it wait. Kernel 5.14 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define DISCARD (~0ULL)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} events SEC(".maps");

/* Set by the test: where the word for the record is, how many records are sent behind it. */
__u64 address = 0;
__u32 behind = 0;

/* Reserves a record, sends others (1, 2, ...), and commits the first (or gives it back) in the end. */
SEC("syscall")
int hold(void *context)
{
	__u64 *record, number, i;

	record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	if (!record)
		return 1;
	for (i = 1; i <= 16; i++) {
		/* Older kernels forget what a helper was given the address of: i is not. */
		number = i;
		if (i > behind)
			break;
		bpf_ringbuf_output(&events, &number, sizeof(number), 0);
	}
	if (bpf_copy_from_user(record, sizeof(*record), (void *)address) || *record == DISCARD)
		bpf_ringbuf_discard(record, 0);
	else
		bpf_ringbuf_submit(record, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
