/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <umdev/log.h>

#include "umdevd/uevents_host.h"

int uevents_host_start(struct sysfs_netlink **out)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	int err = fd < 0 ? -errno : sysfs_netlink_start(fd, out);

	if (!err) {
		pr_notice("events go to the network namespace of the host, as was asked for: its "
			  "udevd and all that listen there act on them");
		return 0;
	}
	if (fd >= 0)
		close(fd);
	if (err == -EPERM)
		pr_err("can't send events to the host's network namespace: that needs root there "
		       "(CAP_SYS_ADMIN)");
	else
		pr_err("can't send events to the host's network namespace: %s", strerror(-err));
	return err;
}
