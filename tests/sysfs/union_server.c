/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree above a directory, for tests that look at both from outside.
 *
 * usage: union_server MOUNTPOINT LOWER [root-owned] [uevents]
 *
 * Says "ready" when it is served, then takes a command per line from its standard input and
 * answers each with "ok" or an error: "add PATH" and "remove PATH" of a directory of the tree with
 * a file "value"; "heap" is answered with the bytes that are in use. It ends with the end of the
 * input. With "uevents" events go to this process's network namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <umdev/kobject.h>
#include <umdev/sysfs.h>

#define OBJECTS_MAX 64

static struct {
	char *path;
	struct kobject *kobj;
} objects[OBJECTS_MAX];

static ssize_t value_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s of the tree\n", kobj->name);
}

static KOBJ_ATTR_RO(value);

static int find(const char *path)
{
	for (int i = 0; i < OBJECTS_MAX; i++)
		if (objects[i].path && !strcmp(objects[i].path, path))
			return i;
	return -1;
}

static int add(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *parent = strndup(path, slash ? slash - path : 0);
	int above = find(parent), i;

	free(parent);
	for (i = 0; i < OBJECTS_MAX && objects[i].path; i++)
		;
	if (i == OBJECTS_MAX || (slash && above < 0))
		return -EINVAL;
	objects[i].kobj = kobject_create_and_add(slash ? slash + 1 : path,
						 slash ? objects[above].kobj : NULL);
	if (!objects[i].kobj)
		return -ENOMEM;
	objects[i].path = strdup(path);
	return sysfs_create_file(objects[i].kobj, &kobj_attr_value.attr);
}

static int take_away(const char *path)
{
	int i = find(path);

	if (i < 0)
		return -ENOENT;
	kobject_del(objects[i].kobj);
	kobject_put(objects[i].kobj);
	free(objects[i].path);
	objects[i].path = NULL;
	return 0;
}

static int run(char *line)
{
	char *arg = strchr(line, ' ');

	line[strcspn(line, "\n")] = '\0';
	if (!arg)
		return -EINVAL;
	*arg++ = '\0';
	if (!strcmp(line, "add"))
		return add(arg);
	if (!strcmp(line, "remove"))
		return take_away(arg);
	return -EINVAL;
}

static int mount_fuse(const char *path)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[160];

	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", fd);
	if (mount("umdev", path, "fuse.umdev", MS_NOSUID | MS_NODEV, options))
		return -1;
	return fd;
}

static bool has_option(char **argv, const char *option)
{
	for (; *argv; argv++)
		if (!strcmp(*argv, option))
			return true;
	return false;
}

static void serve(struct sysfs_mount *mount)
{
	char line[4096];
	int err;

	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strncmp(line, "heap", 4)) {
			printf("%zu\n", mallinfo2().uordblks);
		} else {
			err = run(line);
			printf("%s\n", err ? strerror(-err) : "ok");
		}
		fflush(stdout);
	}
	sysfs_unmount(mount);
}

int main(int argc, char **argv)
{
	struct sysfs_serve_config config = { .tree = SYSFS_TREE_SYS };
	struct sysfs_netlink *netlink = NULL;
	struct sysfs_mount *mount;
	int fd, err;

	if (argc < 3)
		return 2;
	config.fuse_fd = mount_fuse(argv[1]);
	config.lower_fd = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	config.root_owned = has_option(argv + 3, "root-owned");
	if (has_option(argv + 3, "uevents")) {
		fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
		err = sysfs_netlink_start(fd, &netlink);
		if (err) {
			printf("%s\n", strerror(-err));
			return 1;
		}
		config.uevents = netlink;
	}
	err = sysfs_serve(&config, &mount);
	if (err) {
		printf("%s\n", strerror(-err));
		return 1;
	}
	serve(mount);
	sysfs_netlink_stop(netlink);
	for (int i = OBJECTS_MAX - 1; i >= 0; i--)
		if (objects[i].path)
			take_away(objects[i].path);
	return umount2(argv[1], MNT_DETACH) ? 1 : 0;
}
