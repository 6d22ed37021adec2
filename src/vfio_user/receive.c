/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Receiving: from the bytes of the socket to messages with their descriptors.
 *
 * One recvmsg() takes as much as there is. Sizes are checked as soon as a header is there, before
 * room is made for what it announces; a message that is too large is thrown away as it comes, and
 * answered with an error in its turn.
 */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_user/connection.h"

#define CONTROL_SIZE CMSG_SPACE(VFIO_USER_MAX_FDS * sizeof(int))

/* Posted writes that follow each other closely are left to gather this long, at most. */
#define GATHER_FIRST_NS	 4000
#define GATHER_MAX_NS	 32000
#define GATHER_FEW	 10
#define GATHER_MANY	 64
#define BURST_END_NS	 100000
#define BURST_MIN_STREAK 2

int rx_init(struct rx *rx)
{
	rx->buf = fault_point() ? NULL : malloc(RX_INITIAL);
	if (!rx->buf)
		return -ENOMEM;
	rx->cap = RX_INITIAL;
	return 0;
}

static void close_dropped(struct rx *rx)
{
	while (rx->nr_dropped)
		close(rx->dropped[--rx->nr_dropped]);
}

/*
 * There is room: as soon as there are RX_MAX_FDS no more is received, and what was received and not
 * taken are RX_MAX_FDS at most.
 */
static void drop_fd(struct rx *rx, int fd)
{
	if (fd < 0)
		return;
	rx->dropped[rx->nr_dropped++] = fd;
	if (rx->nr_dropped >= RX_MAX_FDS)
		rx->broken = true;
}

void rx_drop_fds(struct rx *rx, struct request *req)
{
	for (unsigned int i = 0; i < req->nr_fds; i++)
		drop_fd(rx, req->fds[i]);
	req->nr_fds = 0;
}

void rx_finish(struct rx *rx)
{
	for (unsigned int i = 0; i < rx->nr_fds; i++)
		if (rx->fds[i].fd >= 0)
			close(rx->fds[i].fd);
	rx->nr_fds = 0;
	close_dropped(rx);
	free(rx->pinned);
	free(rx->buf);
	rx->pinned = rx->buf = NULL;
}

void request_close_fds(struct request *req)
{
	for (unsigned int i = 0; i < req->nr_fds; i++)
		if (req->fds[i] >= 0)
			close(req->fds[i]);
	req->nr_fds = 0;
}

/* ---- room ---- */

/*
 * How many bytes have to fit, from @start on, so that the message that is coming in can be
 * completed?
 */
static size_t rx_needed(const struct rx *rx)
{
	size_t partial = rx->end - rx->framed;
	struct vfio_user_header hdr;

	if (partial < sizeof(hdr))
		return rx->framed - rx->start + sizeof(hdr);
	memcpy(&hdr, rx->buf + rx->framed, sizeof(hdr));
	/* Framing has checked it, else it would not be left as partial. */
	return rx->framed - rx->start + hdr.size;
}

static void rx_move_to_front(struct rx *rx)
{
	size_t used = rx->end - rx->start;

	if (rx->start == 0)
		return;
	if (used)
		memmove(rx->buf, rx->buf + rx->start, used);
	rx->framed -= rx->start;
	rx->start = 0;
	rx->end = used;
}

/* Replace the buffer by one of @cap bytes. */
static int rx_replace(struct rx *rx, size_t cap)
{
	size_t used = rx->end - rx->start;
	uint8_t *buf = fault_point() ? NULL : malloc(cap);

	if (!buf)
		return -ENOMEM;
	memcpy(buf, rx->buf + rx->start, used);
	if (rx->busy && !rx->pinned)
		rx->pinned = rx->buf;
	else
		free(rx->buf);
	rx->buf = buf;
	rx->cap = cap;
	rx->framed -= rx->start;
	rx->start = 0;
	rx->end = used;
	return 0;
}

int rx_pin(struct rx *rx)
{
	if (!rx->busy || rx->pinned)
		return 0;
	return rx_replace(rx, rx->cap);
}

/* Make room behind @end. The message in work must not move; what waits may. */
static int rx_make_room(struct rx *rx)
{
	bool movable = !rx->busy || rx->pinned;
	size_t need = rx_needed(rx);
	size_t used = rx->end - rx->start;

	if (movable && used == 0)
		rx->start = rx->framed = rx->end = 0;
	else if (movable && (rx->cap - rx->end < RX_INITIAL / 4 || rx->start + need > rx->cap))
		rx_move_to_front(rx);
	if (rx->start + need <= rx->cap && rx->end < rx->cap)
		return 0;
	if (used > RX_MAX)
		return -ENOBUFS;
	if (need < used + RX_INITIAL)
		need = used + RX_INITIAL;
	return rx_replace(rx, need);
}

/* ---- descriptors ---- */

/* How many descriptors can a message take at most? */
static unsigned int fds_wanted(const uint8_t *msg, size_t size)
{
	struct vfio_user_header hdr;
	struct vfio_irq_set set;

	if (size < sizeof(hdr))
		return VFIO_USER_MAX_FDS;
	memcpy(&hdr, msg, sizeof(hdr));
	if ((hdr.flags & VFIO_USER_F_TYPE) != VFIO_USER_F_COMMAND)
		return 0;
	if (hdr.command == VFIO_USER_DMA_MAP)
		return 1;
	if (hdr.command != VFIO_USER_DEVICE_SET_IRQS)
		return 0;
	if (size < sizeof(hdr) + sizeof(set))
		return VFIO_USER_MAX_FDS;
	memcpy(&set, msg + sizeof(hdr), sizeof(set));
	if (!(set.flags & VFIO_IRQ_SET_DATA_EVENTFD))
		return 0;
	return set.count < VFIO_USER_MAX_FDS ? set.count : VFIO_USER_MAX_FDS;
}

/* How many descriptors can those messages take that wait in the buffer, up to number @last? */
static unsigned int fds_wanted_later(const struct rx *rx, uint32_t last)
{
	uint32_t seq = rx->nr_taken;
	unsigned int wanted = 0;
	size_t at = rx->start;

	while (at < rx->framed && (int32_t)(last - seq) >= 0) {
		struct vfio_user_header hdr;

		memcpy(&hdr, rx->buf + at, sizeof(hdr));
		wanted += fds_wanted(rx->buf + at, hdr.size);
		at += hdr.size;
		seq++;
	}
	if (at < rx->end && (int32_t)(last - seq) >= 0)
		wanted += fds_wanted(rx->buf + at, rx->end - at);
	return wanted;
}

/*
 * The kernel hands descriptors over with the last piece that one recvmsg() returns, but does not
 * say where that piece began: it may be glued to messages that carried none. So of the messages
 * that the descriptors can belong to, the later ones get what they can take, and only what is left
 * goes to an earlier one. The last one gets all that is left.
 */
static void rx_take_fds(struct rx *rx, uint32_t seq, const uint8_t *msg, struct request *req)
{
	unsigned int kept = 0, i = 0;

	while (i < rx->nr_fds) {
		uint32_t first = rx->fds[i].first, last = rx->fds[i].last;
		unsigned int group = 0, mine;

		while (i + group < rx->nr_fds && rx->fds[i + group].first == first &&
		       rx->fds[i + group].last == last)
			group++;
		if ((int32_t)(first - seq) > 0) {
			mine = 0;
		} else if (last == seq) {
			mine = group;
		} else {
			unsigned int later = fds_wanted_later(rx, last);
			unsigned int wanted = fds_wanted(msg, req->hdr.size);

			mine = group > later ? group - later : 0;
			if (mine > wanted)
				mine = wanted;
		}
		for (unsigned int k = 0; k < group; k++, i++) {
			struct rx_fd *rfd = &rx->fds[i];

			if (k >= mine) {
				rx->fds[kept++] = *rfd;
			} else if (rfd->fd >= 0 && req->nr_fds < VFIO_USER_MAX_FDS) {
				req->fds[req->nr_fds++] = rfd->fd;
			} else {
				drop_fd(rx, rfd->fd);
				req->bad_fds = true;
			}
		}
	}
	rx->nr_fds = kept;
}

/* Read the descriptors of a recvmsg(). Return: how many, VFIO_USER_MAX_FDS at most. */
static unsigned int control_fds(struct msghdr *msg, int fds[VFIO_USER_MAX_FDS])
{
	unsigned int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	}
	return n;
}

/* ---- framing ---- */

/* How large may a message of that header be? 0: nobody waits for it. */
static uint32_t size_limit(struct connection *c, const struct vfio_user_header *hdr)
{
	const struct command *cmd;

	if ((hdr->flags & VFIO_USER_F_TYPE) == VFIO_USER_F_REPLY)
		return dma_request_limit(c, hdr);
	cmd = command_find(hdr->command);
	return sizeof(*hdr) + (cmd && cmd->max_size > RX_INITIAL ? cmd->max_size : RX_INITIAL);
}

/*
 * Look at the header at rx->framed. hdr->error becomes the reason for which the message is refused,
 * and hdr->size what of it is kept.
 */
static void frame_header(struct connection *c, struct vfio_user_header *hdr)
{
	struct rx *rx = &c->rx;
	bool is_reply = (hdr->flags & VFIO_USER_F_TYPE) == VFIO_USER_F_REPLY;
	uint32_t limit = size_limit(c, hdr);

	hdr->error = 0;
	if (hdr->size < sizeof(*hdr) || (is_reply && hdr->size > limit)) {
		/* Nobody knows where the next message begins, or the peer makes things up. */
		rx->broken = true;
		hdr->error = EINVAL;
		hdr->size = sizeof(*hdr);
	} else if (hdr->size > limit) {
		rx->skip = hdr->size - sizeof(*hdr);
		hdr->error = EMSGSIZE;
		hdr->size = sizeof(*hdr);
	}
}

/* Throw away what belongs to a refused message. */
static void rx_skip(struct rx *rx)
{
	size_t n = rx->end - rx->framed;

	if (n > rx->skip)
		n = rx->skip;
	memmove(rx->buf + rx->framed, rx->buf + rx->framed + n, rx->end - rx->framed - n);
	rx->end -= n;
	rx->skip -= n;
}

static void rx_frame(struct connection *c)
{
	struct rx *rx = &c->rx;
	struct vfio_user_header hdr;

	for (;;) {
		if (rx->skip)
			rx_skip(rx);
		if (rx->broken)
			rx->end = rx->framed;
		if (rx->end - rx->framed < sizeof(hdr))
			return;
		memcpy(&hdr, rx->buf + rx->framed, sizeof(hdr));
		frame_header(c, &hdr);
		if (rx->end - rx->framed < hdr.size)
			return;
		if (!hdr.error && (hdr.flags & VFIO_USER_F_TYPE) == VFIO_USER_F_REPLY &&
		    dma_request_deliver(c, &hdr, rx->buf + rx->framed + sizeof(hdr)))
			rx->broken = true;
		memcpy(rx->buf + rx->framed, &hdr, sizeof(hdr));
		rx->framed += hdr.size;
		rx->nr_framed++;
	}
}

/*
 * Note descriptors that came with the last bytes. @before: how many messages were complete before
 * these bytes.
 */
static void rx_add_fds(struct connection *c, uint32_t before, const int *fds, unsigned int n,
		       bool lost)
{
	struct rx *rx = &c->rx;
	uint32_t last = rx->nr_framed - (rx->end == rx->framed);
	bool fits = rx->nr_fds + n + lost <= RX_MAX_FDS;

	/* All that these bytes contain was thrown away: so are their descriptors. */
	if (!fits || (int32_t)(last - before) < 0) {
		for (unsigned int i = 0; i < n; i++)
			drop_fd(rx, fds[i]);
		if (!fits) {
			pr_warn("vfio-user: %s: the client sends descriptors without end",
				c->ep->name);
			rx->broken = true;
		}
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		rx->fds[rx->nr_fds++] = (struct rx_fd) { fds[i], before, last };
	if (lost)
		rx->fds[rx->nr_fds++] = (struct rx_fd) { -1, before, last };
}

/* ---- reading the socket ---- */

static ssize_t rx_recv(struct connection *c, uint8_t *buf, size_t size, int flags,
		       struct msghdr *msg, void *control)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	ssize_t n;

	*msg = (struct msghdr) { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CONTROL_SIZE };
	do
		n = recvmsg(c->fd, msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	msg->msg_iov = NULL;
	return n < 0 ? -errno : n;
}

/* Take over what rx_recv() has put behind @end. */
static void rx_append(struct connection *c, ssize_t n, struct msghdr *msg, uint64_t came)
{
	struct rx *rx = &c->rx;
	uint32_t before = rx->nr_framed;
	int fds[VFIO_USER_MAX_FDS];
	unsigned int nr_fds = 0;

	if (n <= 0) {
		rx->eof = true;
		return;
	}
	if (msg->msg_controllen)
		nr_fds = control_fds(msg, fds);
	if (rx->start == rx->framed)
		c->arrived = came;
	rx->end += n;
	rx_frame(c);
	if (nr_fds || (msg->msg_flags & MSG_CTRUNC))
		rx_add_fds(c, before, fds, nr_fds, msg->msg_flags & MSG_CTRUNC);
}

/* Make room, or give up the connection. */
static bool rx_has_room(struct connection *c)
{
	int err = rx_make_room(&c->rx);

	if (!err)
		return true;
	pr_err("vfio-user: %s: disconnecting the client: %s", c->ep->name,
	       err == -ENOBUFS ? "it sends more than can be kept while the driver waits for it"
			       : "out of memory");
	connection_kill(c);
	return false;
}

bool rx_poll(struct connection *c)
{
	char control[CONTROL_SIZE] __attribute__((aligned(__alignof__(struct cmsghdr))));
	struct msghdr msg;
	ssize_t n;

	if (c->rx.eof || c->rx.broken || c->dead || !rx_has_room(c))
		return true;
	n = rx_recv(c, c->rx.buf + c->rx.end, c->rx.cap - c->rx.end, MSG_DONTWAIT, &msg, control);
	if (n == -EAGAIN) {
		c->received = clock_coarse();
		return false;
	}
	/* It may have come any time since the socket was last seen empty. */
	rx_append(c, n, &msg, c->received);
	return true;
}

/*
 * A batch of posted messages has been worked off. If such batches follow each other closely a
 * stream is under way: let it gather for some microseconds, then one system call takes many of
 * them. A lone doorbell never meets this.
 */
static void burst_gather(struct burst *b)
{
	uint64_t until;

	if (!b->posted_only || b->messages == 0) {
		b->streak = 0;
		return;
	}
	if (b->streak < BURST_MIN_STREAK) {
		b->streak++;
		b->gather_ns = GATHER_FIRST_NS;
		b->last_ns = clock_exact();
		return;
	}
	if (b->messages < GATHER_FEW && b->gather_ns < GATHER_MAX_NS)
		b->gather_ns *= 2;
	else if (b->messages > GATHER_MANY)
		b->gather_ns /= 2;
	until = b->last_ns + b->gather_ns;
	while ((b->last_ns = clock_exact()) < until)
#if defined(__x86_64__) || defined(__i386__)
		__builtin_ia32_pause();
#else
		__asm__ volatile("" ::: "memory");
#endif
}

/* Something has come. If it had to be waited for, no stream is under way any more. */
static void burst_received(struct burst *b)
{
	b->messages = 0;
	b->posted_only = true;
	if (b->streak) {
		uint64_t now = clock_exact();

		if (now - b->last_ns > BURST_END_NS)
			b->streak = 0;
		b->last_ns = now;
	}
}

void rx_wait(struct connection *c)
{
	char control[CONTROL_SIZE] __attribute__((aligned(__alignof__(struct cmsghdr))));
	struct rx *rx = &c->rx;
	struct msghdr msg;
	ssize_t n;

	if (!rx_has_room(c))
		return;
	c->reader = true;
	pthread_mutex_unlock(&c->lock);
	burst_gather(&c->burst);
	n = rx_recv(c, rx->buf + rx->end, rx->cap - rx->end, 0, &msg, control);
	burst_received(&c->burst);
	pthread_mutex_lock(&c->lock);
	c->reader = false;
	c->received = clock_coarse();
	rx_append(c, n, &msg, c->received);
	if (c->waiters)
		pthread_cond_broadcast(&c->cond);
}

/* ---- taking ---- */

bool rx_take(struct connection *c, struct request *req)
{
	struct rx *rx = &c->rx;
	const uint8_t *msg;

	while (rx->start < rx->framed) {
		msg = rx->buf + rx->start;
		memcpy(&req->hdr, msg, sizeof(req->hdr));
		req->payload = msg + sizeof(req->hdr);
		req->size = req->hdr.size - sizeof(req->hdr);
		req->nr_fds = 0;
		req->bad_fds = false;
		req->arrived = c->arrived;
		rx->start += req->hdr.size;
		rx->nr_taken++;
		if (rx->nr_fds)
			rx_take_fds(rx, rx->nr_taken - 1, msg, req);
		/* Replies were delivered when they came. */
		if ((req->hdr.flags & VFIO_USER_F_TYPE) == VFIO_USER_F_REPLY) {
			rx_drop_fds(rx, req);
			continue;
		}
		rx->busy = true;
		return true;
	}
	return false;
}

void rx_release(struct rx *rx)
{
	close_dropped(rx);
	rx->busy = false;
	free(rx->pinned);
	rx->pinned = NULL;
}
