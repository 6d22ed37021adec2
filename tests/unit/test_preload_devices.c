/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What devices see of a container: src/preload/{container,type1_devices}.c. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "container_fixture.h"
#include "fake_server.h"
#include "preload/shared.h"
#include "support/descriptors.h"
#include "vfio_user/protocol.h"

#define ROUNDS 2000

static int fd;
static struct container *container;
static struct client *servers; /* two, in memory that processes share */
static struct container_client devices[2];
static uint8_t *mem;   /* four pages of the program's own */
static uint8_t *guest; /* four pages of a memfd */
static int memfd;

static int setup(void **state)
{
	servers = shared_alloc(2 * sizeof(*servers));
	fake_server_init(&servers[0]);
	fake_server_init(&servers[1]);
	fd = open_with_iommu(VFIO_TYPE1v2_IOMMU);
	container = container_of_fd(fd);
	memset(devices, 0, sizeof(devices));
	mem = memory(4 * PAGE);
	guest = shared_memory(4 * PAGE, &memfd);
	return 0;
}

static int teardown(void **state)
{
	container_remove_client(&devices[0]);
	container_remove_client(&devices[1]);
	close_with_iommu(fd);
	shared_free(servers, 2 * sizeof(*servers));
	munmap(mem, 4 * PAGE);
	munmap(guest, 4 * PAGE);
	close(memfd);
	return 0;
}

static void add_devices(void)
{
	assert_int_equal(container_add_client(container, &devices[0], &servers[0]), 0);
	assert_int_equal(container_add_client(container, &devices[1], &servers[1]), 0);
}

/* ---- mappings on their way to devices ---- */

static void every_device_hears_of_every_mapping(void **state)
{
	struct fake_map *seen;
	struct stat st;
	int i;

	add_devices();
	assert_int_equal(map(fd, 0x10 * PAGE, mem, 2 * PAGE, READ), 0);
	assert_int_equal(map(fd, 0x20 * PAGE, guest + PAGE, 2 * PAGE, BOTH), 0);
	assert_int_equal(fstat(memfd, &st), 0);
	for (i = 0; i < 2; i++) {
		seen = fake_server_map(&servers[i], 0x10 * PAGE);
		assert_non_null(seen);
		assert_int_equal(seen->size, 2 * PAGE);
		assert_int_equal(seen->flags, VFIO_USER_DMA_F_READ);
		assert_false(seen->has_fd);
		seen = fake_server_map(&servers[i], 0x20 * PAGE);
		assert_non_null(seen);
		assert_int_equal(seen->flags, VFIO_USER_DMA_F_READ | VFIO_USER_DMA_F_WRITE);
		assert_true(seen->has_fd && seen->writable);
		assert_int_equal(seen->ino, st.st_ino);
		assert_int_equal(seen->offset, PAGE);
	}
	assert_int_equal(unmap(fd, 0, 0x100 * PAGE), 4 * PAGE);
	assert_int_equal(servers[0].nr, 0);
	assert_int_equal(servers[1].nr, 0);
}

static void a_device_that_comes_late_hears_of_all(void **state)
{
	assert_int_equal(map(fd, 0, guest, PAGE, READ), 0);
	assert_int_equal(map(fd, PAGE, mem, PAGE, READ), 0);
	/* The descriptor was found while it was open. */
	close(memfd);
	memfd = -1;
	add_devices();
	assert_int_equal(servers[1].nr, 2);
	assert_true(fake_server_map(&servers[1], 0)->has_fd);
	assert_false(fake_server_map(&servers[1], 0)->writable);
	container_remove_client(&devices[0]);
	assert_int_equal(unmap(fd, 0, 2 * PAGE), 2 * PAGE);
	assert_int_equal(servers[0].nr, 2);
	assert_int_equal(servers[1].nr, 0);
}

static void a_device_that_refuses_one_of_all_gets_none(void **state)
{
	assert_int_equal(map(fd, 0, mem, PAGE, READ), 0);
	assert_int_equal(map(fd, PAGE, mem, PAGE, READ), 0);
	assert_int_equal(map(fd, 2 * PAGE, mem, PAGE, READ), 0);
	servers[0].refuse = -ENOSPC;
	servers[0].refuse_at = 2 * PAGE;
	assert_int_equal(container_add_client(container, &devices[0], &servers[0]), -ENOSPC);
	assert_null(devices[0].container);
	assert_int_equal(servers[0].nr, 0);
	assert_int_equal(servers[0].calls, 5);
	servers[1].dead = true;
	assert_int_equal(container_add_client(container, &devices[1], &servers[1]), -ENODEV);
}

static void a_descriptor_that_is_refused_is_done_without(void **state)
{
	add_devices();
	servers[0].refuse_fd = -EOPNOTSUPP;
	servers[1].max_fds = 0;
	assert_int_equal(map(fd, 0, guest, PAGE, BOTH), 0);
	assert_false(fake_server_map(&servers[0], 0)->has_fd);
	assert_int_equal(servers[0].calls, 2);
	assert_false(fake_server_map(&servers[1], 0)->has_fd);
	assert_int_equal(servers[1].calls, 1);
}

static void a_mapping_that_one_device_refuses_is_no_devices(void **state)
{
	uint8_t byte;
	int before;

	add_devices();
	before = descriptors_count();
	/* The newer one is told first. */
	servers[0].refuse = -ENOMEM;
	servers[0].refuse_fd = -EINVAL;
	assert_int_equal(map(fd, 0, guest, PAGE, BOTH), -ENOMEM);
	assert_int_equal(servers[1].nr, 0);
	assert_int_equal(servers[1].calls, 2);
	assert_int_equal(container_dma_read(container, 0, &byte, 1), -EFAULT);
	assert_int_equal(descriptors_count(), before);
	servers[0].refuse = 0;
	assert_int_equal(map(fd, 0, guest, PAGE, BOTH), 0);
	assert_int_equal(servers[1].nr, 1);
}

static void a_device_that_is_dead_disturbs_nobody(void **state)
{
	add_devices();
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), 0);
	servers[1].dead = true;
	assert_int_equal(map(fd, PAGE, mem, PAGE, BOTH), 0);
	assert_int_equal(map(fd, 2 * PAGE, guest, PAGE, BOTH), 0);
	assert_int_equal(servers[0].nr, 3);
	assert_int_equal(unmap(fd, 0, 3 * PAGE), 3 * PAGE);
	assert_int_equal(servers[0].nr, 0);
}

/* It says what the library says of one that is silent: then it has to be so. */
static void a_device_that_claims_to_be_silent_is_cut_off(void **state)
{
	add_devices();
	servers[1].refuse = -ETIMEDOUT;
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), 0);
	assert_true(servers[1].dead);
	assert_int_equal(servers[0].nr, 1);
}

static void a_device_that_does_not_let_go_is_cut_off(void **state)
{
	add_devices();
	assert_int_equal(map(fd, 0, guest, PAGE, BOTH), 0);
	servers[0].refuse_unmap = -EBUSY;
	assert_int_equal(unmap(fd, 0, PAGE), PAGE);
	assert_true(servers[0].dead);
	assert_false(servers[1].dead);
	/* Who does not know the mapping has none to let go of. */
	servers[1].refuse_unmap = -ENOENT;
	assert_int_equal(map(fd, 0, guest, PAGE, BOTH), 0);
	assert_int_equal(unmap(fd, 0, PAGE), PAGE);
	assert_false(servers[1].dead);
}

/* ---- memory by messages ---- */

static void a_request_goes_through_neighbouring_mappings(void **state)
{
	uint8_t buf[3 * PAGE], zero[8] = { 0 };

	memset(mem, 1, PAGE);
	memset(mem + 2 * PAGE, 2, PAGE);
	memset(guest, 3, PAGE);
	assert_int_equal(map(fd, 8 * PAGE, mem, PAGE, BOTH), 0);
	assert_int_equal(map(fd, 9 * PAGE, mem + 2 * PAGE, PAGE, BOTH), 0);
	assert_int_equal(map(fd, 10 * PAGE, guest, PAGE, READ), 0);
	assert_int_equal(container_dma_read(container, 8 * PAGE + 1, buf, 3 * PAGE - 2), 0);
	assert_int_equal(buf[PAGE - 2], 1);
	assert_int_equal(buf[PAGE - 1], 2);
	assert_int_equal(buf[2 * PAGE - 2], 2);
	assert_int_equal(buf[2 * PAGE - 1], 3);
	assert_int_equal(container_dma_write(container, 9 * PAGE - 4, zero, 8), 0);
	assert_int_equal(mem[PAGE - 5], 1);
	assert_memory_equal(mem + PAGE - 4, zero, 4);
	assert_memory_equal(mem + 2 * PAGE, zero, 4);
	assert_int_equal(mem[2 * PAGE + 4], 2);
	/* A hole, and the end. */
	assert_int_equal(container_dma_read(container, 10 * PAGE, buf, PAGE + 1), -EFAULT);
	assert_int_equal(container_dma_read(container, 7 * PAGE, buf, 2 * PAGE), -EFAULT);
}

static void a_device_does_what_it_may(void **state)
{
	uint8_t buf[16] = { 0 };

	assert_int_equal(map(fd, 0, mem, PAGE, READ), 0);
	assert_int_equal(map(fd, PAGE, mem, PAGE, WRITE), 0);
	assert_int_equal(container_dma_read(container, 0, buf, 16), 0);
	assert_int_equal(container_dma_write(container, 0, buf, 16), -EFAULT);
	assert_int_equal(container_dma_write(container, PAGE, buf, 16), 0);
	assert_int_equal(container_dma_read(container, PAGE, buf, 16), -EFAULT);
	assert_int_equal(container_dma_read(container, PAGE - 8, buf, 16), -EFAULT);
}

static void memory_that_has_gone_is_a_fault(void **state)
{
	uint8_t buf[16];

	assert_int_equal(map(fd, 0, mem, 4 * PAGE, BOTH), 0);
	munmap(mem + PAGE, PAGE);
	assert_int_equal(mprotect(mem + 2 * PAGE, PAGE, PROT_READ), 0);
	assert_int_equal(container_dma_read(container, 0, buf, 16), 0);
	assert_int_equal(container_dma_read(container, PAGE, buf, 16), -EFAULT);
	assert_int_equal(container_dma_write(container, PAGE, buf, 16), -EFAULT);
	assert_int_equal(container_dma_read(container, 2 * PAGE, buf, 16), 0);
	assert_int_equal(container_dma_write(container, 2 * PAGE, buf, 16), -EFAULT);
	assert_int_equal(unmap(fd, 0, 4 * PAGE), 4 * PAGE);
	assert_int_equal(container_dma_read(container, 0, buf, 16), -EFAULT);
}

static int during_err[2];

static void use_memory(struct client *client, uint16_t command, uint64_t iova)
{
	uint8_t byte;

	during_err[command == VFIO_USER_DMA_UNMAP] = container_dma_read(container, iova, &byte, 1);
}

static void a_server_may_ask_for_the_memory_before_it_answers(void **state)
{
	add_devices();
	servers[0].during = use_memory;
	during_err[0] = during_err[1] = -EIO;
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), 0);
	assert_int_equal(unmap(fd, 0, PAGE), PAGE);
	assert_int_equal(during_err[0], 0);
	assert_int_equal(during_err[1], 0);
}

/* ---- processes ---- */

static void die(struct client *client, uint16_t command, uint64_t iova)
{
	if (client->data)
		raise(SIGKILL);
}

static void die_in_child(bool unmapping)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		servers[0].data = &servers[0];
		if (unmapping)
			unmap(fd, 0, PAGE);
		else
			map(fd, PAGE, mem, PAGE, BOTH);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	servers[0].data = NULL;
}

static void what_a_dying_process_left_halfway_is_taken_back(void **state)
{
	uint8_t byte;

	add_devices();
	/* The newer one is told, and at the other one the process dies. */
	servers[0].during = die;
	assert_int_equal(map(fd, 0, mem, PAGE, BOTH), 0);
	die_in_child(false);
	assert_int_equal(servers[1].nr, 2);
	assert_int_equal(map(fd, PAGE, mem, PAGE, BOTH), 0);
	assert_int_equal(servers[0].nr, 2);
	assert_int_equal(servers[1].nr, 2);
	die_in_child(true);
	assert_int_equal(servers[1].nr, 1);
	assert_int_equal(unmap(fd, 0, PAGE), 0);
	assert_int_equal(servers[0].nr, 1);
	assert_int_equal(container_dma_read(container, 0, &byte, 1), -EFAULT);
	assert_int_equal(container_dma_read(container, PAGE, &byte, 1), 0);
}

static void a_child_tells_the_devices_that_it_has(void **state)
{
	pid_t pid;
	int status;

	add_devices();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		container_remove_client(&devices[1]);
		_exit(map(fd, 0, guest, PAGE, BOTH) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(servers[0].nr, 1);
	assert_int_equal(servers[1].nr, 0);
	assert_true(fake_server_map(&servers[0], 0)->has_fd);
	assert_int_equal(unmap(fd, 0, PAGE), PAGE);
	assert_int_equal(servers[0].nr, 0);
}

/* ---- threads ---- */

static _Atomic(bool) stop;
static char failure[] = "see the thread's function";

static void *map_for_ever(void *arg)
{
	uint64_t iova = (uintptr_t)arg * PAGE;
	uint8_t *what = (uintptr_t)arg % 2 ? mem : guest;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (map(fd, iova, what, PAGE, BOTH) || unmap(fd, iova, PAGE) != PAGE)
			return failure;
	}
	return NULL;
}

/* Either all of a word comes through, or nothing does. */
static void *ask_for_ever(void *arg)
{
	uint64_t word, iova = (uintptr_t)arg % 4 * PAGE;
	int err;

	while (!stop) {
		word = 0;
		err = container_dma_read(container, iova, &word, sizeof(word));
		if (err ? err != -EFAULT : word != 0x5a5a5a5a5a5a5a5a)
			return failure;
		err = container_dma_write(container, iova, &word, err ? 0 : sizeof(word));
		if (err && err != -EFAULT)
			return failure;
		sched_yield();
	}
	return NULL;
}

static void *come_and_go(void *arg)
{
	while (!stop) {
		if (container_add_client(container, &devices[1], &servers[1]))
			return failure;
		container_remove_client(&devices[1]);
		servers[1].nr = 0;
		sched_yield();
	}
	return NULL;
}

static void threads_map_and_devices_ask_all_at_once(void **state)
{
	pthread_t mappers[4], askers[2], device;
	void *failed = NULL;
	uintptr_t i;

	memset(mem, 0x5a, PAGE);
	memset(guest, 0x5a, PAGE);
	stop = false;
	assert_int_equal(container_add_client(container, &devices[0], &servers[0]), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&mappers[i], NULL, map_for_ever, (void *)i), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&askers[i], NULL, ask_for_ever, (void *)i), 0);
	assert_int_equal(pthread_create(&device, NULL, come_and_go, NULL), 0);
	for (i = 0; i < 4; i++) {
		pthread_join(mappers[i], &failed);
		assert_null(failed);
	}
	stop = true;
	for (i = 0; i < 2; i++) {
		pthread_join(askers[i], &failed);
		assert_null(failed);
	}
	pthread_join(device, &failed);
	assert_null(failed);
	assert_int_equal(servers[0].nr, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_device_hears_of_every_mapping),
		TEST(a_device_that_comes_late_hears_of_all),
		TEST(a_device_that_refuses_one_of_all_gets_none),
		TEST(a_descriptor_that_is_refused_is_done_without),
		TEST(a_mapping_that_one_device_refuses_is_no_devices),
		TEST(a_device_that_is_dead_disturbs_nobody),
		TEST(a_device_that_claims_to_be_silent_is_cut_off),
		TEST(a_device_that_does_not_let_go_is_cut_off),
		TEST(a_request_goes_through_neighbouring_mappings),
		TEST(a_device_does_what_it_may),
		TEST(memory_that_has_gone_is_a_fault),
		TEST(a_server_may_ask_for_the_memory_before_it_answers),
		TEST(what_a_dying_process_left_halfway_is_taken_back),
		TEST(a_child_tells_the_devices_that_it_has),
		TEST(threads_map_and_devices_ask_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
