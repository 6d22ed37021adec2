/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking at the door: src/preload/door.c, before servers that answer anything. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "preload/door.h"
#include "support/descriptors.h"
#include "vfio_user/door.h"

#define GROUP 17u

static int door, server;

static int setup(void **state)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	door = ends[0];
	server = ends[1];
	return 0;
}

static int teardown(void **state)
{
	close(door);
	if (server >= 0)
		close(server);
	return 0;
}

/* The answer to what will be asked, with @nr_fds descriptors. */
static void will_say(const void *reply, size_t size, unsigned int nr_fds)
{
	char control[CMSG_SPACE(8 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)reply, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int event = eventfd(0, EFD_CLOEXEC);

	assert_true(nr_fds <= 8);
	if (nr_fds) {
		struct cmsghdr *cmsg = (struct cmsghdr *)control;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		for (unsigned int i = 0; i < nr_fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &event, sizeof(int));
	}
	assert_int_equal(sendmsg(server, &msg, 0), size);
	close(event);
}

static void will_answer(int32_t error, unsigned int nr_fds)
{
	struct vfio_door_reply reply = { .version = VFIO_DOOR_VERSION, .error = error };

	will_say(&reply, sizeof(reply), nr_fds);
}

static struct vfio_door_request asked(void)
{
	struct vfio_door_request req;

	assert_int_equal(recv(server, &req, sizeof(req), 0), sizeof(req));
	assert_int_equal(req.version, VFIO_DOOR_VERSION);
	assert_int_equal(req.group, GROUP);
	return req;
}

static void a_group_is_asked_for(void **state)
{
	struct vfio_door_request req;

	will_answer(0, 0);
	assert_int_equal(door_open(door, GROUP, O_WRONLY), 0);
	req = asked();
	assert_int_equal(req.command, VFIO_DOOR_OPEN);
	assert_int_equal(req.access, O_WRONLY);
	assert_string_equal(req.name, "");
}

static void a_device_comes_with_its_connection(void **state)
{
	struct vfio_door_request req;
	int fd;

	will_answer(0, 1);
	fd = door_device(door, GROUP, "name");
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	req = asked();
	assert_int_equal(req.command, VFIO_DOOR_DEVICE);
	assert_string_equal(req.name, "name");
}

static void a_long_name_keeps_its_end(void **state)
{
	char name[VFIO_DOOR_NAME_MAX + 8];
	struct vfio_door_request req;

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	will_answer(ENODEV, 0);
	assert_int_equal(door_device(door, GROUP, name), -ENODEV);
	req = asked();
	assert_int_equal(strnlen(req.name, sizeof(req.name)), sizeof(req.name) - 1);
}

static void the_servers_error_is_the_callers(void **state)
{
	will_answer(EBUSY, 0);
	assert_int_equal(door_open(door, GROUP, O_RDWR), -EBUSY);
	will_answer(EACCES, 0);
	assert_int_equal(door_device(door, GROUP, "name"), -EACCES);
}

static void descriptors_that_nobody_wants_are_closed(void **state)
{
	int before = descriptors_count(), fd;

	will_answer(0, 1);
	assert_int_equal(door_open(door, GROUP, O_RDWR), -EPROTO);
	will_answer(EBUSY, 2);
	assert_int_equal(door_device(door, GROUP, "name"), -EBUSY);
	assert_int_equal(descriptors_count(), before);
	/* Of several the first counts, however many there are. */
	for (unsigned int n = 2; n <= 8; n++) {
		will_answer(0, n);
		fd = door_device(door, GROUP, "name");
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(descriptors_count(), before);
	}
}

static void what_makes_no_sense_is_eproto(void **state)
{
	const struct vfio_door_reply replies[] = {
		{ .version = VFIO_DOOR_VERSION + 1 },
		{ .version = 0 },
		{ .version = VFIO_DOOR_VERSION, .error = -EBUSY },
		{ .version = VFIO_DOOR_VERSION, .error = 4096 },
		{ .version = VFIO_DOOR_VERSION, .error = INT32_MIN },
	};
	const char longer[sizeof(replies[0]) + 1] = { VFIO_DOOR_VERSION };

	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		will_say(&replies[i], sizeof(replies[i]), 0);
		assert_int_equal(door_open(door, GROUP, O_RDWR), -EPROTO);
	}
	for (size_t size = 1; size <= sizeof(longer); size++) {
		if (size == sizeof(replies[0]))
			continue;
		will_say(longer, size, 0);
		assert_int_equal(door_open(door, GROUP, O_RDWR), -EPROTO);
	}
	/* A device without a connection to it. */
	will_answer(0, 0);
	assert_int_equal(door_device(door, GROUP, "name"), -EPROTO);
}

static void who_hangs_up_has_gone(void **state)
{
	assert_false(door_has_gone(door));
	will_answer(0, 0);
	assert_false(door_has_gone(door));
	door_drain(door);
	close(server);
	server = -1;
	assert_true(door_has_gone(door));
	assert_int_equal(door_open(door, GROUP, O_RDWR), -ENODEV);
	assert_int_equal(door_device(door, GROUP, "name"), -ENODEV);
}

static void who_hangs_up_when_asked_has_gone(void **state)
{
	assert_int_equal(shutdown(server, SHUT_WR), 0);
	assert_int_equal(door_open(door, GROUP, O_RDWR), -ENODEV);
}

static void who_says_nothing_is_not_waited_for(void **state)
{
	struct timeval patience = { .tv_usec = 20000 };

	assert_int_equal(setsockopt(door, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(door_open(door, GROUP, O_RDWR), -ETIMEDOUT);
	assert_int_equal(door_device(door, GROUP, "name"), -ETIMEDOUT);
}

static void an_answer_to_somebody_else_is_taken_away(void **state)
{
	int before = descriptors_count();

	will_answer(0, 1);
	door_drain(door);
	assert_int_equal(descriptors_count(), before);
	will_answer(EBUSY, 0);
	assert_int_equal(door_device(door, GROUP, "name"), -EBUSY);
}

static void a_group_that_is_not_there_has_no_door(void **state)
{
	int before = descriptors_count();

	assert_int_equal(door_connect(4294967295u), -ENODEV);
	assert_int_equal(descriptors_count(), before);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_group_is_asked_for),
		TEST(a_device_comes_with_its_connection),
		TEST(a_long_name_keeps_its_end),
		TEST(the_servers_error_is_the_callers),
		TEST(descriptors_that_nobody_wants_are_closed),
		TEST(what_makes_no_sense_is_eproto),
		TEST(who_hangs_up_has_gone),
		TEST(who_hangs_up_when_asked_has_gone),
		TEST(who_says_nothing_is_not_waited_for),
		TEST(an_answer_to_somebody_else_is_taken_away),
		TEST(a_group_that_is_not_there_has_no_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
