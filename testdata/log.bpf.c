// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Log records by `skep_log.h`: `kinds` has an argument of each kind, `levels` a record of each
// level, `flood` one a run. Run by test run. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

#define SKEP_LOG_RING (64 * 1024)
#include "../crates/skep/include/skep_log.h"

__u64 runs = 0;

SEC("xdp")
int kinds(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end, *packet = (void *)(long)ctx->data;
	struct ethhdr *eth = packet;
	char name[] = "a name";
	__u8 bytes[3];
	__u8 small = 200;
	short negative = -3;
	_Bool yes = 1;

	if ((void *)(eth + 1) > end || packet + 40 > end)
		return XDP_ABORTED;
	bytes[0] = 1;
	bytes[1] = 2;
	bytes[2] = 0xab;
	skep_info("no arguments, {{braces}}");
	skep_warn("{} {} {:#x} {} {}", small, negative, 0xabcdefUL, yes, (char)'z');
	skep_log(SKEP_LOG_ERROR, "net", "{} {} {} {}", skep_ipv4(*(__u32 *)(packet + 16)),
		 skep_ipv6(packet + 20), skep_mac(eth->h_dest), 1 << 4);
	skep_info("{} {} {}", name, bytes, "a literal of some length");
	skep_info("{:x} {:x} {:x} {:x} {:#x}", negative, (signed char)-1, -2, -3LL, small);
	skep_info("eight:", 1, 2, 3, 4, 5, 6, 7, -8LL);
	return XDP_PASS;
}

SEC("xdp")
int levels(struct xdp_md *ctx)
{
	skep_error("error");
	skep_warn("warning");
	skep_info("information");
	skep_debug("debugging");
	skep_trace("trace");
	return XDP_PASS;
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	/* One after the other: Linux 5.10 adds atomically, but does not tell what was there. */
	__u64 run = runs++;

	skep_info("run {}", run);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
