// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs of groups of sockets that share a port. `choose` takes the socket in slot `chosen` of
// `group` and counts in `asked`; `moves` does the same, and has connections of a socket that is
// closed go to slot `heir`, counted in `moved` (5.14 and later); `second` is a socket filter that
// takes the second of the group. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} group SEC(".maps");

__u32 chosen = 0;
__u32 heir = 0;
__u64 asked = 0;
__u64 moved = 0;

SEC("sk_reuseport")
int choose(struct sk_reuseport_md *ctx)
{
	__u32 slot = chosen;

	__sync_fetch_and_add(&asked, 1);
	if (bpf_sk_select_reuseport(ctx, &group, &slot, 0))
		return SK_DROP;
	return SK_PASS;
}

SEC("sk_reuseport/migrate")
int moves(struct sk_reuseport_md *ctx)
{
	__u32 slot = chosen;

	if (ctx->migrating_sk) {
		slot = heir;
		__sync_fetch_and_add(&moved, 1);
	} else {
		__sync_fetch_and_add(&asked, 1);
	}
	if (bpf_sk_select_reuseport(ctx, &group, &slot, 0))
		return SK_DROP;
	return SK_PASS;
}

SEC("socket")
int second(struct __sk_buff *skb)
{
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
