// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What processes of a cgroup may set and open. Of sysctl, `ip_default_ttl` is 77 whatever is written and
// `tcp_sack` is not touched; of socket options, `IP_TOS` is 0x20 whatever is set, and level 57005
// is kept here; /dev/zero is not opened. `ops` counts what happens to TCP sockets by operation, and gives
// those that connect a priority. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SOL_IP 0
#define IP_TOS 1
#define SOL_SOCKET 1
#define SO_PRIORITY 12
#define SOL_OWN 57005
#define OPS 16

__u64 looked = 0;
__u64 opened = 0;
__u64 set = 0;
int kept = 0;
__u64 operations[OPS] = {};

static __always_inline int is(const char *a, const char *b, int len)
{
	for (int i = 0; i < len; i++)
		if (a[i] != b[i])
			return 0;
	return 1;
}

SEC("cgroup/sysctl")
int sysctl(struct bpf_sysctl *ctx)
{
	char name[16] = {};

	__sync_fetch_and_add(&looked, 1);
	if (bpf_sysctl_get_name(ctx, name, sizeof(name), BPF_F_SYSCTL_BASE_NAME) < 0)
		return 1;
	if (is(name, "tcp_sack", 9))
		return 0;
	if (ctx->write && is(name, "ip_default_ttl", 15))
		bpf_sysctl_set_new_value(ctx, "77", 2);
	return 1;
}

SEC("cgroup/setsockopt")
int setting(struct bpf_sockopt *ctx)
{
	int *value = ctx->optval;

	__sync_fetch_and_add(&set, 1);
	if ((void *)(value + 1) > ctx->optval_end)
		return 1;
	if (ctx->level == SOL_IP && ctx->optname == IP_TOS)
		*value = 0x20;
	if (ctx->level == SOL_OWN) {
		kept = *value;
		/* The kernel is not asked. */
		ctx->optlen = -1;
	}
	return 1;
}

SEC("cgroup/getsockopt")
int getting(struct bpf_sockopt *ctx)
{
	int *value = ctx->optval;

	if (ctx->level != SOL_OWN || (void *)(value + 1) > ctx->optval_end)
		return 1;
	*value = kept;
	/* The kernel knows of no such option. */
	ctx->retval = 0;
	/* Both in one store the verifier refuses. */
	asm volatile("" ::: "memory");
	ctx->optlen = sizeof(*value);
	return 1;
}

SEC("cgroup/dev")
int device(struct bpf_cgroup_dev_ctx *ctx)
{
	__sync_fetch_and_add(&opened, 1);
	return ctx->major != 1 || ctx->minor != 5;
}

SEC("sockops")
int ops(struct bpf_sock_ops *ctx)
{
	__u32 op = ctx->op;
	int priority = 5;

	if (op < OPS)
		__sync_fetch_and_add(&operations[op], 1);
	if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		bpf_setsockopt(ctx, SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority));
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
