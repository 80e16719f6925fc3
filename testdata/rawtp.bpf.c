// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Raw tracepoint at every system call of one process (`target_pid` is its thread group; 0: all).
// Counts in `hits` (.bss), sends a `struct event` to ring buffer `events`, and counts in `dropped`
// what did not fit. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 time_ns;
	__u32 pid;
	__u32 tid;
	__s64 syscall;
	char comm[16];
};

/* Keeps the type in BTF where no variable has it. */
const struct event *unused_event __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

const volatile __u32 target_pid = 0;

__u64 hits = 0;
__u64 dropped = 0;

SEC("raw_tp/sys_enter")
int count(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	struct event *event;

	if (target_pid && target_pid != pid_tgid >> 32)
		return 0;
	__sync_fetch_and_add(&hits, 1);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&dropped, 1);
		return 0;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->pid = pid_tgid >> 32;
	event->tid = pid_tgid;
	event->syscall = ctx->args[1];
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
