// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What is rare or wrong in a file, none of which may harm `good`: a section name that means no
// program type, an old one, two sections of functions of which some lie at the same offset, a
// program that is called as a function, an alias, a callback, a static map, map definitions of the
// old kind, data far too large, a map setting that does not exist.
// libbpf refuses the file. `good` gives 3 + 4 + the packet's length; kernel 5.10 and later
// (`callback` needs 5.17).
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_elf_map {
	__u32 type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};

struct bpf_elf_map SEC("maps") old_inner = {
	.type = BPF_MAP_TYPE_ARRAY, .size_key = 4, .size_value = 8, .max_elem = 2,
	.id = 7, .inner_idx = 1,
};

struct bpf_elf_map SEC("maps") old_outer = {
	.type = BPF_MAP_TYPE_ARRAY_OF_MAPS, .size_key = 4, .size_value = 4, .max_elem = 3,
	.id = 8, .pinning = 2, .inner_id = 7, .inner_idx = -1,
};

struct bpf_elf_map SEC("socket/maps") old_beside = {
	.type = BPF_MAP_TYPE_HASH, .size_key = 4, .size_value = 16, .max_elem = 5,
};

static struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__uint(no_such_setting, 1);
} unknown SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 10);
	__type(value, __u32);
	__uint(map_extra, 3);
	__uint(numa_node, 0);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 8);
	__type(key, __u32);
} contradiction SEC(".maps");

char huge[0x60000000];

__attribute__((section(".text.a"))) __noinline int three(int x)
{
	return x ? 3 : 2;
}

__attribute__((section(".text.b"))) __noinline int four(int x)
{
	return x ? 4 : 2;
}

SEC("socket")
int good(struct __sk_buff *skb)
{
	return three(skb->len) + four(skb->len) + skb->len;
}

static long add(__u32 index, int *sum)
{
	*sum += index;
	return 0;
}

SEC("classifier/callback")
int callback(struct __sk_buff *skb)
{
	int sum = 0;

	bpf_loop(4, add, &sum, 0);
	bpf_perf_event_output(skb, &events, 0, &sum, sizeof(sum));
	return sum;
}

SEC("tc")
__noinline int callee(struct __sk_buff *skb)
{
	return skb->mark + 1;
}

SEC("tc/ingress")
int caller(struct __sk_buff *skb)
{
	return callee(skb) + 1;
}

int twin(struct __sk_buff *skb) __attribute__((alias("callee")));

SEC("nonsense/name")
int nonsense(void *ctx)
{
	return 0;
}

SEC("xdp")
int uses_huge(struct xdp_md *ctx)
{
	return huge[ctx->ingress_ifindex & 0xff];
}

SEC("xdp")
int uses_contradiction(struct xdp_md *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&contradiction, &key) ? XDP_PASS : XDP_DROP;
}

SEC("socket")
int uses_old(struct __sk_buff *skb)
{
	__u32 key = 1;

	return bpf_map_lookup_elem(&old_outer, &key) || bpf_map_lookup_elem(&old_beside, &key);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
__u32 VERSION SEC("version") = 0x50a00;
