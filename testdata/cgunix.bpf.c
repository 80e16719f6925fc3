// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Addresses of a cgroup's UNIX sockets: who connects or sends somewhere gets to the abstract name `real`,
// and is told `said` of whom he hears. Kernel 6.7 and later.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_sock_addr_kern {
	char opaque;
};

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern int bpf_sock_addr_set_sun_path(struct bpf_sock_addr_kern *kern, const __u8 *path,
				      __u32 path__sz) __ksym;

__u64 changed = 0;
__u64 told = 0;

/* Writable: the function might write, for all that the verifier knows. */
__u8 real[] = { 0, 'r', 'e', 'a', 'l' };
__u8 said[] = { 0, 's', 'a', 'i', 'd' };

#define ADDRESS(name, path, counter)							\
	SEC("cgroup/" #name)								\
	int name(struct bpf_sock_addr *ctx)						\
	{										\
		struct bpf_sock_addr_kern *kern = bpf_cast_to_kern_ctx(ctx);		\
											\
		if (bpf_sock_addr_set_sun_path(kern, path, sizeof(path)) == 0)		\
			__sync_fetch_and_add(&counter, 1);				\
		return 1;								\
	}

ADDRESS(connect_unix, real, changed)
ADDRESS(sendmsg_unix, real, changed)
ADDRESS(recvmsg_unix, said, told)
ADDRESS(getpeername_unix, said, told)
ADDRESS(getsockname_unix, said, told)

char LICENSE[] SEC("license") = "GPL";
