/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "umdev/client.h"
#include "umdev/view.h"
#include "umdevd/mountinfo.h"

bool view_is_stale(void)
{
	struct stat st;

	return stat("/sys/bus", &st) && (errno == ENOTCONN || errno == ECONNABORTED);
}

static int look_at_sys(const char *path, const char *type, void *data)
{
	bool *ours = data;

	if (strcmp(path, "/sys") == 0)
		*ours = strcmp(type, MOUNTINFO_OURS) == 0;
	return 0;
}

/* Is /sys, the topmost of what is mounted there, ours? */
static bool is_in_view(void)
{
	bool ours = false;

	return mountinfo_for_each(look_at_sys, &ours) == 0 && ours;
}

/* ---- building ---- */

static int open_fuse(struct descriptors *desc, enum descriptor kind)
{
	desc->fd[kind] = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (desc->fd[kind] >= 0)
		return 0;
	switch (errno) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return cli_fail("there is no FUSE here: /dev/fuse: %s (try: modprobe fuse)",
				strerror(errno));
	case EACCES:
	case EPERM:
		return cli_fail("may not open /dev/fuse: its mode or its group has to let this "
				"user read and write (as root: chmod 666 /dev/fuse)");
	}
	return cli_fail("/dev/fuse: %s", strerror(errno));
}

static int open_netlink(struct descriptors *desc)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return cli_fail("can't make a netlink socket for events: %s", strerror(errno));
	desc->fd[DESCRIPTOR_NETLINK] = fd;
	return 0;
}

static int check_directories(void)
{
	static const char *const needed[] = { "/sys", "/dev", "/run" };
	struct stat st;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (stat(needed[i], &st) || !S_ISDIR(st.st_mode))
			return cli_fail("there is no directory %s to mount on (make one: mkdir %s)",
					needed[i], needed[i]);
	return 0;
}

/* What can be made before anybody serves it. */
static int make_view(bool own_net, struct json_object *answer, struct descriptors *desc,
		     struct view_sys *sys)
{
	/* /dev/fuse is opened in the namespace that mounts, and before its name is covered. */
	if (check_directories() || namespaces_make(own_net, desc) ||
	    open_fuse(desc, DESCRIPTOR_SYS) || open_fuse(desc, DESCRIPTOR_VFIO) ||
	    view_sys_lower(desc) || (own_net && open_netlink(desc)))
		return EXIT_FAILURE;
	return view_dev_make(desc->fd[DESCRIPTOR_VFIO]) || view_run_make(own_net) ||
	       view_modprobe_make(answer) || view_sys_make(sys, desc->fd[DESCRIPTOR_SYS]);
}

static int hand_over(int fd, struct descriptors *desc)
{
	struct json_object *answer = client_ask_with(fd, json_object_new_object(), desc, NULL);

	descriptors_close(desc);
	json_object_put(answer);
	return answer ? 0 : EXIT_FAILURE;
}

static int say_ready(int fd)
{
	struct json_object *ready = json_object_new_object(), *answer;

	json_object_object_add(ready, "ready", json_object_new_boolean(true));
	answer = client_ask(fd, ready);
	json_object_put(answer);
	return answer ? 0 : EXIT_FAILURE;
}

static int build_view(int fd, const char *net, struct json_object *answer)
{
	bool own_net = strcmp(net, "own") == 0;
	struct descriptors desc;
	struct view_sys sys = { .old = -1 };
	int status;

	if (is_in_view())
		return cli_fail("this shell is in another view already: leave it, and do this "
				"outside");
	descriptors_init(&desc);
	status = make_view(own_net, answer, &desc, &sys) || hand_over(fd, &desc) ||
		 view_sys_fill(&sys) || say_ready(fd);
	view_sys_finish(&sys);
	descriptors_close(&desc);
	return status;
}

/* ---- entering ---- */

/* The working directory of before, where the view has one of that name. */
static void go_back_to(const char *cwd)
{
	if (cwd && cwd[0] == '/' && chdir(cwd) == 0)
		return;
	fprintf(stderr, "umdev: the view has no directory %s: going on in /\n",
		cwd && cwd[0] == '/' ? cwd : "of the name of this one");
	if (chdir("/"))
		exit(cli_fail("/: %s", strerror(errno)));
}

static char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(obj, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return strdup(json_object_get_string(value));
}

static int enter(int fd, const char *net, struct json_object *answer, struct descriptors *desc)
{
	struct json_object *build;
	char *cwd = getcwd(NULL, 0);
	int status;

	if (json_object_object_get_ex(answer, "build", &build) && json_object_get_boolean(build))
		status = build_view(fd, net, answer);
	else
		status = namespaces_enter(desc);
	if (!status)
		go_back_to(cwd);
	free(cwd);
	return status;
}

int view_enter(const struct cli *cli, const char *net, char **runtime_dir)
{
	struct json_object *request = client_request("view"), *answer;
	struct descriptors desc;
	int fd, status;

	if (view_is_stale()) {
		json_object_put(request);
		return cli_fail("the umdevd of this view has ended: leave this shell");
	}
	json_add_text(request, "net", net);
	fd = client_open(cli);
	if (fd < 0) {
		json_object_put(request);
		return EXIT_FAILURE;
	}
	answer = client_ask_with(fd, request, NULL, &desc);
	status = answer ? enter(fd, net, answer, &desc) : EXIT_FAILURE;
	if (!status) {
		*runtime_dir = text_of(answer, "runtime_dir");
		if (!*runtime_dir)
			status = cli_fail("umdevd gave an answer that is not understood");
	}
	if (answer)
		descriptors_close(&desc);
	json_object_put(answer);
	close(fd);
	return status;
}
