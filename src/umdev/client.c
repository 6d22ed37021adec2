/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "umdev/client.h"

/* No answer is longer. */
#define MESSAGE_MAX (1 << 20)

int client_open(const struct cli *cli)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int err, fd, len;

	len = snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/control", cli->runtime_dir);
	if (len < 0 || (size_t)len >= sizeof(sun.sun_path)) {
		cli_fail("%s: the path is too long for a socket", cli->runtime_dir);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	err = errno;
	if (fd >= 0)
		close(fd);
	if (err == ENOENT || err == ECONNREFUSED || err == ENOTDIR)
		cli_say_no_daemon(cli);
	else if (err == EACCES || err == EPERM)
		cli_fail("the umdevd at %s belongs to another user (run this as that user or root)",
			 cli->runtime_dir);
	else
		cli_fail("%s: %s", sun.sun_path, strerror(err));
	return -1;
}

static struct json_object *receive_with(int fd, struct received *in)
{
	struct json_object *obj = NULL;
	char *buf = malloc(MESSAGE_MAX);
	ssize_t len;

	if (!buf)
		return NULL;
	len = descriptors_receive(fd, buf, MESSAGE_MAX - 1, in);
	if (len > 0 && len < MESSAGE_MAX) {
		buf[len] = '\0';
		obj = json_tokener_parse(buf);
	}
	if (len > 0 && !obj)
		received_close(in);
	free(buf);
	return obj;
}

struct json_object *client_receive(int fd)
{
	struct received in;
	struct json_object *obj = receive_with(fd, &in);

	if (obj)
		received_close(&in);
	return obj;
}

struct json_object *client_request(const char *command)
{
	struct json_object *request = json_object_new_object();

	json_add_text(request, "command", command);
	return request;
}

static struct json_object *refuse(struct json_object *answer, struct received *in, const char *why)
{
	cli_fail("%s", why);
	received_close(in);
	json_object_put(answer);
	return NULL;
}

struct json_object *client_ask_with(int fd, struct json_object *request,
				    const struct descriptors *send, struct descriptors *got)
{
	struct descriptors none;
	struct json_object *answer = NULL, *value;
	struct received in;
	int err;

	descriptors_init(&none);
	err = descriptors_send(fd, request, send ? send : &none);
	/* A daemon that does not listen to us says why before it hangs up. */
	if (!err || err == -EPIPE)
		answer = receive_with(fd, &in);
	json_object_put(request);
	if (!answer) {
		cli_fail("umdevd has closed the connection");
		return NULL;
	}
	if (!json_object_object_get_ex(answer, "ok", &value) || !json_object_get_boolean(value)) {
		if (!json_object_object_get_ex(answer, "error", &value))
			value = NULL;
		return refuse(answer, &in,
			      value ? json_object_get_string(value)
				    : "umdevd gave an answer that is not understood");
	}
	if (!got)
		received_close(&in);
	else if (descriptors_name(answer, &in, got))
		return refuse(answer, &in, "umdevd gave an answer that is not understood");
	return answer;
}

struct json_object *client_ask(int fd, struct json_object *request)
{
	return client_ask_with(fd, request, NULL, NULL);
}

struct json_object *client_call(const struct cli *cli, struct json_object *request)
{
	struct json_object *answer;
	int fd = client_open(cli);

	if (fd < 0) {
		json_object_put(request);
		return NULL;
	}
	answer = client_ask(fd, request);
	close(fd);
	return answer;
}
