/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interrupts: what a VMM sets, and what it is signalled. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_fake.h"

/* As a VMM composes them. */
#define LOOPBACK    (VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER)
#define MASK	    (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK)
#define MASK_BOOL   (VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_MASK)
#define UNMASK_BOOL (VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_UNMASK)
#define RESAMPLE    (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK)

static struct fake *fake;
static struct vfio_file *file;
static int efd[8];

static int setup(void **state)
{
	unsigned int i;

	fake = fake_create("d0");
	file = fake_open(fake);
	for (i = 0; i < ARRAY_SIZE(efd); i++)
		efd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

static int teardown(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(efd); i++)
		close(efd[i]);
	if (file)
		vfio_file_close(file);
	fake_free(fake);
	return 0;
}

static int set(uint32_t flags, unsigned int index, unsigned int start, unsigned int count,
	       const void *data)
{
	return vfio_file_set_irqs(file, flags, index, start, count, data);
}

static void wait_signal(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(signals(fd), 1);
}

static unsigned int open_fds(void)
{
	unsigned int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl((int)fd, F_GETFD) >= 0;
	return n;
}

/* ---- edges ---- */

static void an_edge_signals_its_own_vector(void **state)
{
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 1);
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 4, efd), 0);
	assert_int_equal(fake->irqs_changed, 1);
	assert_int_equal(fake->last_irq_index, FAKE_EDGES);
	assert_int_equal(signals(efd[1]), 0);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 1);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 1);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 3);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(signals(efd[1]), 2);
	assert_int_equal(signals(efd[2]), 0);
	assert_int_equal(signals(efd[3]), 1);
}

static void triggers_out_of_range_are_ignored(void **state)
{
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 8, efd), 0);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 8);
	vfio_irq_trigger(&fake->vdev, FAKE_IRQS, 0);
	vfio_irq_trigger(&fake->vdev, FAKE_NONE, 0);
	vfio_irq_set_level(&fake->vdev, FAKE_EDGES, 0, true);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 1, true);
	vfio_irq_set_level(&fake->vdev, UINT32_MAX, UINT32_MAX, true);
	assert_int_equal(signals(efd[0]), 0);
}

/* As QEMU does for MSI-X: enable with vector 0 unset, then each vector at its first use. */
static void vectors_are_armed_one_by_one_after_an_empty_enable(void **state)
{
	const int none = -1;

	assert_false(vfio_irq_is_enabled(&fake->vdev, FAKE_EDGES));
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 1, &none), 0);
	assert_true(vfio_irq_is_enabled(&fake->vdev, FAKE_EDGES));
	assert_false(vfio_irq_is_armed(&fake->vdev, FAKE_EDGES, 0));
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	assert_int_equal(set(ARM, FAKE_EDGES, 5, 1, &efd[5]), 0);
	assert_true(vfio_irq_is_armed(&fake->vdev, FAKE_EDGES, 5));
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 5);
	assert_int_equal(signals(efd[5]), 1);
	assert_int_equal(set(DISABLE, FAKE_EDGES, 0, 0, NULL), 0);
	assert_false(vfio_irq_is_enabled(&fake->vdev, FAKE_EDGES));
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 5);
	assert_int_equal(signals(efd[5]), 0);
	assert_int_equal(set(DISABLE, FAKE_EDGES, 0, 0, NULL), 0);
}

static void one_vector_can_be_disarmed(void **state)
{
	const int none[2] = { -1, -1 };

	assert_int_equal(set(ARM, FAKE_EDGES, 0, 8, efd), 0);
	assert_int_equal(set(ARM, FAKE_EDGES, 3, 2, none), 0);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 2);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 3);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 4);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 5);
	assert_int_equal(signals(efd[2]), 1);
	assert_int_equal(signals(efd[3]), 0);
	assert_int_equal(signals(efd[4]), 0);
	assert_int_equal(signals(efd[5]), 1);
}

static void a_masked_edge_is_pending_and_comes_once(void **state)
{
	assert_int_equal(set(ARM, FAKE_MASKABLE, 0, 2, efd), 0);
	assert_int_equal(set(MASK, FAKE_MASKABLE, 1, 1, NULL), 0);
	vfio_irq_trigger(&fake->vdev, FAKE_MASKABLE, 1);
	vfio_irq_trigger(&fake->vdev, FAKE_MASKABLE, 1);
	vfio_irq_trigger(&fake->vdev, FAKE_MASKABLE, 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(signals(efd[1]), 0);
	assert_int_equal(set(UNMASK, FAKE_MASKABLE, 0, 2, NULL), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(set(UNMASK, FAKE_MASKABLE, 0, 2, NULL), 0);
	assert_int_equal(signals(efd[1]), 0);
}

static void bools_choose_what_is_masked(void **state)
{
	const uint8_t first[2] = { 1, 0 }, second[2] = { 0, 1 };

	assert_int_equal(set(ARM, FAKE_MASKABLE, 0, 2, efd), 0);
	assert_int_equal(set(MASK_BOOL, FAKE_MASKABLE, 0, 2, first), 0);
	vfio_irq_trigger(&fake->vdev, FAKE_MASKABLE, 0);
	vfio_irq_trigger(&fake->vdev, FAKE_MASKABLE, 1);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(set(UNMASK_BOOL, FAKE_MASKABLE, 0, 2, second), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(UNMASK_BOOL, FAKE_MASKABLE, 0, 2, first), 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void loopback_signals_what_is_armed(void **state)
{
	const uint8_t bools[3] = { 1, 0, 1 };

	assert_int_equal(set(DISABLE, FAKE_EDGES, 0, 3, NULL), -EINVAL);
	assert_int_equal(set(LOOPBACK, FAKE_EDGES, 0, 3, bools), -EINVAL);
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 2, efd), 0);
	assert_int_equal(set(DISABLE, FAKE_EDGES, 0, 3, NULL), 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(set(LOOPBACK, FAKE_EDGES, 0, 3, bools), 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(signals(efd[1]), 0);
}

/* ---- lines ---- */

/* INTx as QEMU drives it without KVM's help. */
static void a_line_is_masked_by_its_signal_until_the_vmm_unmasks(void **state)
{
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, efd), 0);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(signals(efd[0]), 1);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, false);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(UNMASK, FAKE_LINE, 0, 1, NULL), 0); /* still high */
	assert_int_equal(signals(efd[0]), 1);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, false);
	assert_int_equal(set(UNMASK, FAKE_LINE, 0, 1, NULL), 0); /* low by now */
	assert_int_equal(signals(efd[0]), 0);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(signals(efd[0]), 1);
}

static void a_level_that_stays_is_one_signal(void **state)
{
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, efd), 0);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(signals(efd[0]), 1);
}

static void a_line_that_is_high_signals_a_user_who_comes(void **state)
{
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, efd), 0);
	assert_int_equal(signals(efd[0]), 1);
	/* Around a reset a VMM disables the line and arms it again. */
	assert_int_equal(set(DISABLE, FAKE_LINE, 0, 0, NULL), 0);
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, efd), 0);
	assert_int_equal(signals(efd[0]), 1);
}

/* INTx as QEMU drives it with KVM: mask, hand eventfds over, unmask; then KVM alone. */
static void a_resample_eventfd_unmasks(void **state)
{
	const int none = -1;

	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, &efd[0]), 0);
	assert_int_equal(set(MASK, FAKE_LINE, 0, 1, NULL), 0);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &efd[1]), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(UNMASK, FAKE_LINE, 0, 1, NULL), 0);
	assert_int_equal(signals(efd[0]), 1);
	/* The guest says that it has served the interrupt, but the device still asks. */
	eventfd_write(efd[1], 1);
	wait_signal(efd[0]);
	eventfd_write(efd[1], 1);
	wait_signal(efd[0]);
	/* Back to unmasking by message. */
	assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &none), 0);
	eventfd_write(efd[1], 1);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(UNMASK, FAKE_LINE, 0, 1, NULL), 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void a_resample_eventfd_that_is_signalled_already_unmasks(void **state)
{
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, &efd[0]), 0);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(signals(efd[0]), 1);
	eventfd_write(efd[1], 1);
	assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &efd[1]), 0);
	wait_signal(efd[0]);
}

static void the_resample_thread_ends_with_the_last_eventfd(void **state)
{
	unsigned int before = open_fds(), round;

	for (round = 0; round < 3; round++) {
		assert_int_equal(set(ARM, FAKE_MASKABLE, 0, 2, &efd[0]), 0);
		assert_int_equal(set(ARM, FAKE_LINE, 0, 1, &efd[2]), 0);
		assert_int_equal(set(RESAMPLE, FAKE_MASKABLE, 0, 2, &efd[3]), 0);
		assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &efd[5]), 0);
		assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &efd[6]), 0); /* replaces */
		assert_int_equal(set(DISABLE, FAKE_LINE, 0, 0, NULL), 0);
		assert_int_equal(set(DISABLE, FAKE_MASKABLE, 0, 0, NULL), 0);
		assert_int_equal(open_fds(), before);
	}
}

/* ---- all or nothing ---- */

static void numbers_out_of_range_are_refused(void **state)
{
	const uint8_t bools[9] = { 0 };
	int fds[9];

	memset(fds, 0xff, sizeof(fds));
	assert_int_equal(set(ARM, FAKE_IRQS, 0, 1, fds), -EINVAL);
	assert_int_equal(set(ARM, UINT32_MAX, 0, 1, fds), -EINVAL);
	assert_int_equal(set(ARM, FAKE_NONE, 0, 1, fds), -EINVAL);
	assert_int_equal(set(DISABLE, FAKE_NONE, 0, 0, NULL), -EINVAL);
	assert_int_equal(set(ARM, FAKE_EDGES, 8, 1, fds), -EINVAL);
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 9, fds), -EINVAL);
	assert_int_equal(set(ARM, FAKE_EDGES, 1, 8, fds), -EINVAL);
	assert_int_equal(set(ARM, FAKE_EDGES, 1, UINT32_MAX, fds), -EINVAL);
	assert_int_equal(set(ARM, FAKE_EDGES, UINT32_MAX, 2, fds), -EINVAL);
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 0, fds), -EINVAL);
	assert_int_equal(set(LOOPBACK, FAKE_EDGES, 0, 0, bools), -EINVAL);
	assert_int_equal(set(DISABLE, FAKE_EDGES, 8, 0, NULL), -EINVAL);
	assert_false(vfio_irq_is_enabled(&fake->vdev, FAKE_EDGES));
	assert_int_equal(fake->irqs_changed, 0);
}

static void combinations_that_are_not_offered_are_refused(void **state)
{
	const uint8_t bools[2] = { 1, 1 };

	assert_int_equal(set(ARM, FAKE_EDGES, 0, 1, efd), 0);
	assert_int_equal(set(0, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(set(ARM | VFIO_IRQ_SET_DATA_BOOL, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(set(ARM | VFIO_IRQ_SET_ACTION_MASK, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(set(VFIO_IRQ_SET_DATA_EVENTFD, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(set(VFIO_IRQ_SET_ACTION_TRIGGER, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(set(ARM | 1u << 6, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(set(ARM | 1u << 31, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(set(MASK, FAKE_EDGES, 0, 1, NULL), -EINVAL);
	assert_int_equal(set(UNMASK, FAKE_EDGES, 0, 1, NULL), -EINVAL);
	assert_int_equal(set(RESAMPLE, FAKE_EDGES, 0, 1, efd), -EINVAL);
	assert_int_equal(
		set(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_MASK, FAKE_MASKABLE, 0, 1, efd),
		-EINVAL);
	/* Not enabled yet. */
	assert_int_equal(set(MASK, FAKE_LINE, 0, 1, NULL), -EINVAL);
	assert_int_equal(set(UNMASK_BOOL, FAKE_LINE, 0, 1, bools), -EINVAL);
	assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, efd), -EINVAL);
	assert_int_equal(set(MASK, FAKE_MASKABLE, 0, 0, NULL), -EINVAL);
}

static void one_bad_descriptor_changes_nothing(void **state)
{
	int pipefd[2], fds[3] = { efd[4], efd[5], -1 };
	unsigned int before;

	assert_int_equal(pipe(pipefd), 0);
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 3, efd), 0);
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, efd), 0);
	before = open_fds();
	fds[2] = pipefd[1];
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 3, fds), -EBADF);
	fds[2] = 1000;
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 3, fds), -EBADF);
	assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &pipefd[0]), -EBADF);
	assert_int_equal(open_fds(), before);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(signals(efd[4]), 0);
	close(pipefd[0]);
	close(pipefd[1]);
}

static void a_set_that_fails_at_any_step_changes_nothing(void **state)
{
	unsigned int before = open_fds();
	unsigned long step;
	int err = -1;

	for (step = 1; err; step++) {
		fault_countdown = step;
		err = set(ARM, FAKE_MASKABLE, 0, 2, efd);
		fault_countdown = 0;
		if (err) {
			assert_false(vfio_irq_is_enabled(&fake->vdev, FAKE_MASKABLE));
			assert_int_equal(open_fds(), before);
		}
	}
	assert_true(step > 4);
	before = open_fds();
	for (step = 1, err = -1; err; step++) {
		fault_countdown = step;
		err = set(RESAMPLE, FAKE_MASKABLE, 0, 2, efd);
		fault_countdown = 0;
		if (err)
			assert_int_equal(open_fds(), before);
	}
	assert_true(step > 8);
}

static void descriptors_are_the_cores_own(void **state)
{
	int mine = eventfd(0, EFD_NONBLOCK), copy = dup(mine);

	assert_int_equal(set(ARM, FAKE_EDGES, 0, 1, &mine), 0);
	close(mine);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	assert_int_equal(signals(copy), 1);
	close(copy);
}

/* A program that waits in read() goes on doing so. */
static void a_descriptor_that_blocks_stays_so(void **state)
{
	int mine = eventfd(0, 0);

	assert_int_equal(set(ARM, FAKE_EDGES, 0, 1, &mine), 0);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	assert_false(fcntl(mine, F_GETFL) & O_NONBLOCK);
	assert_int_equal(signals(mine), 1);
	/* From now on it is read here, too. */
	assert_int_equal(set(ARM, FAKE_MASKABLE, 0, 1, &efd[0]), 0);
	assert_int_equal(set(RESAMPLE, FAKE_MASKABLE, 0, 1, &mine), 0);
	assert_false(fcntl(mine, F_GETFL) & O_NONBLOCK);
	close(mine);
}

static void close_disarms(void **state)
{
	unsigned int before;

	vfio_file_close(file);
	before = open_fds();
	file = fake_open(fake);
	assert_int_equal(set(ARM, FAKE_EDGES, 0, 8, efd), 0);
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, efd), 0);
	assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &efd[1]), 0);
	vfio_file_close(file);
	file = NULL;
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(open_fds(), before);
}

/* ---- hostile users ---- */

/* The counter is full and the descriptor blocking: a write() to it would never return. */
static void a_full_eventfd_does_not_hold_up_the_device(void **state)
{
	int trap = eventfd(0, 0);

	assert_int_equal(set(ARM, FAKE_EDGES, 0, 1, &trap), 0);
	assert_int_equal(fcntl(trap, F_SETFL, 0), 0);
	assert_int_equal(eventfd_write(trap, UINT64_MAX - 1), 0);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	assert_int_equal(set(DISABLE, FAKE_EDGES, 0, 0, NULL), 0);
	close(trap);
}

/* The user empties its resample eventfd itself, under the thread that waits for it. */
static void an_emptied_resample_eventfd_does_not_hold_up_others(void **state)
{
	int trap = eventfd(0, 0), i;

	assert_int_equal(set(ARM, FAKE_MASKABLE, 0, 1, &efd[0]), 0);
	assert_int_equal(set(RESAMPLE, FAKE_MASKABLE, 0, 1, &trap), 0);
	assert_int_equal(fcntl(trap, F_SETFL, O_NONBLOCK), 0);
	for (i = 0; i < 2000; i++) {
		eventfd_t n;

		fcntl(trap, F_SETFL, i % 2 ? O_NONBLOCK : 0);
		eventfd_write(trap, 1);
		fcntl(trap, F_SETFL, O_NONBLOCK);
		eventfd_read(trap, &n);
	}
	assert_int_equal(set(ARM, FAKE_LINE, 0, 1, &efd[2]), 0);
	assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &efd[3]), 0);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_int_equal(signals(efd[2]), 1);
	eventfd_write(efd[3], 1);
	wait_signal(efd[2]);
	close(trap);
}

/* ---- many threads ---- */

static atomic_bool stop;
static atomic_uint raised;

static void *raise_thread(void *arg)
{
	unsigned int i;

	for (i = 0; !atomic_load(&stop); i++) {
		vfio_irq_trigger(&fake->vdev, FAKE_EDGES, i % 8);
		vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, i & 1);
		vfio_irq_is_armed(&fake->vdev, FAKE_EDGES, i % 8);
		atomic_fetch_add(&raised, 1);
	}
	return NULL;
}

static void sets_and_closes_may_race_with_triggers(void **state)
{
	const int none[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
	pthread_t threads[2];
	unsigned int i;

	atomic_store(&stop, false);
	atomic_store(&raised, 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, raise_thread, NULL);
	for (i = 0; i < 300 || atomic_load(&raised) < 1000; i++) {
		assert_int_equal(set(ARM, FAKE_EDGES, 0, 8, efd), 0);
		assert_int_equal(set(ARM, FAKE_LINE, 0, 1, efd), 0);
		assert_int_equal(set(RESAMPLE, FAKE_LINE, 0, 1, &efd[1]), 0);
		eventfd_write(efd[1], 1);
		assert_int_equal(set(ARM, FAKE_EDGES, 2, 4, none), 0);
		assert_int_equal(set(MASK, FAKE_LINE, 0, 1, NULL), 0);
		assert_int_equal(set(UNMASK, FAKE_LINE, 0, 1, NULL), 0);
		if (i % 2)
			assert_int_equal(set(DISABLE, FAKE_EDGES, 0, 0, NULL), 0);
		vfio_file_close(file);
		file = fake_open(fake);
	}
	atomic_store(&stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

static void *edges_thread(void *arg)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		vfio_irq_trigger(&fake->vdev, FAKE_MASKABLE, 0);
	atomic_store(&stop, true);
	return NULL;
}

/* However masking falls between edges: the last edge is signalled after the last unmasking. */
static void no_edge_is_lost_by_masking(void **state)
{
	pthread_t thread;
	unsigned int round;

	assert_int_equal(set(ARM, FAKE_MASKABLE, 0, 1, efd), 0);
	for (round = 0; round < 20; round++) {
		atomic_store(&stop, false);
		pthread_create(&thread, NULL, edges_thread, NULL);
		while (!atomic_load(&stop)) {
			assert_int_equal(set(MASK, FAKE_MASKABLE, 0, 1, NULL), 0);
			signals(efd[0]);
			assert_int_equal(set(UNMASK, FAKE_MASKABLE, 0, 1, NULL), 0);
		}
		assert_int_equal(set(MASK, FAKE_MASKABLE, 0, 1, NULL), 0);
		pthread_join(thread, NULL);
		signals(efd[0]);
		vfio_irq_trigger(&fake->vdev, FAKE_MASKABLE, 0);
		assert_int_equal(signals(efd[0]), 0);
		assert_int_equal(set(UNMASK, FAKE_MASKABLE, 0, 1, NULL), 0);
		assert_int_equal(signals(efd[0]), 1);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_edge_signals_its_own_vector),
		TEST(triggers_out_of_range_are_ignored),
		TEST(vectors_are_armed_one_by_one_after_an_empty_enable),
		TEST(one_vector_can_be_disarmed),
		TEST(a_masked_edge_is_pending_and_comes_once),
		TEST(bools_choose_what_is_masked),
		TEST(loopback_signals_what_is_armed),
		TEST(a_line_is_masked_by_its_signal_until_the_vmm_unmasks),
		TEST(a_level_that_stays_is_one_signal),
		TEST(a_line_that_is_high_signals_a_user_who_comes),
		TEST(a_resample_eventfd_unmasks),
		TEST(a_resample_eventfd_that_is_signalled_already_unmasks),
		TEST(the_resample_thread_ends_with_the_last_eventfd),
		TEST(numbers_out_of_range_are_refused),
		TEST(combinations_that_are_not_offered_are_refused),
		TEST(one_bad_descriptor_changes_nothing),
		TEST(a_set_that_fails_at_any_step_changes_nothing),
		TEST(descriptors_are_the_cores_own),
		TEST(a_descriptor_that_blocks_stays_so),
		TEST(close_disarms),
		TEST(a_full_eventfd_does_not_hold_up_the_device),
		TEST(an_emptied_resample_eventfd_does_not_hold_up_others),
		TEST(sets_and_closes_may_race_with_triggers),
		TEST(no_edge_is_lost_by_masking),
	};

	return cmocka_run_group_tests(tests, fake_bus_up, fake_bus_down);
}
