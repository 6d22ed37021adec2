/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "umdev ap request": one request to an AP queue, through the module zcrypt_cex4. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <umdev/zcrypt.h>

#include "umdev/ap_command.h"
#include "umdev/ap_request.h"
#include "umdev/tree.h"

static int say_usage(void)
{
	cli_fail("ap request: usage: umdev ap request [-j] QUEUE|ADAPTER|any " AP_REQUEST_ARGS);
	return EXIT_USAGE;
}

/* Hexadecimal, of so many digits at most. Return: what is behind it, NULL. */
static const char *parse_number(const char *text, unsigned int digits, uint16_t *number)
{
	size_t len = strspn(text, "0123456789abcdefABCDEF");
	unsigned long value = strtoul(text, NULL, 16);

	if (len < 1 || len > digits || value > 0xff)
		return NULL;
	*number = (uint16_t)value;
	return text + len;
}

/* Return: 0, EXIT_USAGE. */
static int parse_queue(const char *text, struct zcrypt_request_header *h)
{
	const char *rest;

	h->card = ZCRYPT_ANY;
	h->domain = ZCRYPT_ANY;
	if (strcmp(text, "any") == 0)
		return 0;
	rest = parse_number(text, 2, &h->card);
	if (rest && *rest == '.')
		rest = parse_number(rest + 1, 4, &h->domain);
	if (rest && !*rest)
		return 0;
	cli_fail("ap request: \"%s\": a queue (04.0047), an adapter (04) or \"any\" is expected",
		 text);
	return EXIT_USAGE;
}

static int say_not_connected(const char *path, int err)
{
	if (err == EACCES || err == EPERM)
		return cli_fail("not allowed to send requests to %s (run this as root, or load "
				"zcrypt_cex4 with another socket_mode)",
				path);
	return cli_fail("%s: %s", path, strerror(err));
}

/* Return: a descriptor, or -1 after saying why. */
static int connect_to_driver(const struct cli *cli)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char *attr = tree_path(cli, "module/zcrypt_cex4/parameters/socket");
	char *path = tree_read(attr);
	int fd = -1;

	free(attr);
	if (!path || !*path || strlen(path) >= sizeof(addr.sun_path)) {
		cli_fail(path ? "the module zcrypt_cex4 was loaded without a socket"
			      : "no adapter has a driver for requests (first: umdev modprobe ap)");
		free(path);
		return -1;
	}
	strcpy(addr.sun_path, path);
	free(path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		say_not_connected(addr.sun_path, errno);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int say_failed(const char *queue, int err)
{
	switch (err) {
	case ENODEV:
		return cli_fail("no queue that can do this is online: %s (see: umdev ap)", queue);
	case EMSGSIZE:
		return cli_fail("the request or its answer is too long for the queue");
	default:
		return cli_fail("%s: %s", queue, strerror(err));
	}
}

/* Return: the length of what has come, -1 after saying why there is nothing. */
static ssize_t exchange(int fd, const struct zcrypt_request_header *h, const struct ap_request *req,
			struct zcrypt_reply_header *reply, uint8_t *buf)
{
	struct iovec out[] = { { .iov_base = (void *)h, .iov_len = sizeof(*h) },
			       { .iov_base = (void *)req->msg, .iov_len = req->len } };
	struct iovec in[] = { { .iov_base = reply, .iov_len = sizeof(*reply) },
			      { .iov_base = buf, .iov_len = AP_REPLY_SIZE } };
	const struct msghdr to = { .msg_iov = out, .msg_iovlen = ARRAY_SIZE(out) };
	struct msghdr from = { .msg_iov = in, .msg_iovlen = ARRAY_SIZE(in) };
	ssize_t len;

	if (sendmsg(fd, &to, MSG_NOSIGNAL) < 0) {
		cli_fail("can't send the request: %s", strerror(errno));
		return -1;
	}
	do
		len = recvmsg(fd, &from, 0);
	while (len < 0 && errno == EINTR);
	if (len < (ssize_t)sizeof(*reply) || (from.msg_flags & MSG_TRUNC)) {
		cli_fail("the driver has gone without a reply");
		return -1;
	}
	return len - (ssize_t)sizeof(*reply);
}

static int print_reply(const struct cli *cli, const struct ap_request *req,
		       const struct zcrypt_reply_header *h, const uint8_t *reply, size_t len)
{
	static const struct column right[] = {
		{ "queue", "queue:" },	 { "request", "request:" },
		{ "answer", "answer:" }, { "verified", "verified:" },
		{ NULL, NULL },
	};
	static const struct column refused[] = {
		{ "queue", "queue:" },
		{ "request", "request:" },
		{ "refused", "refused:" },
		{ NULL, NULL },
	};
	struct json_object *result = json_object_new_object();
	bool ok, is_refused;
	char queue[16];
	int status;

	snprintf(queue, sizeof(queue), "%02x.%04x", h->card, h->domain);
	json_add_text(result, "queue", queue);
	ok = ap_request_judge(req, reply, len, result);
	is_refused = json_object_object_get_ex(result, "refused", NULL);
	status = cli_print_object(cli, result, is_refused ? refused : right);
	json_object_put(result);
	return ok ? status : EXIT_FAILURE;
}

static int ask(const struct cli *cli, const char *queue, const struct zcrypt_request_header *h,
	       const struct ap_request *req)
{
	static uint8_t buf[AP_REPLY_SIZE];
	struct zcrypt_reply_header reply;
	int fd = connect_to_driver(cli), status;
	ssize_t len;

	if (fd < 0)
		return EXIT_FAILURE;
	len = exchange(fd, h, req, &reply, buf);
	close(fd);
	if (len < 0)
		return EXIT_FAILURE;
	if (reply.error)
		status = say_failed(queue, (int)reply.error);
	else
		status = print_reply(cli, req, &reply, buf, (size_t)len);
	return status;
}

int ap_request(const struct cli *cli, int argc, char **argv)
{
	struct zcrypt_request_header h = { .version = ZCRYPT_VERSION };
	struct cli own = *cli;
	struct ap_request req;
	int status;

	if (argc > 1 && (strcmp(argv[1], "-j") == 0 || strcmp(argv[1], "--json") == 0)) {
		own.json = true;
		argc--;
		argv++;
	}
	if (argc < 3)
		return say_usage();
	status = parse_queue(argv[1], &h);
	if (status)
		return status;
	status = tree_check(&own);
	if (status)
		return status;
	status = ap_request_make(&req, argc - 2, argv + 2);
	if (status)
		return status;
	status = ask(&own, argv[1], &h, &req);
	ap_request_finish(&req);
	return status;
}
