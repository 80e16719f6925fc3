// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What kernel modules have. `lookup` (XDP, test run) calls functions of nf_conntrack; `sent` and
// `sent_by_module` trace a function of veth and follow a struct that only veth has to the other
// end of the pair. Kernels with BTF of modules (5.11), functions of modules (5.18).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define CORE __attribute__((preserve_access_index))

struct sk_buff;

struct net_device {
	int ifindex;
} CORE;

/* Since Linux 6.12 what is private to the driver is a member. */
struct net_device___priv {
	unsigned char priv[0];
} CORE;

struct veth_priv {
	struct net_device *peer;
} CORE;

struct no_such_type_of_any_module {
	int field;
} CORE;

struct nf_conn {
	unsigned long status;
} CORE;

struct bpf_ct_opts {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

extern struct nf_conn *bpf_xdp_ct_lookup(struct xdp_md *, struct bpf_sock_tuple *, __u32,
					 struct bpf_ct_opts *, __u32) __ksym;
extern void bpf_ct_release(struct nf_conn *) __ksym;

int target_ifindex;

struct {
	__u64 count;
	int ifindex;
	int peer;
	int error;
	int has_priv;
	int has_other;
} seen = {};

SEC("?xdp")
int lookup(struct xdp_md *ctx)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_ct_opts opts = { .netns_id = -1, .l4proto = 6 };
	struct nf_conn *connection;

	connection = bpf_xdp_ct_lookup(ctx, &tuple, sizeof(tuple.ipv4), &opts, sizeof(opts));
	seen.error = opts.error;
	seen.count++;
	if (!connection)
		return XDP_PASS;
	bpf_ct_release(connection);
	return XDP_DROP;
}

static __always_inline int follow(struct net_device *dev)
{
	unsigned long private;
	struct veth_priv *priv;

	if (dev->ifindex != target_ifindex)
		return 0;
	if (bpf_core_field_exists(((struct net_device___priv *)0)->priv))
		private = __builtin_preserve_field_info(((struct net_device___priv *)0)->priv,
							BPF_FIELD_BYTE_OFFSET);
	else
		private = (bpf_core_type_size(struct net_device) + 31) & ~31UL;
	priv = (void *)dev + private;
	seen.peer = BPF_CORE_READ(priv, peer, ifindex);
	seen.ifindex = dev->ifindex;
	seen.has_priv = bpf_core_type_exists(struct veth_priv);
	seen.has_other = bpf_core_type_exists(struct no_such_type_of_any_module);
	__sync_fetch_and_add(&seen.count, 1);
	return 0;
}

SEC("?fentry/veth_xmit")
int BPF_PROG(sent, struct sk_buff *skb, struct net_device *dev)
{
	return follow(dev);
}

SEC("?fexit/veth:veth_xmit")
int BPF_PROG(sent_by_module, struct sk_buff *skb, struct net_device *dev)
{
	return follow(dev);
}

SEC("?fentry/nf_conntrack:veth_xmit")
int BPF_PROG(of_another_module, struct sk_buff *skb, struct net_device *dev)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
