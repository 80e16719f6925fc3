/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Log records from BPF programs. Include it after <bpf/bpf_helpers.h>; it needs ring buffers
 * (Linux 5.8).
 *
 *	skep_info("packet of {} bytes from {}", len, skep_ipv4(ip->saddr));
 *	skep_log(SKEP_LOG_WARN, "tcp", "{} retransmits by {}", n, comm);
 *
 * `{}` is the place of the next argument (at most 8), `{:x}` that of a number in hexadecimal.
 * Arguments are integers, pointers, arrays (of char: text up to the NUL; of others: bytes; copied
 * whole, so that all of them is to be initialised) and what skep_ipv4(), skep_ipv6() and skep_mac()
 * make. Of a string in the kernel make a copy first, by bpf_probe_read_kernel_str(); of a bit field
 * a value (+ip->ihl). A negative number has as many digits in {:x} as its type has room for.
 *
 * User space reads map `skep_logs`, sets `skep_log_level` at any time, and finds in
 * `skep_log_dropped` how many records found no room.
 */
#ifndef SKEP_LOG_H
#define SKEP_LOG_H

#define SKEP_LOG_ERROR 1
#define SKEP_LOG_WARN 2
#define SKEP_LOG_INFO 3
#define SKEP_LOG_DEBUG 4
#define SKEP_LOG_TRACE 5

/* What is logged until user space says otherwise. */
#ifndef SKEP_LOG_LEVEL
#define SKEP_LOG_LEVEL SKEP_LOG_INFO
#endif

/* What records are about, for filters, unless skep_log() is told. */
#ifndef SKEP_LOG_TARGET
#define SKEP_LOG_TARGET "bpf"
#endif

/* Bytes of the ring: a power of two, and whole pages. */
#ifndef SKEP_LOG_RING
#define SKEP_LOG_RING (256 * 1024)
#endif

#define skep_error(...) skep_log(SKEP_LOG_ERROR, SKEP_LOG_TARGET, __VA_ARGS__)
#define skep_warn(...) skep_log(SKEP_LOG_WARN, SKEP_LOG_TARGET, __VA_ARGS__)
#define skep_info(...) skep_log(SKEP_LOG_INFO, SKEP_LOG_TARGET, __VA_ARGS__)
#define skep_debug(...) skep_log(SKEP_LOG_DEBUG, SKEP_LOG_TARGET, __VA_ARGS__)
#define skep_trace(...) skep_log(SKEP_LOG_TRACE, SKEP_LOG_TARGET, __VA_ARGS__)

struct skep_log_header {
	__u8 version;
	__u8 level;
	__u16 size;
	__u32 line;
	__u64 time_ns;
	__u32 cpu;
	__u32 reserved;
};

/* Before each value, which is filled with zeros up to a multiple of 8. A number has 8 bytes; `width`
 * says how many its type has (0: nobody knows). */
struct skep_log_field {
	__u8 kind;
	__u8 width;
	__u16 len;
	__u32 reserved2;
};

struct skep_log_ipv4 {
	__u32 address;
};

struct skep_log_ipv6 {
	__u8 address[16];
};

struct skep_log_mac {
	__u8 address[6];
};

/* An IPv4 address in network byte order; an IPv6 or Ethernet address by a pointer to it. */
#define skep_ipv4(value) ((struct skep_log_ipv4[1]){{(value)}})
#define skep_ipv6(pointer) (*(const struct skep_log_ipv6(*)[1])(pointer))
#define skep_mac(pointer) (*(const struct skep_log_mac(*)[1])(pointer))

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SKEP_LOG_RING);
} skep_logs SEC(".maps") __attribute__((weak));

volatile __u32 skep_log_level __attribute__((weak)) = SKEP_LOG_LEVEL;
__u64 skep_log_dropped __attribute__((weak)) = 0;

#define SKEP_LOG_UNSIGNED_ 1
#define SKEP_LOG_SIGNED_ 2
#define SKEP_LOG_BOOL_ 3
#define SKEP_LOG_CHAR_ 4
#define SKEP_LOG_POINTER_ 5
#define SKEP_LOG_TEXT_ 6
#define SKEP_LOG_BYTES_ 7
#define SKEP_LOG_IPV4_ 8
#define SKEP_LOG_IPV6_ 9
#define SKEP_LOG_MAC_ 10
#define SKEP_LOG_TARGET_ 0x40
#define SKEP_LOG_FILE_ 0x41
#define SKEP_LOG_MESSAGE_ 0x42

/* The kind of a scalar, and of an array by the pointer that it decays to. */
#define SKEP_LOG_SCALAR_(value)                                                                    \
	_Generic((value),                                                                          \
		_Bool: SKEP_LOG_BOOL_,                                                             \
		char: SKEP_LOG_CHAR_,                                                              \
		signed char: SKEP_LOG_SIGNED_,                                                     \
		short: SKEP_LOG_SIGNED_,                                                           \
		int: SKEP_LOG_SIGNED_,                                                             \
		long: SKEP_LOG_SIGNED_,                                                            \
		long long: SKEP_LOG_SIGNED_,                                                       \
		unsigned char: SKEP_LOG_UNSIGNED_,                                                 \
		unsigned short: SKEP_LOG_UNSIGNED_,                                                \
		unsigned int: SKEP_LOG_UNSIGNED_,                                                  \
		unsigned long: SKEP_LOG_UNSIGNED_,                                                 \
		unsigned long long: SKEP_LOG_UNSIGNED_,                                            \
		default: SKEP_LOG_POINTER_)
#define SKEP_LOG_ARRAY_(value)                                                                     \
	_Generic((value),                                                                          \
		char *: SKEP_LOG_TEXT_,                                                            \
		const char *: SKEP_LOG_TEXT_,                                                      \
		struct skep_log_ipv4 *: SKEP_LOG_IPV4_,                                            \
		const struct skep_log_ipv6 *: SKEP_LOG_IPV6_,                                      \
		const struct skep_log_mac *: SKEP_LOG_MAC_,                                        \
		default: SKEP_LOG_BYTES_)

#define SKEP_LOG_FILLED_(len) (((len) + 7) & ~7UL)
/* A sum of the sizes of fields. */
#define SKEP_LOG_SIZE_(arg) +sizeof(struct skep_log_field) + SKEP_LOG_FILLED_(sizeof(arg))

/* Writes an array at `skep_at` of `skep_record`, the last word first for its zeros. */
#define SKEP_LOG_COPY_(kind_, width_, from, len_)                                                  \
	do {                                                                                       \
		struct skep_log_field *skep_field = (void *)(skep_record + skep_at);               \
		skep_at += sizeof(*skep_field) + SKEP_LOG_FILLED_(len_);                           \
		*(__u64 *)(skep_record + skep_at - 8) = 0;                                         \
		*skep_field = (struct skep_log_field){                                             \
			.kind = (kind_), .width = (width_), .len = (len_)};                        \
		__builtin_memcpy(skep_field + 1, (from), (len_));                                  \
	} while (0);

/* Writes an argument. An array is what changes its type when it becomes a value. */
#define SKEP_LOG_PUT_(arg)                                                                         \
	do {                                                                                       \
		__auto_type skep_value = (arg);                                                    \
		if (!__builtin_types_compatible_p(typeof(arg), typeof(skep_value))) {              \
			SKEP_LOG_COPY_(SKEP_LOG_ARRAY_(skep_value), 0,                             \
				       (const void *)(__u64)skep_value, sizeof(arg))               \
		} else {                                                                           \
			__u64 skep_word = (__u64)skep_value;                                       \
			SKEP_LOG_COPY_(SKEP_LOG_SCALAR_(skep_value), sizeof(skep_value),           \
				       &skep_word, 8)                                              \
		}                                                                                  \
	} while (0);

#define SKEP_LOG_EACH0_(F)
#define SKEP_LOG_EACH1_(F, arg) F(arg)
#define SKEP_LOG_EACH2_(F, arg, ...) F(arg) SKEP_LOG_EACH1_(F, __VA_ARGS__)
#define SKEP_LOG_EACH3_(F, arg, ...) F(arg) SKEP_LOG_EACH2_(F, __VA_ARGS__)
#define SKEP_LOG_EACH4_(F, arg, ...) F(arg) SKEP_LOG_EACH3_(F, __VA_ARGS__)
#define SKEP_LOG_EACH5_(F, arg, ...) F(arg) SKEP_LOG_EACH4_(F, __VA_ARGS__)
#define SKEP_LOG_EACH6_(F, arg, ...) F(arg) SKEP_LOG_EACH5_(F, __VA_ARGS__)
#define SKEP_LOG_EACH7_(F, arg, ...) F(arg) SKEP_LOG_EACH6_(F, __VA_ARGS__)
#define SKEP_LOG_EACH8_(F, arg, ...) F(arg) SKEP_LOG_EACH7_(F, __VA_ARGS__)
#define SKEP_LOG_PICK_(_0, _1, _2, _3, _4, _5, _6, _7, _8, each, ...) each
#define SKEP_LOG_EACH_(F, ...)                                                                     \
	SKEP_LOG_PICK_(_, ##__VA_ARGS__, SKEP_LOG_EACH8_, SKEP_LOG_EACH7_, SKEP_LOG_EACH6_,        \
		       SKEP_LOG_EACH5_, SKEP_LOG_EACH4_, SKEP_LOG_EACH3_, SKEP_LOG_EACH2_,         \
		       SKEP_LOG_EACH1_, SKEP_LOG_EACH0_)(F, ##__VA_ARGS__)

/* Logs `message`, a literal, at a level, about `target_`, a literal too. */
#define skep_log(level_, target_, message_, ...)                                                   \
	do {                                                                                       \
		if ((level_) > skep_log_level)                                                     \
			break;                                                                     \
		const __u64 skep_size = sizeof(struct skep_log_header) SKEP_LOG_SIZE_(target_)     \
			SKEP_LOG_SIZE_(__FILE_NAME__) SKEP_LOG_SIZE_(message_)                     \
				SKEP_LOG_EACH_(SKEP_LOG_SIZE_, ##__VA_ARGS__);                     \
		char *skep_record = bpf_ringbuf_reserve(&skep_logs, skep_size, 0);                 \
		__u64 skep_at = sizeof(struct skep_log_header);                                    \
		if (!skep_record) {                                                                \
			__sync_fetch_and_add(&skep_log_dropped, 1);                                \
			break;                                                                     \
		}                                                                                  \
		*(struct skep_log_header *)skep_record = (struct skep_log_header){                 \
			.version = 1,                                                              \
			.level = (level_),                                                         \
			.size = skep_size,                                                         \
			.line = __LINE__,                                                          \
			.time_ns = bpf_ktime_get_ns(),                                             \
			.cpu = bpf_get_smp_processor_id(),                                         \
		};                                                                                 \
		SKEP_LOG_COPY_(SKEP_LOG_TARGET_, 0, target_, sizeof(target_))                      \
		SKEP_LOG_COPY_(SKEP_LOG_FILE_, 0, __FILE_NAME__, sizeof(__FILE_NAME__))            \
		SKEP_LOG_COPY_(SKEP_LOG_MESSAGE_, 0, message_, sizeof(message_))                   \
		SKEP_LOG_EACH_(SKEP_LOG_PUT_, ##__VA_ARGS__)                                       \
		bpf_ringbuf_submit(skep_record, 0);                                                \
	} while (0)

#endif
