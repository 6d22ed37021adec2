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

/** vfio_user_stop - disconnect all clients, remove all sockets, end all threads of the server. */
UMDEV_API void vfio_user_stop(void);

#endif
