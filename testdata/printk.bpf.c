// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Prints a line to the kernel's trace at every system call of one process (`target_pid`; 0: all).
// Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 target_pid = 0;

SEC("raw_tp/sys_enter")
int print(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 pid = bpf_get_current_pid_tgid() >> 32;

	if (target_pid && target_pid != pid)
		return 0;
	bpf_printk("system call %d of process %d", (int)ctx->args[1], pid);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
