// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs at functions of the kernel: at entry and exit of those that a test run calls, one by one and
// many at once; and in place of what a function returns and at an LSM hook, where they refuse process
// `target_pid` a process group.
// Each counts in a `seen` of its own and keeps a value and, if asked to, the attachment's cookie.
// Kernel 5.10 and later, with trampolines.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define EPERM 1

struct seen {
	__u64 calls;
	__u64 cookie;
	__u64 value;
};

const volatile __u32 target_pid = 0;
const volatile _Bool with_cookie = 0;
const volatile int answer = 0;

struct seen seen_entry = {};
struct seen seen_exit = {};
struct seen seen_both = {};
struct seen seen_many = {};
struct seen seen_modified = {};
struct seen seen_hook = {};

static __always_inline void note(struct seen *seen, void *ctx, __u64 value)
{
	__sync_fetch_and_add(&seen->calls, 1);
	if (with_cookie)
		seen->cookie = bpf_get_attach_cookie(ctx);
	seen->value = value;
}

SEC("?fentry/bpf_fentry_test1")
int entry(__u64 *ctx)
{
	note(&seen_entry, ctx, (__u32)ctx[0]);
	return 0;
}

SEC("?fexit/bpf_fentry_test2")
int leaving(__u64 *ctx)
{
	/* Two arguments, then what it returns. */
	note(&seen_exit, ctx, (__u32)ctx[2]);
	return 0;
}

SEC("?fsession/bpf_fentry_test1")
int both(__u64 *ctx)
{
	note(&seen_both, ctx, (__u32)ctx[0]);
	return 0;
}

static __always_inline int note_of_many(void *ctx)
{
	__sync_fetch_and_add(&seen_many.calls, 1);
	if (with_cookie)
		__sync_fetch_and_add(&seen_many.cookie, bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("?fentry.multi/bpf_fentry_test?")
int many_entries(void *ctx)
{
	return note_of_many(ctx);
}

SEC("?fexit.multi/bpf_fentry_test?")
int many_exits(void *ctx)
{
	return note_of_many(ctx);
}

SEC("?fsession.multi/bpf_fentry_test?")
int many_both(void *ctx)
{
	return note_of_many(ctx);
}

SEC("?fentry.multi/veth:veth_*")
int many_of_module(void *ctx)
{
	return note_of_many(ctx);
}

SEC("?fmod_ret/security_task_getpgid")
int modify(__u64 *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	/* One argument, then what would be returned. */
	note(&seen_modified, ctx, (__u32)ctx[1]);
	return answer;
}

SEC("?lsm/task_getpgid")
int refuse(__u64 *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	note(&seen_hook, ctx, 0);
	return -EPERM;
}

char LICENSE[] SEC("license") = "GPL";
