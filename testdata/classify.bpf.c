// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Classifiers of traffic control, each of which counts in its own element of `seen`: `next` leaves a
// packet to the next one, `shot` drops it, `bounce` sends it out by the interface `target`, and `second`
// puts it into class 1:2. `act` and `act_shot` are actions that leave it and drop it. Kernel 5.10 and
// later.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

const volatile __u32 target = 0;

static __always_inline __u64 count(__u32 place)
{
	__u64 *value = bpf_map_lookup_elem(&seen, &place);

	return value ? __sync_fetch_and_add(value, 1) : 0;
}

SEC("tc")
int next(struct __sk_buff *skb)
{
	count(0);
	return TC_ACT_UNSPEC;
}

SEC("tc")
int shot(struct __sk_buff *skb)
{
	count(1);
	return TC_ACT_SHOT;
}

SEC("classifier")
int bounce(struct __sk_buff *skb)
{
	count(2);
	return bpf_redirect(target, 0);
}

SEC("tc")
int second(struct __sk_buff *skb)
{
	count(3);
	return 0x10002;
}

SEC("action")
int act(struct __sk_buff *skb)
{
	count(4);
	return TC_ACT_UNSPEC;
}

SEC("action")
int act_shot(struct __sk_buff *skb)
{
	count(5);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
