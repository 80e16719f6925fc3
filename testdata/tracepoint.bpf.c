// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Perf tracepoints, filtered by thread group `target_pid` (0: all). `getpgid` counts calls of that
// system call in `calls` and keeps the last argument in `last_arg`; `exec` counts program starts
// in `execs`. The offsets are those of the tracepoints' `format` files. Kernel 5.10 and later;
// attaching needs tracefs.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* events/syscalls/sys_enter_*\/format */
struct sys_enter {
	__u64 common;
	__s64 nr;
	__u64 args[6];
};

const volatile __u32 target_pid = 0;

__u64 calls = 0;
__u64 execs = 0;
__u64 last_arg = 0;

static __always_inline int wanted(void)
{
	return !target_pid || target_pid == bpf_get_current_pid_tgid() >> 32;
}

SEC("tp/syscalls/sys_enter_getpgid")
int getpgid(struct sys_enter *ctx)
{
	if (!wanted())
		return 0;
	__sync_fetch_and_add(&calls, 1);
	last_arg = ctx->args[0];
	return 0;
}

SEC("tracepoint/sched/sched_process_exec")
int exec(void *ctx)
{
	if (wanted())
		__sync_fetch_and_add(&execs, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
