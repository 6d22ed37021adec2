/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client's connection: what is received, worked on and sent.
 *
 * Its own thread takes the messages in the order in which they came and calls the device. Two more
 * kinds of threads may touch a connection: a driver's thread that sends a DMA request and needs its
 * reply (dma_request.c), and the watchdog, which answers while a callback is stuck (deadline.c).
 * So:
 *
 * - Reading the socket is a role (@reader) that one thread has at a time; what was read goes into
 *   @rx under @lock, and replies to DMA requests are handed to who waits for them.
 * - Working on requests is the connection's thread's, except while @taken, when it is the
 *   watchdog's.
 * - Sending is done under @tx_lock.
 *
 * A client may have a twin socket for DMA requests (twin.c): these need none of the above then.
 */
#ifndef UMDEV_VFIO_USER_CONNECTION_H
#define UMDEV_VFIO_USER_CONNECTION_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>
#include <time.h>

#include "vfio_user/protocol.h"
#include "vfio_user/server.h"

#define RX_INITIAL  (64u << 10)
#define TX_INITIAL  (64u << 10)
#define RX_MAX	    (16u << 20) /* how much may wait while a driver waits for its DMA */
#define RX_MAX_FDS  256		/* the same for descriptors */
#define REPLY_SMALL 256u	/* room that every handler has without asking */

/* How long a client may take to answer for its memory, in times of what a callback may. */
#define DMA_PATIENCE 2

/* connection.call while the watchdog has the connection. */
#define CALL_TAKEN UINT64_MAX

/**
 * struct request - a message to work on
 * @hdr:     its header; hdr.error is not the client's but says why framing refused it, 0 if it did
 *           not
 * @payload: what follows the header, @size bytes; in the receive buffer, which keeps still until
 *           the request is done
 * @fds:     descriptors that came with it. A handler that keeps one puts -1 there; the others are
 *           closed after it
 * @bad_fds: there were more than @fds can hold, or some got lost
 * @arrived: it did not come earlier than this (coarse clock)
 */
struct request {
	struct vfio_user_header hdr;
	const uint8_t *payload;
	size_t size;
	int fds[VFIO_USER_MAX_FDS];
	unsigned int nr_fds;
	bool bad_fds;
	uint64_t arrived;
};

/**
 * struct reply - what a handler answers
 * @payload: room for REPLY_SMALL bytes, more after reply_room()
 * @size:    how many it has filled
 * @fd:      descriptor to send along, -1 for none
 * @give_fd: it is the client's: close it here, whether it was sent or not
 */
struct reply {
	uint8_t *payload;
	size_t size;
	int fd;
	bool give_fd;
};

/**
 * struct rx_fd - a descriptor that was received but not given to a message yet
 * @fd:    the descriptor; -1: here the kernel dropped some
 * @first, @last: which messages (counted from the first of the connection) it can belong to
 */
struct rx_fd {
	int fd;
	uint32_t first, last;
};

/**
 * struct rx - the receive buffer; under connection.lock, but for the bytes behind @end, which are
 * the reader's
 * @start:  first byte that is not taken
 * @framed: end of the last complete message
 * @end:    end of what was received
 * @skip:   how many bytes of a refused message are still to be thrown away
 * @pinned: an older buffer, in which the message lies that is being worked on
 * @busy:   a message in @buf or @pinned is being worked on
 * @nr_framed, @nr_taken: how many messages were framed and taken since the beginning
 * @eof:    nothing more will come
 * @broken: what follows can't be made sense of: the connection ends when all before it is done
 * @dropped: @nr_dropped descriptors that nobody wants. Closing one may wait for a file system of
 *           the client's, so that is the connection's thread's, between two requests
 */
struct rx {
	uint8_t *buf;
	size_t cap;
	size_t start, framed, end;
	size_t skip;
	uint8_t *pinned;
	bool busy;
	uint32_t nr_framed, nr_taken;
	bool eof;
	bool broken;
	struct rx_fd fds[RX_MAX_FDS];
	unsigned int nr_fds;
	int dropped[2 * RX_MAX_FDS + VFIO_USER_MAX_FDS];
	unsigned int nr_dropped;
};

/**
 * struct tx - replies that wait to be sent
 * @head, @tail: what waits; under connection.tx_lock. Behind @tail is the reply that is being made,
 *               which is the connection's thread's
 */
struct tx {
	uint8_t *buf;
	size_t cap;
	size_t head, tail;
};

/**
 * struct burst - when to let a stream of posted writes gather; the connection's thread's own
 * (receive.c)
 */
struct burst {
	unsigned int streak;   /* batches of posted messages only, one right after the other */
	unsigned int messages; /* in this batch */
	bool posted_only;
	uint64_t gather_ns;
	uint64_t last_ns;
};

/**
 * struct connection - one client
 * @link:      in server.connections or server.finished; under server.lock
 * @server, @ep: where it belongs; @ep is a counted reference
 * @thread:    its own thread
 * @fd:        the socket; closed as it leaves server.connections, under server.lock
 * @peer:      who connected, or came through the door
 * @claim:     with which the device is opened; NULL: without one. A counted reference
 *
 * @negotiated: VERSION has been answered well; the worker's, and the watchdog looks at it when it
 *              answers instead. The worker's are also the limits that the client told:
 * @max_fds:   how many descriptors it takes in one message
 * @max_xfer:  how many bytes of data may be in one message, either way
 * @write_multi: REGION_WRITE_MULTI was agreed on
 * @refused:   there was no agreement: the connection ends
 * @twin:      the socket for DMA requests, -1: they go over @fd. Written once, before the device is
 *             open, under @lock; closed as @fd is
 * @file:      the open device, NULL before VERSION
 * @region_sizes: of its @nr_regions regions
 * @tell_errors: who accesses one is told what the driver says
 *
 * @call:      0: no handler runs; the time at which it is overdue; or CALL_TAKEN. Atomic
 * @current:   the request that is being worked on; stable while @call is not 0
 * @arrived:   no request that waits came earlier than this (coarse clock); under @lock
 * @received:  when the socket was last seen empty; under @lock
 *
 * @lock:      guards @rx and what follows
 * @cond:      with @lock: the reader's role is free, messages or a reply have come, it is over
 * @reader:    somebody reads the socket
 * @waiters:   how many threads wait for @cond
 * @taken:     the watchdog works on the requests, since @taken_at
 * @owes:      it has not answered @current yet
 * @watched:   the socket is in server.watch_epoll
 * @dead:      the connection was given up
 * @next_id:   of the next DMA request
 * @dma_requests: those that wait for their reply
 * @deferred:  @nr_deferred requests that were answered by the watchdog and have still to be done,
 *             with @nr_deferred_fds descriptors
 * @current_deferred: the one of them that is being done
 *
 * @tx_lock:   guards @tx and sending
 *
 * @twin_lock: held from a DMA request on @twin to its reply; @lock is inside of it
 * @twin_broken: there is no agreement any more on what comes next on @twin; under @twin_lock
 * @twin_id:   of the next request there; under @twin_lock
 * @strays:    @nr_strays descriptors that came there, which ends the connection; under @twin_lock
 */
struct connection {
	struct list_head link;
	struct vfio_user_server *server;
	struct endpoint *ep;
	pthread_t thread;
	int fd;
	struct peer peer;
	struct vfio_claim *claim;

	_Atomic(bool) negotiated;
	bool write_multi;
	bool refused;
	bool tell_errors;
	uint32_t max_fds;
	uint32_t max_xfer;
	int twin;
	struct vfio_file *file;
	uint64_t *region_sizes;
	unsigned int nr_regions;

	_Atomic(uint64_t) call;
	struct request current;
	struct burst burst;

	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct rx rx;
	uint64_t arrived;
	uint64_t received;
	bool reader;
	unsigned int waiters;
	bool taken;
	bool owes;
	bool watched;
	bool dead;
	uint64_t taken_at;
	uint64_t seen_call; /* the watchdog's own */
	uint16_t next_id;
	struct list_head dma_requests;
	struct list_head deferred;
	unsigned int nr_deferred;
	unsigned int nr_deferred_fds;
	struct deferred *current_deferred;

	pthread_mutex_t tx_lock;
	struct tx tx;

	pthread_mutex_t twin_lock;
	bool twin_broken;
	uint16_t twin_id;
	int *strays;
	unsigned int nr_strays;
};

/** struct deferred - a request of connection.deferred, with its payload behind it */
struct deferred {
	struct list_head link;
	struct request req;
	uint8_t payload[];
};

/** clock_coarse - monotonic nanoseconds, some milliseconds old, for almost nothing. */
static inline uint64_t clock_coarse(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

/** clock_exact - monotonic nanoseconds. */
static inline uint64_t clock_exact(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static inline bool request_wants_reply(const struct request *req)
{
	return !(req->hdr.flags & VFIO_USER_F_NO_REPLY);
}

/* ---- connection.c ---- */

/**
 * connection_create - serve a client that was accepted
 * @fd:    the socket; the connection's from now on, also after an error
 * @peer:  whose it is; NULL: whoever the socket says
 * @claim: of the device's group, or NULL
 * Context: the listener's thread, server.lock held. Return: 0 or -errno.
 */
int connection_create(struct endpoint *ep, int fd, const struct peer *peer,
		      struct vfio_claim *claim);

/** connection_reap - free a connection of server.finished, its thread joined. */
void connection_reap(struct connection *c);

/**
 * connection_open_device - become the device's user
 * Context: the connection's thread, no lock. Return: 0, -EBUSY (somebody has it), -ENODEV (it is
 * going), or what the driver says.
 */
int connection_open_device(struct connection *c);

/** connection_hang_up - nothing comes from the client any more. No lock of the connection's. */
void connection_hang_up(struct connection *c);

/** connection_kill - give the connection up; whoever waits is woken. connection.lock held. */
void connection_kill(struct connection *c);

/**
 * connection_wait - wait for connection.cond until @until (clock_exact(), 0: for ever). Return: 0,
 * ETIMEDOUT. Lock held.
 */
int connection_wait(struct connection *c, uint64_t until);

/* ---- receive.c; all with connection.lock held, except where it says otherwise ---- */

/** rx_init - Return: 0 or -ENOMEM. */
int rx_init(struct rx *rx);
/**
 * rx_finish - free the buffers and close what was received and not taken. Zeroed memory is fine.
 */
void rx_finish(struct rx *rx);

/**
 * rx_wait - receive at least one byte as the reader, waiting for it
 * The lock is dropped meanwhile. For the connection's own thread, between two requests.
 */
void rx_wait(struct connection *c);

/** rx_poll - receive what is there. Return: has something come (also the end)? */
bool rx_poll(struct connection *c);

/**
 * rx_take - take the next complete message. Return: false if there is none. The message stays where
 * it is until rx_release().
 */
bool rx_take(struct connection *c, struct request *req);

/**
 * rx_release - the message that was taken is done; closes what was dropped
 * Context: the connection's thread.
 */
void rx_release(struct rx *rx);

/**
 * rx_drop_fds - have the descriptors that are left in a request closed later
 * A client that has too many dropped before that is given up (@broken). For threads that must not
 * wait.
 */
void rx_drop_fds(struct rx *rx, struct request *req);

/**
 * rx_pin - put what was not taken into another buffer, so that the message in work can lie where it
 * is. Return: 0, -ENOMEM.
 */
int rx_pin(struct rx *rx);

/**
 * request_close_fds - close those that are left in it. No lock needed; the connection's thread, for
 * the reason that rx.dropped has.
 */
void request_close_fds(struct request *req);

/* ---- reply.c ---- */

/** tx_init - Return: 0 or -ENOMEM. */
int tx_init(struct tx *tx);

/** reply_begin - room for a reply. Context: the connection's thread. */
void reply_begin(struct connection *c, struct reply *reply);

/**
 * reply_room - make room for @size bytes of payload; may move the reply. Return: 0, -ENOMEM.
 * Context: as above.
 */
int reply_room(struct connection *c, struct reply *reply, size_t size);

/**
 * reply_commit - the reply is complete: send it with the next flush, at once if it has a descriptor
 * @error: 0, or the positive errno of an error reply, which has no payload
 * Context: as above.
 */
void reply_commit(struct connection *c, const struct request *req, struct reply *reply, int error);

/** reply_drop_fd - close the descriptor if it is the client's. Context: as above. */
void reply_drop_fd(struct reply *reply);

/** reply_flush - send what waits. Context: any thread, without tx_lock. */
void reply_flush(struct connection *c);

/**
 * reply_flush_now - send what can be sent without waiting. tx_lock held. Return: is all of it sent?
 */
bool reply_flush_now(struct connection *c);

/**
 * send_message - what waits, then a message of @n parts. Context: any thread, no lock of the
 * connection's. Return: 0, -EIO.
 */
int send_message(struct connection *c, struct iovec *iov, unsigned int n);

/**
 * send_all_parts - send @n parts, and wait for the other side to take them; @iov is changed
 * @until: when to give up (clock_exact()), also if it goes on bit by bit
 * Return: 0, -ETIMEDOUT, -errno.
 */
int send_all_parts(int fd, struct iovec *iov, unsigned int n, uint64_t until);

/** iov_advance - @len bytes of @n parts are done: what is left. */
void iov_advance(struct iovec **iov, unsigned int *n, size_t len);

/* ---- dispatch.c ---- */

/**
 * struct command - how a command is handled
 * @name:     for log lines
 * @handle:   checks the message, acts, fills the reply; 0 or -errno, which becomes an error reply
 * @min_size: of the payload
 * @max_size: of the payload; larger messages are refused before they are received
 * @max_fds:  how many descriptors it may carry
 * @needs_version: comes after VERSION only
 * @keeps:    changes what the device or umdev knows of the client, so it has to be done even when
 *            it was answered without the driver
 */
struct command {
	const char *name;
	int (*handle)(struct connection *c, struct request *req, struct reply *reply);
	uint32_t min_size;
	uint32_t max_size;
	unsigned int max_fds;
	bool needs_version;
	bool keeps;
};

/** command_find - the command that clients may send by that number, or NULL. */
const struct command *command_find(uint16_t number);

/** request_check - is it a request that its handler can look at? Return: 0 or -errno. */
int request_check(const struct connection *c, const struct command *cmd, const struct request *req);

/** request_run - work on a request and answer it. Context: the connection's thread, no lock. */
void request_run(struct connection *c, struct request *req);

/** request_describe - "write of 4 bytes at 0x10 of region 0". */
void request_describe(const struct request *req, char *buf, size_t size);

int version_handle(struct connection *c, struct request *req, struct reply *reply);
int dma_map_handle(struct connection *c, struct request *req, struct reply *reply);
int dma_unmap_handle(struct connection *c, struct request *req, struct reply *reply);
int device_info_handle(struct connection *c, struct request *req, struct reply *reply);
int region_info_handle(struct connection *c, struct request *req, struct reply *reply);
int region_io_fds_handle(struct connection *c, struct request *req, struct reply *reply);
int device_feature_handle(struct connection *c, struct request *req, struct reply *reply);
int irq_info_handle(struct connection *c, struct request *req, struct reply *reply);
int set_irqs_handle(struct connection *c, struct request *req, struct reply *reply);
int region_read_handle(struct connection *c, struct request *req, struct reply *reply);
int region_write_handle(struct connection *c, struct request *req, struct reply *reply);
int region_write_multi_handle(struct connection *c, struct request *req, struct reply *reply);
int reset_handle(struct connection *c, struct request *req, struct reply *reply);

/* ---- dma_request.c ---- */

/**
 * dma_request_limit - how large may a reply with that header be? Return: the size of the message,
 * 0: nobody asked. Lock held.
 */
uint32_t dma_request_limit(struct connection *c, const struct vfio_user_header *hdr);

/** dma_request_deliver - give a reply to who waits for it. Lock held. Return: 0, -EPROTO. */
int dma_request_deliver(struct connection *c, const struct vfio_user_header *hdr,
			const uint8_t *payload);

/** connection_dma_read, connection_dma_write - for struct vfio_user_ops. */
int connection_dma_read(struct vfio_file *file, uint64_t iova, void *data, size_t len);
int connection_dma_write(struct vfio_file *file, uint64_t iova, const void *data, size_t len);

/* ---- twin.c ---- */

/**
 * twin_create - make connection.twin
 * Context: before the device is open. Return: the client's end, -errno.
 */
int twin_create(struct connection *c);

/**
 * twin_finish - let go of what came over it. Context: the connection's thread, when the device is
 * closed, for the reason that rx.dropped has.
 */
void twin_finish(struct connection *c);

/**
 * twin_transfer - one DMA request over it, and its reply
 * @count: bytes of data, no more than connection.max_xfer
 * @out:   data of a DMA_WRITE, or NULL
 * @in:    room for a DMA_READ's, or NULL
 * Context: any thread, no lock of the connection's. Return: 0, -EFAULT (the client says that it
 * can't), -EIO (it does not answer, or wrongly: the connection ends).
 */
int twin_transfer(struct connection *c, uint16_t command, uint64_t address, size_t count,
		  const void *out, void *in);

/* ---- deadline.c ---- */

/** watchdog_start, watchdog_stop - the thread. */
int watchdog_start(struct vfio_user_server *server);
void watchdog_stop(struct vfio_user_server *server);

/** deadline_of - when has the handler of @req to be done at the latest? */
uint64_t deadline_of(const struct connection *c, const struct request *req, uint64_t now);

/** deadline_begin - from here on the watchdog may answer connection.current. */
static inline void deadline_begin(struct connection *c, uint64_t deadline)
{
	atomic_store_explicit(&c->call, deadline, memory_order_release);
}

/**
 * deadline_end - the handler is done. Return: false if the watchdog has answered; then
 * deadline_reclaim().
 */
static inline bool deadline_end(struct connection *c)
{
	return atomic_exchange_explicit(&c->call, 0, memory_order_acq_rel) != CALL_TAKEN;
}

/**
 * deadline_reclaim - take the connection back from the watchdog. Return: has connection.current
 * been answered?
 */
bool deadline_reclaim(struct connection *c);

/**
 * stand_in - what to answer when the driver can't be asked
 * @size: of the payload; what lies behind its first bytes in @head is ones
 * Return: the errno of an error reply, 0 for one that looks well.
 */
int stand_in(const struct connection *c, const struct request *req, uint8_t head[24],
	     size_t *head_size, size_t *size);

#endif
