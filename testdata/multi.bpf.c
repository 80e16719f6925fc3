// SPDX-License-Identifier: MIT OR Apache-2.0
//
// One link to many kernel functions or many functions of user space, in threads of process
// `target_pid` only. Each program counts in a `seen` of its own, and keeps the cookie of the place.
// Sessions count entries and returns alike. Links to many kernel functions since 5.18, to many of user
// space since 6.6, sessions since 6.10 and 6.13; the programs load before.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct seen {
	__u64 calls;
	__u64 cookie;
	__u64 value;
};

const volatile __u32 target_pid = 0;

extern const _Bool LINUX_HAS_BPF_COOKIE __kconfig;

struct seen seen_entry = {};
struct seen seen_return = {};
struct seen seen_session = {};
struct seen seen_uprobe = {};
struct seen seen_uretprobe = {};
struct seen seen_usession = {};

static __always_inline int note(struct seen *seen, void *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	__sync_fetch_and_add(&seen->calls, 1);
	if (LINUX_HAS_BPF_COOKIE)
		seen->cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("?kprobe.multi/security_task_get?*id")
int entries(void *ctx)
{
	return note(&seen_entry, ctx);
}

SEC("?kretprobe.multi/security_task_getsid")
int returns(void *ctx)
{
	return note(&seen_return, ctx);
}

SEC("?kprobe.session/security_task_getsid")
int session(void *ctx)
{
	return note(&seen_session, ctx);
}

SEC("?uprobe.multi//proc/self/exe:skep_many_*")
int user_entries(void *ctx)
{
	return note(&seen_uprobe, ctx);
}

SEC("?uretprobe.multi//proc/self/exe:skep_many_one")
int user_returns(void *ctx)
{
	return note(&seen_uretprobe, ctx);
}

SEC("?uprobe.session//proc/self/exe:skep_many_t?o")
int user_session(void *ctx)
{
	return note(&seen_usession, ctx);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
