/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connection to a vfio-user server: requests and their replies, and the server's own requests
 * for the program's memory.
 *
 * One request is on the wire at a time. The thread that makes it also reads its reply, so an
 * access costs one send and one receive and wakes nobody else. The server's DMA requests come on a
 * second socket if it offers one (the capability "twin_socket"); otherwise they come between the
 * replies, and whoever reads the socket serves them. Either way they are served while any thread
 * waits in a request, and while none does.
 *
 * The server is not trusted: nothing it sends or leaves out can do more than end the connection.
 *
 * Protocol: docs/interop/vfio-user.rst of QEMU 11.1, vfio_user/protocol.h.
 */
#ifndef UMDEV_PRELOAD_CLIENT_H
#define UMDEV_PRELOAD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct client;

/**
 * struct client_ops - what a server may ask of the client
 * @dma_read:  @count bytes of the program's memory at @iova into @buf; 0 or -errno for the server
 * @dma_write: the same, @buf into the program's memory
 *
 * Called by a thread of the library's, or by one that waits for a reply and has the connection's
 * turn meanwhile. So they must not call client_call(), nor wait for a lock that is held by somebody
 * who does. Of one connection one of them runs at a time in a process. @iova + @count does not
 * overflow, @count is not 0.
 */
struct client_ops {
	int (*dma_read)(void *data, uint64_t iova, void *buf, size_t count);
	int (*dma_write)(void *data, uint64_t iova, const void *buf, size_t count);
};

/**
 * client_create - agree with a server on the protocol
 * @fd:   a connected stream socket; becomes the client's (closed, whatever happens)
 * @data: for @ops
 *
 * Return: 0, -EPROTO (no server of this protocol, or one that makes no sense), -ETIMEDOUT (it says
 * nothing), -EBUSY (it ended the connection at once: it has a client), -ENOMEM, -EMFILE, or the
 * error that it answered.
 */
int client_create(int fd, const struct client_ops *ops, void *data, struct client **out);

/**
 * client_destroy - this process no longer needs the connection; it ends when no process does
 *
 * When it returns no callback runs any more. Context: no client_call() runs; not from a callback.
 */
void client_destroy(struct client *client);

/** client_max_xfer - bytes of data that one message may carry, either way; at least 1. */
uint32_t client_max_xfer(const struct client *client);
/** client_max_fds - descriptors that one message may carry. */
uint32_t client_max_fds(const struct client *client);

#define CLIENT_MAX_FDS 16

/**
 * struct client_call - a request and what becomes of it
 * @command:  VFIO_USER_...
 * @out:      its payload in @nr_out pieces, at most 3
 * @fds:      @nr_fds descriptors to send along
 * @in:       room for the reply's payload in @nr_in pieces, at most 3
 * @in_fds:   room for CLIENT_MAX_FDS descriptors of the reply, or NULL: it must have none. Those
 *            that came are the caller's to close
 * @nr_in_fds: how many came; 0 after an error
 * @in_size:  how many bytes of payload came; never more than there is room for, 0 after an error
 *
 * Pieces may be memory of the program's. What cannot be read or written is -EFAULT, and the
 * connection stays good.
 */
struct client_call {
	uint16_t command;
	struct iovec out[3];
	unsigned int nr_out;
	const int *fds;
	unsigned int nr_fds;
	struct iovec in[3];
	unsigned int nr_in;
	int *in_fds;
	unsigned int nr_in_fds;
	size_t in_size;
};

/**
 * client_call - send a request and wait for its reply
 *
 * Context: any thread, not a signal handler; sleeps while others are on their way.
 * Return: 0, the server's -errno, -EFAULT, -ENODEV (the connection has ended), -EPROTO (the reply
 * makes no sense: it ends), -ETIMEDOUT (no reply for 10 seconds: it ends), -EMSGSIZE (more than
 * one message may carry: nothing was sent).
 */
int client_call(struct client *client, struct client_call *call);

/** client_shutdown - end the connection for all processes; calls that run return -ENODEV. */
void client_shutdown(struct client *client);

#endif
