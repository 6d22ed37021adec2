/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Between the files of the client: client.c (beginning and end), client_version.c (the first
 * message), client_call.c (requests and replies), client_dma.c (the server's requests).
 *
 * What the processes that share a connection have to agree on is in struct client_shared. Two
 * things there are had by one of them at a time:
 *
 * - The *turn*: who has it may send a request and read the main socket.
 * - *Serving*: the service thread of the process that has it answers the server's DMA requests. It
 *   keeps that until it lets go of the connection or dies; those who wait look now and then.
 *
 * Without a twin socket the server's requests come on the main socket, so the service thread needs
 * the turn too, for as long as there is something to read.
 */
#ifndef UMDEV_PRELOAD_CLIENT_PRIVATE_H
#define UMDEV_PRELOAD_CLIENT_PRIVATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>

#include "preload/client.h"
#include "preload/shared.h"
#include "vfio_user/protocol.h"

/*
 * Up to this size a message is one piece in the kernel (a socket's buffer has 32 KiB in each), so
 * it is sent and received wholly or not at all.
 */
#define WHOLE_SIZE 16384u
/* Payload that may be sent, and thrown away, whatever was agreed on. */
#define OTHER_MAX   65536u
#define BOUNCE_SIZE (VFIO_USER_MAX_DATA_XFER + OTHER_MAX)

/**
 * enum wire - what can be said of the main socket if who has the turn dies now
 * @WIRE_IDLE:    nothing is under way
 * @WIRE_WHOLE:   a request was sent wholly or not at all, and of its reply nothing or all was read
 * @WIRE_UNKNOWN: nobody knows where the next message begins
 */
enum wire {
	WIRE_IDLE,
	WIRE_WHOLE,
	WIRE_UNKNOWN,
};

/**
 * struct dma_message - a request of the server's, received bit by bit, then its answer
 * @have:   how many bytes of it have come
 * @out, @out_end: what of the answer is still to be sent
 * @busy:   somebody works on it: if he has died, nobody knows how far he got
 * @hdr, @access, @data: the message, one behind the other
 *
 * Under the turn if there is no twin socket, else the serving process's.
 */
struct dma_message {
	uint32_t have;
	uint32_t out, out_end;
	_Atomic(bool) busy;
	struct vfio_user_header hdr;
	struct vfio_user_dma_access access;
	uint8_t data[VFIO_USER_MAX_DATA_XFER];
};

#define DMA_HEAD (sizeof(struct vfio_user_header) + sizeof(struct vfio_user_dma_access))

_Static_assert(offsetof(struct dma_message, data) - offsetof(struct dma_message, hdr) == DMA_HEAD,
	       "one behind the other");

/**
 * struct client_shared - what all processes see
 * @turn:     guards all but @serving, @ended, @wanted, and @dma as it says there
 * @ended:    for good
 * @wire:     see there
 * @next_id:  of the next request
 * @lost:     requests from @lost_id on were made by somebody who died: replies to them, which may
 *            come before the one that is waited for, are thrown away
 * @answered: a reply has come, in part at least
 * @wanted:   the service thread has found the turn taken: it is to be woken (client.kick)
 * @serving:  had by a service thread
 */
struct client_shared {
	struct shared_mutex turn;
	struct shared_mutex serving;
	_Atomic(bool) ended;
	_Atomic(bool) wanted;
	_Atomic(int) wire;
	uint16_t next_id;
	bool lost;
	uint16_t lost_id;
	bool answered;
	struct dma_message dma;
};

/**
 * struct client - a process's side of a connection; constant but for the last five
 * @fd:     the socket
 * @twin:   the second one, -1 if there is none
 * @kick:   bell, wakes the service thread when the turn is free; -1 with a twin
 * @agreed: the server may ask for memory
 * @bounce: BOUNCE_SIZE bytes for what does not go directly; under the turn
 * @joined: the instance of the service thread that knows the connection; a child of fork() finds
 *          its parent's here
 * @serves: this process has client_shared.serving; the service thread's
 * @writing: an answer waits for room in the socket; the service thread's
 * @timer:  while it has not: a timerfd, else -1; the service thread's
 */
struct client {
	int fd, twin, kick;
	uint32_t max_xfer, max_fds;
	const struct client_ops *ops;
	void *data;
	struct client_shared *shared;
	uint8_t *bounce;
	_Atomic(bool) agreed;
	_Atomic(uint64_t) joined;
	bool serves;
	bool writing;
	int timer;
};

/* How long a server may take for a reply. */
extern unsigned int client_timeout_ms;

/** clock_coarse - monotonic nanoseconds, some milliseconds old, for almost nothing. */
static inline uint64_t clock_coarse(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/** clock_deadline - when what begins now takes too long. */
static inline uint64_t clock_deadline(void)
{
	return clock_coarse() + client_timeout_ms * 1000000ull;
}

/* ---- client.c ---- */

/**
 * client_has_lost - has the program closed descriptors of the connection, unseen? Then it has ended
 * for this process.
 */
bool client_has_lost(const struct client *client);

/* ---- client_call.c ---- */

/**
 * turn_recover - somebody died with the turn, which the caller has now
 * The connection goes on if it is known how far he got, else it ends.
 */
void turn_recover(struct client *client);

/** socket_wait - wait for POLLIN or POLLOUT. Return: 0, -ETIMEDOUT, -ENODEV. */
int socket_wait(int fd, short events, uint64_t deadline);

/**
 * socket_discard - read @size bytes of the main socket and forget them
 * Context: the turn. Return: 0, -ENODEV, -ETIMEDOUT.
 */
int socket_discard(struct client *client, size_t size, uint64_t deadline);

/* ---- client_version.c ---- */

/**
 * struct version_terms - what a server's VERSION says
 * @twin: which of the descriptors that came is the second socket, -1 for none
 */
struct version_terms {
	uint32_t max_xfer;
	uint32_t max_fds;
	int twin;
};

/**
 * version_parse - read the payload of a reply to VERSION
 * @nr_fds: how many descriptors came with it
 * Return: 0, -EPROTO.
 */
int version_parse(const void *payload, size_t size, unsigned int nr_fds,
		  struct version_terms *terms);

/** version_agree - say VERSION, and take what the answer says. Return: as client_create(). */
int version_agree(struct client *client);

/* ---- client_dma.c ---- */

/**
 * struct received_fds - descriptors that came with a message
 * @fds:  room for CLIENT_MAX_FDS, NULL if none is wanted
 * @lost: there were more than there is room for
 */
struct received_fds {
	int *fds;
	unsigned int n;
	bool lost;
};

enum dma_step {
	DMA_STEP_READ,	/* the rest has not come yet */
	DMA_STEP_WRITE, /* the answer does not go out yet */
	DMA_STEP_DONE,	/* a request was answered */
	DMA_STEP_REPLY, /* no request: the header of a reply is in dma.hdr; dma.have has to go */
};

/**
 * dma_step - receive, work on and answer a request of the server's, as far as that goes at once
 * @fds: for what comes with a reply; NULL: nobody waits for one
 *
 * Context: serving, and without a twin the turn. Return: enum dma_step, -ENODEV, -EPROTO.
 */
int dma_step(struct client *client, struct received_fds *fds);

/** dma_join - make the connection known to this process's service thread. Return: 0, -errno. */
int dma_join(struct client *client);
/** dma_leave - the reverse; no callback runs any more. */
void dma_leave(struct client *client);

/** received_take - put away the descriptors of a recvmsg(), and note if there were more. */
void received_take(struct received_fds *fds, struct msghdr *msg);

#endif
