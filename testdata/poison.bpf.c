// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Relocations that fail where nothing guards them: each program is refused for one, and the refusal
// says which field or type it wanted and what the kernel has. `offset` (test run) returns where
// `struct task_struct` has `tgid`. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

struct task_struct {
	int tgid;
	int no_such_field;
	int comm;
} CORE;

struct task_struct___signed {
	char prio;
} CORE;

struct no_such_struct {
	int field;
} CORE;

enum bpf_map_type___more {
	BPF_MAP_TYPE_NO_SUCH = 97,
};

#define TASK ((struct task_struct *)bpf_get_current_task())

SEC("socket")
int offset(struct __sk_buff *skb)
{
	return __builtin_preserve_field_info(((struct task_struct *)0)->tgid,
					     BPF_FIELD_BYTE_OFFSET);
}

SEC("?raw_tp")
int missing_field(void *ctx)
{
	return BPF_CORE_READ(TASK, no_such_field);
}

SEC("?raw_tp")
int other_kind(void *ctx)
{
	return BPF_CORE_READ(TASK, comm);
}

SEC("?raw_tp")
int missing_struct(void *ctx)
{
	return BPF_CORE_READ((struct no_such_struct *)TASK, field);
}

SEC("?raw_tp")
int missing_enumerator(void *ctx)
{
	return bpf_core_enum_value(enum bpf_map_type___more, BPF_MAP_TYPE_NO_SUCH);
}

/* A load of a signed field cannot change its width. */
SEC("?tp_btf/sched_switch")
int other_width(__u64 *ctx)
{
	struct task_struct___signed *previous = (void *)ctx[1];

	return previous->prio;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
