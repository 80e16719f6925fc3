// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A scheduler (sched_ext) that leaves the order of tasks to the kernel, first come, first served, and
// counts what runs: `ran` in all, `ours` of process `target_tgid`. Linux 6.12 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct task_struct {
	int tgid;
} __attribute__((preserve_access_index));

enum scx_exit_kind {
	SCX_EXIT_NONE,
};

struct scx_exit_info {
	enum scx_exit_kind kind;
} __attribute__((preserve_access_index));

struct sched_ext_ops {
	void (*running)(struct task_struct *p);
	__s32 (*init)(void);
	void (*exit)(struct scx_exit_info *info);
	__u32 timeout_ms;
	char name[128];
};

int target_tgid;
__u64 ran;
__u64 ours;
__u32 begun;
__u32 ended;
__s32 ended_by = -1;

SEC("struct_ops/running")
void BPF_PROG(running, struct task_struct *p)
{
	__sync_fetch_and_add(&ran, 1);
	if (p->tgid == target_tgid)
		__sync_fetch_and_add(&ours, 1);
}

SEC("struct_ops.s/init")
__s32 BPF_PROG(init)
{
	begun++;
	return 0;
}

SEC("struct_ops/exit")
void BPF_PROG(quit, struct scx_exit_info *info)
{
	ended++;
	ended_by = info->kind;
}

SEC(".struct_ops.link")
struct sched_ext_ops skep_scx = {
	.running = (void *)running,
	.init = (void *)init,
	.exit = (void *)quit,
	.timeout_ms = 10000,
	.name = "skep",
};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
