/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random servers for the preloaded library's client: reply_fuzz [SECONDS [SEED]]
 *
 * First the texts that a server may say in VERSION, mutated, go through the parser, in memory that
 * ends where they end. Then whole conversations: a thread plays a server that answers mostly right,
 * with everything off now and then (sizes, ids, types, descriptors, pieces, silence) and with
 * requests for memory in between, good and bad.
 *
 * What must hold: no crash, nothing that a sanitizer reports, every call ends with an error or with
 * no more than there was room for, and at the end no descriptor is left.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "preload/client_private.h"
#include "preload/json.h"

#define CALLS	 40
#define ROOM	 4096
#define PATIENCE 30 /* milliseconds */

static uint64_t seed;

static void die(const char *what)
{
	fprintf(stderr, "reply_fuzz: seed %llu: %s\n", (unsigned long long)seed, what);
	abort();
}

static uint64_t draw(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static bool one_in(uint64_t *random, unsigned int n)
{
	return draw(random) % n == 0;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- texts ---- */

static const char *const texts[] = {
	"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":1048576}}",
	"{\"capabilities\":{\"twin_socket\":{\"supported\":true,\"fd_index\":0},\"pgsizes\":4096}}",
	" {\"a\":[1,-2.5e+3,null,false,{\"b\":\"\\u00e4\\n\"}],\"capabilities\":{}} ",
	"{}",
	"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]",
	"",
};

/* Return: its size with the NUL that mostly ends it. */
static size_t draw_text(uint64_t *random, char *buf, size_t room)
{
	static const char bits[] = "{}[]\",:\\0123456789-+.eEtrufalsn \t\n\xff\x80\x01";
	const char *text = texts[draw(random) % (sizeof(texts) / sizeof(texts[0]))];
	size_t size = strlen(text) + 1;

	memcpy(buf, text, size);
	for (uint64_t n = draw(random) % 6; n && size; n--) {
		size_t at = draw(random) % size, len = 1 + draw(random) % 8;

		switch (draw(random) % 4) {
		case 0:
			buf[at] = bits[draw(random) % sizeof(bits)];
			break;
		case 1:
			if (len > size - at)
				len = size - at;
			memmove(buf + at, buf + at + len, size - at - len);
			size -= len;
			break;
		case 2:
			if (len > size - at)
				len = size - at;
			if (size + len > room)
				break;
			memmove(buf + at + len, buf + at, size - at);
			size += len;
			break;
		default:
			buf[at] ^= (char)(1 << draw(random) % 8);
			break;
		}
	}
	return size;
}

static void fuzz_texts(uint64_t *random, unsigned long rounds)
{
	size_t page = sysconf(_SC_PAGESIZE), size;
	char *area, *at, text[1024];
	struct version_terms terms;

	area = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || mprotect(area + page, page, PROT_NONE))
		die("no memory");
	for (unsigned long i = 0; i < rounds; i++) {
		unsigned int nr_fds = draw(random) % 3;

		size = draw_text(random, text, sizeof(text));
		at = area + page - size - sizeof(struct vfio_user_version);
		memset(at, 0, sizeof(struct vfio_user_version));
		memcpy(at + sizeof(struct vfio_user_version), text, size);
		if (version_parse(at, size + sizeof(struct vfio_user_version), nr_fds, &terms))
			continue;
		if (terms.max_fds > CLIENT_MAX_FDS || terms.max_xfer == 0 ||
		    terms.max_xfer > VFIO_USER_MAX_DATA_XFER || terms.twin >= (int)nr_fds ||
		    (terms.twin < 0 && nr_fds))
			die("terms that were never proposed");
	}
	munmap(area, 2 * page);
}

/* ---- a server ---- */

struct server {
	pthread_t thread;
	uint64_t random;
	int fd, twin;
};

static bool send_message(struct server *s, int fd, const uint8_t *buf, size_t size,
			 unsigned int nr_fds)
{
	char control[CMSG_SPACE(20 * sizeof(int))]
		__attribute__((aligned(__alignof__(struct cmsghdr)))) = { 0 };
	int fds[20];

	for (unsigned int i = 0; i < nr_fds; i++)
		fds[i] = dup(s->fd);
	while (size) {
		size_t piece = one_in(&s->random, 12) ? 1 + draw(&s->random) % size : size;
		struct iovec iov = { (void *)buf, piece };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;

		if (nr_fds) {
			struct cmsghdr *c = (struct cmsghdr *)control;

			msg.msg_control = control;
			msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
			c->cmsg_level = SOL_SOCKET;
			c->cmsg_type = SCM_RIGHTS;
			c->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
			memcpy(CMSG_DATA(c), fds, nr_fds * sizeof(int));
		}
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		while (nr_fds)
			close(fds[--nr_fds]);
		if (n <= 0)
			return false;
		buf += n;
		size -= n;
	}
	return true;
}

/* A request for memory; its answer is not waited for. */
static bool send_request(struct server *s)
{
	uint8_t buf[DMA_HEAD + 256] = { 0 };
	struct vfio_user_header hdr = { .id = draw(&s->random),
					.command = VFIO_USER_DMA_READ + draw(&s->random) % 2 };
	struct vfio_user_dma_access access = { draw(&s->random) % 8192, draw(&s->random) % 256 };
	int fd = s->twin >= 0 && !one_in(&s->random, 200) ? s->twin : s->fd;

	hdr.size = DMA_HEAD + (hdr.command == VFIO_USER_DMA_WRITE ? access.count : 0);
	if (one_in(&s->random, 20))
		access.count = draw(&s->random);
	if (one_in(&s->random, 20))
		access.address = draw(&s->random);
	if (one_in(&s->random, 200))
		hdr.command = draw(&s->random);
	if (one_in(&s->random, 400))
		hdr.flags = draw(&s->random);
	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr), &access, sizeof(access));
	if (one_in(&s->random, 400)) {
		hdr.size = draw(&s->random) % sizeof(buf);
		memcpy(buf + 4, &hdr.size, 4);
	}
	return send_message(s, fd, buf, hdr.size <= sizeof(buf) ? hdr.size : sizeof(buf),
			    one_in(&s->random, 400));
}

static bool send_reply(struct server *s, const struct vfio_user_header *asked)
{
	uint8_t buf[sizeof(struct vfio_user_header) + 2 * ROOM] = { 0 };
	struct vfio_user_header hdr = { asked->id, asked->command, 0, VFIO_USER_F_REPLY, 0 };
	size_t size = draw(&s->random) % (ROOM / 2), really;
	unsigned int nr_fds = one_in(&s->random, 60) ? draw(&s->random) % 20 : 0;

	if (asked->command == VFIO_USER_VERSION) {
		size = 4 + draw_text(&s->random, (char *)buf + sizeof(hdr) + 4, 1024);
		nr_fds = one_in(&s->random, 10);
	}
	if (one_in(&s->random, 8)) {
		hdr.flags |= VFIO_USER_F_ERROR;
		hdr.error = one_in(&s->random, 4) ? draw(&s->random) : 1 + draw(&s->random) % 40;
		size = one_in(&s->random, 4) ? size : 0;
	}
	hdr.size = sizeof(hdr) + size;
	really = hdr.size;
	if (one_in(&s->random, 400))
		hdr.size = draw(&s->random) % (3 * ROOM);
	if (one_in(&s->random, 400))
		hdr.id = draw(&s->random);
	if (one_in(&s->random, 400))
		hdr.command = draw(&s->random) % 20;
	if (one_in(&s->random, 400))
		hdr.flags = draw(&s->random);
	if (one_in(&s->random, 400))
		really = draw(&s->random) % (really + 1);
	memcpy(buf, &hdr, sizeof(hdr));
	return send_message(s, s->fd, buf, really, nr_fds);
}

/* The twin socket, given as it should be. */
static bool send_version(struct server *s, const struct vfio_user_header *asked)
{
	uint8_t buf[256] = { 0 };
	struct vfio_user_header hdr = { asked->id, asked->command, 0, VFIO_USER_F_REPLY, 0 };
	bool twin = one_in(&s->random, 2);
	size_t size = strlen(texts[twin]) + 1;
	int ends[2], own = s->fd;
	bool sent;

	if (one_in(&s->random, 3))
		return send_reply(s, asked);
	hdr.size = sizeof(hdr) + 4 + size;
	memcpy(buf, &hdr, sizeof(hdr));
	memcpy(buf + sizeof(hdr) + 4, texts[twin], size);
	if (!twin)
		return send_message(s, s->fd, buf, hdr.size, 0);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		die("no sockets");
	s->twin = ends[0];
	/* send_message() sends copies of s->fd. */
	s->fd = ends[1];
	sent = send_message(s, own, buf, hdr.size, 1);
	s->fd = own;
	close(ends[1]);
	return sent;
}

static void *server_run(void *arg)
{
	struct server *s = arg;
	uint8_t buf[65536];
	bool alive = true;

	while (alive) {
		struct vfio_user_header hdr;
		ssize_t n = recv(s->fd, buf, sizeof(buf), 0);

		if (n < (ssize_t)sizeof(hdr))
			break;
		memcpy(&hdr, buf, sizeof(hdr));
		while (alive && one_in(&s->random, 3))
			alive = send_request(s);
		if (one_in(&s->random, 400))
			continue; /* never */
		/* Answers to our own requests are received, too. */
		if (alive && (hdr.flags & VFIO_USER_F_TYPE) == VFIO_USER_F_COMMAND)
			alive = hdr.command == VFIO_USER_VERSION ? send_version(s, &hdr)
								 : send_reply(s, &hdr);
		while (alive && one_in(&s->random, 8))
			alive = send_request(s);
		if (one_in(&s->random, 500))
			break;
	}
	close(s->fd);
	if (s->twin >= 0)
		close(s->twin);
	return NULL;
}

/* ---- the client ---- */

static uint8_t memory[8192];

static int dma_read(void *data, uint64_t iova, void *buf, size_t count)
{
	if (iova > sizeof(memory) || count > sizeof(memory) - iova)
		return -EFAULT;
	memcpy(buf, memory + iova, count);
	return 0;
}

static int dma_write(void *data, uint64_t iova, const void *buf, size_t count)
{
	if (iova > sizeof(memory) || count > sizeof(memory) - iova)
		return -EFAULT;
	memcpy(memory + iova, buf, count);
	return 0;
}

static const struct client_ops ops = { dma_read, dma_write };

/* Return: may there be another? */
static bool one_call(uint64_t *random, struct client *client)
{
	static uint8_t out[64];
	uint8_t *in = malloc(ROOM);
	int fds[CLIENT_MAX_FDS], err;
	struct client_call call = {
		.command = 2 + draw(random) % 15,
		.out = { { out, draw(random) % sizeof(out) } },
		.nr_out = 1,
		.in = { { in, 16 }, { in + 16, draw(random) % (ROOM - 16) } },
		.nr_in = 2,
		.in_fds = one_in(random, 3) ? fds : NULL,
	};

	err = client_call(client, &call);
	if (err > 0 || err < -4095)
		die("an error that is none");
	if (call.in_size > 16 + call.in[1].iov_len || (err && (call.in_size || call.nr_in_fds)) ||
	    call.nr_in_fds > (call.in_fds ? CLIENT_MAX_FDS : 0))
		die("more than there is room for");
	while (call.nr_in_fds)
		close(fds[--call.nr_in_fds]);
	free(in);
	return err != -ENODEV;
}

static unsigned long fuzz_conversation(uint64_t *random)
{
	struct server server = { .random = draw(random) | 1, .twin = -1 };
	struct client *client;
	unsigned long calls = 0;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		die("no sockets");
	server.fd = ends[0];
	if (pthread_create(&server.thread, NULL, server_run, &server))
		die("no thread");
	if (!client_create(ends[1], &ops, NULL, &client)) {
		while (calls < CALLS && one_call(random, client))
			calls++;
		client_destroy(client);
	}
	pthread_join(server.thread, NULL);
	return calls;
}

static unsigned int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	double end = now() + (argc > 1 ? atof(argv[1]) : 10);
	unsigned long calls = 0, conversations = 0;
	uint64_t random;
	unsigned int before;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	random = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
	printf("reply_fuzz: seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	client_timeout_ms = PATIENCE;
	/* The service thread's descriptors stay. */
	while (!fuzz_conversation(&random))
		;
	before = open_descriptors();
	while (now() < end) {
		fuzz_texts(&random, 2000);
		for (int i = 0; i < 20; i++, conversations++)
			calls += fuzz_conversation(&random);
	}
	printf("reply_fuzz: %lu calls in %lu conversations\n", calls, conversations);
	if (!calls)
		die("nothing was said");
	if (open_descriptors() != before)
		die("descriptors are left");
	return 0;
}
