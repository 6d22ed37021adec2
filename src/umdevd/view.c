/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <umdev/log.h>

#include "umdevd/control.h"
#include "umdevd/descriptors.h"
#include "umdevd/loadable.h"
#include "umdevd/view.h"

/* MISC_MAJOR and FUSE_MINOR of the kernel's. */
#define FUSE_DEVICE makedev(10, 229)

/*
 * A builder who does not go on for so long (it is stopped, perhaps) does not keep others waiting
 * any longer. It takes some milliseconds.
 */
#define BUILD_SECONDS 20

enum view_state {
	VIEW_NONE,
	VIEW_BUILDING,
	VIEW_READY,
};

/**
 * struct view - a view, and what the daemon holds of it
 * @net: what it is called
 *
 * While it is being built, all but @state belongs to the connection that builds it; afterwards it
 * does not change until the end.
 */
struct view {
	const char *net;
	enum view_state state;	       /* views->lock */
	struct descriptors namespaces; /* DESCRIPTOR_USER, _NET, _MNT only */
	struct sysfs_netlink *netlink; /* of its network namespace; NULL for the host's */
	struct sysfs_mount *sys;
	struct sysfs_mount *vfio;
};

enum {
	VIEW_OWN_NET,
	VIEW_HOST_NET,
	VIEWS
};

struct views {
	const char *runtime_dir;
	struct sysfs_netlink *host_uevents; /* NULL: nobody wants them */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a state did; with lock */
	struct view views[VIEWS];
};

int views_create(const char *runtime_dir, struct sysfs_netlink *host_uevents, struct views **out)
{
	struct views *views = calloc(1, sizeof(*views));
	size_t i;

	if (!views)
		return -ENOMEM;
	views->runtime_dir = runtime_dir;
	views->host_uevents = host_uevents;
	views->views[VIEW_OWN_NET].net = "own";
	views->views[VIEW_HOST_NET].net = "host";
	for (i = 0; i < VIEWS; i++)
		descriptors_init(&views->views[i].namespaces);
	pthread_mutex_init(&views->lock, NULL);
	pthread_cond_init(&views->changed, NULL);
	*out = views;
	return 0;
}

static void view_finish(struct view *view)
{
	sysfs_unmount(view->vfio);
	sysfs_unmount(view->sys);
	sysfs_netlink_stop(view->netlink);
	descriptors_close(&view->namespaces);
	view->vfio = NULL;
	view->sys = NULL;
	view->netlink = NULL;
}

void views_destroy(struct views *views)
{
	size_t i;

	if (!views)
		return;
	for (i = 0; i < VIEWS; i++)
		view_finish(&views->views[i]);
	pthread_cond_destroy(&views->changed);
	pthread_mutex_destroy(&views->lock);
	free(views);
}

/* ---- what a builder hands over ---- */

static bool is_namespace(int fd, int type)
{
	return fd >= 0 && ioctl(fd, NS_GET_NSTYPE) == type;
}

/* One that is mounted nowhere, or not any more, has an error to tell. */
static bool is_fuse(int fd)
{
	struct pollfd channel = { .fd = fd };
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == FUSE_DEVICE &&
	       poll(&channel, 1, 0) == 0;
}

static bool is_dir(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_complete(const struct view *view, const struct descriptors *d)
{
	bool own = strcmp(view->net, "own") == 0;

	return is_fuse(d->fd[DESCRIPTOR_SYS]) && is_fuse(d->fd[DESCRIPTOR_VFIO]) &&
	       is_dir(d->fd[DESCRIPTOR_LOWER]) &&
	       is_namespace(d->fd[DESCRIPTOR_MNT], CLONE_NEWNS) &&
	       (own ? is_namespace(d->fd[DESCRIPTOR_NET], CLONE_NEWNET)
		    : d->fd[DESCRIPTOR_NET] < 0) &&
	       (own ? d->fd[DESCRIPTOR_NETLINK] >= 0 : d->fd[DESCRIPTOR_NETLINK] < 0) &&
	       (d->fd[DESCRIPTOR_USER] < 0 || is_namespace(d->fd[DESCRIPTOR_USER], CLONE_NEWUSER));
}

/* A descriptor that somebody else has now, as the one who closes it. */
static void given_away(struct descriptors *d, enum descriptor kind)
{
	d->fd[kind] = -1;
}

static int serve(const struct views *views, struct view *view, struct descriptors *d)
{
	struct sysfs_serve_config sys = {
		.tree = SYSFS_TREE_SYS,
		.fuse_fd = d->fd[DESCRIPTOR_SYS],
		.lower_fd = d->fd[DESCRIPTOR_LOWER],
		.root_owned = d->fd[DESCRIPTOR_USER] >= 0,
	};
	struct sysfs_serve_config vfio = {
		.tree = SYSFS_TREE_DEV,
		.subdir = "vfio",
		.fuse_fd = d->fd[DESCRIPTOR_VFIO],
		.lower_fd = -1,
		.root_owned = sys.root_owned,
	};
	int err;

	if (d->fd[DESCRIPTOR_NETLINK] >= 0) {
		err = sysfs_netlink_start(d->fd[DESCRIPTOR_NETLINK], &view->netlink);
		if (err)
			return err;
		given_away(d, DESCRIPTOR_NETLINK);
	}
	sys.uevents = view->netlink ? view->netlink : views->host_uevents;
	err = sysfs_serve(&sys, &view->sys);
	if (err)
		return err;
	given_away(d, DESCRIPTOR_SYS);
	given_away(d, DESCRIPTOR_LOWER);
	err = sysfs_serve(&vfio, &view->vfio);
	if (err)
		return err;
	given_away(d, DESCRIPTOR_VFIO);
	view->namespaces.fd[DESCRIPTOR_USER] = d->fd[DESCRIPTOR_USER];
	view->namespaces.fd[DESCRIPTOR_NET] = d->fd[DESCRIPTOR_NET];
	view->namespaces.fd[DESCRIPTOR_MNT] = d->fd[DESCRIPTOR_MNT];
	given_away(d, DESCRIPTOR_USER);
	given_away(d, DESCRIPTOR_NET);
	given_away(d, DESCRIPTOR_MNT);
	return 0;
}

/* ---- the talk with a builder ---- */

static int send_object(int fd, struct json_object *obj)
{
	int err = control_send(fd, obj);

	json_object_put(obj);
	return err;
}

static struct json_object *new_answer(void)
{
	struct json_object *answer = json_object_new_object();

	json_object_object_add(answer, "ok", json_object_new_boolean(true));
	return answer;
}

static int receive_descriptors(int fd, struct descriptors *d)
{
	struct json_object *obj;
	struct received in;
	char buf[512];
	ssize_t len;
	int err;

	len = descriptors_receive(fd, buf, sizeof(buf), &in);
	if (len <= 0)
		return len ? (int)len : -ECONNRESET;
	obj = len > (ssize_t)sizeof(buf) ? NULL : control_parse(buf, (size_t)len);
	if (!obj) {
		received_close(&in);
		return -EINVAL;
	}
	err = descriptors_name(obj, &in, d);
	json_object_put(obj);
	return err;
}

static int receive_ready(int fd)
{
	struct json_object *obj, *value;
	char buf[512];
	ssize_t len;
	bool ready;

	do {
		len = recv(fd, buf, sizeof(buf), MSG_TRUNC);
	} while (len < 0 && errno == EINTR);
	if (len <= 0)
		return len && errno == EAGAIN ? -EAGAIN : -ECONNRESET;
	obj = len > (ssize_t)sizeof(buf) ? NULL : control_parse(buf, (size_t)len);
	ready = obj && json_object_object_get_ex(obj, "ready", &value) &&
		json_object_get_boolean(value);
	json_object_put(obj);
	return ready ? 0 : -EINVAL;
}

static int build(const struct views *views, struct view *view, int fd)
{
	struct json_object *answer = new_answer();
	struct descriptors d;
	int err;

	json_object_object_add(answer, "build", json_object_new_boolean(true));
	json_object_object_add(answer, "runtime_dir", json_object_new_string(views->runtime_dir));
	json_object_object_add(answer, "modules", loadable_modules());
	err = send_object(fd, answer);
	if (err)
		return err;
	err = receive_descriptors(fd, &d);
	if (!err && !is_complete(view, &d)) {
		descriptors_close(&d);
		err = -EINVAL;
	}
	if (err == -EINVAL)
		control_send_error(fd, err, "these are not the descriptors of a view");
	if (err)
		return err;
	err = serve(views, view, &d);
	descriptors_close(&d);
	if (err) {
		pr_err("can't serve a view: %s", strerror(-err));
		control_send_error(fd, err, "umdevd can't serve a view: %s", strerror(-err));
		return err;
	}
	err = send_object(fd, new_answer());
	return err ? err : receive_ready(fd);
}

static void set_state(struct views *views, struct view *view, enum view_state state)
{
	pthread_mutex_lock(&views->lock);
	view->state = state;
	pthread_cond_broadcast(&views->changed);
	pthread_mutex_unlock(&views->lock);
}

static int run_builder(struct views *views, struct view *view, int fd)
{
	int err;

	control_set_patience(fd, BUILD_SECONDS);
	err = build(views, view, fd);
	control_set_patience(fd, 0);
	if (err == -EAGAIN)
		control_send_error(fd, -ETIMEDOUT,
				   "building the view has taken more than %d seconds (was this "
				   "stopped?): try again",
				   BUILD_SECONDS);
	if (err) {
		view_finish(view);
		set_state(views, view, VIEW_NONE);
		return err;
	}
	set_state(views, view, VIEW_READY);
	pr_info("there is a view with %s network now",
		strcmp(view->net, "own") ? "the host's" : "its own");
	return send_object(fd, new_answer());
}

static int send_view(const struct views *views, const struct view *view, int fd)
{
	struct json_object *answer = new_answer();
	int err;

	json_object_object_add(answer, "build", json_object_new_boolean(false));
	json_object_object_add(answer, "runtime_dir", json_object_new_string(views->runtime_dir));
	err = descriptors_send(fd, answer, &view->namespaces);
	json_object_put(answer);
	return err;
}

static struct view *find_view(struct views *views, struct json_object *request)
{
	struct json_object *net;
	size_t i;

	if (!json_object_object_get_ex(request, "net", &net) ||
	    !json_object_is_type(net, json_type_string))
		return NULL;
	for (i = 0; i < VIEWS; i++)
		if (strcmp(json_object_get_string(net), views->views[i].net) == 0)
			return &views->views[i];
	return NULL;
}

/* A view's user namespace lets in whom it belongs to: not even root would be at home there. */
static bool peer_is_owner(int fd, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	*uid = cred.uid;
	return cred.uid == geteuid();
}

int view_run(struct views *views, int fd, struct json_object *request)
{
	struct view *view = find_view(views, request);
	bool builder = false;
	uid_t uid = 0;

	if (!view)
		return control_send_error(fd, -EINVAL, "a view has \"net\": \"own\" or \"host\"");
	if (!peer_is_owner(fd, &uid))
		return control_send_error(fd, -EACCES,
					  "this umdevd belongs to uid %u: only that user can run "
					  "commands in its view",
					  (unsigned int)geteuid());
	pthread_mutex_lock(&views->lock);
	while (view->state == VIEW_BUILDING)
		pthread_cond_wait(&views->changed, &views->lock);
	if (view->state == VIEW_NONE) {
		view->state = VIEW_BUILDING;
		builder = true;
	}
	pthread_mutex_unlock(&views->lock);
	return builder ? run_builder(views, view, fd) : send_view(views, view, fd);
}
