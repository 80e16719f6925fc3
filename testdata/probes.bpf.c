// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Probes of kernel functions, system calls and functions of user space, in threads of process
// `target_pid` only. Each counts in a `seen` of its own, and keeps the attachment's cookie (0 before
// 5.15) and a register: what is at `arg_off`, or on return `ret_off`, of the machine's registers.
// Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct seen {
	__u64 calls;
	__u64 cookie;
	__u64 value;
};

const volatile __u32 target_pid = 0;
const volatile __u32 arg_off = 0;
const volatile __u32 ret_off = 0;

extern const _Bool LINUX_HAS_BPF_COOKIE __kconfig;

struct seen seen_entry = {};
struct seen seen_return = {};
struct seen seen_syscall = {};
struct seen seen_sysret = {};
struct seen seen_uprobe = {};
struct seen seen_uretprobe = {};

static __always_inline int note(struct seen *seen, void *ctx, __u32 reg)
{
	__u64 value = 0;

	if (bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	__sync_fetch_and_add(&seen->calls, 1);
	if (LINUX_HAS_BPF_COOKIE)
		seen->cookie = bpf_get_attach_cookie(ctx);
	bpf_probe_read_kernel(&value, sizeof(value), ctx + reg);
	seen->value = value;
	return 0;
}

SEC("kprobe/security_task_getpgid")
int entry(void *ctx)
{
	return note(&seen_entry, ctx, arg_off);
}

SEC("kretprobe/security_task_getpgid")
int leave(void *ctx)
{
	return note(&seen_return, ctx, ret_off);
}

SEC("ksyscall/getpgid")
int syscall_entry(void *ctx)
{
	return note(&seen_syscall, ctx, arg_off);
}

SEC("kretsyscall/getpgid")
int syscall_return(void *ctx)
{
	return note(&seen_sysret, ctx, ret_off);
}

SEC("uprobe//proc/self/exe:skep_probe_target")
int user_entry(void *ctx)
{
	return note(&seen_uprobe, ctx, arg_off);
}

SEC("uretprobe//proc/self/exe:skep_probe_target")
int user_return(void *ctx)
{
	return note(&seen_uretprobe, ctx, ret_off);
}

SEC("?kprobe")
int anywhere(void *ctx)
{
	return note(&seen_entry, ctx, arg_off);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
