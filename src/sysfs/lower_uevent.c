/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events about the machine's own devices. The machine's kernel is not asked for them, since all
 * of the machine would hear: they are composed here as it does, and sent where this mount is seen.
 * Behaviour: Linux 6.1 lib/kobject_uevent.c, drivers/base/{core,bus}.c.
 */
#include "sysfs/lower.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <umdev/sysfs.h>
#include <umdev/uevent.h>
#include "model/alloc.h"
#include "model/uevent_internal.h"

#define UEVENT "uevent"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool lower_is_uevent(const struct lower_node *node)
{
	return S_ISREG(node->format) && !strcmp(base_name(node->path), UEVENT);
}

/* Is @path "PREFIX/NAME" and nothing below that? */
static bool is_in(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return !strncmp(path, prefix, len) && path[len] == '/' && path[len + 1] &&
	       !strchr(path + len + 1, '/');
}

/* Is @path "bus/NAME/drivers/NAME"? */
static bool is_driver(const char *path)
{
	const char *name;

	if (strncmp(path, "bus/", strlen("bus/")))
		return false;
	name = strchr(path + strlen("bus/"), '/');
	return name && is_in(name, "/drivers");
}

/* What has no link belongs to one of the kernel's own sets. */
static const char *implied_subsystem(const char *path)
{
	if (is_driver(path))
		return "drivers";
	if (is_in(path, "bus"))
		return "bus";
	if (is_in(path, "class"))
		return "class";
	if (is_in(path, "module"))
		return "module";
	return NULL;
}

/* Return: the subsystem of what is at @path, in @buf or constant; NULL if it has none. */
static const char *subsystem_of(const struct lower_layer *lower, const char *path, char *buf,
				size_t size)
{
	char link[PATH_MAX];
	struct lower_node *node;
	struct stat st;
	int err;

	if (snprintf(link, sizeof(link), "%s/subsystem", path) >= (int)sizeof(link) ||
	    lower_lookup(lower, link, &node, &st))
		return implied_subsystem(path);
	err = lower_readlink(lower, node, buf, size);
	lower_node_put(node);
	return err ? implied_subsystem(path) : base_name(buf);
}

/* Return: 0, or -ENOMEM. @text is taken apart. */
static int add_lines(struct kobj_uevent_env *env, enum kobject_action action, char *text)
{
	char *line, *rest = NULL;
	int err = 0;

	for (line = strtok_r(text, "\n", &rest); line && !err; line = strtok_r(NULL, "\n", &rest)) {
		/* Nobody is to load a module for a device that has just lost its driver. */
		if (action == KOBJ_UNBIND && !strncmp(line, "MODALIAS=", strlen("MODALIAS=")))
			continue;
		if (strchr(line, '='))
			err = add_uevent_var(env, "%s", line);
	}
	return err;
}

/* Add what the file says. One that says nothing to anybody (a driver's) adds nothing. */
static int add_file(const struct lower_layer *lower, const struct lower_node *node,
		    enum kobject_action action, struct kobj_uevent_env *env)
{
	char text[SYSFS_PAGE_SIZE + 1];
	ssize_t len;
	int fd, err;

	fd = lower_open(lower, node->path, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return fd == -EACCES ? 0 : fd;
	len = pread(fd, text, sizeof(text) - 1, 0);
	err = -errno;
	close(fd);
	if (len < 0)
		return err;
	text[len] = '\0';
	return add_lines(env, action, text);
}

static int compose(const struct lower_layer *lower, const struct lower_node *node,
		   enum kobject_action action, const struct kobj_uevent_env *synth, const char *dir,
		   const char *subsystem, struct kobj_uevent_env *env)
{
	int err;

	err = add_uevent_var(env, "ACTION=%s", uevent_action_name(action));
	if (!err)
		err = add_uevent_var(env, "DEVPATH=/%s", dir);
	if (!err)
		err = add_uevent_var(env, "SUBSYSTEM=%s", subsystem);
	for (int i = 0; !err && i < synth->envp_idx; i++)
		err = add_uevent_var(env, "%s", synth->envp[i]);
	return err ? err : add_file(lower, node, action, env);
}

static int send(const struct lower_layer *lower, const struct kobj_uevent_env *env)
{
	char *envp[UEVENT_NUM_ENVP + 1] = { NULL };

	memcpy(envp, env->envp, env->envp_idx * sizeof(*envp));
	return sysfs_netlink_send(lower_uevents(lower), envp);
}

/* @envs: two that are empty, for the arguments and for the whole. */
static int write_event(const struct lower_layer *lower, const struct lower_node *node,
		       const char *buf, size_t count, struct kobj_uevent_env *envs)
{
	char dir[PATH_MAX], target[PATH_MAX];
	enum kobject_action action;
	const char *subsystem;
	int err;

	err = uevent_synth_parse(buf, count, &action, &envs[0]);
	if (err)
		return err;
	snprintf(dir, sizeof(dir), "%s", node->path);
	dir[strlen(dir) - strlen(UEVENT)] = '\0';
	if (*dir)
		dir[strlen(dir) - 1] = '\0';
	subsystem = subsystem_of(lower, dir, target, sizeof(target));
	if (!subsystem)
		return 0;
	err = compose(lower, node, action, &envs[0], dir, subsystem, &envs[1]);
	return err ? err : send(lower, &envs[1]);
}

int lower_uevent_write(const struct lower_layer *lower, const struct lower_node *node,
		       const char *buf, size_t count)
{
	struct kobj_uevent_env *envs;
	struct stat st;
	int err;

	if (!lower_uevents(lower))
		return -EPERM;
	/* The device may have gone since the file was opened. */
	if (lower_getattr(lower, node, &st))
		return -ENODEV;
	envs = zalloc_array(2, sizeof(*envs));
	if (!envs)
		return -ENOMEM;
	err = write_event(lower, node, buf, count, envs);
	free(envs);
	return err;
}
