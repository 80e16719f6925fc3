// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Iterators over tasks (kernel 5.10 and later), cgroups (6.1) and kernel symbols (6.0): a line each.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define RELOCATED __attribute__((preserve_access_index))

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
} RELOCATED;

struct task_struct {
	int pid;
	int tgid;
} RELOCATED;

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} RELOCATED;

struct kernfs_node {
	__u64 id;
} RELOCATED;

struct cgroup {
	struct kernfs_node *kn;
} RELOCATED;

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
} RELOCATED;

struct kallsym_iter {
	char name[1];
} RELOCATED;

struct bpf_iter__ksym {
	struct bpf_iter_meta *meta;
	struct kallsym_iter *ksym;
} RELOCATED;

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;

	if (task)
		BPF_SEQ_PRINTF(seq, "%d of %d\n", task->pid, task->tgid);
	return 0;
}

SEC("iter/cgroup")
int cgroups(struct bpf_iter__cgroup *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct cgroup *cgroup = ctx->cgroup;

	if (cgroup)
		BPF_SEQ_PRINTF(seq, "%llu\n", cgroup->kn->id);
	return 0;
}

SEC("iter/ksym")
int symbols(struct bpf_iter__ksym *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct kallsym_iter *symbol = ctx->ksym;

	if (symbol)
		BPF_SEQ_PRINTF(seq, "%s\n", symbol->name);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
