// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs of routes. `come`, `go` and `leave` count packets that come in, that are to go out and that
// go out, and drop them if `drops` says so. `mark` writes `R` where the data of UDP over IPv4 begins, and
// `wrap` puts an IPv4 header before the packet, to the address `outer`. `next` counts packets whose next
// segment its route is. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

__u64 came = 0;
__u64 gone = 0;
__u64 left = 0;
__u64 segments = 0;
__u32 drops = 0;
__u32 outer = 0;

static __always_inline int counted(__u64 *count)
{
	__sync_fetch_and_add(count, 1);
	return drops ? BPF_DROP : BPF_OK;
}

SEC("lwt_in")
int come(struct __sk_buff *skb)
{
	return counted(&came);
}

SEC("lwt_out")
int go(struct __sk_buff *skb)
{
	return counted(&gone);
}

SEC("lwt_xmit")
int leave(struct __sk_buff *skb)
{
	return counted(&left);
}

SEC("lwt_xmit")
int mark(struct __sk_buff *skb)
{
	char letter = 'R';

	if (bpf_skb_store_bytes(skb, sizeof(struct iphdr) + sizeof(struct udphdr), &letter, 1, 0))
		return BPF_DROP;
	return counted(&left);
}

SEC("lwt_xmit")
int wrap(struct __sk_buff *skb)
{
	struct iphdr header = {
		.version = 4,
		.ihl = 5,
		.ttl = 9,
		.protocol = IPPROTO_IPIP,
		.tot_len = bpf_htons(skb->len + sizeof(header)),
		.daddr = outer,
	};

	if (bpf_lwt_push_encap(skb, BPF_LWT_ENCAP_IP, &header, sizeof(header)))
		return BPF_DROP;
	__sync_fetch_and_add(&left, 1);
	return BPF_LWT_REROUTE;
}

SEC("lwt_seg6local")
int next(struct __sk_buff *skb)
{
	return counted(&segments);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
