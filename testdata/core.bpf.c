// SPDX-License-Identifier: MIT OR Apache-2.0
//
// All 13 kinds of CO-RE relocation against declarations of our own, deliberately unlike the
// kernel's. Test-run `run` (raw tracepoint, no context): what the relocations became is in .bss
// variable `facts`, to be compared with the kernel's BTF; what was read through them is in `seen`,
// to be compared with the caller's own pid and name. What must be absent is in `absent` (all 0).
// Kernel 5.10 and later.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

struct sched_entity {
	__u64 exec_start;
} CORE;

/* The order is not the kernel's, and only what is used is here. */
struct task_struct {
	char comm[16];
	int pid;
	int tgid;
	int prio;
	unsigned int sched_reset_on_fork : 1;
	unsigned int in_execve : 1;
	struct task_struct *real_parent;
	struct sched_entity se;
	int no_such_field;
} CORE;

/* The same type by a flavor, with a field of another width. */
struct task_struct___flavor {
	long prio;
	void *stack;
} CORE;

/* `len` stands in an anonymous member in the kernel, or not, as the version has it. */
struct sk_buff {
	struct {
		struct {
			void *dev;
		};
	};
	unsigned int len;
	unsigned char ip_summed : 2;
} CORE;

struct no_such_struct {
	int field;
} CORE;

/* Sizes differ from the kernel's, which the relocation corrects. */
struct list_head {
	struct list_head *next;
} CORE;

struct list_head___whole {
	struct list_head___whole *next, *prev;
} CORE;

struct list_head___other {
	int next;
} CORE;

typedef int pid_t;
typedef int no_such_typedef;

/* Values are wrong on purpose. */
enum bpf_map_type___wrong {
	BPF_MAP_TYPE_ARRAY___wrong = 99,
	BPF_MAP_TYPE_RINGBUF___wrong = 98,
	BPF_MAP_TYPE_NO_SUCH = 97,
};

enum no_such_enum {
	NO_SUCH_VALUE = 5,
};

/* What the relocations became. Units: bytes, ids, bits and truths as in the names. */
struct {
	__u64 task_pid_offset;
	__u64 task_comm3_offset;
	__u64 task_exec_start_offset;
	__u64 task_parent_offset;
	__u64 skb_len_offset;
	__u64 skb_dev_offset;
	__u64 task_pid_size;
	__u64 task_comm_size;
	__u64 task_se_size;
	__u64 flavor_prio_size;
	__u64 task_pid_exists;
	__u64 flavor_stack_exists;
	__u64 skb_ip_summed_exists;
	__u64 task_pid_signed;
	__u64 skb_len_signed;
	__u64 reset_offset;
	__u64 reset_size;
	__u64 reset_lshift;
	__u64 reset_rshift;
	__u64 summed_lshift;
	__u64 summed_rshift;
	__u64 local_task_id;
	__u64 target_task_id;
	__u64 target_pid_t_id;
	__u64 task_exists;
	__u64 pid_t_exists;
	__u64 map_type_exists;
	__u64 task_size;
	__u64 list_size;
	__u64 list_matches;
	__u64 pid_t_matches;
	__u64 array_value_exists;
	__u64 array_value;
	__u64 ringbuf_value;
} facts = {};

/* What the running task looks like through them. */
struct {
	int pid;
	int tgid;
	int prio;
	int parent_tgid;
	__u32 reset_on_fork;
	char comm[16];
} seen = {};

/* What no kernel has: stays 0 (`guarded` would read it). */
struct {
	__u64 field_exists;
	__u64 struct_exists;
	__u64 typedef_exists;
	__u64 enum_exists;
	__u64 enum_value_exists;
	__u64 no_enum_value_exists;
	__u64 struct_size;
	__u64 struct_id;
	__u64 type_matches;
	__u64 guarded;
} absent = {};

#define INFO(type, field, kind) \
	__builtin_preserve_field_info(((type *)0)->field, BPF_FIELD_##kind)

static __always_inline void field_facts(void)
{
	facts.task_pid_offset = INFO(struct task_struct, pid, BYTE_OFFSET);
	facts.task_comm3_offset = INFO(struct task_struct, comm[3], BYTE_OFFSET);
	facts.task_exec_start_offset = INFO(struct task_struct, se.exec_start, BYTE_OFFSET);
	facts.task_parent_offset = INFO(struct task_struct, real_parent, BYTE_OFFSET);
	facts.skb_len_offset = INFO(struct sk_buff, len, BYTE_OFFSET);
	facts.skb_dev_offset = INFO(struct sk_buff, dev, BYTE_OFFSET);
	facts.task_pid_size = INFO(struct task_struct, pid, BYTE_SIZE);
	facts.task_comm_size = INFO(struct task_struct, comm, BYTE_SIZE);
	facts.task_se_size = INFO(struct task_struct, se, BYTE_SIZE);
	facts.flavor_prio_size = INFO(struct task_struct___flavor, prio, BYTE_SIZE);
	facts.task_pid_exists = INFO(struct task_struct, pid, EXISTS);
	facts.flavor_stack_exists = INFO(struct task_struct___flavor, stack, EXISTS);
	facts.skb_ip_summed_exists = INFO(struct sk_buff, ip_summed, EXISTS);
	facts.task_pid_signed = INFO(struct task_struct, pid, SIGNED);
	facts.skb_len_signed = INFO(struct sk_buff, len, SIGNED);
	facts.reset_offset = INFO(struct task_struct, sched_reset_on_fork, BYTE_OFFSET);
	facts.reset_size = INFO(struct task_struct, sched_reset_on_fork, BYTE_SIZE);
	facts.reset_lshift = INFO(struct task_struct, sched_reset_on_fork, LSHIFT_U64);
	facts.reset_rshift = INFO(struct task_struct, sched_reset_on_fork, RSHIFT_U64);
	facts.summed_lshift = INFO(struct sk_buff, ip_summed, LSHIFT_U64);
	facts.summed_rshift = INFO(struct sk_buff, ip_summed, RSHIFT_U64);
}

static __always_inline void type_facts(void)
{
	facts.local_task_id = bpf_core_type_id_local(struct task_struct);
	facts.target_task_id = bpf_core_type_id_kernel(struct task_struct);
	facts.target_pid_t_id = bpf_core_type_id_kernel(pid_t);
	facts.task_exists = bpf_core_type_exists(struct task_struct);
	facts.pid_t_exists = bpf_core_type_exists(pid_t);
	facts.map_type_exists = bpf_core_type_exists(enum bpf_map_type___wrong);
	facts.task_size = bpf_core_type_size(struct task_struct);
	facts.list_size = bpf_core_type_size(struct list_head);
	facts.list_matches = bpf_core_type_matches(struct list_head___whole);
	facts.pid_t_matches = bpf_core_type_matches(pid_t);
	facts.array_value_exists =
		bpf_core_enum_value_exists(enum bpf_map_type___wrong, BPF_MAP_TYPE_ARRAY___wrong);
	facts.array_value =
		bpf_core_enum_value(enum bpf_map_type___wrong, BPF_MAP_TYPE_ARRAY___wrong);
	facts.ringbuf_value =
		bpf_core_enum_value(enum bpf_map_type___wrong, BPF_MAP_TYPE_RINGBUF___wrong);
}

static __noinline void absent_facts(struct task_struct *task)
{
	absent.field_exists = bpf_core_field_exists(task->no_such_field);
	absent.struct_exists = bpf_core_type_exists(struct no_such_struct);
	absent.typedef_exists = bpf_core_type_exists(no_such_typedef);
	absent.enum_exists = bpf_core_type_exists(enum no_such_enum);
	absent.enum_value_exists =
		bpf_core_enum_value_exists(enum bpf_map_type___wrong, BPF_MAP_TYPE_NO_SUCH);
	absent.no_enum_value_exists = bpf_core_enum_value_exists(enum no_such_enum, NO_SUCH_VALUE);
	absent.struct_size = bpf_core_type_size(struct no_such_struct);
	absent.struct_id = bpf_core_type_id_kernel(struct no_such_struct);
	absent.type_matches = bpf_core_type_matches(struct list_head___other);
	/* Behind the question the verifier never comes to the read that cannot be relocated. */
	if (bpf_core_field_exists(task->no_such_field))
		absent.guarded = BPF_CORE_READ(task, no_such_field);
	if (bpf_core_enum_value_exists(enum no_such_enum, NO_SUCH_VALUE))
		absent.guarded += bpf_core_enum_value(enum no_such_enum, NO_SUCH_VALUE);
}

SEC("raw_tp")
int run(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	field_facts();
	type_facts();
	absent_facts(task);
	seen.pid = BPF_CORE_READ(task, pid);
	seen.tgid = BPF_CORE_READ(task, tgid);
	seen.prio = BPF_CORE_READ(task, prio);
	seen.parent_tgid = BPF_CORE_READ(task, real_parent, tgid);
	seen.reset_on_fork = BPF_CORE_READ_BITFIELD_PROBED(task, sched_reset_on_fork);
	BPF_CORE_READ_STR_INTO(&seen.comm, task, comm);
	return facts.task_size;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
