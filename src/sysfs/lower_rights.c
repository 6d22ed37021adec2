/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rights with which the layer is used. The kernel asks whoever opens or reads some files of
 * sysfs for capabilities (PCI configuration space, addresses of the kernel): a daemon of root's
 * must not have them in another's name, nor in that of a root who has given them up or has them in
 * a user namespace only. Only this thread changes, so the calls are the kernel's own and not those
 * of the C library that change all threads.
 *
 * FUSE has checked the mode bits with all groups of the caller's; here they are looked up only if
 * the kernel asks for them, because that is slow.
 */
#include "sysfs/lower.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <umdev/log.h>
#include "model/alloc.h"

struct caps {
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
};

/* @tid: a thread, or 0 for this one. */
static int caps_get(pid_t tid, struct caps *caps)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
		.pid = tid,
	};

	return syscall(SYS_capget, &head, caps->data) ? -errno : 0;
}

static int caps_set(const struct caps *caps)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &head, caps->data) ? -errno : 0;
}

/* Set the effective capabilities of this thread to those of @wanted that it may have. */
static int caps_use(const struct caps *wanted)
{
	struct caps caps;
	int err = caps_get(0, &caps);

	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(caps.data); i++)
		caps.data[i].effective = caps.data[i].permitted & wanted->data[i].effective;
	return caps_set(&caps);
}

static const struct caps no_caps;

static int caps_use_all(void)
{
	struct caps all;

	memset(&all, 0xff, sizeof(all));
	return caps_use(&all);
}

/* Are the capabilities of a thread meant for where we are, too? */
static bool shares_user_namespace(pid_t tid)
{
	struct stat ours, theirs;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)tid);
	return !stat("/proc/self/ns/user", &ours) && !stat(path, &theirs) &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

/* Of a thread in a foreign pid namespace nothing is known. */
static void caps_of_caller(pid_t tid, struct caps *caps)
{
	if (tid <= 0 || caps_get(tid, caps) || !shares_user_namespace(tid))
		*caps = no_caps;
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

/* Root keeps who he is, and is held to what he may. */
static int drop_to_root(fuse_req_t req)
{
	struct caps caps;

	caps_of_caller(fuse_req_ctx(req)->pid, &caps);
	return caps_use(&caps) ? -EPERM : 0;
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

	if (!rights->privileged)
		return 0;
	if (!ctx->uid)
		return drop_to_root(req);
	if (groups_drop(req, with_groups))
		return -EPERM;
	/* These two say nothing but what was before, so they are asked again. */
	setfsgid(ctx->gid);
	setfsuid(ctx->uid);
	if ((gid_t)setfsgid(-1) != ctx->gid || (uid_t)setfsuid(-1) != ctx->uid ||
	    caps_use(&no_caps))
		goto restore;
	return 0;
restore:
	lower_rights_restore(rights, req);
	return -EPERM;
}

void lower_rights_restore(const struct lower_rights *rights, fuse_req_t req)
{
	int err;

	if (!rights->privileged)
		return;
	err = caps_use_all();
	if (!fuse_req_ctx(req)->uid)
		goto out;
	setfsuid(rights->uid);
	setfsgid(rights->gid);
	if (!err)
		err = groups_set(rights->group_count, rights->groups);
out:
	/* Nothing can take them away for good; this thread would fail in all that it does next. */
	if (err)
		pr_err("sysfs: a thread has lost its rights: %s", strerror(-err));
}
