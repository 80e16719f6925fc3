// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Iterators: `lines` and `records` over all maps, as text and as pairs of 32-bit numbers, id and
// entries; `elements` over the elements of a map such as `table`. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#define RELOCATED __attribute__((preserve_access_index))

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
} RELOCATED;

struct bpf_map {
	__u32 id;
	__u32 max_entries;
} RELOCATED;

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
} RELOCATED;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
} RELOCATED;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} table SEC(".maps");

SEC("iter/bpf_map")
int lines(struct bpf_iter__bpf_map *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct bpf_map *map = ctx->map;

	if (map)
		BPF_SEQ_PRINTF(seq, "map %u of %u\n", map->id, map->max_entries);
	return 0;
}

SEC("iter/bpf_map")
int records(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;
	__u32 pair[2];

	if (!map)
		return 0;
	pair[0] = map->id;
	pair[1] = map->max_entries;
	bpf_seq_write(ctx->meta->seq, pair, sizeof(pair));
	return 0;
}

SEC("iter/bpf_map_elem")
int elements(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	__u32 *key = ctx->key;
	__u64 *value = ctx->value;

	if (key && value)
		BPF_SEQ_PRINTF(seq, "%u is %llu\n", *key, *value);
	return 0;
}

/* The map that `elements` is attached to is not known before: keep it in the object. */
SEC("socket")
int keep(struct __sk_buff *skb)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&table, &zero) ? 1 : 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
