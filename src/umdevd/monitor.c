/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <umdev/uevent.h>

#include "umdevd/control.h"
#include "umdevd/monitor.h"

/* Waiting events of one connection; more are left out. At most 2 KiB each. */
#define MONITOR_QUEUE_MAX 1024

/* An event, copied; or, with @lost, that so many are missing here. */
struct monitor_entry {
	struct list_head list;
	uint64_t seqnum;
	uint64_t lost;
	size_t size; /* of @env: strings, each with its NUL */
	char env[];
};

struct monitor {
	struct uevent_listener listener;
	pthread_mutex_t lock;
	struct list_head queue; /* under lock */
	unsigned int queued;	/* under lock */
	uint64_t lost;		/* since the last entry of @queue; under lock */
	int wake;		/* eventfd: there may be something to send */
};

static struct monitor_entry *entry_create(const struct uevent *ev)
{
	struct monitor_entry *entry;
	size_t size = 0, len;
	char *const *var;

	for (var = ev->envp; *var; var++)
		size += strlen(*var) + 1;
	entry = malloc(sizeof(*entry) + size);
	if (!entry)
		return NULL;
	entry->seqnum = ev->seqnum;
	entry->lost = 0;
	entry->size = size;
	for (var = ev->envp, size = 0; *var; var++, size += len) {
		len = strlen(*var) + 1;
		memcpy(entry->env + size, *var, len);
	}
	return entry;
}

static struct monitor_entry *entry_create_lost(uint64_t lost)
{
	struct monitor_entry *entry = calloc(1, sizeof(*entry));

	if (entry)
		entry->lost = lost;
	return entry;
}

static void queue_locked(struct monitor *mon, struct monitor_entry *entry)
{
	list_add_tail(&entry->list, &mon->queue);
	mon->queued++;
}

static void monitor_event(struct uevent_listener *listener, const struct uevent *ev)
{
	struct monitor *mon = container_of(listener, struct monitor, listener);
	struct monitor_entry *entry, *gap;

	pthread_mutex_lock(&mon->lock);
	entry = mon->queued < MONITOR_QUEUE_MAX ? entry_create(ev) : NULL;
	if (entry && mon->lost) {
		gap = entry_create_lost(mon->lost);
		if (gap) {
			queue_locked(mon, gap);
			mon->lost = 0;
		} else {
			free(entry);
			entry = NULL;
		}
	}
	if (entry)
		queue_locked(mon, entry);
	else
		mon->lost++;
	pthread_mutex_unlock(&mon->lock);
	eventfd_write(mon->wake, 1);
}

/* The next thing to send; NULL when there is none. */
static struct monitor_entry *monitor_next(struct monitor *mon)
{
	struct monitor_entry *entry = NULL;

	pthread_mutex_lock(&mon->lock);
	if (!list_empty(&mon->queue)) {
		entry = list_first_entry(&mon->queue, struct monitor_entry, list);
		list_del_init(&entry->list);
		mon->queued--;
	} else if (mon->lost) {
		entry = entry_create_lost(mon->lost);
		if (entry)
			mon->lost = 0;
	}
	pthread_mutex_unlock(&mon->lock);
	return entry;
}

static struct json_object *entry_to_json(const struct monitor_entry *entry)
{
	struct json_object *obj = json_object_new_object(), *env;
	const char *p, *equals, *end = entry->env + entry->size;
	char key[256];

	if (entry->lost) {
		json_object_object_add(obj, "lost", json_object_new_uint64(entry->lost));
		return obj;
	}
	env = json_object_new_object();
	json_object_object_add(obj, "seqnum", json_object_new_uint64(entry->seqnum));
	json_object_object_add(obj, "env", env);
	for (p = entry->env; p < end; p += strlen(p) + 1) {
		equals = strchr(p, '=');
		if (!equals || (size_t)(equals - p) >= sizeof(key))
			continue;
		memcpy(key, p, (size_t)(equals - p));
		key[equals - p] = '\0';
		json_object_object_add(env, key, json_object_new_string(equals + 1));
	}
	return obj;
}

static int monitor_send(struct monitor *mon, int fd)
{
	struct monitor_entry *entry;
	struct json_object *obj;
	int err = 0;

	while (!err && (entry = monitor_next(mon))) {
		obj = entry_to_json(entry);
		err = control_send(fd, obj);
		json_object_put(obj);
		free(entry);
	}
	return err;
}

/* Until there may be something to send. Return: false when the other side is gone. */
static bool monitor_wait(struct monitor *mon, int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN | POLLRDHUP },
				{ .fd = mon->wake, .events = POLLIN } };
	eventfd_t count;

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0)
		if (errno != EINTR)
			return false;
	/* A monitor has nothing more to say; whatever comes ends it. */
	if (fds[0].revents)
		return false;
	eventfd_read(mon->wake, &count);
	return true;
}

void monitor_run(int fd)
{
	struct monitor mon = { .listener = { .event = monitor_event } };
	struct monitor_entry *entry, *next;
	struct json_object *hello;

	mon.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mon.wake < 0) {
		control_send_error(fd, -errno, "no monitor can be made: %s", strerror(errno));
		return;
	}
	pthread_mutex_init(&mon.lock, NULL);
	INIT_LIST_HEAD(&mon.queue);
	uevent_listener_register(&mon.listener);

	hello = json_object_new_object();
	json_object_object_add(hello, "ok", json_object_new_boolean(true));
	if (control_send(fd, hello) == 0)
		while (monitor_send(&mon, fd) == 0 && monitor_wait(&mon, fd))
			;
	json_object_put(hello);

	uevent_listener_unregister(&mon.listener);
	list_for_each_entry_safe (entry, next, &mon.queue, list)
		free(entry);
	pthread_mutex_destroy(&mon.lock);
	close(mon.wake);
}
