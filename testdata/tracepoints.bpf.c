// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Tracepoints in each of their forms, at the system call `nr` of process `target_pid` only: by their
// format, raw, by BTF; such as sleep (7.1), which fetch what is at `address` in the process's memory;
// and one that changes what a test run answers (5.2). Each keeps the cookie of its link, if `with_cookie`.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct seen {
	__u64 calls;
	__u64 cookie;
	__u64 value;
};

/* events/syscalls/sys_enter_*\/format */
struct sys_enter {
	__u64 common;
	__u64 nr;
	__u64 args[6];
};

const volatile __u32 target_pid = 0;
const volatile __u64 nr = 0;
const volatile __u64 address = 0;
const volatile __s32 answer = 0;
const volatile __u8 with_cookie = 0;

struct seen seen_perf = {};
struct seen seen_raw = {};
struct seen seen_btf = {};
struct seen seen_written = {};

static __always_inline int note(struct seen *seen, void *ctx, __u64 number)
{
	if (number != nr || bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	__sync_fetch_and_add(&seen->calls, 1);
	if (with_cookie)
		seen->cookie = bpf_get_attach_cookie(ctx);
	return 1;
}

SEC("?tp/syscalls/sys_enter_getpgid")
int by_perf(struct sys_enter *ctx)
{
	if (note(&seen_perf, ctx, nr))
		seen_perf.value = ctx->args[0];
	return 0;
}

SEC("?raw_tp/sys_enter")
int by_raw(struct bpf_raw_tracepoint_args *ctx)
{
	if (note(&seen_raw, ctx, ctx->args[1]))
		seen_raw.value = ctx->args[1];
	return 0;
}

SEC("?tp_btf/sys_enter")
int by_btf(__u64 *ctx)
{
	if (note(&seen_btf, ctx, ctx[1]))
		seen_btf.value = ctx[1];
	return 0;
}

static __always_inline void fetch(struct seen *seen)
{
	bpf_copy_from_user(&seen->value, sizeof(seen->value), (const void *)address);
}

SEC("?tp.s/syscalls/sys_enter_getpgid")
int sleeping_perf(struct sys_enter *ctx)
{
	if (note(&seen_perf, ctx, nr))
		fetch(&seen_perf);
	return 0;
}

SEC("?raw_tp.s/sys_enter")
int sleeping_raw(struct bpf_raw_tracepoint_args *ctx)
{
	if (note(&seen_raw, ctx, ctx->args[1]))
		fetch(&seen_raw);
	return 0;
}

/* Linux 5.10 takes such a program and runs it where nobody may sleep: the cookie, which is newer, has it
 * refused there.
 */
SEC("?tp_btf.s/sys_enter")
int sleeping_btf(__u64 *ctx)
{
	if (note(&seen_btf, ctx, ctx[1])) {
		seen_btf.cookie = bpf_get_attach_cookie(ctx);
		fetch(&seen_btf);
	}
	return 0;
}

SEC("?raw_tp.w/bpf_test_finish")
int refuse(struct bpf_raw_tracepoint_args *ctx)
{
	int *error = (int *)ctx->args[0];

	if (bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	__sync_fetch_and_add(&seen_written.calls, 1);
	*error = answer;
	return 0;
}

SEC("?socket")
int plain(struct __sk_buff *skb)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
