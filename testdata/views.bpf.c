// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What typed views and operations on elements are tried on. `count` (tc) adds 1 to each
// CPU's and to the locked value of the flow {0x0a000001, 443, 6}; `jump` goes to slot 2 of `targets`
// and returns 7 if there is nothing; `stack` (raw tracepoint) stores its own stack, the kernel's and
// the process's, and sets `kernel_id` and `user_id`; `on_dev` and `on_cpu` go into maps of
// interfaces and of CPUs.
// Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define SLOTS(name, kind, entries, value_bytes)                                                    \
	struct {                                                                                   \
		__uint(type, kind);                                                                \
		__uint(max_entries, entries);                                                      \
		__uint(key_size, 4);                                                               \
		__uint(value_size, value_bytes);                                                   \
	} name SEC(".maps")

struct flow {
	__u32 address;
	__u16 port;
	__u8 type;
	__u8 pad;
};

struct pair {
	struct flow flow;
	union {
		__u64 both;
		struct {
			__u32 low;
			__u32 high;
		};
	};
};

struct locked {
	struct bpf_spin_lock lock;
	__u32 count;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow);
	__type(value, struct pair);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, struct flow);
	__type(value, struct locked);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, struct flow);
	__type(value, __u32[3]);
} hits SEC(".maps");

SLOTS(targets, BPF_MAP_TYPE_PROG_ARRAY, 4, 4);
SLOTS(stacks, BPF_MAP_TYPE_STACK_TRACE, 16, 8 * 64);
SLOTS(devices, BPF_MAP_TYPE_DEVMAP, 4, 8);
SLOTS(devices_by_key, BPF_MAP_TYPE_DEVMAP_HASH, 4, 8);
SLOTS(cpus, BPF_MAP_TYPE_CPUMAP, 2, 8);

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_STACK_BUILD_ID);
	__uint(key_size, 4);
	__uint(value_size, sizeof(struct bpf_stack_build_id) * 16);
} files SEC(".maps");

int kernel_id = -1;
int user_id = -1;

SEC("tc")
int count(struct __sk_buff *skb)
{
	struct flow flow = { .address = 0x0a000001, .port = 443, .type = 6 };
	struct locked *locked;
	__u32 *hit;

	hit = bpf_map_lookup_elem(&hits, &flow);
	if (hit)
		hit[2]++;
	locked = bpf_map_lookup_elem(&locks, &flow);
	if (locked) {
		bpf_spin_lock(&locked->lock);
		locked->count++;
		bpf_spin_unlock(&locked->lock);
	}
	return hit && locked;
}

SEC("socket")
int jump(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &targets, 2);
	return 7;
}

SEC("socket")
int target(struct __sk_buff *skb)
{
	return 42;
}

SEC("raw_tp/sys_enter")
int stack(void *ctx)
{
	kernel_id = bpf_get_stackid(ctx, &stacks, 0);
	user_id = bpf_get_stackid(ctx, &files, BPF_F_USER_STACK);
	return 0;
}

SEC("xdp/devmap")
int on_dev(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp/cpumap")
int on_cpu(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
