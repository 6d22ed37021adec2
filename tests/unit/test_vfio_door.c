/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The door seen from the same process: devices that another program serves, and steps that fail.
 */
#include "cmocka_umdev.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <umdev/vfio_user.h>

#include "model/alloc.h"
#include "support/outside.h"
#include "vfio_fake.h"
#include "vfio_user/door.h"

#define MAX_STEPS 200

static char directory[] = "/tmp/test_vfio_door.XXXXXX";

static const struct vfio_user_config config = {
	.dir = directory, .mode = 0600, .owner = (uid_t)-1, .group = (gid_t)-1
};

static int up(void **state)
{
	if (!mkdtemp(directory))
		return -1;
	return fake_bus_up(state);
}

static int down(void **state)
{
	rmdir(directory);
	return fake_bus_down(state);
}

static int start(void **state)
{
	return vfio_user_start(&config);
}

static int stop(void **state)
{
	vfio_user_stop();
	return 0;
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* ---- a client ---- */

static int knock(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/.door", directory);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Return: the descriptor that came, -1 without one; the errno that was answered, -EPIPE: none. */
static int ask(int door, uint32_t command, struct fake *fake, int *err)
{
	struct vfio_door_request req = { .version = VFIO_DOOR_VERSION,
					 .command = command,
					 .group = (uint32_t)vfio_group_id(&fake->vdev),
					 .access = O_RDWR };
	struct vfio_door_reply reply = { 0 };
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { &reply, sizeof(reply) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd = -1;

	snprintf(req.name, sizeof(req.name), "%s", dev_name(&fake->dev));
	*err = -EPIPE;
	if (send(door, &req, sizeof(req), MSG_NOSIGNAL) != sizeof(req) ||
	    recvmsg(door, &msg, MSG_CMSG_CLOEXEC) != sizeof(reply))
		return -1;
	assert_int_equal(reply.version, VFIO_DOOR_VERSION);
	*err = -reply.error;
	if (CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static int open_group(struct fake *fake)
{
	int door = knock(), err;

	assert_int_equal(ask(door, VFIO_DOOR_OPEN, fake, &err), -1);
	assert_int_equal(err, 0);
	return door;
}

static void assert_ended(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, 0), 0);
}

/* ---- a device that another program serves ---- */

static int far_end = -1; /* of the connection that was made last */
static int connect_error;
static unsigned long fail_next; /* atomic: the listener's step to fail after a connect() */

static int remote_connect(struct vfio_device *vdev)
{
	int pair[2];

	fault_countdown = __atomic_exchange_n(&fail_next, 0, __ATOMIC_SEQ_CST);
	if (connect_error)
		return connect_error;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	if (far_end >= 0)
		close(far_end);
	far_end = pair[0];
	return pair[1];
}

static const char *remote_socket(struct vfio_device *vdev)
{
	return "/run/elsewhere.sock";
}

static void remote_request(struct vfio_device *vdev, unsigned int count)
{
	struct fake *fake = container_of(vdev, struct fake, vdev);

	pthread_mutex_lock(&fake->lock);
	fake->requests++;
	pthread_cond_broadcast(&fake->cond);
	pthread_mutex_unlock(&fake->lock);
}

static const struct vfio_device_ops remote_ops = {
	.name = "remote",
	.request = remote_request,
	.connect = remote_connect,
	.socket = remote_socket,
};

static struct fake *remote_new(const char *name)
{
	struct fake *fake = fake_new(name);

	fake->vdev.ops = &remote_ops;
	fake->vdev.num_regions = fake->vdev.num_irqs = 0;
	return fake;
}

static struct fake *remote_create(const char *name)
{
	struct fake *fake = remote_new(name);

	assert_int_equal(fake_add(fake), 0);
	return fake;
}

static void forget_far_end(void)
{
	close(far_end);
	far_end = -1;
}

static void a_device_of_anothers_has_that_ones_socket_and_none_here(void **state)
{
	struct fake *fake = remote_create("far");
	char path[128];

	assert_string_equal(outside_read("/class/vfio-dev/vfio0/socket"), "/run/elsewhere.sock\n");
	snprintf(path, sizeof(path), "%s/far", directory);
	assert_int_not_equal(access(path, F_OK), 0);
	fake_free(fake);
}

static void a_device_of_anothers_is_that_programs_business(void **state)
{
	struct vfio_device_ops ops = remote_ops;
	struct fake *fake = remote_new("far");

	fake->vdev.num_regions = 1;
	assert_int_equal(fake_add(fake), -EINVAL);
	fake_free(fake);
	ops.socket = NULL;
	fake = remote_new("far");
	fake->vdev.ops = &ops;
	assert_int_equal(fake_add(fake), -EINVAL);
	fake_free(fake);
}

static void what_is_handed_out_leads_to_the_other_program(void **state)
{
	struct fake *fake = remote_create("far");
	int door = open_group(fake), err;
	int fd = ask(door, VFIO_DOOR_DEVICE, fake, &err);
	char byte;

	assert_int_equal(err, 0);
	assert_int_equal(send(far_end, "x", 1, 0), 1);
	assert_int_equal(recv(fd, &byte, 1, 0), 1);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	assert_ended(far_end);
	/* Again, as often as one likes. */
	fd = ask(door, VFIO_DOOR_DEVICE, fake, &err);
	assert_int_equal(err, 0);
	close(fd);
	close(door);
	forget_far_end();
	fake_free(fake);
}

static void a_connect_that_fails_is_told(void **state)
{
	struct fake *fake = remote_create("far");
	int door = open_group(fake), err;

	connect_error = -ECONNREFUSED;
	assert_int_equal(ask(door, VFIO_DOOR_DEVICE, fake, &err), -1);
	assert_int_equal(err, -ECONNREFUSED);
	connect_error = 0;
	close(ask(door, VFIO_DOOR_DEVICE, fake, &err));
	assert_int_equal(err, 0);
	close(door);
	forget_far_end();
	fake_free(fake);
}

static void a_device_of_anothers_is_in_use_as_long_as_its_group_is_open(void **state)
{
	struct fake *fake = remote_create("far");
	int door = open_group(fake), err;

	log_capture_begin();
	close(ask(door, VFIO_DOOR_DEVICE, fake, &err));
	assert_int_equal(err, 0);
	fake_remove_begin(fake);
	pthread_mutex_lock(&fake->lock);
	while (!fake->requests)
		pthread_cond_wait(&fake->cond, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
	ask(door, VFIO_DOOR_DEVICE, fake, &err);
	assert_int_equal(err, -ENODEV);
	close(door);
	fake_remove_end(fake);
	log_capture_end();
	forget_far_end();
}

static void a_group_of_anothers_that_is_only_open_is_told(void **state)
{
	struct fake *fake = remote_create("far");
	int door = open_group(fake);

	fake_free(fake);
	assert_ended(door);
	close(door);
}

/* ---- names ---- */

static void a_device_can_not_have_the_doors_name(void **state)
{
	struct fake *fake = fake_new(".door");

	log_capture_begin();
	assert_int_equal(fake_add(fake), -EINVAL);
	log_capture_end();
	fake_free(fake);
}

static void the_groups_attribute_comes_and_goes_with_the_server(void **state)
{
	struct fake *fake = fake_create("before");
	char expected[64];

	snprintf(expected, sizeof(expected), "%s/.door\n", directory);
	assert_false(outside_exists("/class/vfio/0/socket"));
	assert_int_equal(vfio_user_start(&config), 0);
	assert_string_equal(outside_read("/class/vfio/0/socket"), expected);
	vfio_user_stop();
	assert_false(outside_exists("/class/vfio/0/socket"));
	fake_free(fake);
}

/* ---- steps that fail ---- */

/* Come to the door for a device's group and the device; close all. Return: what failed, or 0. */
static int come_and_go(struct fake *fake)
{
	int door = knock(), fd = -1, err;

	ask(door, VFIO_DOOR_OPEN, fake, &err);
	if (!err)
		fd = ask(door, VFIO_DOOR_DEVICE, fake, &err);
	if (fd >= 0)
		close(fd);
	close(door);
	return err;
}

/* Have the listener's step fail, counted from what it does after a connect(). */
static void fail_listener(struct fake *remote, int door, unsigned long step)
{
	int err;

	__atomic_store_n(&fail_next, step, __ATOMIC_SEQ_CST);
	close(ask(door, VFIO_DOOR_DEVICE, remote, &err));
	assert_int_equal(err, 0);
}

/* The listener closes what it has given away a moment after it has been taken. */
static unsigned int settled_fds(void)
{
	unsigned int before, n = count_fds();

	do {
		before = n;
		usleep(100000);
		n = count_fds();
	} while (n != before);
	return n;
}

static void a_client_that_fails_at_any_step_leaves_nothing(void **state)
{
	struct fake *fake = fake_create("near"), *remote = remote_create("far");
	int door = open_group(remote), failed = 0;
	unsigned long step;
	unsigned int before;

	log_capture_begin();
	fail_listener(remote, door, 0);
	before = settled_fds();
	assert_int_equal(come_and_go(fake), 0);
	for (step = 1; step < 30; step++) {
		fail_listener(remote, door, step);
		if (come_and_go(fake))
			failed++;
		/* The hit leaves the next one alone, and what has failed is not in its way. */
		fail_listener(remote, door, 0);
		while (come_and_go(fake) == -EBUSY)
			sched_yield();
		fail_listener(remote, door, 0);
	}
	/* A client, its being waited for, the claim, the pair, the connection. */
	assert_true(failed >= 5);
	while (count_fds() > before)
		sched_yield();
	log_capture_end();
	close(door);
	forget_far_end();
	fake_free(remote);
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_device_of_anothers_has_that_ones_socket_and_none_here, start, stop),
		cmocka_unit_test_setup_teardown(a_device_of_anothers_is_that_programs_business,
						start, stop),
		cmocka_unit_test_setup_teardown(what_is_handed_out_leads_to_the_other_program,
						start, stop),
		cmocka_unit_test_setup_teardown(a_connect_that_fails_is_told, start, stop),
		cmocka_unit_test_setup_teardown(
			a_device_of_anothers_is_in_use_as_long_as_its_group_is_open, start, stop),
		cmocka_unit_test_setup_teardown(a_group_of_anothers_that_is_only_open_is_told,
						start, stop),
		cmocka_unit_test_setup_teardown(a_device_can_not_have_the_doors_name, start, stop),
		cmocka_unit_test(the_groups_attribute_comes_and_goes_with_the_server),
		cmocka_unit_test_setup_teardown(a_client_that_fails_at_any_step_leaves_nothing,
						start, stop),
	};

	return cmocka_run_group_tests(tests, up, down);
}
