/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <umdev/log.h>
#include <umdev/sysfs.h>
#include "model/alloc.h"
#include "sysfs/lower.h"
#include "sysfs/window.h"

/* Of /dev/fuse: Linux 6.1 Documentation/admin-guide/devices.txt. */
#define FUSE_MAJOR 10
#define FUSE_MINOR 229

/* Return: where a tree begins, or NULL for one that there is not. */
static struct kernfs_node *tree_root(enum sysfs_tree tree)
{
	switch (tree) {
	case SYSFS_TREE_SYS:
		return kernfs_root();
	case SYSFS_TREE_DEV:
		return kernfs_dev_root();
	}
	return NULL;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	static const unsigned int wanted = FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_PARALLEL_DIROPS |
					   FUSE_CAP_READDIRPLUS | FUSE_CAP_READDIRPLUS_AUTO |
					   FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_CACHE_SYMLINKS;

	conn->want = conn->capable & wanted;
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs st = {
		.f_bsize = SYSFS_PAGE_SIZE,
		.f_frsize = SYSFS_PAGE_SIZE,
		.f_namemax = NAME_MAX,
	};

	fuse_reply_statfs(req, &st);
}

/*
 * Changes of the tree from outside. What the kernel decides before it asks (EEXIST, ENOENT, EACCES
 * for a caller without rights) comes out as in its own sysfs.
 */
static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	fuse_reply_err(req, EACCES);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	fuse_reply_err(req, S_ISREG(mode) ? EACCES : EPERM);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	fuse_reply_err(req, EPERM);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fuse_reply_err(req, EPERM);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	fuse_reply_err(req, EPERM);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		      const char *newname, unsigned int flags)
{
	fuse_reply_err(req, flags ? EINVAL : EPERM);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	fuse_reply_err(req, EPERM);
}

/* No extended attributes are kept. */
static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	fuse_reply_err(req, EOPNOTSUPP);
}

static bool starts_with(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	bool known = starts_with(name, "trusted.") || starts_with(name, "security.");

	fuse_reply_err(req, known ? ENODATA : EOPNOTSUPP);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	bool known = starts_with(name, "user.") || starts_with(name, "trusted.") ||
		     starts_with(name, "security.");

	fuse_reply_err(req, known ? ENODATA : EOPNOTSUPP);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	if (size)
		fuse_reply_buf(req, NULL, 0);
	else
		fuse_reply_xattr(req, 0);
}

/* What is not here (flush, fsync, locks, lseek) the kernel does right by itself. */
static const struct fuse_lowlevel_ops window_ops = {
	.init = op_init,
	.lookup = sysfs_union_lookup,
	.forget = sysfs_op_forget,
	.forget_multi = sysfs_op_forget_multi,
	.getattr = sysfs_union_getattr,
	.setattr = sysfs_union_setattr,
	.readlink = sysfs_union_readlink,
	.create = op_create,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_unlink,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = sysfs_union_open,
	.read = sysfs_union_read,
	.write = sysfs_union_write,
	.release = sysfs_union_release,
	.poll = sysfs_union_poll,
	.opendir = sysfs_op_opendir,
	.readdir = sysfs_op_readdir,
	.readdirplus = sysfs_op_readdirplus,
	.releasedir = sysfs_op_releasedir,
	.fsyncdir = sysfs_op_fsyncdir,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
};

/* Takes over the caller's reference to @root in any case. @path: NULL for what others mounted. */
static struct sysfs_mount *mount_create(const char *path, struct kernfs_node *root)
{
	struct sysfs_mount *mount = zalloc(sizeof(*mount));

	if (mount && path)
		mount->path = strdup_f(path);
	if (!mount || (path && !mount->path)) {
		kernfs_put(root);
		free(mount);
		return NULL;
	}
	mount->root.kn = root;
	mount->root.dotdot = kernfs_ino(root);
	mount->root.shared = true;
	pthread_mutex_init(&mount->lock, NULL);
	pthread_mutex_init(&mount->interrupt_lock, NULL);
	pthread_cond_init(&mount->call_ended, NULL);
	RB_INIT(&mount->shared);
	INIT_LIST_HEAD(&mount->inodes);
	INIT_LIST_HEAD(&mount->files);
	INIT_LIST_HEAD(&mount->listings);
	sysfs_cache_init(mount);
	sysfs_poll_init(mount);
	return mount;
}

/* Nothing is served any more: what the kernel still held is dropped in its name. */
static void mount_destroy(struct sysfs_mount *mount)
{
	sysfs_files_finish(mount);
	sysfs_listings_finish(mount);
	sysfs_inodes_finish(mount);
	sysfs_poll_finish(mount);
	sysfs_cache_finish(mount);
	pthread_cond_destroy(&mount->call_ended);
	pthread_mutex_destroy(&mount->interrupt_lock);
	pthread_mutex_destroy(&mount->lock);
	lower_layer_destroy(mount->lower);
	kernfs_put(mount->root.kn);
	free(mount->path);
	free(mount);
}

/* Give @fd, which is mounted, to a session of its own. The session owns it if this succeeds. */
static int session_create(struct sysfs_mount *mount, int fd)
{
	char name[] = "umdev", *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	char channel[32];

	mount->session = fault_point()
				 ? NULL
				 : fuse_session_new(&args, &window_ops, sizeof(window_ops), mount);
	fuse_opt_free_args(&args);
	if (!mount->session)
		return -ENOMEM;
	snprintf(channel, sizeof(channel), "/dev/fd/%d", fd);
	if (fuse_session_mount(mount->session, channel)) {
		fuse_session_destroy(mount->session);
		return -EINVAL;
	}
	return 0;
}

/* Which file system is mounted at @path, without a request to its server. */
static int mounted_dev(const char *path, dev_t *dev)
{
	struct statx stx;

	if (fault_point())
		return -ENOMEM;
	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &stx))
		return -errno;
	*dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	return 0;
}

static int mount_serve(struct sysfs_mount *mount)
{
	int fd, err;

	fd = sysfs_channel_open(mount->path);
	if (fd < 0)
		return fd;
	err = session_create(mount, fd);
	if (err) {
		close(fd);
		goto detach;
	}
	err = mounted_dev(mount->path, &mount->dev);
	if (err)
		goto destroy;
	sysfs_cache_start(mount);
	err = worker_pool_start(&mount->pool, mount->session);
	if (err)
		goto stop;
	return 0;
stop:
	sysfs_cache_stop(mount);
destroy:
	fuse_session_destroy(mount->session);
detach:
	sysfs_channel_detach(mount->path);
	pr_err("sysfs: %s: cannot serve the tree: %s", mount->path, strerror(-err));
	return err;
}

/* libfuse's words go where ours go. Its levels are those of syslog. */
static void log_libfuse(enum fuse_log_level level, const char *fmt, va_list args)
{
	char line[256];

	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	umdev_log((enum log_level)level, "sysfs: %s", line);
}

int sysfs_mount(const char *mountpoint, struct sysfs_mount **out)
{
	struct sysfs_mount *mount;
	char path[PATH_MAX];
	int err;

	err = sysfs_channel_clean(mountpoint);
	if (!err && !realpath(mountpoint, path))
		err = -errno;
	if (err) {
		pr_err("sysfs: cannot mount at %s: %s", mountpoint, strerror(-err));
		return err;
	}
	fuse_set_log_func(log_libfuse);
	mount = mount_create(path, kernfs_get(kernfs_root()));
	if (!mount)
		return -ENOMEM;
	err = mount_serve(mount);
	if (err) {
		mount_destroy(mount);
		return err;
	}
	*out = mount;
	return 0;
}

/* Return: the directory that is shown, with a reference, or NULL. */
static struct kernfs_node *find_root(enum sysfs_tree tree, const char *subdir)
{
	char path[PATH_MAX], *rest = NULL, *name;
	struct kernfs_node *dir, *child;

	if (snprintf(path, sizeof(path), "%s", subdir ? subdir : "") >= (int)sizeof(path))
		return NULL;
	dir = kernfs_get(tree_root(tree));
	for (name = strtok_r(path, "/", &rest); name; name = strtok_r(NULL, "/", &rest)) {
		child = kernfs_lookup(dir, name);
		kernfs_put(dir);
		if (!child)
			return NULL;
		dir = child;
		if (kernfs_type(dir) != KERNFS_DIR)
			break;
	}
	if (kernfs_type(dir) == KERNFS_DIR)
		return dir;
	kernfs_put(dir);
	return NULL;
}

/*
 * A copy of a descriptor. Not with fcntl(), which ThreadSanitizer does not follow: that one thread
 * reads from /dev/fuse what another's answer has led to is the order that the two have.
 */
static int copy_descriptor(int fd)
{
	int copy, err;

	copy = fault_point() ? -1 : open("/", O_PATH | O_CLOEXEC);
	if (copy < 0)
		return -EMFILE;
	if (dup3(fd, copy, O_CLOEXEC) >= 0)
		return copy;
	err = errno == EBADF ? -EINVAL : -errno;
	close(copy);
	return err;
}

/* The caller's descriptor stays its own until all has succeeded. */
static int serve_descriptor(struct sysfs_mount *mount, int fuse_fd)
{
	int fd, err;

	fd = copy_descriptor(fuse_fd);
	if (fd < 0)
		return fd;
	err = session_create(mount, fd);
	if (err) {
		close(fd);
		return err;
	}
	sysfs_cache_start(mount);
	err = worker_pool_start(&mount->pool, mount->session);
	if (err) {
		sysfs_cache_stop(mount);
		fuse_session_destroy(mount->session);
	}
	return err;
}

static bool is_fuse(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(FUSE_MAJOR, FUSE_MINOR);
}

/* As with the other descriptor: the caller's stays its own. */
static int use_lower(struct sysfs_mount *mount, const struct sysfs_serve_config *config)
{
	int fd, err;

	if (config->lower_fd < 0)
		return 0;
	fd = copy_descriptor(config->lower_fd);
	if (fd < 0)
		return fd;
	err = lower_layer_create(fd, config, &mount->lower);
	if (err)
		close(fd);
	return err == -ENOTDIR ? -EINVAL : err;
}

static int serve_config(struct sysfs_mount *mount, const struct sysfs_serve_config *config)
{
	size_t len = kernfs_path(mount->root.kn, NULL, 0);
	int err;

	mount->root_owned = config->root_owned;
	mount->prefix = len > 1 ? len : 0;
	err = use_lower(mount, config);
	return err ? err : serve_descriptor(mount, config->fuse_fd);
}

int sysfs_serve(const struct sysfs_serve_config *config, struct sysfs_mount **out)
{
	struct sysfs_mount *mount;
	struct kernfs_node *root;
	int err;

	if (!tree_root(config->tree) || !is_fuse(config->fuse_fd))
		return -EINVAL;
	/* What is no sysfs has nothing of the machine's sysfs below it. */
	if (config->tree != SYSFS_TREE_SYS && config->lower_fd >= 0)
		return -EINVAL;
	root = find_root(config->tree, config->subdir);
	if (!root)
		return -ENOENT;
	fuse_set_log_func(log_libfuse);
	mount = mount_create(NULL, root);
	if (!mount)
		return -ENOMEM;
	err = serve_config(mount, config);
	if (err) {
		mount_destroy(mount);
		return err;
	}
	close(config->fuse_fd);
	if (config->lower_fd >= 0)
		close(config->lower_fd);
	*out = mount;
	return 0;
}

/*
 * The name goes first, so that nobody new comes in while those inside are waited for; then the
 * threads; then the descriptor, with which the kernel tells all who still have files open.
 */
void sysfs_unmount(struct sysfs_mount *mount)
{
	bool unused;
	dev_t dev;

	if (!mount)
		return;
	/*
	 * What is at the path now may be somebody else's: after a lazy unmount it has another
	 * device number, after a full one this session has ended and even the number may be in use
	 * again.
	 */
	if (worker_pool_expect_end(&mount->pool) && mount->path &&
	    !mounted_dev(mount->path, &dev) && dev == mount->dev)
		sysfs_channel_detach(mount->path);
	unused = sysfs_cache_stop(mount);
	worker_pool_stop(&mount->pool);
	lower_layer_stop(mount->lower);
	if (!unused) {
		pr_err("sysfs: somebody holds a directory of the tree, and the kernel holds a "
		       "thread for that: a mount is left as it is");
		sysfs_poll_finish(mount);
		return;
	}
	fuse_session_destroy(mount->session);
	mount_destroy(mount);
}
