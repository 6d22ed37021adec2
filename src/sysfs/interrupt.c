/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens when the process that waits for a show() or store() gets a signal.
 *
 * The kernel's sysfs lets a store() decide, and those that matter (a device's removal, a bind) do
 * not listen: the writer waits in state D. A FUSE request is the same to the kernel: once a server
 * has read it, not even SIGKILL ends the wait, but the server is told and may answer early.
 *
 * A store() cannot be taken back half way, so mostly an answer before its end would be a lie to a
 * process that lives on. A process that dies sees nothing: a caller with SIGKILL pending (which is
 * how the kernel spreads each deadly signal that dumps no core) is let go at any time, and what it
 * began runs to its end. Other signals let it go while the store() says that it may leave
 * (model/caller.h), which it does while it waits for somebody; else they wait for the end, as they
 * do in the kernel.
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
 * The caller is let go: whoever has set @answered answers. Its thread goes on for nobody. Called
 * with interrupt_lock held.
 */
static void call_answered_early(struct sysfs_call *call)
{
	call->answered = true;
	call->early = true;
	worker_pool_orphan(&call->mount->pool, 1);
}

/*
 * Runs in the thread that got the interrupt, under libfuse's lock of the request. The kernel sends
 * one interrupt for each request: after a signal that does not kill, one that does comes without a
 * word, so this thread stays and looks again until the call is over or the caller may leave.
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
		if (dying || call->may_leave) {
			call_answered_early(call);
			fuse_reply_err(req, EINTR);
			break;
		}
		wait_a_while(mount);
	}
	pthread_mutex_unlock(&mount->interrupt_lock);
}

/* A signal that came earlier is not told again. */
static void call_may_leave(struct caller *caller)
{
	struct sysfs_call *call = container_of(caller, struct sysfs_call, caller);
	struct sysfs_mount *mount = call->mount;
	bool interrupted;

	pthread_mutex_lock(&mount->interrupt_lock);
	call->may_leave = true;
	interrupted = !call->answered && fuse_req_interrupted(call->req);
	if (interrupted) {
		call_answered_early(call);
		pthread_cond_broadcast(&mount->call_ended);
	}
	pthread_mutex_unlock(&mount->interrupt_lock);
	if (!interrupted)
		return;
	/* Wait for a call_interrupted() that runs: it finds the request answered. */
	fuse_req_interrupt_func(call->req, NULL, NULL);
	fuse_reply_err(call->req, EINTR);
}

static bool call_stays(struct caller *caller)
{
	struct sysfs_call *call = container_of(caller, struct sysfs_call, caller);
	bool stays;

	pthread_mutex_lock(&call->mount->interrupt_lock);
	call->may_leave = false;
	stays = !call->answered;
	pthread_mutex_unlock(&call->mount->interrupt_lock);
	return stays;
}

bool sysfs_call_begin(struct sysfs_call *call, struct sysfs_mount *mount, fuse_req_t req)
{
	bool interrupted;

	*call = (struct sysfs_call) {
		.caller = { .may_leave = call_may_leave, .stays = call_stays },
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
	if (!interrupted || !thread_is_dying(call->tid)) {
		caller_set(&call->caller);
		return true;
	}
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

	caller_set(NULL);
	pthread_mutex_lock(&call->mount->interrupt_lock);
	answered = call->answered;
	call->answered = true;
	if (!answered)
		pthread_cond_broadcast(&call->mount->call_ended);
	pthread_mutex_unlock(&call->mount->interrupt_lock);
	if (call->early)
		worker_pool_orphan(&call->mount->pool, -1);
	/* Unanswered, the request is ours alone; this waits for call_interrupted() to end. */
	if (!answered)
		fuse_req_interrupt_func(call->req, NULL, NULL);
	return !answered;
}
