/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interrupts of platform devices, where the kernel's vfio_platform differs from its vfio-pci. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "model/alloc.h"
#include "vfio_fake.h"

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK_ VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

/* Lines of the device. */
enum {
	LEVEL,
	EDGE,
	OTHER_LEVEL,
	OTHER_EDGE
};

static struct fake *fake;
static struct vfio_file *file;
static int efd[4];
static const int no_fd = -1;

static int setup(void **state)
{
	const uint32_t level =
		VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	unsigned int i;

	fake = fake_new("d0");
	fake->vdev.flags = VFIO_DEVICE_FLAGS_PLATFORM;
	for (i = 0; i < FAKE_IRQS; i++)
		fake->irqs[i] = (struct vfio_irq) {
			.count = 1,
			.flags = i == LEVEL || i == OTHER_LEVEL ? level : VFIO_IRQ_INFO_EVENTFD,
		};
	assert_int_equal(fake_add(fake), 0);
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

static int arm(unsigned int index, int fd)
{
	return set(EVENTFD | TRIGGER, index, 0, 1, &fd);
}

static int mask(unsigned int index)
{
	return set(NONE | MASK, index, 0, 1, NULL);
}

static int unmask(unsigned int index)
{
	return set(NONE | UNMASK_, index, 0, 1, NULL);
}

static void raise_and_lower(unsigned int index)
{
	vfio_irq_set_level(&fake->vdev, index, 0, true);
	vfio_irq_set_level(&fake->vdev, index, 0, false);
}

static void wait_signal(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_int_equal(signals(fd), 1);
}

/* ---- what is refused, and how ---- */

static void an_index_has_one_interrupt_and_no_more(void **state)
{
	struct vfio_irq_info info;
	struct fake *other = fake_new("d1");

	assert_int_equal(vfio_file_get_irq_info(file, LEVEL, &info), 0);
	assert_int_equal(info.count, 1);
	other->vdev.flags = VFIO_DEVICE_FLAGS_PLATFORM; /* one of its indexes has 8 */
	assert_int_equal(fake_add(other), -EINVAL);
	fake_free(other);
}

/* The kernel compares vectors with the number of indexes, 4 here, and looks closer later. */
static void numbers_are_refused_in_the_kernels_order(void **state)
{
	const int fds[4] = { -1, -1, -1, -1 };
	const uint8_t bools[4] = { 1, 1, 1, 1 };

	assert_int_equal(set(NONE | TRIGGER, FAKE_IRQS, 0, 0, NULL), -EINVAL);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 3, 0, NULL), 0);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 4, 0, NULL), -EINVAL);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, UINT32_MAX, 0, NULL), -EINVAL);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 0, 2, NULL), -EINVAL);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 1, 1, NULL), -EINVAL);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 1, UINT32_MAX, NULL), -EINVAL);
	assert_int_equal(set(BOOL | TRIGGER, LEVEL, 0, 0, bools), -EINVAL);
	assert_int_equal(set(BOOL | TRIGGER, LEVEL, 0, 4, bools), -EINVAL);
	assert_int_equal(set(EVENTFD | TRIGGER, LEVEL, 0, 0, fds), -EINVAL);
	assert_int_equal(set(EVENTFD | TRIGGER, LEVEL, 1, 1, fds), -EINVAL);
	assert_int_equal(set(NONE | MASK, LEVEL, 0, 0, NULL), -EINVAL);
	assert_int_equal(set(NONE | UNMASK_, LEVEL, 1, 1, NULL), -EINVAL);
	/* Only what has passed so far is looked at for its action. */
	assert_int_equal(set(NONE, LEVEL, 0, 1, NULL), -ENOTTY);
	assert_int_equal(set(NONE | MASK | TRIGGER, LEVEL, 0, 1, NULL), -ENOTTY);
	assert_int_equal(set(EVENTFD, LEVEL, 2, 2, fds), -ENOTTY);
	assert_int_equal(set(NONE, LEVEL, 4, 1, NULL), -EINVAL);
	assert_int_equal(set(TRIGGER, LEVEL, 0, 1, NULL), -EINVAL);
	assert_int_equal(set(NONE | BOOL | TRIGGER, LEVEL, 0, 1, bools), -EINVAL);
	assert_int_equal(set(NONE | TRIGGER | 1u << 6, LEVEL, 0, 1, NULL), -EINVAL);
}

static void only_levels_can_be_masked(void **state)
{
	const uint8_t no = 0;

	assert_int_equal(mask(EDGE), -EINVAL);
	assert_int_equal(unmask(EDGE), -EINVAL);
	assert_int_equal(set(BOOL | MASK, EDGE, 0, 1, &no), -EINVAL);
	assert_int_equal(set(EVENTFD | MASK, EDGE, 0, 1, &efd[0]), -EINVAL);
	assert_int_equal(set(EVENTFD | UNMASK_, EDGE, 0, 1, &no_fd), -EINVAL);
	assert_int_equal(mask(LEVEL), 0);
	assert_int_equal(mask(OTHER_LEVEL), 0);
}

/* ---- masking, apart from arming ---- */

static void an_interrupt_is_masked_before_it_is_armed(void **state)
{
	assert_int_equal(mask(LEVEL), 0);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, true);
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(unmask(LEVEL), 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void disarming_leaves_the_mask(void **state)
{
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, true);
	assert_int_equal(signals(efd[0]), 1); /* and is masked by that */
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 0, 0, NULL), 0);
	assert_int_equal(arm(LEVEL, efd[1]), 0);
	assert_int_equal(signals(efd[1]), 0);
	assert_int_equal(arm(LEVEL, -1), 0);
	assert_int_equal(unmask(LEVEL), 0);
	assert_int_equal(arm(LEVEL, efd[1]), 0);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(signals(efd[0]), 0);
}

static void a_new_user_finds_nothing_masked(void **state)
{
	assert_int_equal(mask(LEVEL), 0);
	vfio_file_close(file);
	file = fake_open(fake);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, true);
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void bools_choose_whether(void **state)
{
	const uint8_t yes = 1, no = 0;

	assert_int_equal(arm(LEVEL, efd[0]), 0);
	assert_int_equal(set(BOOL | MASK, LEVEL, 0, 1, &no), 0);
	raise_and_lower(LEVEL);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(set(BOOL | UNMASK_, LEVEL, 0, 1, &no), 0);
	raise_and_lower(LEVEL);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(BOOL | UNMASK_, LEVEL, 0, 1, &yes), 0);
	assert_int_equal(set(BOOL | MASK, LEVEL, 0, 1, &yes), 0);
	raise_and_lower(LEVEL);
	assert_int_equal(signals(efd[0]), 0);
}

static void unmasking_what_is_not_masked_is_nothing(void **state)
{
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	assert_int_equal(unmask(LEVEL), 0);
	assert_int_equal(signals(efd[0]), 0);
	raise_and_lower(LEVEL);
	assert_int_equal(signals(efd[0]), 1);
}

/* ---- arming ---- */

static void arming_with_what_is_no_eventfd_disarms(void **state)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(arm(EDGE, efd[0]), 0);
	assert_int_equal(arm(EDGE, ends[0]), -EBADF);
	assert_false(vfio_irq_is_armed(&fake->vdev, EDGE, 0));
	assert_int_equal(arm(EDGE, efd[0]), 0);
	assert_int_equal(arm(EDGE, 1000), -EBADF);
	assert_false(vfio_irq_is_armed(&fake->vdev, EDGE, 0));
	close(ends[0]);
	close(ends[1]);
}

/* As an interrupt controller remembers it. */
static void an_edge_waits_for_its_eventfd(void **state)
{
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	assert_int_equal(arm(EDGE, efd[0]), 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(arm(EDGE, -1), 0);
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	assert_int_equal(arm(EDGE, efd[1]), 0);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(arm(EDGE, efd[2]), 0);
	assert_int_equal(signals(efd[2]), 0);
}

static void an_edge_does_not_wait_for_the_next_user(void **state)
{
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	vfio_file_close(file);
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	file = fake_open(fake);
	assert_int_equal(arm(EDGE, efd[0]), 0);
	assert_int_equal(signals(efd[0]), 0);
}

static void each_edge_is_a_signal(void **state)
{
	assert_int_equal(arm(EDGE, efd[0]), 0);
	assert_int_equal(arm(OTHER_EDGE, efd[1]), 0);
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	assert_int_equal(signals(efd[0]), 2);
	assert_int_equal(signals(efd[1]), 0);
}

/* ---- signals that the user asks for ---- */

static void a_signal_on_request_masks_a_level(void **state)
{
	const uint8_t yes = 1, no = 0;

	assert_int_equal(arm(LEVEL, efd[0]), 0);
	assert_int_equal(set(BOOL | TRIGGER, LEVEL, 0, 1, &no), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(BOOL | TRIGGER, LEVEL, 0, 1, &yes), 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 0, 1, NULL), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(unmask(LEVEL), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 0, 1, NULL), 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void a_signal_on_request_masks_what_is_not_armed(void **state)
{
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 0, 1, NULL), 0);
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, true);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(unmask(LEVEL), 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void a_signal_on_request_is_an_edge_of_its_own(void **state)
{
	assert_int_equal(set(NONE | TRIGGER, EDGE, 0, 1, NULL), 0);
	assert_int_equal(arm(EDGE, efd[0]), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set(NONE | TRIGGER, EDGE, 0, 1, NULL), 0);
	assert_int_equal(set(NONE | TRIGGER, EDGE, 0, 1, NULL), 0);
	assert_int_equal(signals(efd[0]), 2);
}

/* ---- eventfds that mask and unmask ---- */

static void an_eventfd_masks_and_another_unmasks(void **state)
{
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[2]), 0);
	assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &efd[3]), 0);
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, true);
	assert_int_equal(signals(efd[0]), 1);
	eventfd_write(efd[3], 1); /* still high */
	wait_signal(efd[0]);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, false);
	assert_int_equal(unmask(LEVEL), 0);
	/* Armed with the signal of an eventfd that is full already it masks at once. */
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &no_fd), 0);
	eventfd_write(efd[2], 1);
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[2]), 0);
	while (signals(efd[2]))
		;
	/* Whether the thread has been there is seen by the lack of a signal. */
	for (;;) {
		raise_and_lower(LEVEL);
		if (!signals(efd[0]))
			break;
		assert_int_equal(unmask(LEVEL), 0);
		eventfd_write(efd[2], 1);
	}
}

static void a_second_eventfd_is_refused_until_the_first_is_taken_back(void **state)
{
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[1]), 0);
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[1]), -EBUSY);
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[2]), -EBUSY);
	assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &efd[2]), 0);
	assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &efd[1]), -EBUSY);
	assert_int_equal(set(EVENTFD | MASK, OTHER_LEVEL, 0, 1, &efd[1]), 0);
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &no_fd), 0);
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &no_fd), 0);
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[2]), 0);
	assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &efd[2]), -EBUSY);
}

static void disarming_leaves_the_eventfds_that_unmask(void **state)
{
	assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &efd[3]), 0);
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	assert_int_equal(set(NONE | TRIGGER, LEVEL, 0, 0, NULL), 0);
	assert_int_equal(mask(LEVEL), 0);
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, true);
	eventfd_write(efd[3], 1);
	wait_signal(efd[0]);
}

/* ---- at any moment ---- */

static unsigned int open_fds(void)
{
	unsigned int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl((int)fd, F_GETFD) >= 0;
	return n;
}

static void close_forgets_everything(void **state)
{
	unsigned int before;

	vfio_file_close(file);
	before = open_fds();
	file = fake_open(fake);
	assert_int_equal(arm(LEVEL, efd[0]), 0);
	assert_int_equal(arm(EDGE, efd[0]), 0);
	assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[1]), 0);
	assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &efd[2]), 0);
	vfio_file_close(file);
	file = NULL;
	vfio_irq_trigger(&fake->vdev, EDGE, 0);
	vfio_irq_set_level(&fake->vdev, LEVEL, 0, true);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(open_fds(), before);
}

static void an_open_that_fails_at_any_step_leaves_nothing(void **state)
{
	unsigned int before;
	unsigned long step;
	int err = -1;

	vfio_file_close(file);
	file = NULL;
	before = open_fds();
	for (step = 1; err; step++) {
		fault_countdown = step;
		err = vfio_file_open(&fake->vdev, &fake_user_ops, fake, &file);
		fault_countdown = 0;
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_false(vfio_irq_is_enabled(&fake->vdev, EDGE));
			assert_int_equal(open_fds(), before);
		}
	}
	assert_true(step > 2 + FAKE_IRQS);
	vfio_file_close(file);
	file = NULL;
	fake->open_error = -EIO;
	assert_int_equal(vfio_file_open(&fake->vdev, &fake_user_ops, fake, &file), -EIO);
	assert_false(vfio_irq_is_enabled(&fake->vdev, EDGE));
	file = NULL;
}

static atomic_bool stop;
static atomic_uint raised;

static void *raise_thread(void *arg)
{
	while (!atomic_load(&stop)) {
		vfio_irq_trigger(&fake->vdev, EDGE, 0);
		raise_and_lower(LEVEL);
		atomic_fetch_add(&raised, 1);
	}
	return NULL;
}

static void sets_and_closes_may_race_with_interrupts(void **state)
{
	pthread_t threads[2];
	unsigned int i;

	atomic_store(&stop, false);
	atomic_store(&raised, 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, raise_thread, NULL);
	for (i = 0; i < 300 || atomic_load(&raised) < 1000; i++) {
		assert_int_equal(mask(LEVEL), 0);
		assert_int_equal(arm(EDGE, efd[0]), 0);
		assert_int_equal(arm(LEVEL, efd[0]), 0);
		assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &efd[1]), 0);
		assert_int_equal(set(EVENTFD | MASK, LEVEL, 0, 1, &efd[2]), 0);
		eventfd_write(efd[1], 1);
		eventfd_write(efd[2], 1);
		assert_int_equal(set(NONE | TRIGGER, LEVEL, 0, 1, NULL), 0);
		assert_int_equal(set(EVENTFD | UNMASK_, LEVEL, 0, 1, &no_fd), 0);
		assert_int_equal(unmask(LEVEL), 0);
		assert_int_equal(arm(LEVEL, i % 2 ? -1 : efd[3]), 0);
		vfio_file_close(file);
		file = fake_open(fake);
	}
	atomic_store(&stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_index_has_one_interrupt_and_no_more),
		TEST(numbers_are_refused_in_the_kernels_order),
		TEST(only_levels_can_be_masked),
		TEST(an_interrupt_is_masked_before_it_is_armed),
		TEST(disarming_leaves_the_mask),
		TEST(a_new_user_finds_nothing_masked),
		TEST(bools_choose_whether),
		TEST(unmasking_what_is_not_masked_is_nothing),
		TEST(arming_with_what_is_no_eventfd_disarms),
		TEST(an_edge_waits_for_its_eventfd),
		TEST(an_edge_does_not_wait_for_the_next_user),
		TEST(each_edge_is_a_signal),
		TEST(a_signal_on_request_masks_a_level),
		TEST(a_signal_on_request_masks_what_is_not_armed),
		TEST(a_signal_on_request_is_an_edge_of_its_own),
		TEST(an_eventfd_masks_and_another_unmasks),
		TEST(a_second_eventfd_is_refused_until_the_first_is_taken_back),
		TEST(disarming_leaves_the_eventfds_that_unmask),
		TEST(close_forgets_everything),
		TEST(an_open_that_fails_at_any_step_leaves_nothing),
		TEST(sets_and_closes_may_race_with_interrupts),
	};

	return cmocka_run_group_tests(tests, fake_bus_up, fake_bus_down);
}
