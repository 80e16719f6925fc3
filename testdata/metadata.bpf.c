// SPDX-License-Identifier: MIT OR Apache-2.0
//
// An XDP program that asks the driver what it knows of a packet: it must be bound to its device. What
// it was told is in `told`: two answers of each question, the error and the value. `tag` is a classifier
// that gives packets the VLAN tag 5. Kernel 6.3 and later.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

enum xdp_rss_hash_type {
	NONE = 0,
};

extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym;
extern int bpf_xdp_metadata_rx_hash(const struct xdp_md *ctx, __u32 *hash,
				    enum xdp_rss_hash_type *type) __ksym;
extern int bpf_xdp_metadata_rx_vlan_tag(const struct xdp_md *ctx, __be16 *proto, __u16 *tci)
	__ksym __attribute__((weak));

struct {
	__u64 packets;
	__s64 timestamp_error;
	__u64 timestamp;
	__s64 hash_error;
	__u64 hash;
	__s64 tag_error;
	__u64 tag;
} told;

SEC("?xdp")
int ask(struct xdp_md *ctx)
{
	enum xdp_rss_hash_type type = NONE;
	__u64 timestamp = 0;
	__be16 proto = 0;
	__u32 hash = 0;
	__u16 tci = 0;

	told.timestamp_error = bpf_xdp_metadata_rx_timestamp(ctx, &timestamp);
	told.timestamp = timestamp;
	told.hash_error = bpf_xdp_metadata_rx_hash(ctx, &hash, &type);
	told.hash = hash;
	if (bpf_xdp_metadata_rx_vlan_tag) {
		told.tag_error = bpf_xdp_metadata_rx_vlan_tag(ctx, &proto, &tci);
		told.tag = (__u64)bpf_ntohs(proto) << 16 | tci;
	}
	told.packets++;
	return XDP_PASS;
}

SEC("?tc")
int tag(struct __sk_buff *skb)
{
	return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 5) ? TC_ACT_SHOT : TC_ACT_OK;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
