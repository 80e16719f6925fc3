// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Sends the first `size` bytes (below 4096) of a `struct sample` to perf event array `samples` at each run,
// on the CPU where it runs. `sent` and `refused` (.bss) count what found room and what did not;
// `error` is the last refusal. Run by test run. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define MOST 4096

struct sample {
	__u64 number;
	__u32 cpu;
	__u32 size;
	__u8 rest[MOST - 16];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sample);
} scratch SEC(".maps");

__u32 size = 16;
__u64 sent = 0;
__u64 refused = 0;
__s64 error = 0;

SEC("xdp")
int send(struct xdp_md *ctx)
{
	__u64 bytes = size;
	__u32 zero = 0;
	struct sample *sample;
	long answer;

	sample = bpf_map_lookup_elem(&scratch, &zero);
	/* Old verifiers lose a bound that is compared with; a mask they keep. */
	bytes &= MOST - 1;
	if (!sample)
		return XDP_ABORTED;
	sample->cpu = bpf_get_smp_processor_id();
	sample->size = bytes;
	answer = bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU, sample, bytes);
	sample->number++;
	if (answer == 0) {
		__sync_fetch_and_add(&sent, 1);
	} else {
		__sync_fetch_and_add(&refused, 1);
		error = answer;
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
