// SPDX-License-Identifier: MIT OR Apache-2.0
//
// An arena with globals. `count` adds `step` to `counter`, writes `message` behind it and gives the
// counter's low half; `allocate` takes a page, leaves `found` pointing at it and writes there.
// Linux 6.9 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Newer than the headers of some distributions. */
#define ARENA 33
#define __arena __attribute__((address_space(1)))
#define ULONG(name, value) enum { name##_value = value } name

struct {
	__uint(type, ARENA);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 16);
	ULONG(map_extra, 1ull << 44);
} arena SEC(".maps");

void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, __u32 count, int node,
				    __u64 flags) __ksym;

__u64 __arena counter = 40;
__u32 __arena step = 2;
char __arena message[8];
__u64 found;

SEC("syscall")
int count(void *ctx)
{
	counter += step;
	message[0] = 'h';
	message[1] = 'i';
	return counter;
}

SEC("syscall")
int allocate(void *ctx)
{
	__u64 __arena *page = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0);

	if (!page)
		return 1;
	page[1] = 0x1122334455667788;
	found = (__u64)page;
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
