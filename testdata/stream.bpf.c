// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A program that prints to its own streams: the packet's length to the first, its result to the
// second. Test-run it. Kernel 6.17 and later print, 5.10 and later load it.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define WEAK __attribute__((weak))

/* Linux 6.18, with an argument that the verifier fills in. */
extern int bpf_stream_vprintk_impl(int stream_id, const char *fmt__str, const void *args,
				   __u32 len__sz, void *aux__prog) __ksym WEAK;
/* Linux 7.0 and later: the verifier adds it. */
extern int bpf_stream_vprintk___four(int stream_id, const char *fmt__str, const void *args,
				     __u32 len__sz) __ksym WEAK;
/* Linux 6.17. */
extern int bpf_stream_vprintk(int stream_id, const char *fmt__str, const void *args,
			      __u32 len__sz, void *aux__prog) __ksym WEAK;

const char length[] = "%d bytes\n";
const char verdict[] = "verdict %d\n";

/* What the kernel said of the last line: `ENOMEM` where it has no pages at hand. */
int answer = 0;

static int print(int stream, const char *text, __u64 number)
{
	if (bpf_stream_vprintk_impl)
		return bpf_stream_vprintk_impl(stream, text, &number, sizeof(number), (void *)0);
	if (bpf_stream_vprintk___four)
		return bpf_stream_vprintk___four(stream, text, &number, sizeof(number));
	if (bpf_stream_vprintk)
		return bpf_stream_vprintk(stream, text, &number, sizeof(number), (void *)0);
	return 0;
}

SEC("xdp")
int tell(struct xdp_md *ctx)
{
	answer = print(1, length, ctx->data_end - ctx->data);
	answer = print(2, verdict, XDP_PASS);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
