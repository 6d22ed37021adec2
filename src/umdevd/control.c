/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/log.h>

#include "umdevd/command.h"
#include "umdevd/control.h"

/* Connections at a time; more are told to come again. */
#define CONTROL_CONNECTIONS_MAX 64
/* No request has more levels. */
#define CONTROL_JSON_DEPTH 4

struct control {
	const struct control_info *info;
	char *path;
	int listen_fd;
	int stop; /* eventfd: the acceptor shall end */
	pthread_t acceptor;
	pthread_mutex_t lock;
	pthread_cond_t changed;	      /* @connections has become shorter; with lock */
	struct list_head connections; /* under lock */
	unsigned int nr_connections;  /* under lock */
};

struct connection {
	struct control *control;
	struct list_head list; /* under control->lock */
	int fd;
};

/* ---- messages ---- */

int control_send(int fd, struct json_object *obj)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	if (!text)
		return -ENOMEM;
	while (send(fd, text, len, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int control_send_error(int fd, int err, const char *fmt, ...)
{
	struct json_object *obj = json_object_new_object();
	const char *name = strerrorname_np(-err);
	char text[600];
	va_list args;
	int ret;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	json_object_object_add(obj, "ok", json_object_new_boolean(false));
	json_object_object_add(obj, "errno", json_object_new_string(name ? name : "EIO"));
	json_object_object_add(obj, "error", json_object_new_string(text));
	ret = control_send(fd, obj);
	json_object_put(obj);
	return ret;
}

void control_set_patience(int fd, int seconds)
{
	const struct timeval time = { .tv_sec = seconds };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
}

struct json_object *control_parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(CONTROL_JSON_DEPTH);
	struct json_object *obj;
	size_t end;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	obj = json_tokener_parse_ex(tok, text, (int)len);
	end = json_tokener_get_parse_end(tok);
	if (obj && (end != len || !json_object_is_type(obj, json_type_object))) {
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	return obj;
}

/* Return: 0 when the next request may come. */
static int serve_request(struct connection *conn, char *buf)
{
	struct json_object *request;
	ssize_t len;
	int err;

	do {
		len = recv(conn->fd, buf, CONTROL_REQUEST_MAX, MSG_TRUNC);
	} while (len < 0 && errno == EINTR);
	if (len <= 0)
		return -ECONNRESET;
	if (len > CONTROL_REQUEST_MAX)
		return control_send_error(conn->fd, -EMSGSIZE, "the request is too long");
	request = control_parse(buf, (size_t)len);
	if (!request)
		return control_send_error(conn->fd, -EINVAL, "the request is no JSON object");
	err = command_run(conn->fd, conn->control->info, request);
	json_object_put(request);
	return err;
}

/* ---- connections ---- */

/*
 * Close a connection so that the answer in it arrives. A request that is there unread, or comes
 * now, would turn into a reset that the other side sees before the answer.
 */
static void close_unheard(int fd)
{
	char byte;

	shutdown(fd, SHUT_RD);
	while (recv(fd, &byte, 1, MSG_DONTWAIT) > 0)
		;
	close(fd);
}

static void connection_remove(struct connection *conn)
{
	struct control *control = conn->control;

	pthread_mutex_lock(&control->lock);
	list_del_init(&conn->list);
	control->nr_connections--;
	close_unheard(conn->fd);
	free(conn);
	pthread_cond_signal(&control->changed);
	pthread_mutex_unlock(&control->lock);
}

static void *connection_thread(void *data)
{
	struct connection *conn = data;
	char *buf = malloc(CONTROL_REQUEST_MAX);

	if (!buf)
		control_send_error(conn->fd, -ENOMEM, "out of memory");
	while (buf && serve_request(conn, buf) == 0)
		;
	free(buf);
	connection_remove(conn);
	return NULL;
}

/* Return: whom the socket belongs to may use it, and root. */
static bool peer_is_allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static int start_detached(void *(*fn)(void *data), void *data)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, fn, data);
	pthread_attr_destroy(&attr);
	return -err;
}

static void connection_add(struct control *control, int fd)
{
	struct connection *conn;
	unsigned int n;

	if (!peer_is_allowed(fd)) {
		control_send_error(fd, -EACCES, "only root and uid %u may control this umdevd",
				   (unsigned int)geteuid());
		close_unheard(fd);
		return;
	}
	conn = calloc(1, sizeof(*conn));
	if (!conn) {
		close(fd);
		return;
	}
	conn->control = control;
	conn->fd = fd;
	pthread_mutex_lock(&control->lock);
	n = control->nr_connections++;
	list_add_tail(&conn->list, &control->connections);
	pthread_mutex_unlock(&control->lock);
	if (n >= CONTROL_CONNECTIONS_MAX)
		control_send_error(fd, -EBUSY, "too many connections");
	else if (start_detached(connection_thread, conn) == 0)
		return;
	else
		control_send_error(fd, -EAGAIN, "no thread can be started");
	connection_remove(conn);
}

static void *acceptor_thread(void *data)
{
	struct control *control = data;
	struct pollfd fds[] = { { .fd = control->stop, .events = POLLIN },
				{ .fd = control->listen_fd, .events = POLLIN } };
	int fd;

	for (;;) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[0].revents)
			return NULL;
		fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			connection_add(control, fd);
			continue;
		}
		/* Without a free descriptor the connection stays there: do not spin on it. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			poll(fds, 1, 100);
	}
}

/* ---- the socket ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err, fd;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Nobody can connect before listen(), so the mode is right when somebody does. */
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		if (chmod(path, 0600) == 0 && listen(fd, SOMAXCONN) == 0)
			return fd;
		err = -errno;
		unlink(path);
	} else {
		err = -errno;
	}
	close(fd);
	return err;
}

int control_start(const char *path, const struct control_info *info, struct control **out)
{
	struct control *control = calloc(1, sizeof(*control));
	int err = -ENOMEM;

	if (!control)
		goto fail;
	control->info = info;
	control->path = strdup(path);
	if (!control->path)
		goto free;
	control->listen_fd = listen_at(path);
	if (control->listen_fd < 0) {
		err = control->listen_fd;
		goto free;
	}
	control->stop = eventfd(0, EFD_CLOEXEC);
	if (control->stop < 0) {
		err = -errno;
		goto close;
	}
	pthread_mutex_init(&control->lock, NULL);
	pthread_cond_init(&control->changed, NULL);
	INIT_LIST_HEAD(&control->connections);
	err = -pthread_create(&control->acceptor, NULL, acceptor_thread, control);
	if (err)
		goto stop;
	*out = control;
	return 0;
stop:
	pthread_cond_destroy(&control->changed);
	pthread_mutex_destroy(&control->lock);
	close(control->stop);
close:
	close(control->listen_fd);
	unlink(path);
free:
	free(control->path);
	free(control);
fail:
	pr_err("can't listen at %s: %s", path, strerror(-err));
	return err;
}

void control_stop(struct control *control)
{
	struct connection *conn;

	if (!control)
		return;
	eventfd_write(control->stop, 1);
	pthread_join(control->acceptor, NULL);
	unlink(control->path);
	close(control->listen_fd);
	pthread_mutex_lock(&control->lock);
	list_for_each_entry (conn, &control->connections, list)
		shutdown(conn->fd, SHUT_RDWR);
	while (control->nr_connections)
		pthread_cond_wait(&control->changed, &control->lock);
	pthread_mutex_unlock(&control->lock);
	pthread_cond_destroy(&control->changed);
	pthread_mutex_destroy(&control->lock);
	close(control->stop);
	free(control->path);
	free(control);
}
