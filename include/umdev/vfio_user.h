/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vfio-user server: each VFIO device of the process gets a socket that a VMM can connect to.
 * Behaviour: the vfio-user protocol 0.0, docs/interop/vfio-user.rst of QEMU 11.1.
 */
#ifndef UMDEV_VFIO_USER_H
#define UMDEV_VFIO_USER_H

#include <umdev/util.h>

/**
 * struct vfio_user_config - where the sockets are and who may connect
 * @dir:   existing directory; a device's socket is DIR/NAME by the device's name (an mdev's UUID).
 *         DIR/.door is for who opens the node of a group, and can search the directory
 * @mode:  permission bits of the devices' sockets, as 0600
 * @owner: user id, (uid_t)-1 for the process's own
 * @group: group id, (gid_t)-1 for the process's own
 * @callback_timeout_ms: after how long the server answers in place of a driver's callback; 0: 4000.
 *         Clients give up after 5000
 */
struct vfio_user_config {
	const char *dir;
	mode_t mode;
	uid_t owner;
	gid_t group;
	unsigned int callback_timeout_ms;
};

/**
 * vfio_user_start - serve all VFIO devices, those of now and those to come
 * @config: copied
 *
 * The path of a device's socket is the attribute "socket" of its vfio-dev/vfioN, that of the door
 * the attribute "socket" of each group, vfio/N.
 *
 * Context: any thread, one server per process. Sleeps.
 * Return: 0, -EBUSY (there is one, or another transport), -ENAMETOOLONG (@config->dir is too long
 * for a socket), -ENOMEM, -errno of what failed.
 */
UMDEV_API int vfio_user_start(const struct vfio_user_config *config);

/**
 * vfio_user_stop - disconnect all clients, detach all devices of other programs, remove all
 * sockets, end all threads of the server
 */
UMDEV_API void vfio_user_stop(void);

/* How long the name of an attached device may be. */
#define VFIO_USER_NAME_MAX 63

/**
 * vfio_user_attach - show a device that another program serves over vfio-user
 * @name: letters, digits and "_-:.+", not beginning with '.' or '-'; copied
 * @path: absolute path of that program's socket; copied. It need not be there yet, and is connected
 *        to when somebody opens the device, never before: a server may serve one client only
 *
 * It becomes /sys/bus/vfio-user/devices/NAME, bound to the driver vfio-user, with a group and what
 * else a VFIO device has; the attribute "socket" of its vfio-dev/vfioN is @path. The device stays
 * when the program ends: opening it is -ECONNREFUSED until there is another one.
 *
 * Context: any thread, while the server runs. Sleeps.
 * Return: 0, 1 (done, but nothing is at @path yet), -EINVAL (@name or @path is none), -ENAMETOOLONG
 * (either), -ENOTSOCK (something else is at @path), -EEXIST (the name is taken), -ENODEV (no server
 * runs), -ENOMEM, -ENOSPC (no more groups), -errno of looking at @path.
 */
UMDEV_API int vfio_user_attach(const char *name, const char *path);

/**
 * vfio_user_detach - take such a device away
 *
 * A user is waited for, as with any VFIO device that goes. It can't be asked: that would be the
 * other program's to do.
 * Context: as above. Return: 0, -ENODEV (there is none), -EALREADY (somebody detaches it).
 */
UMDEV_API int vfio_user_detach(const char *name);

#endif
