// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Direct loads of fields that are narrower in the kernel than declared here: the load takes the
// kernel's width and offset. At each task switch what such loads see of the next task is compared
// with what probe reads of the kernel's size see: `switches` counts, `mismatches` stays 0, and
// `flags` holds one value seen. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

struct task_struct {
	/* 32 bits in the kernel. */
	unsigned long flags;
	unsigned long rt_priority;
	int tgid;
	struct task_struct *group_leader;
} __attribute__((preserve_access_index));

__u64 switches = 0;
__u64 mismatches = 0;
__u64 flags = 0;

SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	__u32 probed_flags = 0, probed_priority = 0;
	unsigned long direct_flags = next->flags;
	unsigned long direct_priority = next->rt_priority;

	bpf_core_read(&probed_flags, sizeof(probed_flags), &next->flags);
	bpf_core_read(&probed_priority, sizeof(probed_priority), &next->rt_priority);
	if (direct_flags != probed_flags || direct_priority != probed_priority ||
	    next->group_leader->tgid != BPF_CORE_READ(next, group_leader, tgid))
		__sync_fetch_and_add(&mismatches, 1);
	flags = direct_flags;
	__sync_fetch_and_add(&switches, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
