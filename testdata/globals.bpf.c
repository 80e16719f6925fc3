// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Global variables of every kind and width in .rodata, .data, .bss and custom sections. A test run
// of `sum` copies the constants to `seen` and returns the sum of the small ones (as they stand: 66);
// `bump` changes the writable ones. Kernel 5.10 and later.
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

enum mode { MODE_OFF = 0, MODE_ON = 1, MODE_AUTO = 7, MODE_NEGATIVE = -1 };

struct point {
	__s32 x;
	__s32 y;
};

struct config {
	__u8 level;
	enum mode mode;
	struct point points[3];
	char name[12];
};

typedef __u32 pid_number;

const volatile __u8 ro_u8 = 1;
const volatile __s8 ro_s8 = -2;
const volatile __u16 ro_u16 = 3;
const volatile __s16 ro_s16 = -4;
const volatile __u32 ro_u32 = 5;
const volatile __s32 ro_s32 = 6;
const volatile __u64 ro_u64 = 7;
const volatile __s64 ro_s64 = -8;
const volatile bool ro_bool = true;
const volatile enum mode ro_mode = MODE_AUTO;
const volatile char ro_text[16] = "skep";
const volatile struct config ro_config = {
	.level = 50,
	.mode = MODE_NEGATIVE,
	.points = { { 1, 2 }, { 3, 4 }, { 5, -6 } },
	.name = "points",
};
const volatile pid_number ro_typedef = 9;

__u8 rw_u8 = 10;
__s16 rw_s16 = -11;
__u32 rw_u32 = 12;
__s64 rw_s64 = -13;
struct point rw_point = { .x = 14, .y = -15 };
char rw_text[8] = "before";

__u64 zero_u64 = 0;
__u32 zero_array[4] = {};
static __u32 zero_static;

const volatile __u32 extra_ro SEC(".rodata.extra") = 21;
__u32 extra_rw SEC(".data.extra") = 22;

/* What `sum` saw. */
struct {
	__s64 numbers[9];
	enum mode mode;
	bool flag;
	char text[16];
	struct config config;
} seen = {};

SEC("socket")
int sum(struct __sk_buff *skb)
{
	int i;

	seen.numbers[0] = ro_u8;
	seen.numbers[1] = ro_s8;
	seen.numbers[2] = ro_u16;
	seen.numbers[3] = ro_s16;
	seen.numbers[4] = ro_u32;
	seen.numbers[5] = ro_s32;
	seen.numbers[6] = ro_u64;
	seen.numbers[7] = ro_s64;
	seen.numbers[8] = ro_typedef;
	seen.mode = ro_mode;
	seen.flag = ro_bool;
	for (i = 0; i < 16; i++)
		seen.text[i] = ro_text[i];
	seen.config.level = ro_config.level;
	seen.config.mode = ro_config.mode;
	seen.config.points[2].x = ro_config.points[2].x;
	seen.config.points[2].y = ro_config.points[2].y;
	return ro_u8 + ro_s8 + ro_u16 + ro_s16 + ro_u32 + ro_s32 + ro_u64 + ro_s64 + ro_bool +
	       ro_mode + ro_config.level + extra_ro - 21;
}

SEC("socket")
int bump(struct __sk_buff *skb)
{
	rw_u8++;
	rw_s16--;
	rw_u32++;
	rw_s64--;
	rw_point.x += 100;
	rw_point.y -= 100;
	rw_text[0] = 'B';
	zero_u64 = 0x0102030405060708;
	zero_array[3] = 3;
	zero_static++;
	extra_rw++;
	return zero_static;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
