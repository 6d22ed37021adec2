/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random messages for the vfio-user server: protocol_fuzz [SECONDS [SEED]]
 *
 * Some clients at once talk to the test devices, mostly with messages that are nearly right: every
 * field is drawn from what is interesting there, sizes are off by little or by much, messages are
 * cut into pieces, glued to each other, carry descriptors that belong to them or not, and end
 * halfway. The server's own requests are answered well, badly or not at all. Meanwhile callbacks
 * hang and are let go.
 *
 * What must hold: no crash, nothing that a sanitizer reports, each message from the server is well
 * formed and answers a request that is open, and at the end no descriptor is left. What was sent
 * depends on the seed alone, which is printed; how the threads meet does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <umdev/umdev.h>
#include <umdev/vfio_user.h>

#include "tests/vfio_user/test_device.h"
#include "vfio_user/protocol.h"

#define NR_CLIENTS   6 /* more than devices, so that some are refused */
#define TIMEOUT_MS   40
#define MAX_PAYLOAD  (1u << 17)
#define MAX_INCOMING (sizeof(struct vfio_user_header) + 16 + VFIO_USER_MAX_DATA_XFER)
#define MAX_FDS	     20

struct client {
	pthread_t thread;
	uint64_t random;
	unsigned int number;
	int fd;
	int memory;  /* a memfd to be mapped */
	uint16_t id; /* of the next request */
	bool adrift; /* the server may see messages where none was meant to begin */
	unsigned long sent, open_sessions;
	uint8_t open[1 << 16]; /* how many requests of that id wait for their reply */
	uint8_t out[sizeof(struct vfio_user_header) + MAX_PAYLOAD];
	uint8_t *in;
	size_t in_size;
};

static char directory[] = "/tmp/protocol_fuzz.XXXXXX";
static uint64_t seed;
static double end_at;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "protocol_fuzz: seed %llu: ", (unsigned long long)seed);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, "\n");
	va_end(args);
	abort();
}

/* ---- random numbers ---- */

static uint64_t draw(struct client *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random;
}

static uint64_t below(struct client *c, uint64_t n)
{
	return draw(c) % n;
}

static bool one_in(struct client *c, unsigned int n)
{
	return below(c, n) == 0;
}

/* A number as it is at the edges of things. */
static uint64_t edge(struct client *c)
{
	static const uint64_t edges[] = { 0,
					  1,
					  2,
					  3,
					  4,
					  7,
					  8,
					  9,
					  15,
					  16,
					  17,
					  31,
					  32,
					  64,
					  255,
					  256,
					  4095,
					  4096,
					  4097,
					  65535,
					  65536,
					  1 << 20,
					  (1 << 20) + 1,
					  INT32_MAX,
					  1ull << 31,
					  UINT32_MAX,
					  1ull << 32,
					  INT64_MAX,
					  1ull << 63,
					  UINT64_MAX - 4095,
					  UINT64_MAX };

	return one_in(c, 8) ? draw(c) : edges[below(c, ARRAY_SIZE(edges))];
}

/* Usually below @n, sometimes far from it. */
static uint64_t nearly(struct client *c, uint64_t n)
{
	return one_in(c, 12) ? edge(c) : below(c, n);
}

/* ---- payloads: each returns its size, as it should be ---- */

static const char full_version[] =
	"{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
	"\"pgsizes\":4096,\"max_dma_maps\":65535,\"write_multiple\":true}}";

static size_t put_version(struct client *c, uint8_t *p)
{
	static const char *const texts[] = {
		full_version,
		"{\"capabilities\":{\"max_msg_fds\":0,\"max_data_xfer_size\":100}}",
		"{\"capabilities\":{\"max_msg_fds\":1,\"migration\":{\"pgsize\":4096}}}",
		"{}",
		"{\"capabilities\":{\"max_data_xfer_size\":-1}}",
		"{\"capabilities\":[]}",
		"",
	};
	struct vfio_user_version version = { 0, below(c, 3) };
	const char *text = texts[one_in(c, 3) ? below(c, ARRAY_SIZE(texts)) : 0];
	size_t size = strlen(text) + 1;

	if (one_in(c, 30))
		version.major = edge(c);
	memcpy(p, &version, sizeof(version));
	memcpy(p + sizeof(version), text, size);
	if (one_in(c, 20))
		p[sizeof(version) + below(c, size)] ^= 1 << below(c, 8);
	return sizeof(version) + size;
}

static size_t put_dma_map(struct client *c, uint8_t *p)
{
	struct vfio_user_dma_map map = { .argsz = nearly(c, 8) + 28,
					 .flags = nearly(c, 4),
					 .offset = nearly(c, 16) * 4096,
					 .address = nearly(c, 64) * 4096,
					 .size = (nearly(c, 8) + 1) * 4096 };

	memcpy(p, &map, sizeof(map));
	return sizeof(map);
}

static size_t put_dma_unmap(struct client *c, uint8_t *p)
{
	struct vfio_user_dma_unmap unmap = { .argsz = nearly(c, 8) + 20,
					     .flags = one_in(c, 8) ? nearly(c, 4) : 0,
					     .address = nearly(c, 64) * 4096,
					     .size = (nearly(c, 16) + 1) * 4096 };

	if (unmap.flags == VFIO_USER_DMA_UNMAP_F_ALL)
		unmap.address = unmap.size = 0;
	memcpy(p, &unmap, sizeof(unmap));
	return sizeof(unmap);
}

/* Four numbers: GET_INFO, GET_REGION_IO_FDS, GET_IRQ_INFO. */
static size_t put_four(struct client *c, uint8_t *p)
{
	uint32_t four[4] = { nearly(c, 20) + 10, one_in(c, 8) ? edge(c) : 0, nearly(c, 10),
			     one_in(c, 8) ? edge(c) : 0 };

	memcpy(p, four, sizeof(four));
	return sizeof(four);
}

static size_t put_region_info(struct client *c, uint8_t *p)
{
	struct vfio_region_info info = { .argsz = nearly(c, 100) + 20, .index = nearly(c, 10) };

	memcpy(p, &info, sizeof(info));
	return sizeof(info);
}

static size_t put_set_irqs(struct client *c, uint8_t *p)
{
	struct vfio_irq_set set = { .argsz = nearly(c, 100) + 16,
				    .flags = one_in(c, 6)
						     ? edge(c)
						     : (1u << below(c, 3)) | (8u << below(c, 3)),
				    .index = nearly(c, 5),
				    .start = one_in(c, 2) ? 0 : nearly(c, 64),
				    .count = nearly(c, 17) };

	memcpy(p, &set, sizeof(set));
	if (!(set.flags & VFIO_IRQ_SET_DATA_BOOL) || set.count > 4096)
		return sizeof(set);
	for (uint32_t i = 0; i < set.count; i++)
		p[sizeof(set) + i] = below(c, 2);
	return sizeof(set) + set.count;
}

static struct vfio_user_region_access draw_access(struct client *c)
{
	struct vfio_user_region_access access = { .region = nearly(c, 9),
						  .count = one_in(c, 20) ? nearly(c, 70000)
									 : 1u << below(c, 4) };

	access.offset = nearly(c, 4096);
	if (access.region == 0 && one_in(c, 3))
		access.offset = REG_FIRST + 8 * below(c, 20);
	/* Hanging is for a few only, else nothing else would be done. */
	if (access.region == 0 && access.offset == REG_HANG && !one_in(c, 20))
		access.offset = REG_SEQ;
	return access;
}

static size_t put_read(struct client *c, uint8_t *p)
{
	struct vfio_user_region_access access = draw_access(c);

	memcpy(p, &access, sizeof(access));
	return sizeof(access);
}

static size_t put_write(struct client *c, uint8_t *p)
{
	struct vfio_user_region_access access = draw_access(c);
	size_t size = access.count < 70000 ? access.count : 8;
	uint64_t value = one_in(c, 3) ? nearly(c, 8) << 16 | nearly(c, 64) : nearly(c, 0x400);

	memcpy(p, &access, sizeof(access));
	memset(p + sizeof(access), 0, size);
	memcpy(p + sizeof(access), &value, size < sizeof(value) ? size : sizeof(value));
	return sizeof(access) + size;
}

static size_t put_write_multi(struct client *c, uint8_t *p)
{
	uint64_t n = below(c, 200);
	struct vfio_user_write_multi multi = { one_in(c, 8) ? edge(c) : n };

	memcpy(p, &multi, sizeof(multi));
	for (uint64_t i = 0; i < n; i++) {
		struct vfio_user_region_access access = draw_access(c);
		struct vfio_user_small_write write = { access.offset, access.region,
						       access.count > 8 ? 8 : access.count };

		write.data[0] = draw(c);
		memcpy(p + sizeof(multi) + i * sizeof(write), &write, sizeof(write));
	}
	return sizeof(multi) + n * sizeof(struct vfio_user_small_write);
}

static size_t put_feature(struct client *c, uint8_t *p)
{
	uint32_t two[2] = { nearly(c, 32), nearly(c, 1 << 19) };

	memcpy(p, two, sizeof(two));
	return sizeof(two);
}

static size_t put_nothing(struct client *c, uint8_t *p)
{
	return 0;
}

static const struct {
	size_t (*put)(struct client *c, uint8_t *payload);
	unsigned int weight;
} kinds[] = {
	[VFIO_USER_VERSION] = { put_version, 1 },
	[VFIO_USER_DMA_MAP] = { put_dma_map, 12 },
	[VFIO_USER_DMA_UNMAP] = { put_dma_unmap, 8 },
	[VFIO_USER_DEVICE_GET_INFO] = { put_four, 2 },
	[VFIO_USER_DEVICE_GET_REGION_INFO] = { put_region_info, 4 },
	[VFIO_USER_DEVICE_GET_REGION_IO_FDS] = { put_four, 2 },
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = { put_four, 2 },
	[VFIO_USER_DEVICE_SET_IRQS] = { put_set_irqs, 12 },
	[VFIO_USER_REGION_READ] = { put_read, 20 },
	[VFIO_USER_REGION_WRITE] = { put_write, 30 },
	[VFIO_USER_DMA_READ] = { put_read, 1 },
	[VFIO_USER_DMA_WRITE] = { put_write, 1 },
	[VFIO_USER_DEVICE_RESET] = { put_nothing, 2 },
	[VFIO_USER_REGION_WRITE_MULTI] = { put_write_multi, 3 },
	[VFIO_USER_DEVICE_FEATURE] = { put_feature, 2 },
	[VFIO_USER_MIG_DATA_READ] = { put_feature, 1 },
	[VFIO_USER_MIG_DATA_WRITE] = { put_feature, 1 },
};

static uint16_t draw_command(struct client *c)
{
	unsigned int total = 0, at;

	if (one_in(c, 100))
		return draw(c);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		total += kinds[i].weight;
	at = below(c, total);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (at < kinds[i].weight)
			return i;
		at -= kinds[i].weight;
	}
	return 0;
}

/* ---- sending ---- */

/*
 * Send all of it with the descriptors, cut into pieces now and then. Return: false when the server
 * has hung up.
 */
static bool send_bytes(struct client *c, const uint8_t *buf, size_t size, int *fds,
		       unsigned int nr_fds)
{
	union {
		char buf[CMSG_SPACE(MAX_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;

	while (size) {
		size_t piece = one_in(c, 10) ? below(c, size) + 1 : size;
		struct iovec iov = { (void *)buf, piece };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;

		if (nr_fds && (piece == size || one_in(c, 2))) {
			struct cmsghdr *cmsg;

			msg.msg_control = control.buf;
			msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
			cmsg = CMSG_FIRSTHDR(&msg);
			cmsg->cmsg_level = SOL_SOCKET;
			cmsg->cmsg_type = SCM_RIGHTS;
			cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
			memcpy(CMSG_DATA(cmsg), fds, nr_fds * sizeof(int));
			nr_fds = 0;
		}
		n = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return false;
		if (n <= 0)
			return false;
		buf += n;
		size -= n;
	}
	return true;
}

static unsigned int draw_fds(struct client *c, uint16_t command, const uint8_t *payload, int *fds)
{
	unsigned int n = 0;

	if (command == VFIO_USER_DMA_MAP)
		n = below(c, 2);
	else if (command == VFIO_USER_DEVICE_SET_IRQS)
		n = ((const struct vfio_irq_set *)payload)->count % 17 * below(c, 2);
	if (one_in(c, 30))
		n = below(c, MAX_FDS + 1);
	for (unsigned int i = 0; i < n; i++) {
		if (command == VFIO_USER_DMA_MAP || one_in(c, 20))
			fds[i] = dup(c->memory);
		else if (one_in(c, 20))
			fds[i] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		else
			fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fds[i] < 0)
			die("no descriptor: %s", strerror(errno));
	}
	return n;
}

static bool send_request(struct client *c, uint16_t command)
{
	struct vfio_user_header hdr = { .id = c->id++, .command = command };
	uint8_t *payload = c->out + sizeof(hdr);
	size_t size = 0;
	int fds[MAX_FDS];
	unsigned int nr_fds;
	bool alive;

	if (command < ARRAY_SIZE(kinds) && kinds[command].put)
		size = kinds[command].put(c, payload);
	if (one_in(c, 25))
		size = below(c, size + 40);
	if (one_in(c, 25) && size)
		payload[below(c, size)] = draw(c);
	hdr.size = sizeof(hdr) + size;
	if (one_in(c, 200)) {
		hdr.size = edge(c) % (1 << 22);
		c->adrift = true;
	}
	hdr.flags = one_in(c, 4) ? VFIO_USER_F_NO_REPLY : 0;
	if (one_in(c, 200))
		hdr.flags = draw(c) & 0x3f;
	memcpy(c->out, &hdr, sizeof(hdr));
	if (!(hdr.flags & VFIO_USER_F_NO_REPLY) && c->open[hdr.id] < UINT8_MAX)
		c->open[hdr.id]++;
	nr_fds = draw_fds(c, command, payload, fds);
	alive = send_bytes(c, c->out, sizeof(hdr) + size, fds, nr_fds);
	for (unsigned int i = 0; i < nr_fds; i++)
		close(fds[i]);
	c->sent++;
	return alive;
}

/* Answer a DMA_READ or DMA_WRITE of the server's. */
static bool answer_dma(struct client *c, const struct vfio_user_header *asked,
		       const uint8_t *payload)
{
	struct vfio_user_header hdr = *asked;
	struct vfio_user_dma_access access;
	size_t data;

	memcpy(&access, payload, sizeof(access));
	if (one_in(c, 100))
		return true; /* never */
	hdr.flags = VFIO_USER_F_REPLY;
	data = asked->command == VFIO_USER_DMA_READ ? access.count : 0;
	if (one_in(c, 20) || data > MAX_PAYLOAD - sizeof(access)) {
		hdr.flags |= VFIO_USER_F_ERROR;
		hdr.error = 19;
		hdr.size = sizeof(hdr);
	} else {
		if (one_in(c, 60))
			access.count = edge(c);
		if (one_in(c, 60))
			data = below(c, data + 10);
		hdr.size = sizeof(hdr) + sizeof(access) + data;
		memcpy(c->out + sizeof(hdr), &access, sizeof(access));
		memset(c->out + sizeof(hdr) + sizeof(access), 0x5a, data);
	}
	if (one_in(c, 100))
		hdr.id ^= draw(c);
	memcpy(c->out, &hdr, sizeof(hdr));
	return send_bytes(c, c->out, hdr.size, NULL, 0);
}

/* ---- receiving ---- */

static void check_reply(struct client *c, const struct vfio_user_header *hdr)
{
	if (!c->open[hdr->id] && !c->adrift)
		die("client %u: a reply to request %u, command %u, that is not open", c->number,
		    hdr->id, hdr->command);
	if (c->open[hdr->id])
		c->open[hdr->id]--;
	if ((hdr->flags & VFIO_USER_F_ERROR) &&
	    (hdr->size != sizeof(*hdr) || hdr->error == 0 || hdr->error > 4095))
		die("client %u: an error reply of %u bytes, error %u", c->number, hdr->size,
		    hdr->error);
	if (!(hdr->flags & VFIO_USER_F_ERROR) && hdr->error)
		die("client %u: a good reply with error %u", c->number, hdr->error);
}

/* Look at what has come. Return: false when the conversation should end. */
static bool parse_incoming(struct client *c)
{
	size_t at = 0;
	bool go_on = true;

	while (go_on && c->in_size - at >= sizeof(struct vfio_user_header)) {
		struct vfio_user_header hdr;

		memcpy(&hdr, c->in + at, sizeof(hdr));
		if (hdr.size < sizeof(hdr) || hdr.size > MAX_INCOMING)
			die("client %u: a message of %u bytes", c->number, hdr.size);
		if (c->in_size - at < hdr.size)
			break;
		if ((hdr.flags & VFIO_USER_F_TYPE) == VFIO_USER_F_REPLY)
			check_reply(c, &hdr);
		else if ((hdr.command == VFIO_USER_DMA_READ ||
			  hdr.command == VFIO_USER_DMA_WRITE) &&
			 hdr.flags == 0 && hdr.size >= sizeof(hdr) + 16)
			go_on = answer_dma(c, &hdr, c->in + at + sizeof(hdr));
		else
			die("client %u: command %u, flags 0x%x, %u bytes", c->number, hdr.command,
			    hdr.flags, hdr.size);
		at += hdr.size;
	}
	memmove(c->in, c->in + at, c->in_size - at);
	c->in_size -= at;
	return go_on;
}

/*
 * Receive what is there, waiting up to @timeout milliseconds for the first. Return: false at the
 * end.
 */
static bool receive(struct client *c, int timeout)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };

	while (poll(&pfd, 1, timeout) > 0) {
		/* Descriptors are not wanted: without room for them the kernel drops them. */
		ssize_t n =
			recv(c->fd, c->in + c->in_size, MAX_INCOMING - c->in_size, MSG_DONTWAIT);

		if (n <= 0)
			return false;
		c->in_size += n;
		if (!parse_incoming(c))
			return false;
		timeout = 0;
	}
	return true;
}

/* ---- conversations ---- */

static void converse(struct client *c)
{
	unsigned int messages = below(c, 400);
	bool alive = true;

	if (!one_in(c, 10))
		alive = send_request(c, VFIO_USER_VERSION) && receive(c, TIMEOUT_MS * 4);
	if (alive)
		c->open_sessions++;
	while (alive && messages-- && now() < end_at) {
		if (one_in(c, 300)) {
			/* Noise. */
			for (size_t i = 0; i < 256; i++)
				c->out[i] = draw(c);
			c->adrift = true;
			alive = send_bytes(c, c->out, below(c, 256) + 1, NULL, 0);
		} else {
			alive = send_request(c, draw_command(c));
		}
		if (alive && one_in(c, 3))
			alive = receive(c, 0);
	}
	if (one_in(c, 3))
		shutdown(c->fd, SHUT_WR);
	if (!one_in(c, 3))
		receive(c, TIMEOUT_MS / 2);
}

static void *client_run(void *arg)
{
	struct client *c = arg;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	while (now() < end_at) {
		c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/dev%u", directory,
			 (unsigned int)below(c, NR_DEVICES));
		if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)))
			die("connect: %s", strerror(errno));
		memset(c->open, 0, sizeof(c->open));
		c->in_size = 0;
		c->adrift = false;
		converse(c);
		close(c->fd);
	}
	return NULL;
}

static void client_create(struct client *c, unsigned int number)
{
	c->number = number;
	c->random = (seed + number + 1) * 0x9e3779b97f4a7c15ull | 1;
	c->in = malloc(MAX_INCOMING);
	c->memory = memfd_create("fuzz", MFD_CLOEXEC);
	if (!c->in || c->memory < 0 || ftruncate(c->memory, 64 * 4096))
		die("no memory");
	if (pthread_create(&c->thread, NULL, client_run, c))
		die("no thread");
}

static void client_destroy(struct client *c)
{
	close(c->memory);
	free(c->in);
}

/* How many descriptors are open? umdev keeps one of /dev/null for good, which does not count. */
static unsigned int open_descriptors(bool tell)
{
	char path[64], target[256];
	unsigned int n = 0;

	for (int fd = 3; fd < 4096; fd++) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, target, sizeof(target) - 1);
		if (len <= 0)
			continue;
		target[len] = '\0';
		if (!strcmp(target, "/dev/null"))
			continue;
		if (tell)
			fprintf(stderr, "%d: %s\n", fd, target);
		n++;
	}
	return n;
}

static void run_clients(void)
{
	static struct client clients[NR_CLIENTS];
	struct timespec pause = { .tv_nsec = 30000000 };
	unsigned long sent = 0, sessions = 0;

	for (unsigned int i = 0; i < NR_CLIENTS; i++)
		client_create(&clients[i], i);
	while (now() < end_at) {
		nanosleep(&pause, NULL);
		test_devices_release();
	}
	/* A client may be waiting for the answer of a device that hangs. */
	for (unsigned int i = 0; i < NR_CLIENTS; i++) {
		pthread_join(clients[i].thread, NULL);
		sent += clients[i].sent;
		sessions += clients[i].open_sessions;
		client_destroy(&clients[i]);
	}
	printf("protocol_fuzz: %lu messages in %lu sessions\n", sent, sessions);
	if (!sent || !sessions)
		die("nothing was said");
}

static void *release_run(void *arg)
{
	struct timespec pause = { .tv_nsec = 10000000 };

	while (!__atomic_load_n((bool *)arg, __ATOMIC_SEQ_CST)) {
		test_devices_release();
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct vfio_user_config config = { .dir = directory,
					   .mode = 0600,
					   .owner = -1,
					   .group = -1,
					   .callback_timeout_ms = TIMEOUT_MS };
	double seconds = argc > 1 ? atof(argv[1]) : 10;
	unsigned int before, after;
	bool stopped = false;
	pthread_t releaser;
	int err;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	printf("protocol_fuzz: seed %llu, %.0f seconds\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	log_set_level(LOG_LEVEL_ERR - 1);
	if (!mkdtemp(directory))
		die("mkdtemp: %s", strerror(errno));
	before = open_descriptors(false);
	err = umdev_start();
	if (!err)
		err = vfio_user_start(&config);
	if (!err)
		err = test_devices_create();
	if (err)
		die("no devices: %s", strerror(-err));
	end_at = now() + seconds;
	run_clients();

	if (pthread_create(&releaser, NULL, release_run, &stopped))
		die("no thread");
	vfio_user_stop();
	test_devices_destroy();
	__atomic_store_n(&stopped, true, __ATOMIC_SEQ_CST);
	pthread_join(releaser, NULL);
	umdev_stop();
	after = open_descriptors(false);
	if (after > before) {
		open_descriptors(true);
		die("%u descriptors are left", after - before);
	}
	if (rmdir(directory))
		die("%s is left: %s", directory, strerror(errno));
	return 0;
}
