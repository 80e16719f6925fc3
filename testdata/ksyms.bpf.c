// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Kernel symbols with and without a type, kernel functions, weak ones. Test-run `look` and `queue`
// (socket filters): what was found is in .bss variable `found`. Most others are each refused for one
// symbol. Kernel 5.10 and later; functions of the kernel only where there are any (6.3).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define WEAK __attribute__((weak))
#define CORE __attribute__((preserve_access_index))

struct rq {
	int cpu;
} CORE;

struct task_struct {
	int pid;
} CORE;

extern const void do_exit __ksym;
extern const void no_such_symbol __ksym WEAK;
extern const struct rq runqueues __ksym;
extern const int no_such_variable __ksym WEAK;
/* In the kernel it takes no argument. */
extern void bpf_rcu_read_lock___wrong(int wrong) __ksym WEAK;
extern void bpf_rcu_read_lock(void) __ksym WEAK;
extern void bpf_rcu_read_unlock(void) __ksym WEAK;
extern int no_such_function(int) __ksym WEAK;

extern const void no_such_symbol_at_all __ksym;
extern const struct rq no_such_variable_at_all __ksym;
extern void no_such_function_at_all(void) __ksym;
extern struct task_struct *bpf_task_acquire(int pid) __ksym;

struct {
	__u64 address;
	__u64 weak_address;
	int cpu;
	int weak_variable;
	int locked;
	int weak_function;
	int wrong_function;
} found = {};

SEC("socket")
int look(struct __sk_buff *skb)
{
	found.address = (__u64)&do_exit;
	found.weak_address = (__u64)&no_such_symbol;
	found.weak_variable = &no_such_variable ? no_such_variable : -1;
	found.weak_function = no_such_function ? no_such_function(1) : -1;
	found.wrong_function = -1;
	if (bpf_rcu_read_lock___wrong) {
		bpf_rcu_read_lock___wrong(1);
		found.wrong_function = 1;
	}
	return 1;
}

/* The kernel finds the variable's address by its list of symbols, which may have functions only. */
SEC("?socket")
int queue(struct __sk_buff *skb)
{
	const struct rq *queue = bpf_this_cpu_ptr(&runqueues);

	found.cpu = queue->cpu;
	return bpf_get_smp_processor_id() == queue->cpu;
}

SEC("?tp_btf/sys_enter")
int lock(void *ctx)
{
	if (bpf_rcu_read_lock && bpf_rcu_read_unlock) {
		bpf_rcu_read_lock();
		bpf_rcu_read_unlock();
		found.locked = 1;
	}
	return 0;
}

/* Loads for any target that takes no or any answer. */
SEC("?tp_btf/sys_enter")
int nothing(void *ctx)
{
	return 0;
}

SEC("?socket")
int missing_symbol(struct __sk_buff *skb)
{
	return (__u64)&no_such_symbol_at_all;
}

SEC("?socket")
int missing_variable(struct __sk_buff *skb)
{
	return no_such_variable_at_all.cpu;
}

SEC("?socket")
int missing_function(struct __sk_buff *skb)
{
	no_such_function_at_all();
	return 0;
}

SEC("?socket")
int wrong_function(struct __sk_buff *skb)
{
	return !bpf_task_acquire(1);
}

SEC("?socket")
int unguarded_function(struct __sk_buff *skb)
{
	return no_such_function(1);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
