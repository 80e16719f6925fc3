// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Drains user ring buffer `messages` and adds up what it holds. Kernel 6.1 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct message {
	__u64 seq;
	__u64 value;
};

/* Keeps the type in BTF where no variable has it. */
const struct message *unused_message __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} messages SEC(".maps");

__u64 drained = 0;
__u64 seen = 0;
__u64 sum = 0;
__u64 out_of_order = 0;
__u64 odd = 0;

static long take(struct bpf_dynptr *record, void *context)
{
	struct message message;

	/* Longer records begin with a message; shorter ones are only counted. */
	if (bpf_dynptr_read(&message, sizeof(message), record, 0, 0)) {
		odd++;
		return 0;
	}
	if (message.seq != seen)
		out_of_order++;
	seen = message.seq + 1;
	sum += message.value;
	return 0;
}

SEC("socket")
int drain(struct __sk_buff *skb)
{
	long answer = bpf_user_ringbuf_drain(&messages, take, NULL, 0);

	if (answer > 0)
		drained += answer;
	return answer;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
