// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs of a network namespace. `steer` has what comes to port `port` go to the socket in
// `target`, and counts it in `steered`; `refuse` drops it. `dissect` tells where the headers of a
// packet are: UDP behind an IPv4 header of 20 bytes, whatever it is; it counts in `dissected`.
// Kernel 5.10 and later.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} target SEC(".maps");

__u32 port = 0;
__u64 steered = 0;
__u64 dissected = 0;

SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	__u32 zero = 0;
	struct bpf_sock *sk;
	long error;

	if (ctx->local_port != port)
		return SK_PASS;
	sk = bpf_map_lookup_elem(&target, &zero);
	if (!sk)
		return SK_DROP;
	error = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	if (error)
		return SK_DROP;
	__sync_fetch_and_add(&steered, 1);
	return SK_PASS;
}

SEC("sk_lookup")
int refuse(struct bpf_sk_lookup *ctx)
{
	return ctx->local_port == port ? SK_DROP : SK_PASS;
}

SEC("flow_dissector")
int dissect(struct __sk_buff *skb)
{
	struct bpf_flow_keys *keys = skb->flow_keys;

	__sync_fetch_and_add(&dissected, 1);
	keys->n_proto = bpf_htons(ETH_P_IP);
	keys->addr_proto = ETH_P_IP;
	keys->ip_proto = IPPROTO_UDP;
	keys->thoff = keys->nhoff + 20;
	return BPF_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
