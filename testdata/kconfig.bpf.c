// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Configuration values of every type. CONFIG_SKEP_* are options of no kernel: the caller's text
// sets them, or nobody. Test-run `read` (socket filter): what the variables held is in .bss variable
// `seen`. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#define WEAK __attribute__((weak))

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool LINUX_HAS_BPF_COOKIE __kconfig;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern int LINUX_NO_SUCH_VALUE __kconfig WEAK;

extern bool CONFIG_BPF_SYSCALL __kconfig;
extern enum libbpf_tristate CONFIG_NET __kconfig;
extern char CONFIG_BPF __kconfig;
extern unsigned long CONFIG_HZ __kconfig;
extern char CONFIG_DEFAULT_HOSTNAME[16] __kconfig;

extern bool CONFIG_SKEP_BOOL __kconfig WEAK;
extern enum libbpf_tristate CONFIG_SKEP_TRISTATE __kconfig WEAK;
extern char CONFIG_SKEP_CHAR __kconfig WEAK;
extern short CONFIG_SKEP_SHORT __kconfig WEAK;
extern __u64 CONFIG_SKEP_HEX __kconfig WEAK;
extern char CONFIG_SKEP_TEXT[8] __kconfig WEAK;

struct {
	__u64 hex;
	__u64 hz;
	int version;
	int unknown;
	int net;
	int tristate;
	int number;
	char hostname[16];
	char text[8];
	char syscall;
	char bpf;
	char cookie;
	char wrapper;
	char boolean;
	char letter;
} seen = {};

SEC("socket")
int read(struct __sk_buff *skb)
{
	seen.hex = CONFIG_SKEP_HEX;
	seen.hz = CONFIG_HZ;
	seen.version = LINUX_KERNEL_VERSION;
	seen.unknown = LINUX_NO_SUCH_VALUE;
	seen.net = CONFIG_NET;
	seen.tristate = CONFIG_SKEP_TRISTATE;
	seen.number = CONFIG_SKEP_SHORT;
	__builtin_memcpy(seen.hostname, CONFIG_DEFAULT_HOSTNAME, sizeof(seen.hostname));
	__builtin_memcpy(seen.text, CONFIG_SKEP_TEXT, sizeof(seen.text));
	seen.syscall = CONFIG_BPF_SYSCALL;
	seen.bpf = CONFIG_BPF;
	seen.cookie = LINUX_HAS_BPF_COOKIE;
	seen.wrapper = LINUX_HAS_SYSCALL_WRAPPER;
	seen.boolean = CONFIG_SKEP_BOOL;
	seen.letter = CONFIG_SKEP_CHAR;
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
