// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What the test module `kmod/skep_test.c` has: its struct of functions, plain (`by_map`) and for
// links (`first`, `second`), its variable, its function, its types. `look` (XDP, test run) reads
// and calls by itself. Linux 6.12 or later, and the module.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

struct skep_test_state {
	__u32 magic;
	__u32 runs;
	__u64 last;
} __attribute__((preserve_access_index));

/* Its members in another order than the module's, one of them unknown there. */
struct skep_test_ops {
	__u32 factor;
	__u64 (*apply)(__u64 number, __u32 factor);
	void (*done)(__u64 result);
	__u64 no_such_member;
};

extern const struct skep_test_state skep_test_state __ksym;
extern __u64 skep_test_mix(__u64 number, __u32 factor) __ksym;

struct {
	__u32 magic;
	__u32 runs;
	__u64 last;
	__u64 mixed;
	__u64 done;
	__u32 has_type;
	__u32 last_offset;
} seen = {};

static __always_inline void note(void)
{
	const struct skep_test_state *state = bpf_this_cpu_ptr(&skep_test_state);

	seen.magic = state->magic;
	seen.runs = state->runs;
	seen.last = state->last;
}

SEC("struct_ops/apply")
__u64 BPF_PROG(apply, __u64 number, __u32 factor)
{
	note();
	return skep_test_mix(number, factor);
}

SEC("struct_ops/apply")
__u64 BPF_PROG(apply_second, __u64 number, __u32 factor)
{
	return number + factor;
}

SEC("struct_ops/done")
void BPF_PROG(done, __u64 result)
{
	seen.done = result;
}

SEC(".struct_ops")
struct skep_test_ops by_map = {
	.factor = 3,
	.apply = (void *)apply,
	.done = (void *)done,
};

SEC(".struct_ops.link")
struct skep_test_ops first = {
	.factor = 5,
	.apply = (void *)apply,
};

SEC(".struct_ops.link")
struct skep_test_ops second = {
	.factor = 7,
	.apply = (void *)apply_second,
	.done = (void *)done,
};

SEC("?xdp")
int look(struct xdp_md *ctx)
{
	note();
	seen.mixed = skep_test_mix(6, 7);
	seen.has_type = bpf_core_type_exists(struct skep_test_state);
	seen.last_offset = bpf_core_field_offset(struct skep_test_state, last);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
