// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs at the creation of sockets, of which each appends its digit to `ran`; `refuse` lets no
// socket be made. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__u64 ran = 0;

SEC("cgroup/sock_create")
int one(struct bpf_sock *ctx)
{
	ran = ran * 10 + 1;
	return 1;
}

SEC("cgroup/sock_create")
int two(struct bpf_sock *ctx)
{
	ran = ran * 10 + 2;
	return 1;
}

SEC("cgroup/sock_create")
int three(struct bpf_sock *ctx)
{
	ran = ran * 10 + 3;
	return 1;
}

SEC("cgroup/sock_create")
int four(struct bpf_sock *ctx)
{
	ran = ran * 10 + 4;
	return 1;
}

SEC("cgroup/sock_create")
int refuse(struct bpf_sock *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
