/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens when the process that waits for a show() or store() gets a signal.
 *
 * The kernel's sysfs lets a store() decide, and those that matter (a device's removal, a bind) do
 * not listen: the writer waits in state D. A FUSE request is the same to the kernel: once a server
 * has read it, not even SIGKILL ends the wait, but the server is told and may answer early.
 *
 * A store() cannot be taken back half way, so an answer before its end would be a lie to a process
 * that lives on: it would see EINTR for a device that then goes all the same. A process that dies
 * sees nothing. So only a caller with SIGKILL pending (which is how the kernel spreads each deadly
 * signal that dumps no core) is let go; what it began runs to its end. Other signals wait for that
 * end too, as they do in the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sysfs/window.h"

static bool mask_has_sigkill(const char *status, const char *field)
{
	const char *mask = strstr(status, field);

	return mask && (strtoull(mask + strlen(field), NULL, 16) & (1ULL << (SIGKILL - 1)));
}

/* Return: false also when it cannot be known, as for a caller in a foreign pid namespace. */
static bool thread_is_dying(pid_t tid)
{
	char path[32], status[4096];
	ssize_t len;
	int fd;

	if (tid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, status, sizeof(status) - 1);
	close(fd);
	if (len <= 0)
		return false;
	status[len] = '\0';
	return mask_has_sigkill(status, "\nSigPnd:") || mask_has_sigkill(status, "\nShdPnd:");
}

/* Called with interrupt_lock held. */
static void wait_a_while(struct sysfs_mount *mount)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec++;
	pthread_cond_timedwait(&mount->call_ended, &mount->interrupt_lock, &end);
}

/*
 * Runs in the thread that got the interrupt, under libfuse's lock of the request. The kernel sends
 * one interrupt for each request: after a signal that does not kill, one that does comes without a
 * word, so this thread stays and looks again until the call is over.
 *
 * Before the call is armed this is called from within the registration, where libfuse uses the
 * request after we return: it must not be answered there.
 */
static void call_interrupted(fuse_req_t req, void *data)
{
	struct sysfs_call *call = data;
	struct sysfs_mount *mount = call->mount;
	bool dying;

	pthread_mutex_lock(&mount->interrupt_lock);
	while (call->armed && !call->answered) {
		pthread_mutex_unlock(&mount->interrupt_lock);
		dying = thread_is_dying(call->tid);
		pthread_mutex_lock(&mount->interrupt_lock);
		if (call->answered)
			break;
		if (dying) {
			call->answered = true;
			fuse_reply_err(req, EINTR);
			break;
		}
		wait_a_while(mount);
	}
	pthread_mutex_unlock(&mount->interrupt_lock);
}

bool sysfs_call_begin(struct sysfs_call *call, struct sysfs_mount *mount, fuse_req_t req)
{
	bool interrupted;

	*call = (struct sysfs_call) {
		.mount = mount,
		.req = req,
		.tid = fuse_req_ctx(req)->pid,
	};
	fuse_req_interrupt_func(req, call_interrupted, call);
	/* From the moment when it is armed, another thread may answer and so free the request. */
	pthread_mutex_lock(&mount->interrupt_lock);
	interrupted = fuse_req_interrupted(req);
	call->armed = true;
	pthread_mutex_unlock(&mount->interrupt_lock);
	if (!interrupted || !thread_is_dying(call->tid))
		return true;
	if (sysfs_call_end(call))
		fuse_reply_err(req, EINTR);
	return false;
}

bool sysfs_call_abandoned(struct sysfs_call *call)
{
	bool answered;

	pthread_mutex_lock(&call->mount->interrupt_lock);
	answered = call->answered;
	pthread_mutex_unlock(&call->mount->interrupt_lock);
	return answered;
}

bool sysfs_call_end(struct sysfs_call *call)
{
	bool answered;

	pthread_mutex_lock(&call->mount->interrupt_lock);
	answered = call->answered;
	call->answered = true;
	if (!answered)
		pthread_cond_broadcast(&call->mount->call_ended);
	pthread_mutex_unlock(&call->mount->interrupt_lock);
	/* Unanswered, the request is ours alone; this waits for call_interrupted() to end. */
	if (!answered)
		fuse_req_interrupt_func(call->req, NULL, NULL);
	return !answered;
}
