/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/usercopy.h"

typedef ssize_t vm_copy(pid_t pid, const struct iovec *local, unsigned long nr_local,
			const struct iovec *remote, unsigned long nr_remote, unsigned long flags);

/*
 * The kernel copies between the process and itself, and looks at the pages of @user as it does for
 * a system call. Where a filter forbids it the program takes its chance, as in any library call.
 */
static int copy(vm_copy *how, void *own, void *user, size_t size, bool to_user)
{
	struct iovec local, remote;
	int saved = errno;
	size_t done = 0;
	ssize_t ret;

	while (done < size) {
		local = (struct iovec) { (char *)own + done, size - done };
		remote = (struct iovec) { (char *)user + done, size - done };
		ret = how(getpid(), &local, 1, &remote, 1, 0);
		if (ret > 0) {
			done += (size_t)ret;
			continue;
		}
		if (ret == 0 || errno == EFAULT) {
			errno = saved;
			return -EFAULT;
		}
		memcpy(to_user ? remote.iov_base : local.iov_base,
		       to_user ? local.iov_base : remote.iov_base, size - done);
		break;
	}
	errno = saved;
	return 0;
}

int copy_from_user(void *to, const void *from, size_t size)
{
	return copy(process_vm_readv, to, (void *)from, size, false);
}

int copy_to_user(void *to, const void *from, size_t size)
{
	return copy(process_vm_writev, (void *)from, to, size, true);
}
