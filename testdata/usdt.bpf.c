// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Statically defined probes of user space, in threads of process `target_pid` only. What user space
// says of arguments is in two maps, laid out as those of usdt.bpf.h: by the cookie of the attachment, or
// before 5.15 by the address of the instruction, which is at `ip_off` of the machine's registers.
// `hit` keeps the arguments and the cookie of the probe. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MAX_ARGS 12

struct arg {
	__u64 value;
	/* 0 a constant, 1 in a register, 2 in memory */
	__u32 kind;
	__s16 reg_off;
	__u8 is_signed;
	__s8 shift;
};

struct spec {
	struct arg args[MAX_ARGS];
	__u64 cookie;
	__s16 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 40);
	__type(key, int);
	__type(value, struct spec);
} __bpf_usdt_specs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, long);
	__type(value, __u32);
} __bpf_usdt_ip_to_spec_id SEC(".maps");

struct hits {
	__u64 calls;
	__u64 cookie;
	__u64 count;
	__s64 args[4];
};

const volatile __u32 target_pid = 0;
const volatile __u32 ip_off = 0;

extern const _Bool LINUX_HAS_BPF_COOKIE __kconfig;

struct hits hits = {};
__u64 unknown = 0;

static __always_inline int number(void *ctx)
{
	long ip = 0;
	__u32 *id;

	if (LINUX_HAS_BPF_COOKIE)
		return bpf_get_attach_cookie(ctx);
	bpf_probe_read_kernel(&ip, sizeof(ip), ctx + ip_off);
	id = bpf_map_lookup_elem(&__bpf_usdt_ip_to_spec_id, &ip);
	return id ? *id : -1;
}

static __always_inline __s64 value(void *ctx, struct arg *arg)
{
	__u64 value = arg->value, from = 0;

	if (arg->kind) {
		bpf_probe_read_kernel(&from, sizeof(from), ctx + arg->reg_off);
		value = from;
	}
	if (arg->kind == 2) {
		bpf_probe_read_user(&value, sizeof(value), (void *)(from + arg->value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		value >>= arg->shift;
#endif
	}
	value <<= arg->shift;
	return arg->is_signed ? (__s64)value >> arg->shift : (__s64)(value >> arg->shift);
}

SEC("usdt//proc/self/exe:skep_test:hit")
int hit(void *ctx)
{
	int id = number(ctx);
	struct spec *spec;

	if (bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	spec = bpf_map_lookup_elem(&__bpf_usdt_specs, &id);
	if (!spec) {
		__sync_fetch_and_add(&unknown, 1);
		return 0;
	}
	__sync_fetch_and_add(&hits.calls, 1);
	hits.cookie = spec->cookie;
	hits.count = spec->count;
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++)
		hits.args[i] = value(ctx, &spec->args[i]);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
