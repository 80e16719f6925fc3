// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What an object wants from the kernel: configuration values, kernel symbols with and without a
// type, kernel functions. `config` gives 1 where the kernel is at least 5.10 and CONFIG_BPF is set;
// it wants nothing else and loads on 5.10 and later. `symbols` needs kernel functions (6.2); the
// two weak symbols that no kernel has must not stop it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define WEAK __attribute__((weak))

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_BPF __kconfig WEAK;
extern unsigned long CONFIG_HZ __kconfig;
extern enum libbpf_tristate CONFIG_NO_SUCH_OPTION __kconfig WEAK;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig WEAK;

extern const void do_exit __ksym;
extern const int no_such_variable __ksym WEAK;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern int no_such_function___v2(int) __ksym WEAK;

__u64 hz;

SEC("socket")
int config(struct __sk_buff *skb)
{
	hz = CONFIG_HZ;
	if (CONFIG_NO_SUCH_OPTION || CONFIG_DEFAULT_HOSTNAME[15])
		return 0;
	return CONFIG_BPF && LINUX_KERNEL_VERSION >= 0x50a00;
}

SEC("?tp_btf/sys_enter")
int symbols(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	hz = (__u64)&do_exit;
	if (&no_such_variable)
		hz = no_such_variable;
	if (no_such_function___v2)
		return no_such_function___v2(1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
