/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * In place of src/preload/client*.c: a connection whose server is a few variables.
 */
#ifndef UMDEV_TESTS_FAKE_SERVER_H
#define UMDEV_TESTS_FAKE_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "preload/client.h"

#define FAKE_MAPS 4096

/**
 * struct fake_map - what the server was told
 * @has_fd: with a descriptor of @dev and @ino, of which @writable says how it was opened
 */
struct fake_map {
	uint64_t iova, size, offset;
	uint32_t flags;
	bool has_fd, writable;
	dev_t dev;
	ino_t ino;
};

/**
 * struct client - such a connection
 * @dead:       it has ended
 * @max_fds:    what the server takes
 * @refuse_fd:  its answer to a mapping with a descriptor, 0: it takes it
 * @refuse:     its answer to one without
 * @refuse_at:  only to the mapping at this address; UINT64_MAX: to all
 * @refuse_unmap: its answer to an unmapping
 * @during:     called before it answers
 * @calls:      how many messages have come
 * @lock:       guards all of it, but not while @during runs
 */
struct client {
	bool dead;
	uint32_t max_fds;
	int refuse_fd, refuse, refuse_unmap;
	uint64_t refuse_at;
	void (*during)(struct client *client, uint16_t command, uint64_t iova);
	void *data;
	unsigned int calls;
	unsigned int nr;
	struct fake_map maps[FAKE_MAPS];
	pthread_mutex_t lock;
};

/** fake_server_init - one that takes everything. */
void fake_server_init(struct client *client);

/** fake_server_map - what it knows at @iova, or NULL. */
struct fake_map *fake_server_map(struct client *client, uint64_t iova);

#endif
