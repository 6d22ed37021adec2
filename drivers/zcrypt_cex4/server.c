/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/log.h>

#include "../common/loop.h"
#include "server.h"

/* Connections that are taken before others have their turn. */
#define ACCEPT_MANY 16

static struct {
	pthread_mutex_t lock;
	struct list_head due;
	struct watch wake;
	int wake_fd;
	struct watch connection;
	struct server_task accept;
	int listen_fd;
	bool is_starved; /* there was no descriptor for one who waits; the thread's */
	struct sockaddr_un addr;
	/* The end: everything is closed by the thread. Under the lock. */
	struct server_task stop;
	pthread_cond_t stopped;
	bool is_stopped;
} server = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.due = LIST_HEAD_INIT(server.due),
	.wake_fd = -1,
	.listen_fd = -1,
	.stopped = PTHREAD_COND_INITIALIZER,
};

/* ---- what is due ---- */

void server_due(struct server_task *task)
{
	pthread_mutex_lock(&server.lock);
	if (!task->list.next || list_empty(&task->list)) {
		/* Under the lock: once it is dropped @task may be gone, and so may all of this. */
		if (list_empty(&server.due))
			eventfd_write(server.wake_fd, 1);
		list_add_tail(&task->list, &server.due);
	}
	pthread_mutex_unlock(&server.lock);
}

void server_not_due(struct server_task *task)
{
	pthread_mutex_lock(&server.lock);
	if (task->list.next)
		list_del_init(&task->list);
	pthread_mutex_unlock(&server.lock);
}

/* The next one of this turn, or NULL. */
static struct server_task *next_task(struct list_head *turn)
{
	struct server_task *task = NULL;

	pthread_mutex_lock(&server.lock);
	if (!list_empty(turn)) {
		task = list_first_entry(turn, struct server_task, list);
		list_del_init(&task->list);
	}
	pthread_mutex_unlock(&server.lock);
	return task;
}

/* A turn: what becomes due meanwhile waits for the next one, behind sockets that have news. */
static void run_due(struct watch *watch)
{
	LIST_HEAD(turn);
	struct server_task *task;
	eventfd_t count;

	eventfd_read(server.wake_fd, &count);
	pthread_mutex_lock(&server.lock);
	while (!list_empty(&server.due)) {
		task = list_first_entry(&server.due, struct server_task, list);
		list_del_init(&task->list);
		list_add_tail(&task->list, &turn);
	}
	pthread_mutex_unlock(&server.lock);
	while ((task = next_task(&turn)))
		task->run(task);
}

/* ---- new clients ---- */

static void accept_some(struct server_task *task)
{
	int fd, i;

	for (i = 0; i < ACCEPT_MANY && server.listen_fd >= 0; i++) {
		fd = accept4(server.listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && errno == ECONNABORTED)
			continue;
		if (fd < 0) {
			server.is_starved = errno != EAGAIN;
			return;
		}
		/* Who is refused sees the end at once. */
		client_create(fd);
	}
	server_due(task);
}

void server_has_room(void)
{
	if (server.is_starved)
		server_due(&server.accept);
}

static void connection_ready(struct watch *watch)
{
	server_due(&server.accept);
}

/* A socket that somebody left behind who died: nobody answers there. */
static bool is_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool stale;

	if (fd < 0)
		return false;
	stale = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) && errno == ECONNREFUSED;
	close(fd);
	return stale;
}

static int bind_to(int fd, const struct sockaddr_un *addr)
{
	if (!bind(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE || !is_stale(addr))
		return -errno;
	unlink(addr->sun_path);
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;
}

/* Return: a descriptor, or -errno. */
static int listen_at(const char *path, mode_t mode)
{
	int err, fd;

	if (strlen(path) >= sizeof(server.addr.sun_path))
		return -ENAMETOOLONG;
	server.addr.sun_family = AF_UNIX;
	strcpy(server.addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	err = bind_to(fd, &server.addr);
	if (err)
		goto close;
	/* Nobody can connect before listen(), so the mode is right when somebody does. */
	if (chmod(path, mode) || listen(fd, SOMAXCONN)) {
		err = -errno;
		goto unlink;
	}
	return fd;

unlink:
	unlink(path);
close:
	close(fd);
	return err;
}

/* ---- the beginning and the end ---- */

static int start_thread(void)
{
	int err;

	server.wake.ready = run_due;
	server.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (server.wake_fd < 0)
		return -errno;
	err = loop_start("zcrypt");
	if (err)
		goto close;
	err = loop_add(&server.wake, server.wake_fd);
	if (err)
		goto stop;
	return 0;

stop:
	loop_stop();
close:
	close(server.wake_fd);
	return err;
}

static void stop_thread(void)
{
	loop_remove(server.wake_fd);
	loop_stop();
	close(server.wake_fd);
}

int server_start(const char *path, mode_t mode)
{
	int err, fd;

	err = start_thread();
	if (err || !path)
		return err;
	fd = listen_at(path, mode);
	if (fd < 0) {
		err = fd;
		goto stop;
	}
	server.listen_fd = fd;
	server.connection.ready = connection_ready;
	server.accept.run = accept_some;
	err = loop_add(&server.connection, fd);
	if (err)
		goto close;
	return 0;

close:
	server.listen_fd = -1;
	unlink(path);
	leave_fds(&fd, 1);
stop:
	stop_thread();
	return err;
}

/* On the thread, whose all connections are. */
static void run_stop(struct server_task *task)
{
	if (server.listen_fd >= 0) {
		loop_forget(server.listen_fd);
		leave_fds(&server.listen_fd, 1);
	}
	server.listen_fd = -1;
	server.is_starved = false;
	client_destroy_all();
	server_not_due(&server.accept);
	pthread_mutex_lock(&server.lock);
	server.is_stopped = true;
	pthread_cond_signal(&server.stopped);
	pthread_mutex_unlock(&server.lock);
}

void server_stop(void)
{
	if (server.listen_fd >= 0)
		unlink(server.addr.sun_path);
	server.is_stopped = false;
	server.stop.run = run_stop;
	server_due(&server.stop);
	pthread_mutex_lock(&server.lock);
	while (!server.is_stopped)
		pthread_cond_wait(&server.stopped, &server.lock);
	pthread_mutex_unlock(&server.lock);
	stop_thread();
}
