/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <umdev/log.h>

#include "umdevd/control.h"
#include "umdevd/udevd.h"

/* A keeper that has said nothing for so long gives up itself, if it can. */
#define START_SECONDS 240
/* A keeper's messages are short. */
#define MESSAGE_MAX 8192

enum udevd_state {
	UDEVD_NONE,
	UDEVD_STARTING,
	UDEVD_READY,
};

struct udevd {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* @state did; with lock */
	enum udevd_state state; /* under lock */
	pid_t pid;		/* under lock; when it is ready */
};

int udevd_create(struct udevd **out)
{
	struct udevd *udevd = calloc(1, sizeof(*udevd));

	if (!udevd)
		return -ENOMEM;
	pthread_mutex_init(&udevd->lock, NULL);
	pthread_cond_init(&udevd->changed, NULL);
	*out = udevd;
	return 0;
}

void udevd_destroy(struct udevd *udevd)
{
	if (!udevd)
		return;
	pthread_cond_destroy(&udevd->changed);
	pthread_mutex_destroy(&udevd->lock);
	free(udevd);
}

pid_t udevd_pid(struct udevd *udevd)
{
	pid_t pid;

	pthread_mutex_lock(&udevd->lock);
	pid = udevd->state == UDEVD_READY ? udevd->pid : 0;
	pthread_mutex_unlock(&udevd->lock);
	return pid;
}

static void set_state(struct udevd *udevd, enum udevd_state state, pid_t pid)
{
	pthread_mutex_lock(&udevd->lock);
	udevd->state = state;
	udevd->pid = pid;
	pthread_cond_broadcast(&udevd->changed);
	pthread_mutex_unlock(&udevd->lock);
}

/* ---- a keeper ---- */

static void take_log(struct json_object *value)
{
	const char *text = json_object_get_string(value);
	char line[1100];
	size_t i;

	for (i = 0; text[i] && i < sizeof(line) - 1; i++)
		line[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	line[i] = '\0';
	pr_info("udevd: %s", line);
}

static int take_message(struct udevd *udevd, int fd, struct json_object *message)
{
	struct json_object *value, *pid;

	if (json_object_object_get_ex(message, "log", &value) &&
	    json_object_is_type(value, json_type_string)) {
		take_log(value);
		return 0;
	}
	if (json_object_object_get_ex(message, "ready", &value) && json_object_get_boolean(value) &&
	    json_object_object_get_ex(message, "pid", &pid) && json_object_get_int(pid) > 0) {
		control_set_patience(fd, 0);
		set_state(udevd, UDEVD_READY, json_object_get_int(pid));
		pr_info("a udevd runs in the view (pid %d)", json_object_get_int(pid));
		return 0;
	}
	return -EINVAL;
}

static void listen_to_keeper(struct udevd *udevd, int fd)
{
	struct json_object *message;
	char buf[MESSAGE_MAX];
	ssize_t len;
	int err = 0;

	do {
		do {
			len = recv(fd, buf, sizeof(buf), MSG_TRUNC);
		} while (len < 0 && errno == EINTR);
		if (len <= 0)
			break;
		message = len > MESSAGE_MAX ? NULL : control_parse(buf, (size_t)len);
		err = message ? take_message(udevd, fd, message) : -EINVAL;
		json_object_put(message);
	} while (!err);
	if (err)
		control_send_error(fd, err, "this is nothing that a keeper of a udevd says");
}

/* ---- the command ---- */

static int send_start(int fd, bool start)
{
	struct json_object *answer = json_object_new_object();
	int err;

	json_object_object_add(answer, "ok", json_object_new_boolean(true));
	json_object_object_add(answer, "start", json_object_new_boolean(start));
	err = control_send(fd, answer);
	json_object_put(answer);
	return err;
}

/* Only who may be in the view. */
static bool peer_is_owner(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 && cred.uid == geteuid();
}

int udevd_run(struct udevd *udevd, int fd)
{
	bool start;

	if (!peer_is_owner(fd))
		return control_send_error(fd, -EACCES,
					  "this umdevd belongs to uid %u: only that user can have "
					  "a udevd in its view",
					  (unsigned int)geteuid());
	pthread_mutex_lock(&udevd->lock);
	while (udevd->state == UDEVD_STARTING)
		pthread_cond_wait(&udevd->changed, &udevd->lock);
	start = udevd->state == UDEVD_NONE;
	if (start)
		udevd->state = UDEVD_STARTING;
	pthread_mutex_unlock(&udevd->lock);
	if (!start)
		return send_start(fd, false);
	control_set_patience(fd, START_SECONDS);
	if (send_start(fd, true) == 0)
		listen_to_keeper(udevd, fd);
	if (udevd_pid(udevd))
		pr_info("the udevd in the view has ended");
	set_state(udevd, UDEVD_NONE, 0);
	return -ECONNRESET;
}
