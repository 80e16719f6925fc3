// SPDX-License-Identifier: MIT OR Apache-2.0
//
// TCP congestion control as struct_ops: `skep_plain` (registered by a map update), `skep_first` and
// `skep_second` (each for a link; Linux 6.4 and later), and `skep_odd`, not made unless asked for,
// whose function `no_such_func` no kernel has. They count what they are asked in `asked`.
// `bump` belongs to `skep_odd` alone. The structs name only the members that are used. Linux 5.6
// and later; `skep_plain` of 5.10 too.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct sock;

struct tcp_sock {
	__u32 snd_cwnd;
} __attribute__((preserve_access_index));

struct tcp_congestion_ops {
	char name[16];
	__u32 (*ssthresh)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
	__u32 flags;
};

struct tcp_congestion_ops___odd {
	__u64 no_such_number;
	char name[16];
	__u32 (*ssthresh)(struct sock *sk);
	void (*no_such_func)(struct sock *sk);
	void (*cong_avoid)(struct sock *sk, __u32 ack, __u32 acked);
	__u32 (*undo_cwnd)(struct sock *sk);
};

__u64 asked;
__u64 asked_second;

SEC("struct_ops")
__u32 BPF_PROG(ssthresh, struct sock *sk)
{
	return 10;
}

SEC("struct_ops/cong_avoid")
void BPF_PROG(cong_avoid, struct sock *sk, __u32 ack, __u32 acked)
{
	__sync_fetch_and_add(&asked, 1);
}

SEC("struct_ops")
void BPF_PROG(cong_avoid_second, struct sock *sk, __u32 ack, __u32 acked)
{
	__sync_fetch_and_add(&asked_second, 1);
}

SEC("struct_ops")
__u32 BPF_PROG(undo_cwnd, struct sock *sk)
{
	return ((struct tcp_sock *)sk)->snd_cwnd;
}

SEC("struct_ops")
void BPF_PROG(bump, struct sock *sk)
{
	asked++;
}

SEC(".struct_ops")
struct tcp_congestion_ops skep_plain = {
	.name = "skep_plain",
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
};

SEC(".struct_ops.link")
struct tcp_congestion_ops skep_first = {
	.name = "skep_link",
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
};

SEC(".struct_ops.link")
struct tcp_congestion_ops skep_second = {
	.name = "skep_link",
	.ssthresh = (void *)ssthresh,
	.cong_avoid = (void *)cong_avoid_second,
	.undo_cwnd = (void *)undo_cwnd,
};

SEC("?.struct_ops.link")
struct tcp_congestion_ops___odd skep_odd = {
	.name = "skep_odd",
	.ssthresh = (void *)ssthresh,
	.no_such_func = (void *)bump,
	.cong_avoid = (void *)cong_avoid,
	.undo_cwnd = (void *)undo_cwnd,
};

char LICENSE[] SEC("license") = "GPL";
