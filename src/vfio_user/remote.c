/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices of other programs': a vfio-user server that is not this one is shown as a VFIO device, on
 * a bus of its own and in a group of its own. The door connects to that server and hands the
 * connection to the program that opens the device; nothing of umdev's is between the two.
 *
 * /sys/bus/vfio-user/devices/NAME, below /sys/devices/vfio-user; the driver is vfio-user, too.
 */
/* Part of the library, not a shared object. */
#define UMDEV_BUILTIN vfio_user

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <umdev/module.h>
#include <umdev/publish.h>
#include <umdev/vfio.h>
#include <unistd.h>

#include "model/alloc.h"
#include "model/base.h"
#include "vfio_user/remote.h"

#define REMOTE_NAME "vfio-user"

enum remote_state {
	REMOTE_COMING,
	REMOTE_LIVE,
	REMOTE_GOING /* somebody detaches it */
};

/**
 * struct remote - a device that another program serves
 * @dev:   its last reference frees all of this
 * @vdev:  registered while the driver is bound
 * @link:  in remotes.list
 * @state: under remotes.lock
 * @path:  of the server's socket; constant
 */
struct remote {
	struct device dev;
	struct vfio_device vdev;
	struct list_head link;
	enum remote_state state;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* The lock is a leaf; @changed with it: one has changed its state, or is gone. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct list_head list; /* keeps the bus; under lock */
	bool open;	       /* there may be more; under lock */
	struct device *root;   /* NULL without the bus; under lock, constant while there are any */
} remotes = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
	.list = LIST_HEAD_INIT(remotes.list),
};

static struct remote *to_remote(struct device *dev)
{
	return container_of(dev, struct remote, dev);
}

/* ---- what it is to the core ---- */

/* What says that nobody is there now becomes one error, so that it can be told from others. */
static int connect_error(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return -ECONNREFUSED;
	case EAGAIN:
		return -EBUSY; /* its queue is full */
	}
	return -err;
}

static int remote_connect(struct vfio_device *vdev)
{
	const struct remote *r = container_of(vdev, struct remote, vdev);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;

	memcpy(addr.sun_path, r->path, sizeof(addr.sun_path));
	fd = fault_point() ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -EMFILE;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		err = connect_error(errno);
		goto close;
	}
	/* Only the connecting must not block. */
	if (fcntl(fd, F_SETFL, 0)) {
		err = -errno;
		goto close;
	}
	return fd;
close:
	close(fd);
	return err;
}

static const char *remote_socket(struct vfio_device *vdev)
{
	return container_of(vdev, struct remote, vdev)->path;
}

static const struct vfio_device_ops remote_ops = {
	.name = REMOTE_NAME,
	.connect = remote_connect,
	.socket = remote_socket,
};

/* ---- bus and driver ---- */

static struct bus_type remote_bus = { .name = REMOTE_NAME };

static bool is_going(const struct remote *r)
{
	bool going;

	pthread_mutex_lock(&remotes.lock);
	going = r->state == REMOTE_GOING;
	pthread_mutex_unlock(&remotes.lock);
	return going;
}

static int remote_probe(struct device *dev)
{
	struct remote *r = to_remote(dev);

	if (is_going(r))
		return -ENODEV;
	memset(&r->vdev, 0, sizeof(r->vdev));
	r->vdev.dev = dev;
	r->vdev.ops = &remote_ops;
	return vfio_register_emulated_iommu_dev(&r->vdev);
}

static void remote_remove(struct device *dev)
{
	vfio_unregister_group_dev(&to_remote(dev)->vdev);
}

static struct device_driver remote_driver = {
	.name = REMOTE_NAME,
	.bus = &remote_bus,
	.owner = THIS_MODULE,
	.probe = remote_probe,
	.remove = remote_remove,
};

/* ---- attaching ---- */

static void remote_release(struct device *dev)
{
	free(to_remote(dev));
}

/* It becomes a directory's name, a word on command lines, and part of lines in the log. */
static int check_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("_-:.+", name[i])))
			return -EINVAL;
	if (!i || *name == '.' || *name == '-')
		return -EINVAL;
	return i > VFIO_USER_NAME_MAX ? -ENAMETOOLONG : 0;
}

/*
 * What is there is not connected to: a server may serve one client and end with it.
 * Return: 0, 1 (nothing is there), -errno.
 */
static int check_path(const char *path)
{
	struct stat st;
	size_t i;

	if (*path != '/')
		return -EINVAL;
	for (i = 0; path[i]; i++)
		if ((unsigned char)path[i] < ' ' || path[i] == 0x7f)
			return -EINVAL;
	if (i >= sizeof(((struct remote *)0)->path))
		return -ENAMETOOLONG;
	if (stat(path, &st))
		return errno == ENOENT || errno == ENOTDIR ? 1 : -errno;
	return S_ISSOCK(st.st_mode) ? 0 : -ENOTSOCK;
}

static struct remote *remote_alloc(const char *name, const char *path)
{
	struct remote *r = zalloc(sizeof(*r));

	if (!r)
		return NULL;
	strcpy(r->path, path);
	r->state = REMOTE_COMING;
	INIT_LIST_HEAD(&r->link);
	r->dev.bus = &remote_bus;
	r->dev.release = remote_release;
	r->dev.explicit_bind_only = true;
	if (device_initialize(&r->dev) || dev_set_name(&r->dev, "%s", name)) {
		put_device(&r->dev);
		return NULL;
	}
	return r;
}

/* remotes.lock held. */
static struct remote *find(const char *name)
{
	struct remote *r;

	list_for_each_entry (r, &remotes.list, link)
		if (strcmp(dev_name(&r->dev), name) == 0)
			return r;
	return NULL;
}

/* Nobody else gets this name from now on, and the bus stays. */
static int reserve(struct remote *r)
{
	int err = 0;

	pthread_mutex_lock(&remotes.lock);
	if (!remotes.open) {
		err = -ENODEV;
	} else if (find(dev_name(&r->dev))) {
		err = -EEXIST;
	} else {
		r->dev.parent = remotes.root;
		list_add_tail(&r->link, &remotes.list);
	}
	pthread_mutex_unlock(&remotes.lock);
	return err;
}

static void forget(struct remote *r)
{
	pthread_mutex_lock(&remotes.lock);
	list_del_init(&r->link);
	pthread_cond_broadcast(&remotes.changed);
	pthread_mutex_unlock(&remotes.lock);
}

static void set_live(struct remote *r)
{
	pthread_mutex_lock(&remotes.lock);
	r->state = REMOTE_LIVE;
	pthread_cond_broadcast(&remotes.changed);
	pthread_mutex_unlock(&remotes.lock);
}

/* All of it is seen at once, or nothing. */
static int show(struct remote *r)
{
	int err;

	publish_begin();
	err = device_add(&r->dev);
	if (err)
		goto abort;
	err = device_driver_attach(&remote_driver, &r->dev);
	if (err)
		goto del;
	publish_commit();
	return 0;
del:
	device_del(&r->dev);
abort:
	publish_abort();
	return err;
}

int vfio_user_attach(const char *name, const char *path)
{
	int missing = check_path(path), err = check_name(name);
	struct remote *r;

	if (err || missing < 0)
		return err ? err : missing;
	r = remote_alloc(name, path);
	if (!r)
		return -ENOMEM;
	err = reserve(r);
	if (err)
		goto put;
	err = show(r);
	if (err)
		goto forget;
	pr_info("vfio-user: %s: attached to %s%s", name, path,
		missing ? ", where nothing is yet" : "");
	set_live(r);
	return missing;
forget:
	forget(r);
put:
	put_device(&r->dev);
	return err;
}

/* ---- detaching ---- */

/* The caller has made it going. Its user first: as long as one is there the device is whole. */
static void take_away(struct remote *r)
{
	device_lock_for_caller(&r->dev);
	vfio_unregister_group_dev(&r->vdev);
	device_unlock(&r->dev);
	device_del(&r->dev);
	pr_info("vfio-user: %s: detached", dev_name(&r->dev));
	forget(r);
	put_device(&r->dev);
}

int vfio_user_detach(const char *name)
{
	struct remote *r;
	int err = 0;

	pthread_mutex_lock(&remotes.lock);
	while ((r = find(name)) && r->state == REMOTE_COMING)
		pthread_cond_wait(&remotes.changed, &remotes.lock);
	if (!r)
		err = -ENODEV;
	else if (r->state == REMOTE_GOING)
		err = -EALREADY;
	else
		r->state = REMOTE_GOING;
	pthread_mutex_unlock(&remotes.lock);
	if (!err)
		take_away(r);
	return err;
}

/* ---- beginning and end ---- */

/* One that nobody takes away yet, which the caller has to do; NULL when there are none left. */
static struct remote *next_to_take_away(void)
{
	struct remote *r, *live = NULL;

	pthread_mutex_lock(&remotes.lock);
	remotes.open = false;
	while (!live && !list_empty(&remotes.list)) {
		list_for_each_entry (r, &remotes.list, link)
			if (r->state == REMOTE_LIVE)
				live = r;
		if (live)
			live->state = REMOTE_GOING;
		else
			pthread_cond_wait(&remotes.changed, &remotes.lock);
	}
	pthread_mutex_unlock(&remotes.lock);
	return live;
}

void remotes_open(void)
{
	pthread_mutex_lock(&remotes.lock);
	remotes.open = remotes.root;
	pthread_mutex_unlock(&remotes.lock);
}

void remotes_close(void)
{
	struct remote *r;

	while ((r = next_to_take_away()))
		take_away(r);
}

static int remotes_init(void)
{
	struct device *root;
	int err = root_device_register(REMOTE_NAME, &root);

	if (err)
		return err;
	err = bus_register(&remote_bus);
	if (err)
		goto unregister_root;
	err = driver_register(&remote_driver);
	if (err)
		goto unregister_bus;
	pthread_mutex_lock(&remotes.lock);
	remotes.root = root;
	pthread_mutex_unlock(&remotes.lock);
	return 0;
unregister_bus:
	bus_unregister(&remote_bus);
unregister_root:
	root_device_unregister(root);
	return err;
}

static void remotes_exit(void)
{
	struct device *root = remotes.root;

	remotes_close();
	pthread_mutex_lock(&remotes.lock);
	remotes.root = NULL;
	pthread_mutex_unlock(&remotes.lock);
	driver_unregister(&remote_driver);
	bus_unregister(&remote_bus);
	root_device_unregister(root);
}

subsys_initcall(remotes_init);
module_exit(remotes_exit);
