// SPDX-License-Identifier: (MIT OR Apache-2.0) OR GPL-2.0
//
// A kernel module for tests: a struct of functions that BPF programs may be, a function that they
// may call, a variable that they may read. Writing a number to /sys/kernel/skep_test/run calls the
// registered struct's functions with it; reading that file tells what they answered. Linux 6.12 or
// later.
#include <linux/bpf.h>
#include <linux/bpf_verifier.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sysfs.h>

/* What programs see of the module: the type is nowhere else. */
struct skep_test_state {
	u32 magic;
	u32 runs;
	u64 last;
};

DEFINE_PER_CPU(struct skep_test_state, skep_test_state) = { .magic = 0x736b6570 };

/* The struct of functions. `apply` has to be set, `done` may be left out. */
struct skep_test_ops {
	u64 (*apply)(u64 number, u32 factor);
	void (*done)(u64 result);
	u32 factor;
	u32 offset;
};

static DEFINE_MUTEX(lock);
static struct skep_test_ops *registered;
static u64 result;

__bpf_kfunc_start_defs();

/* What programs may call. */
__bpf_kfunc u64 skep_test_mix(u64 number, u32 factor)
{
	return number * factor + 1;
}

__bpf_kfunc_end_defs();

BTF_KFUNCS_START(skep_test_kfuncs)
BTF_ID_FLAGS(func, skep_test_mix)
BTF_KFUNCS_END(skep_test_kfuncs)

static const struct btf_kfunc_id_set kfuncs = {
	.owner = THIS_MODULE,
	.set = &skep_test_kfuncs,
};

static u64 apply_stub(u64 number, u32 factor)
{
	return 0;
}

static void done_stub(u64 number)
{
}

static struct skep_test_ops stubs = {
	.apply = apply_stub,
	.done = done_stub,
};

static bool is_valid_access(int off, int size, enum bpf_access_type type,
			    const struct bpf_prog *prog, struct bpf_insn_access_aux *info)
{
	return bpf_tracing_btf_ctx_access(off, size, type, prog, info);
}

static const struct bpf_verifier_ops verifier_ops = {
	.get_func_proto = bpf_base_func_proto,
	.is_valid_access = is_valid_access,
};

static int init(struct btf *btf)
{
	return 0;
}

/* What is no function: `factor` is taken as it is, of others the kernel sees to it that they are 0. */
static int init_member(const struct btf_type *type, const struct btf_member *member, void *kdata,
		       const void *udata)
{
	const struct skep_test_ops *given = udata;
	struct skep_test_ops *ops = kdata;

	if (__btf_member_bit_offset(type, member) != offsetof(struct skep_test_ops, factor) * 8)
		return 0;
	ops->factor = given->factor;
	return 1;
}

static int validate(void *kdata)
{
	const struct skep_test_ops *ops = kdata;

	return ops->apply ? 0 : -EINVAL;
}

static int reg(void *kdata, struct bpf_link *link)
{
	int error = 0;

	mutex_lock(&lock);
	if (registered)
		error = -EBUSY;
	else
		registered = kdata;
	mutex_unlock(&lock);
	return error;
}

static void unreg(void *kdata, struct bpf_link *link)
{
	mutex_lock(&lock);
	registered = NULL;
	mutex_unlock(&lock);
}

static int update(void *kdata, void *old, struct bpf_link *link)
{
	mutex_lock(&lock);
	registered = kdata;
	mutex_unlock(&lock);
	return 0;
}

static struct bpf_struct_ops ops = {
	.verifier_ops = &verifier_ops,
	.init = init,
	.init_member = init_member,
	.validate = validate,
	.reg = reg,
	.unreg = unreg,
	.update = update,
	.cfi_stubs = &stubs,
	.name = "skep_test_ops",
	.owner = THIS_MODULE,
};

/* What is called by every write: a function of a name that the kernel has more than once, and such
 * as compilers make of others.
 */
#define ALONE static noinline __attribute__((noipa))

ALONE u64 m_start(u64 number)
{
	return number + 1;
}

ALONE u64 changed(u64 number) __asm__("skep_test_changed.isra.0");
ALONE u64 changed(u64 number)
{
	return number + 2;
}

ALONE u64 left(u64 number) __asm__("skep_test_left.part.0");
ALONE u64 left(u64 number)
{
	return number + 3;
}

static u64 sum;

static void note(u64 number)
{
	int cpu;

	sum += m_start(number) + changed(number) + left(number);
	for_each_possible_cpu(cpu) {
		struct skep_test_state *state = per_cpu_ptr(&skep_test_state, cpu);

		state->runs++;
		state->last = number;
	}
}

static ssize_t run_store(struct kobject *kobj, struct kobj_attribute *attr, const char *text,
			 size_t len)
{
	u64 number;
	int error = kstrtou64(text, 0, &number);

	if (error)
		return error;
	mutex_lock(&lock);
	note(number);
	if (registered) {
		result = registered->apply(number, registered->factor);
		if (registered->done)
			registered->done(result);
	} else {
		error = -ENOENT;
	}
	mutex_unlock(&lock);
	return error ?: len;
}

static ssize_t run_show(struct kobject *kobj, struct kobj_attribute *attr, char *text)
{
	return sysfs_emit(text, "%llu\n", result);
}

static struct kobj_attribute run_attribute = __ATTR_RW_MODE(run, 0600);
static struct kobject *dir;

static int __init skep_test_init(void)
{
	static const enum bpf_prog_type callers[] = {
		BPF_PROG_TYPE_STRUCT_OPS,
		BPF_PROG_TYPE_XDP,
	};
	int error;

	for (int i = 0; i < ARRAY_SIZE(callers); i++) {
		error = register_btf_kfunc_id_set(callers[i], &kfuncs);
		if (error)
			return error;
	}
	error = register_bpf_struct_ops(&ops, skep_test_ops);
	if (error)
		return error;
	dir = kobject_create_and_add("skep_test", kernel_kobj);
	if (!dir)
		return -ENOMEM;
	error = sysfs_create_file(dir, &run_attribute.attr);
	if (error)
		kobject_put(dir);
	return error;
}

static void __exit skep_test_exit(void)
{
	kobject_put(dir);
}

module_init(skep_test_init);
module_exit(skep_test_exit);
MODULE_DESCRIPTION("What tests of BPF need of a module");
MODULE_LICENSE("Dual MIT/GPL");
