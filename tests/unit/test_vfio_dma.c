/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user's memory: mapping, copying, pinning, and taking it back. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sched.h>
#include <stdio.h>
#include <stdatomic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio/dma.h"
#include "support/huge_pages.h"
#include "support/outside.h"
#include "vfio_fake.h"

#define PAGE  4096ull
#define RD    VFIO_DMA_MAP_FLAG_READ
#define WR    VFIO_DMA_MAP_FLAG_WRITE
#define RW    (RD | WR)
#define GUEST (64 * PAGE)

static struct fake *fake;
static struct vfio_file *file;
static int memfd;      /* the guest's memory */
static uint8_t *guest; /* as the guest sees it */

/* ---- a user that serves messages out of the same memory, at iova 0 ---- */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_cond = PTHREAD_COND_INITIALIZER;
static bool gate_closed;     /* messages wait; under gate_lock */
static unsigned int waiting; /* how many do; under gate_lock */
static int message_error;

static void pass_gate(void)
{
	pthread_mutex_lock(&gate_lock);
	waiting++;
	pthread_cond_broadcast(&gate_cond);
	while (gate_closed)
		pthread_cond_wait(&gate_cond, &gate_lock);
	waiting--;
	pthread_mutex_unlock(&gate_lock);
}

static int message_read(struct vfio_file *f, uint64_t iova, void *data, size_t len)
{
	pass_gate();
	if (!message_error)
		memcpy(data, guest + iova, len);
	return message_error;
}

static int message_write(struct vfio_file *f, uint64_t iova, const void *data, size_t len)
{
	pass_gate();
	if (!message_error)
		memcpy(guest + iova, data, len);
	return message_error;
}

static const struct vfio_user_ops message_ops = {
	.dma_read = message_read,
	.dma_write = message_write,
};

static int setup_with(const struct vfio_user_ops *ops)
{
	fake = fake_create("d0");
	memfd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (memfd < 0 || ftruncate(memfd, GUEST))
		return -1;
	guest = mmap(NULL, GUEST, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	message_error = 0;
	return vfio_file_open(&fake->vdev, ops, NULL, &file);
}

static int setup(void **state)
{
	return setup_with(&fake_user_ops);
}

static int setup_messages(void **state)
{
	return setup_with(&message_ops);
}

static int teardown(void **state)
{
	vfio_file_close(file);
	fake_free(fake);
	munmap(guest, GUEST);
	close(memfd);
	return 0;
}

static int map(uint64_t iova, uint64_t size, uint32_t flags, uint64_t offset)
{
	return vfio_file_dma_map(file, iova, size, flags, memfd, offset);
}

static int rw(uint64_t iova, void *data, size_t len, bool write)
{
	return vfio_dma_rw(&fake->vdev, iova, data, len, write);
}

/* ---- mapping ---- */

static void ranges_that_do_not_fit_are_refused(void **state)
{
	assert_int_equal(map(0, 0, RW, 0), -EINVAL);
	assert_int_equal(map(0, PAGE + 1, RW, 0), -EINVAL);
	assert_int_equal(map(1, PAGE, RW, 0), -EINVAL);
	assert_int_equal(map(0, PAGE, RW, 1), -EINVAL);
	assert_int_equal(map(0, PAGE, 0, 0), -EINVAL);
	assert_int_equal(map(0, PAGE, RW | 4, 0), -EINVAL);
	assert_int_equal(map(0, PAGE, 1u << 31 | RW, 0), -EINVAL);
	assert_int_equal(map(UINT64_MAX - PAGE + 1, 2 * PAGE, RW, 0), -EINVAL);
	assert_int_equal(map(2 * PAGE, UINT64_MAX - PAGE + 1, RW, 0), -EINVAL);
	assert_int_equal(map(0, 2 * PAGE, RW, UINT64_MAX - PAGE + 1), -EINVAL);
	/* The last page of all is as good as any. */
	assert_int_equal(map(UINT64_MAX - PAGE + 1, PAGE, RW, 0), 0);
	assert_int_equal(map(UINT64_MAX - PAGE + 1, PAGE, RW, 0), -EEXIST);
}

static void overlaps_are_refused(void **state)
{
	assert_int_equal(map(4 * PAGE, 4 * PAGE, RW, 0), 0);
	assert_int_equal(map(4 * PAGE, 4 * PAGE, RW, 0), -EEXIST);
	assert_int_equal(map(3 * PAGE, 2 * PAGE, RW, 0), -EEXIST);
	assert_int_equal(map(7 * PAGE, 2 * PAGE, RW, 0), -EEXIST);
	assert_int_equal(map(5 * PAGE, PAGE, RW, 0), -EEXIST);
	assert_int_equal(map(0, 16 * PAGE, RW, 0), -EEXIST);
	assert_int_equal(map(0, 4 * PAGE, RW, 0), 0);
	assert_int_equal(map(8 * PAGE, PAGE, RW, 0), 0);
}

static void unmapping_takes_whole_mappings_only(void **state)
{
	uint64_t n = 1;

	assert_int_equal(map(2 * PAGE, 2 * PAGE, RW, 0), 0);
	assert_int_equal(map(4 * PAGE, 2 * PAGE, RW, 0), 0);
	assert_int_equal(map(8 * PAGE, 2 * PAGE, RW, 0), 0);
	assert_int_equal(vfio_file_dma_unmap(file, 3 * PAGE, PAGE, &n), -EINVAL);
	assert_int_equal(n, 0);
	assert_int_equal(vfio_file_dma_unmap(file, 2 * PAGE, 3 * PAGE, &n), -EINVAL);
	assert_int_equal(vfio_file_dma_unmap(file, 3 * PAGE, 3 * PAGE, NULL), -EINVAL);
	assert_int_equal(vfio_file_dma_unmap(file, 0, 0, &n), -EINVAL);
	assert_int_equal(vfio_file_dma_unmap(file, 1, PAGE, &n), -EINVAL);
	assert_int_equal(vfio_file_dma_unmap(file, 0, PAGE - 1, &n), -EINVAL);
	assert_int_equal(vfio_file_dma_unmap(file, 2 * PAGE, UINT64_MAX - PAGE + 1, &n), -EINVAL);
	assert_int_equal(vfio_file_dma_unmap(file, 32 * PAGE, PAGE, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(vfio_file_dma_unmap(file, 0, 7 * PAGE, &n), 0);
	assert_int_equal(n, 4 * PAGE);
	vfio_file_dma_unmap_all(file, &n);
	assert_int_equal(n, 2 * PAGE);
	vfio_file_dma_unmap_all(file, &n);
	assert_int_equal(n, 0);
	assert_int_equal(map(0, 16 * PAGE, RW, 0), 0);
}

static void the_number_of_mappings_is_limited(void **state)
{
	uint64_t i;

	for (i = 0; i < VFIO_DMA_MAPS_MAX; i++)
		assert_int_equal(vfio_file_dma_map(file, i * 2 * PAGE, PAGE, RW, -1, 0), 0);
	assert_int_equal(vfio_file_dma_map(file, i * 2 * PAGE, PAGE, RW, -1, 0), -ENOSPC);
	assert_int_equal(vfio_file_dma_unmap(file, 0, PAGE, NULL), 0);
	assert_int_equal(vfio_file_dma_map(file, i * 2 * PAGE, PAGE, RW, -1, 0), 0);
}

static void ten_thousand_mappings_are_found(void **state)
{
	const uint64_t maps = 10000;
	uint64_t i, at, value, n;

	/* In an order that is not theirs. */
	for (i = 0; i < maps; i++) {
		at = i * 7919 % maps;
		assert_int_equal(map(at * 2 * PAGE, PAGE, RW, at % 64 * PAGE), 0);
	}
	for (i = 0; i < maps; i++) {
		at = i * 104729 % maps;
		assert_int_equal(rw(at * 2 * PAGE + 8, &at, sizeof(at), true), 0);
		memcpy(&value, guest + at % 64 * PAGE + 8, sizeof(value));
		assert_int_equal(value, at);
		assert_int_equal(rw(at * 2 * PAGE + PAGE, &value, 1, false), -EFAULT);
	}
	vfio_file_dma_unmap_all(file, &n);
	assert_int_equal(n, maps * PAGE);
}

static unsigned int mappings_of_ours(void)
{
	return fake->vdev.dma->files.nr;
}

static void pieces_of_one_file_share_a_mapping(void **state)
{
	uint64_t i;

	for (i = 0; i < 32; i++)
		assert_int_equal(map(i * 2 * PAGE, PAGE, RW, i * PAGE), 0);
	assert_int_equal(mappings_of_ours(), 1);
	/* One with other rights has its own. */
	assert_int_equal(map(PAGE, PAGE, RD, 0), 0);
	assert_int_equal(mappings_of_ours(), 2);
	/* A file that has grown is mapped anew, for what is new. */
	assert_int_equal(ftruncate(memfd, 2 * GUEST), 0);
	assert_int_equal(map(1000 * PAGE, PAGE, RW, GUEST), 0);
	assert_int_equal(mappings_of_ours(), 3);
	vfio_file_dma_unmap_all(file, NULL);
	assert_int_equal(mappings_of_ours(), 0);
}

/* One user may not take the address space of all. */
static void the_files_of_a_user_are_limited(void **state)
{
	uint64_t i;
	int fd;

	for (i = 0; i < GUESTMEM_USER_MAPPINGS; i++) {
		fd = memfd_create("one of many", MFD_CLOEXEC);
		assert_int_equal(ftruncate(fd, PAGE), 0);
		assert_int_equal(vfio_file_dma_map(file, i * PAGE, PAGE, RW, fd, 0), 0);
		close(fd);
	}
	assert_int_equal(map(i * PAGE, PAGE, RW, 0), -ENOSPC);
}

static void the_bytes_of_a_user_are_limited(void **state)
{
	const uint64_t tera = 1ull << 40;
	int fd = memfd_create("sparse", MFD_CLOEXEC), err;

	/* A file that is too large is mapped in pieces. */
	assert_int_equal(ftruncate(fd, (off_t)(64 * tera)), 0);
	err = vfio_file_dma_map(file, 0, 16 * tera - PAGE, RW, fd, 0);
	if (err == -ENOMEM) {
		close(fd);
		skip(); /* a sanitizer leaves less than that */
	}
	assert_int_equal(err, 0);
	assert_int_equal(vfio_file_dma_map(file, 16 * tera, PAGE, RD, fd, 32 * tera), 0);
	assert_int_equal(vfio_file_dma_map(file, 17 * tera, PAGE, RD, fd, 33 * tera), -ENOSPC);
	close(fd);
}

static void a_map_that_fails_at_any_step_leaves_nothing(void **state)
{
	unsigned long step;
	int err = -1;

	for (step = 1; err; step++) {
		fault_countdown = step;
		err = map(0, PAGE, RW, 0);
		fault_countdown = 0;
		assert_true(!err || err == -ENOMEM);
	}
	assert_true(step > 3);
}

static void descriptors_that_can_not_be_mapped_are_refused(void **state)
{
	int pipefd[2], ro, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	ro = open(path, O_RDONLY);
	assert_int_equal(vfio_file_dma_map(file, 0, PAGE, RW, ro, 0), -EACCES);
	assert_int_equal(vfio_file_dma_map(file, 0, PAGE, RD, ro, 0), 0);
	close(ro);
	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(vfio_file_dma_map(file, PAGE, PAGE, RD, pipefd[0], 0), -EOPNOTSUPP);
	assert_int_equal(vfio_file_dma_map(file, PAGE, PAGE, RD, 1000, 0), -EBADF);
	assert_int_equal(map(PAGE, PAGE, RW, GUEST), -ENXIO);
	assert_int_equal(map(PAGE, 2 * PAGE, RW, GUEST - PAGE), -ENXIO);
	assert_int_equal(map(PAGE, PAGE, RW, 1ull << 63), -ENXIO);
	other = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(other, PAGE), 0);
	assert_int_equal(fcntl(other, F_ADD_SEALS, F_SEAL_WRITE), 0);
	assert_int_equal(vfio_file_dma_map(file, PAGE, PAGE, RW, other, 0), -EACCES);
	assert_int_equal(vfio_file_dma_map(file, PAGE, PAGE, RD, other, 0), 0);
	close(other);
	close(pipefd[0]);
	close(pipefd[1]);
}

/* ---- copying ---- */

static void copies_cross_mappings(void **state)
{
	uint8_t out[3 * PAGE], in[3 * PAGE];
	size_t i;

	for (i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 31 + 7);
	/* Neighbours for the device, far apart for the guest. */
	assert_int_equal(map(10 * PAGE, PAGE, RW, 50 * PAGE), 0);
	assert_int_equal(map(11 * PAGE, PAGE, RW, 20 * PAGE), 0);
	assert_int_equal(map(12 * PAGE, 2 * PAGE, RW, 0), 0);
	assert_int_equal(rw(10 * PAGE + 100, out, sizeof(out), true), 0);
	assert_memory_equal(guest + 50 * PAGE + 100, out, PAGE - 100);
	assert_memory_equal(guest + 20 * PAGE, out + PAGE - 100, PAGE);
	assert_memory_equal(guest, out + 2 * PAGE - 100, PAGE + 100);
	assert_int_equal(rw(10 * PAGE + 100, in, sizeof(in), false), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(rw(13 * PAGE, in, PAGE + 1, false), -EFAULT);
	assert_int_equal(rw(0, in, 1, false), -EFAULT);
	assert_int_equal(rw(UINT64_MAX, in, 2, false), -EFAULT);
	assert_int_equal(rw(0, in, 0, false), 0);
}

static void words_are_copied_at_every_place(void **state)
{
	uint64_t out = 0x1122334455667788, in;
	unsigned int at, len;

	assert_int_equal(map(0, PAGE, RW, 0), 0);
	for (at = 0; at < 16; at++) {
		for (len = 1; len <= 8; len++) {
			in = 0;
			memset(guest, 0, 32);
			assert_int_equal(rw(at, &out, len, true), 0);
			assert_memory_equal(guest + at, &out, len);
			assert_int_equal(guest[at + len], 0);
			assert_int_equal(rw(at, &in, len, false), 0);
			assert_memory_equal(&in, &out, len);
		}
	}
}

static void rights_are_kept(void **state)
{
	char byte = 1;

	assert_int_equal(map(0, PAGE, RD, 0), 0);
	assert_int_equal(map(PAGE, PAGE, WR, 0), 0);
	assert_int_equal(rw(0, &byte, 1, true), -EFAULT);
	assert_int_equal(rw(0, &byte, 1, false), 0);
	assert_int_equal(rw(PAGE, &byte, 1, false), -EFAULT);
	assert_int_equal(rw(PAGE, &byte, 1, true), 0);
}

static void memory_without_descriptor_needs_messages(void **state)
{
	char byte;

	assert_int_equal(vfio_file_dma_map(file, 0, PAGE, RW, -1, 0), 0);
	assert_int_equal(rw(0, &byte, 1, false), -EFAULT);
	assert_int_equal(rw(0, &byte, 1, true), -EFAULT);
}

static void memory_without_descriptor_goes_by_messages(void **state)
{
	char out[] = "by message", in[sizeof(out)];

	assert_int_equal(vfio_file_dma_map(file, 0, PAGE, RW, -1, 0), 0);
	assert_int_equal(map(PAGE, PAGE, RW, PAGE), 0);
	/* One half by message, one directly. */
	assert_int_equal(rw(PAGE - 4, out, sizeof(out), true), 0);
	assert_memory_equal(guest + PAGE - 4, out, sizeof(out));
	assert_int_equal(rw(PAGE - 4, in, sizeof(in), false), 0);
	assert_memory_equal(in, out, sizeof(in));
	message_error = -EIO;
	assert_int_equal(rw(0, in, 1, false), -EIO);
	assert_int_equal(rw(0, in, 1, true), -EIO);
}

static void a_descriptor_that_can_not_be_mapped_is_as_none_with_messages(void **state)
{
	int pipefd[2];
	char out[] = "by message";

	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(vfio_file_dma_map(file, 0, PAGE, RW, pipefd[0], 0), 0);
	assert_int_equal(rw(0, out, sizeof(out), true), 0);
	assert_memory_equal(guest, out, sizeof(out));
	close(pipefd[0]);
	close(pipefd[1]);
}

/* ---- unmapping while a copy is in flight ---- */

static void *copy_thread(void *arg)
{
	char byte;

	return (void *)(intptr_t)rw(0, &byte, 1, false);
}

static void *unmap_thread(void *arg)
{
	int err = vfio_file_dma_unmap(file, 0, PAGE, NULL);

	atomic_store((atomic_bool *)arg, true);
	return (void *)(intptr_t)err;
}

static bool first_mapping_is_going(void)
{
	bool going;

	pthread_mutex_lock(&fake->vdev.dma_lock);
	going = vfio_dma_find(fake->vdev.dma, 0)->state == VFIO_DMA_GOING;
	pthread_mutex_unlock(&fake->vdev.dma_lock);
	return going;
}

static void an_unmap_waits_for_copies_of_its_mapping_only(void **state)
{
	pthread_t copier, unmapper;
	atomic_bool unmapped = false;
	char byte;
	void *ret;

	assert_int_equal(vfio_file_dma_map(file, 0, PAGE, RW, -1, 0), 0);
	assert_int_equal(map(PAGE, PAGE, RW, 0), 0);
	gate_closed = true;
	pthread_create(&copier, NULL, copy_thread, NULL);
	pthread_mutex_lock(&gate_lock);
	while (!waiting)
		pthread_cond_wait(&gate_cond, &gate_lock);
	pthread_mutex_unlock(&gate_lock);
	pthread_create(&unmapper, NULL, unmap_thread, &unmapped);
	while (!first_mapping_is_going())
		sched_yield();
	/* Nobody may begin there, others go on, and the one in flight is waited for. */
	assert_int_equal(rw(0, &byte, 1, false), -EFAULT);
	assert_int_equal(rw(PAGE, &byte, 1, false), 0);
	assert_false(atomic_load(&unmapped));
	pthread_mutex_lock(&gate_lock);
	gate_closed = false;
	pthread_cond_broadcast(&gate_cond);
	pthread_mutex_unlock(&gate_lock);
	pthread_join(copier, &ret);
	assert_int_equal((intptr_t)ret, 0);
	pthread_join(unmapper, &ret);
	assert_int_equal((intptr_t)ret, 0);
}

static atomic_bool stop;

static void *copies_thread(void *arg)
{
	uint64_t words[64];
	uint64_t i;
	int err;

	for (i = 0; !atomic_load(&stop); i++) {
		err = rw(i % 4 * PAGE + 64, words, sizeof(words), false);
		assert_true(!err || err == -EFAULT || err == -ENODEV);
	}
	return NULL;
}

static void maps_unmaps_and_closes_may_race_with_copies(void **state)
{
	pthread_t threads[2];
	unsigned int round, i;

	atomic_store(&stop, false);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, copies_thread, NULL);
	for (round = 0; round < 300; round++) {
		for (i = 0; i < 4; i++)
			assert_int_equal(map(i * PAGE, PAGE, RD, i * PAGE), 0);
		assert_int_equal(vfio_file_dma_unmap(file, PAGE, 2 * PAGE, NULL), 0);
		if (round % 2)
			vfio_file_dma_unmap_all(file, NULL);
		vfio_file_close(file);
		file = fake_open(fake);
	}
	atomic_store(&stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/* ---- pinning ---- */

static void pinned_pages_are_the_guests(void **state)
{
	void *pages[3];

	assert_int_equal(map(0, 2 * PAGE, RW, 8 * PAGE), 0);
	assert_int_equal(map(2 * PAGE, PAGE, RW, 0), 0);
	assert_int_equal(vfio_pin_pages(&fake->vdev, 123, 3, RW, pages), 3);
	strcpy(pages[1], "second");
	strcpy(pages[2], "third");
	assert_string_equal((char *)guest + 9 * PAGE, "second");
	assert_string_equal((char *)guest, "third");
	vfio_unpin_pages(&fake->vdev, 0, 3);
}

static void pins_that_do_not_fit_are_refused(void **state)
{
	struct vfio_device_ops no_unmap = fake_ops;
	void *pages[VFIO_PIN_PAGES_MAX + 1];
	struct vfio_device *vdev = &fake->vdev;

	assert_int_equal(map(0, PAGE, RD, 0), 0);
	assert_int_equal(vfio_file_dma_map(file, PAGE, PAGE, RW, -1, 0), 0);
	assert_int_equal(vfio_pin_pages(vdev, 0, 0, RD, pages), -EINVAL);
	assert_int_equal(vfio_pin_pages(vdev, 0, -1, RD, pages), -EINVAL);
	assert_int_equal(vfio_pin_pages(vdev, 0, VFIO_PIN_PAGES_MAX + 1, RD, pages), -EINVAL);
	assert_int_equal(vfio_pin_pages(vdev, 0, 1, 0, pages), -EINVAL);
	assert_int_equal(vfio_pin_pages(vdev, 0, 1, RD | 4, pages), -EINVAL);
	assert_int_equal(vfio_pin_pages(vdev, 0, 1, RW, pages), -EFAULT);
	assert_int_equal(vfio_pin_pages(vdev, 0, 2, RD, pages), -EOPNOTSUPP);
	assert_int_equal(vfio_pin_pages(vdev, 2 * PAGE, 1, RD, pages), -EFAULT);
	assert_int_equal(vfio_pin_pages(vdev, UINT64_MAX, 2, RD, pages), -EFAULT);
	no_unmap.dma_unmap = NULL;
	vdev->ops = &no_unmap;
	assert_int_equal(vfio_pin_pages(vdev, 0, 1, RD, pages), -EINVAL);
	vdev->ops = &fake_ops;
	/* None of them left a pin behind: nobody is asked to give one back. */
	vfio_file_dma_unmap_all(file, NULL);
	assert_int_equal(fake->unmaps, 0);
}

static void unpin_on_unmap(struct fake *f, uint64_t iova, uint64_t length)
{
	void *page;
	char byte;

	/* The driver may still write back, but gets nothing new. */
	assert_int_equal(vfio_dma_rw(&f->vdev, iova, &byte, 1, true), 0);
	assert_int_equal(vfio_pin_pages(&f->vdev, iova, 1, RD, &page), -EFAULT);
	vfio_unpin_pages(&f->vdev, iova + PAGE, 1);
	vfio_unpin_pages(&f->vdev, iova + PAGE, 1);
}

static void the_driver_gives_back_pins_before_an_unmap(void **state)
{
	void *page;
	uint64_t n;

	assert_int_equal(map(4 * PAGE, 4 * PAGE, RW, 0), 0);
	assert_int_equal(map(8 * PAGE, PAGE, RW, 0), 0);
	assert_int_equal(vfio_pin_pages(&fake->vdev, 5 * PAGE, 1, RD, &page), 1);
	assert_int_equal(vfio_pin_pages(&fake->vdev, 5 * PAGE, 1, RD, &page), 1);
	fake->on_unmap = unpin_on_unmap;
	assert_int_equal(vfio_file_dma_unmap(file, 0, 16 * PAGE, &n), 0);
	assert_int_equal(n, 5 * PAGE);
	assert_int_equal(fake->unmaps, 1);
	assert_int_equal(fake->unmap_iova, 4 * PAGE);
	assert_int_equal(fake->unmap_length, 4 * PAGE);
}

static void pins_that_the_driver_keeps_are_taken(void **state)
{
	void *pages[2];

	assert_int_equal(map(0, 2 * PAGE, RW, 0), 0);
	assert_int_equal(vfio_pin_pages(&fake->vdev, 0, 2, RD, pages), 2);
	log_capture_begin();
	assert_int_equal(vfio_file_dma_unmap(file, 0, 2 * PAGE, NULL), 0);
	vfio_unpin_pages(&fake->vdev, 0, 2);
	log_capture_end();
	assert_non_null(strstr(log_captured(), "left 2 pages pinned in [0, +0x2000)"));
	assert_non_null(strstr(log_captured(), "unpinned 2 pages at 0 that were not pinned"));
}

static void close_drops_pins(void **state)
{
	void *page;

	assert_int_equal(map(0, PAGE, RW, 0), 0);
	assert_int_equal(vfio_pin_pages(&fake->vdev, 0, 1, RD, &page), 1);
	vfio_file_close(file);
	assert_int_equal(fake->unmaps, 0);
	file = fake_open(fake);
	assert_int_equal(vfio_pin_pages(&fake->vdev, 0, 1, RD, &page), -EFAULT);
}

static void a_pin_that_fails_at_any_step_leaves_nothing(void **state)
{
	void *pages[4];
	unsigned long step;
	int ret = -1;

	assert_int_equal(map(0, 4 * PAGE, RW, 0), 0);
	for (step = 1; ret < 0; step++) {
		fault_countdown = step;
		ret = vfio_pin_pages(&fake->vdev, 0, 4, RD, pages);
		fault_countdown = 0;
		assert_true(ret == 4 || ret == -ENOMEM);
	}
	assert_int_equal(step, 6);
	log_capture_begin();
	vfio_unpin_pages(&fake->vdev, 0, 4);
	log_capture_end();
	assert_string_equal(log_captured(), "");
	assert_int_equal(vfio_file_dma_unmap(file, 0, 4 * PAGE, NULL), 0);
	assert_int_equal(fake->unmaps, 0);
}

/* ---- a guest that cuts off its memory ---- */

static void copies_of_memory_that_is_cut_off_fail(void **state)
{
	uint8_t buf[2 * PAGE];

	memset(guest, 0x5a, 4 * PAGE);
	assert_int_equal(map(0, 4 * PAGE, RW, 0), 0);
	assert_int_equal(map(4 * PAGE, PAGE, RW, 0), 0);
	assert_int_equal(ftruncate(memfd, PAGE), 0);
	assert_int_equal(rw(PAGE, buf, sizeof(buf), false), -EFAULT);
	assert_int_equal(rw(PAGE, buf, sizeof(buf), true), -EFAULT);
	assert_int_equal(rw(0, buf, 1, false), -EFAULT);
	/* What is mapped from now on is the file as it is. */
	assert_int_equal(map(8 * PAGE, PAGE, RW, 0), 0);
	assert_int_equal(rw(8 * PAGE, buf, 1, false), 0);
	assert_int_equal(buf[0], 0x5a);
	assert_int_equal(ftruncate(memfd, GUEST), 0);
	assert_int_equal(vfio_file_dma_unmap(file, 0, 4 * PAGE, NULL), 0);
	assert_int_equal(map(0, 4 * PAGE, RW, 0), 0);
	assert_int_equal(rw(PAGE, buf, sizeof(buf), true), 0);
}

static void pinned_pages_that_are_cut_off_read_as_zeroes(void **state)
{
	void *pages[2];

	memset(guest, 0x5a, 2 * PAGE);
	assert_int_equal(map(0, 2 * PAGE, RW, 0), 0);
	assert_int_equal(vfio_pin_pages(&fake->vdev, 0, 2, RW, pages), 2);
	assert_int_equal(ftruncate(memfd, 0), 0);
	assert_int_equal(*(volatile uint8_t *)pages[1], 0);
	*(volatile uint8_t *)pages[0] = 1;
	assert_int_equal(*(volatile uint8_t *)pages[0], 1);
	vfio_unpin_pages(&fake->vdev, 0, 2);
}

/* What is no guest's memory is not ours to repair. */
static void other_bus_errors_still_kill(void **state)
{
	pid_t child = fork();
	int status;

	if (!child) {
		uint8_t *mine = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, memfd, 0);

		signal(SIGBUS, SIG_DFL);
		if (map(0, PAGE, RD, 0) || ftruncate(memfd, 0))
			_exit(1);
		_exit(*(volatile uint8_t *)mine);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

/* A guest with huge pages may map parts of one. */
static void parts_of_huge_pages_are_mapped(void **state)
{
	uint8_t *all, byte = 0x5a;
	int fd;

	all = huge_memory(&fd);
	if (!all)
		skip(); /* the system has none to spare */
	assert_int_equal(vfio_file_dma_map(file, 0, 2 * PAGE, RW, fd, 3 * PAGE), 0);
	assert_int_equal(rw(2 * PAGE - 1, &byte, 1, true), 0);
	assert_int_equal(all[5 * PAGE - 1], 0x5a);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(rw(0, &byte, 1, false), -EFAULT);
	huge_memory_free(all, fd);
}

static void *truncate_thread(void *arg)
{
	while (!atomic_load(&stop)) {
		if (ftruncate(memfd, 0) || ftruncate(memfd, GUEST))
			abort();
	}
	return NULL;
}

static void truncation_may_race_with_copies(void **state)
{
	pthread_t copier, cutter;
	unsigned int round;
	uint8_t buf[PAGE];
	int err;

	atomic_store(&stop, false);
	pthread_create(&copier, NULL, copies_thread, NULL);
	pthread_create(&cutter, NULL, truncate_thread, NULL);
	for (round = 0; round < 300; round++) {
		if (map(0, 4 * PAGE, RD, 0))
			continue; /* it was cut off just now */
		err = rw(0, buf, sizeof(buf), false);
		assert_true(!err || err == -EFAULT);
		assert_int_equal(vfio_file_dma_unmap(file, 0, 4 * PAGE, NULL), 0);
	}
	atomic_store(&stop, true);
	pthread_join(copier, NULL);
	pthread_join(cutter, NULL);
}

#define TEST(fn)	  cmocka_unit_test_setup_teardown(fn, setup, teardown)
#define TEST_MESSAGES(fn) cmocka_unit_test_setup_teardown(fn, setup_messages, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_that_do_not_fit_are_refused),
		TEST(overlaps_are_refused),
		TEST(unmapping_takes_whole_mappings_only),
		TEST(the_number_of_mappings_is_limited),
		TEST(ten_thousand_mappings_are_found),
		TEST(pieces_of_one_file_share_a_mapping),
		TEST(the_files_of_a_user_are_limited),
		TEST(the_bytes_of_a_user_are_limited),
		TEST(a_map_that_fails_at_any_step_leaves_nothing),
		TEST(descriptors_that_can_not_be_mapped_are_refused),
		TEST(copies_cross_mappings),
		TEST(words_are_copied_at_every_place),
		TEST(rights_are_kept),
		TEST(memory_without_descriptor_needs_messages),
		TEST_MESSAGES(memory_without_descriptor_goes_by_messages),
		TEST_MESSAGES(a_descriptor_that_can_not_be_mapped_is_as_none_with_messages),
		TEST_MESSAGES(an_unmap_waits_for_copies_of_its_mapping_only),
		TEST(maps_unmaps_and_closes_may_race_with_copies),
		TEST(pinned_pages_are_the_guests),
		TEST(pins_that_do_not_fit_are_refused),
		TEST(the_driver_gives_back_pins_before_an_unmap),
		TEST(pins_that_the_driver_keeps_are_taken),
		TEST(close_drops_pins),
		TEST(a_pin_that_fails_at_any_step_leaves_nothing),
		TEST(copies_of_memory_that_is_cut_off_fail),
		TEST(pinned_pages_that_are_cut_off_read_as_zeroes),
		TEST(other_bus_errors_still_kill),
		TEST(parts_of_huge_pages_are_mapped),
		TEST(truncation_may_race_with_copies),
	};

	return cmocka_run_group_tests(tests, fake_bus_up, fake_bus_down);
}
