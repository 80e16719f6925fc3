// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Sockets of a cgroup and their addresses. No UDP socket is made; port 4041 is not bound to. Who binds
// to port 80 is bound to 4080; who connects or sends to 10.9.9.9:53 or [fd00::9]:53 gets to port 4053 of
// loopback, and does not notice: that is told as where he wanted to go. Each hook counts in a counter of
// its own. Kernel 5.10 and later; `refuse_as` and `what_was` 5.18.
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SOCK_DGRAM 2
#define ECONNREFUSED 111

#define SERVICE bpf_htonl(0x0a090909)
#define LOOPBACK bpf_htonl(0x7f000001)
#define SERVICE_PORT bpf_htons(53)
#define REAL_PORT bpf_htons(4053)

__u64 created = 0;
__u64 released = 0;
__u64 bound = 0;
__u64 changed = 0;
__u64 told = 0;
int retval = 1;

SEC("cgroup/sock_create")
int create(struct bpf_sock *ctx)
{
	__sync_fetch_and_add(&created, 1);
	ctx->priority = 6;
	return ctx->type != SOCK_DGRAM;
}

SEC("cgroup/sock_release")
int release(struct bpf_sock *ctx)
{
	__sync_fetch_and_add(&released, 1);
	return 1;
}

static __always_inline int no_4041(struct bpf_sock *ctx)
{
	__sync_fetch_and_add(&bound, 1);
	return ctx->src_port != 4041;
}

SEC("cgroup/post_bind4")
int post_bind4(struct bpf_sock *ctx)
{
	return no_4041(ctx);
}

SEC("cgroup/post_bind6")
int post_bind6(struct bpf_sock *ctx)
{
	return no_4041(ctx);
}

static __always_inline int to_4080(struct bpf_sock_addr *ctx)
{
	__sync_fetch_and_add(&bound, 1);
	if (ctx->user_port == bpf_htons(80))
		ctx->user_port = bpf_htons(4080);
	return 1;
}

SEC("cgroup/bind4")
int bind4(struct bpf_sock_addr *ctx)
{
	return to_4080(ctx);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	return to_4080(ctx);
}

/* Where the service really is. */
static __always_inline int there4(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip4 != SERVICE || ctx->user_port != SERVICE_PORT)
		return 1;
	__sync_fetch_and_add(&changed, 1);
	ctx->user_ip4 = LOOPBACK;
	ctx->user_port = REAL_PORT;
	return 1;
}

static __always_inline int there6(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip6[0] != bpf_htonl(0xfd000000) || ctx->user_ip6[3] != bpf_htonl(9) ||
	    ctx->user_port != SERVICE_PORT)
		return 1;
	__sync_fetch_and_add(&changed, 1);
	ctx->user_ip6[0] = 0;
	ctx->user_ip6[3] = bpf_htonl(1);
	ctx->user_port = REAL_PORT;
	return 1;
}

/* Where it is said to be. */
static __always_inline int back4(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip4 != LOOPBACK || ctx->user_port != REAL_PORT)
		return 1;
	__sync_fetch_and_add(&told, 1);
	ctx->user_ip4 = SERVICE;
	ctx->user_port = SERVICE_PORT;
	return 1;
}

static __always_inline int back6(struct bpf_sock_addr *ctx)
{
	if (ctx->user_ip6[0] || ctx->user_ip6[3] != bpf_htonl(1) || ctx->user_port != REAL_PORT)
		return 1;
	__sync_fetch_and_add(&told, 1);
	ctx->user_ip6[0] = bpf_htonl(0xfd000000);
	ctx->user_ip6[3] = bpf_htonl(9);
	ctx->user_port = SERVICE_PORT;
	return 1;
}

#define ADDRESS(name, does)			\
	SEC("cgroup/" #name)			\
	int name(struct bpf_sock_addr *ctx)	\
	{					\
		return does(ctx);		\
	}

ADDRESS(connect4, there4)
ADDRESS(connect6, there6)
ADDRESS(sendmsg4, there4)
ADDRESS(sendmsg6, there6)
ADDRESS(recvmsg4, back4)
ADDRESS(recvmsg6, back6)
ADDRESS(getpeername4, back4)
ADDRESS(getpeername6, back6)
ADDRESS(getsockname4, back4)
ADDRESS(getsockname6, back6)

SEC("cgroup/connect4")
int refuse(struct bpf_sock_addr *ctx)
{
	return 0;
}

SEC("cgroup/connect4")
int refuse_as(struct bpf_sock_addr *ctx)
{
	bpf_set_retval(-ECONNREFUSED);
	return 0;
}

/* What the programs before this one have decided. */
SEC("cgroup/connect4")
int what_was(struct bpf_sock_addr *ctx)
{
	retval = bpf_get_retval();
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
