/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rights with which the layer is used. The kernel asks whoever opens or reads some files of
 * sysfs for capabilities (PCI configuration space, addresses of the kernel): a daemon of root's must
 * not have them in another's name. Only this thread changes, so the calls are the kernel's own and
 * not those of the C library that change all threads.
 *
 * FUSE has checked the mode bits with all groups of the caller's; here they are looked up only if
 * the kernel asks for them, because that is slow.
 */
#include "sysfs/lower.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <umdev/log.h>
#include "model/alloc.h"

struct caps {
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

static int caps_get(struct caps *caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, caps->data) ? -errno : 0;
}

static int caps_set(const struct caps *caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &head, caps->data) ? -errno : 0;
}

/* Set the effective capabilities of this thread to none, or to all that it may have. */
static int caps_use(bool all)
{
	struct caps caps;
	int err = caps_get(&caps);

	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(caps.data); i++)
		caps.data[i].effective = all ? caps.data[i].permitted : 0;
	return caps_set(&caps);
}

static int groups_set(int count, const gid_t *groups)
{
	return syscall(SYS_setgroups, count, groups) ? -errno : 0;
}

int lower_rights_init(struct lower_rights *rights)
{
	int n;

	rights->uid = geteuid();
	rights->gid = getegid();
	rights->privileged = !rights->uid;
	if (!rights->privileged)
		return 0;
	n = getgroups(0, NULL);
	rights->groups = zalloc_array(n > 0 ? n : 1, sizeof(gid_t));
	if (!rights->groups)
		return -ENOMEM;
	n = getgroups(n > 0 ? n : 0, rights->groups);
	rights->group_count = n > 0 ? n : 0;
	return 0;
}

void lower_rights_finish(struct lower_rights *rights)
{
	free(rights->groups);
}

static bool changes(const struct lower_rights *rights, fuse_req_t req)
{
	return rights->privileged && fuse_req_ctx(req)->uid;
}

static int groups_drop(fuse_req_t req, bool with_groups)
{
	gid_t groups[LOWER_GROUPS];
	int n = 0;

	if (with_groups)
		n = fuse_req_getgroups(req, LOWER_GROUPS, groups);
	if (n < 0)
		n = 0;
	return groups_set(n < LOWER_GROUPS ? n : LOWER_GROUPS, groups);
}

int lower_rights_drop(const struct lower_rights *rights, fuse_req_t req, bool with_groups)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	if (!changes(rights, req))
		return 0;
	if (groups_drop(req, with_groups))
		goto restore;
	/* These two say nothing but what was before, so they are asked again. */
	setfsgid(ctx->gid);
	setfsuid(ctx->uid);
	if ((gid_t)setfsgid(-1) != ctx->gid || (uid_t)setfsuid(-1) != ctx->uid || caps_use(false))
		goto restore;
	return 0;
restore:
	lower_rights_restore(rights, req);
	return -EPERM;
}

void lower_rights_restore(const struct lower_rights *rights, fuse_req_t req)
{
	int err;

	if (!changes(rights, req))
		return;
	err = caps_use(true);
	setfsuid(rights->uid);
	setfsgid(rights->gid);
	if (!err)
		err = groups_set(rights->group_count, rights->groups);
	/* Nothing can take them away for good; this thread would fail in all that it does next. */
	if (err)
		pr_err("sysfs: a thread has lost its rights: %s", strerror(-err));
}
