// SPDX-License-Identifier: MIT OR Apache-2.0
//
// LSM hooks of a cgroup: no UDP socket is made there, and nothing is counted elsewhere. Kernel 6.0 and
// later, with trampolines.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SOCK_DGRAM 2

__u64 asked = 0;

SEC("lsm_cgroup/socket_create")
int refuse(__u64 *ctx)
{
	__sync_fetch_and_add(&asked, 1);
	/* Family, type, protocol, whether it is for the kernel. */
	return (__u32)ctx[1] != SOCK_DGRAM;
}

char LICENSE[] SEC("license") = "GPL";
