// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Programs of perf events. `sample` counts in `samples` (of process `target_pid`; of others in
// `others`) and keeps period and address of the last; `tell` keeps its cookie too (5.15 and later);
// `record` has the sample go to the event's buffer as well. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_perf_event_data {
	__u64 sample_period;
	__u64 addr;
} __attribute__((preserve_access_index));

__u32 target_pid = 0;
__u64 samples = 0;
__u64 others = 0;
__u64 period = 0;
__u64 address = 0;
__u64 cookie = 0;

static __always_inline void count(struct bpf_perf_event_data *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 != target_pid) {
		__sync_fetch_and_add(&others, 1);
		return;
	}
	__sync_fetch_and_add(&samples, 1);
	period = ctx->sample_period;
	address = ctx->addr;
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *ctx)
{
	count(ctx);
	return 0;
}

SEC("perf_event")
int tell(struct bpf_perf_event_data *ctx)
{
	count(ctx);
	cookie = bpf_get_attach_cookie(ctx);
	return 0;
}

SEC("perf_event")
int record(struct bpf_perf_event_data *ctx)
{
	count(ctx);
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
