// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Names of sections: loaded only when asked, the caller's own, none that is known; several programs
// in one. No license: `gpl_only` calls a helper that only GPL programs may call. Each returns a
// number of its own in a test run as socket filter. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket")
int always(struct __sk_buff *skb)
{
	return 1;
}

SEC("socket")
int always_too(struct __sk_buff *skb)
{
	return 2;
}

SEC("?socket")
int when_asked(struct __sk_buff *skb)
{
	return 3;
}

SEC("?mine/some/where")
int own(struct __sk_buff *skb)
{
	return 4;
}

SEC("?other")
int unknown(struct __sk_buff *skb)
{
	return 5;
}

SEC("?usdt")
int user_probe(void *ctx)
{
	return 0;
}

SEC("?tracepoint")
int gpl_only(void *ctx)
{
	char byte = 0;

	return bpf_probe_read_kernel(&byte, 1, ctx);
}
