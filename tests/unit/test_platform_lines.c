/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interrupt lines and memory of platform devices: from hardware to who drives them, and back. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <umdev/platform.h>
#include <umdev/umdev.h>

#include "support/outside.h"

static struct platform_hw *hw;

static int wires_create(struct platform_hw *new)
{
	hw = new;
	return 0;
}

static void wires_destroy(struct platform_hw *old)
{
}

static const char *const wires_compatible[] = { "wires", NULL };
static const struct platform_hw_ops wires = {
	.name = "wires",
	.compatible = wires_compatible,
	.create = wires_create,
	.destroy = wires_destroy,
};

enum {
	LEVEL,
	EDGE,
	NR_LINES
};

static const struct platform_irq irqs[NR_LINES] = {
	[LEVEL] = { PLATFORM_IRQ_TYPE_LEVEL_LOW, NULL },
	[EDGE] = { PLATFORM_IRQ_TYPE_EDGE_RISING, NULL },
};
static struct platform_device *pdev;

static int setup(void **state)
{
	const struct platform_device_info info = {
		.name = "wires", .id = PLATFORM_DEVID_NONE, .irqs = irqs, .num_irqs = NR_LINES
	};

	log_capture_begin();
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(platform_hw_register(&wires), 0);
	return platform_device_register_full(&info, &pdev);
}

static int teardown(void **state)
{
	platform_device_unregister(pdev);
	platform_hw_unregister(&wires);
	umdev_stop();
	log_capture_end();
	return 0;
}

/* ---- listeners ---- */

static char heard[32];

static void hear(void *data, unsigned int irq, bool level)
{
	size_t len = strlen(heard);

	assert_ptr_equal(data, heard);
	heard[len] = (char)((level ? 'A' : 'a') + irq);
	heard[len + 1] = '\0';
}

static void a_listener_hears_each_change(void **state)
{
	heard[0] = '\0';
	platform_hw_set_irq(hw, EDGE, true);
	assert_int_equal(platform_listen_irq(pdev, LEVEL, hear, heard), 0);
	assert_string_equal(heard, "");
	/* What is high is told at once. */
	assert_int_equal(platform_listen_irq(pdev, EDGE, hear, heard), 0);
	assert_string_equal(heard, "B");
	platform_hw_set_irq(hw, LEVEL, true);
	platform_hw_set_irq(hw, LEVEL, true);
	platform_hw_set_irq(hw, EDGE, false);
	platform_hw_set_irq(hw, LEVEL, false);
	assert_string_equal(heard, "BAba");
	platform_free_irq(pdev, LEVEL);
	platform_hw_set_irq(hw, LEVEL, true);
	assert_string_equal(heard, "BAba");
	platform_free_irq(pdev, EDGE);
}

static void a_line_has_one_taker(void **state)
{
	assert_int_equal(platform_listen_irq(pdev, NR_LINES, hear, heard), -EINVAL);
	assert_int_equal(platform_listen_irq(pdev, UINT32_MAX, hear, heard), -EINVAL);
	assert_int_equal(platform_listen_irq(pdev, LEVEL, NULL, heard), -EINVAL);
	assert_int_equal(platform_listen_irq(pdev, LEVEL, hear, heard), 0);
	assert_int_equal(platform_listen_irq(pdev, LEVEL, hear, heard), -EBUSY);
	assert_int_equal(platform_request_threaded_irq(pdev, LEVEL, NULL, NULL), -EINVAL);
	platform_free_irq(pdev, LEVEL);
	platform_free_irq(pdev, LEVEL);
	platform_free_irq(pdev, NR_LINES);
	platform_hw_set_irq(hw, NR_LINES, true);
	assert_int_equal(platform_listen_irq(pdev, LEVEL, hear, heard), 0);
	platform_free_irq(pdev, LEVEL);
}

/* ---- handlers ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static unsigned int handled; /* under lock */
static unsigned int until;   /* a level handler is content after as many; under lock */

static void count(void *data, unsigned int irq)
{
	pthread_mutex_lock(&lock);
	handled++;
	if (irq == LEVEL && handled >= until)
		platform_hw_set_irq(hw, LEVEL, false);
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_until_handled(unsigned int n)
{
	pthread_mutex_lock(&lock);
	while (handled < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void each_edge_is_handled(void **state)
{
	unsigned int i;

	handled = 0;
	assert_int_equal(platform_request_threaded_irq(pdev, EDGE, count, NULL), 0);
	assert_int_equal(platform_request_threaded_irq(pdev, EDGE, count, NULL), -EBUSY);
	for (i = 0; i < 1000; i++) {
		platform_hw_set_irq(hw, EDGE, true);
		platform_hw_set_irq(hw, EDGE, false);
	}
	wait_until_handled(1000);
	platform_free_irq(pdev, EDGE);
	assert_int_equal(handled, 1000);
	platform_hw_set_irq(hw, EDGE, true);
	assert_int_equal(handled, 1000);
}

static void a_level_is_handled_until_it_falls(void **state)
{
	handled = 0;
	until = 5;
	platform_hw_set_irq(hw, LEVEL, true);
	assert_int_equal(platform_request_threaded_irq(pdev, LEVEL, count, NULL), 0);
	wait_until_handled(5);
	/* One that rises again is handled again. */
	pthread_mutex_lock(&lock);
	until = 7;
	pthread_mutex_unlock(&lock);
	platform_hw_set_irq(hw, LEVEL, true);
	wait_until_handled(7);
	platform_free_irq(pdev, LEVEL);
	assert_int_equal(handled, 7);
}

static atomic_bool storming;

static void *storm(void *arg)
{
	while (atomic_load(&storming)) {
		platform_hw_set_irq(hw, EDGE, true);
		platform_hw_set_irq(hw, EDGE, false);
	}
	return NULL;
}

static void count_freed(void *data, unsigned int irq)
{
	/* Freed memory, if it is called after platform_free_irq(). */
	++*(unsigned int *)data;
}

static void nothing_is_called_after_free(void **state)
{
	unsigned int *n, i;
	pthread_t thread;

	atomic_store(&storming, true);
	assert_int_equal(pthread_create(&thread, NULL, storm, NULL), 0);
	for (i = 0; i < 500; i++) {
		n = malloc(sizeof(*n));
		*n = 0;
		assert_int_equal(platform_request_threaded_irq(pdev, EDGE, count_freed, n), 0);
		platform_free_irq(pdev, EDGE);
		free(n);
	}
	atomic_store(&storming, false);
	pthread_join(thread, NULL);
	platform_hw_set_irq(hw, EDGE, false);
}

/* ---- memory ---- */

static void coherent_memory_is_reached_and_nothing_else(void **state)
{
	uint64_t a, b, c, value = 0x1234;
	char *first, *second, *third;

	first = dma_alloc_coherent(pdev, 10, &a);
	second = dma_alloc_coherent(pdev, 8192, &b);
	third = dma_alloc_coherent(pdev, 4096, &c);
	assert_non_null(first);
	assert_int_equal((uintptr_t)first % 4096, 0);
	assert_int_equal((a | b | c) % 4096, 0);
	assert_int_equal(platform_hw_dma_rw(hw, a + 2, &value, 8, true), 0);
	assert_memory_equal(first + 2, &value, 8);
	memset(second, 7, 8192);
	assert_int_equal(platform_hw_dma_rw(hw, b + 8184, &value, 8, false), 0);
	assert_int_equal(value, 0x0707070707070707);
	assert_int_equal(platform_hw_dma_rw(hw, b + 8185, &value, 8, false), -EFAULT);
	assert_int_equal(platform_hw_dma_rw(hw, b - 1, &value, 8, false), -EFAULT);
	assert_int_equal(platform_hw_dma_rw(hw, UINT64_MAX, &value, 8, false), -EFAULT);
	assert_int_equal(platform_hw_dma_rw(hw, b, &value, SIZE_MAX, true), -EFAULT);
	assert_int_equal(platform_hw_dma_rw(hw, 0, &value, 0, false), 0);
	/* What was given back is not reached, and given out again. */
	dma_free_coherent(pdev, second);
	assert_int_equal(platform_hw_dma_rw(hw, b, &value, 8, false), -EFAULT);
	second = dma_alloc_coherent(pdev, 8192, &value);
	assert_int_equal(value, b);
	assert_int_equal(second[0], 0);
	dma_free_coherent(pdev, third);
	dma_free_coherent(pdev, second);
	dma_free_coherent(pdev, first);
	assert_null(dma_alloc_coherent(pdev, 0, &a));
	assert_null(dma_alloc_coherent(pdev, SIZE_MAX, &a));
}

static atomic_bool inside, may_end, ended;

static int slow_rw(void *data, uint64_t addr, void *buf, size_t len, bool write)
{
	/* The first one stays. */
	if (atomic_exchange(&inside, true))
		return -EAGAIN;
	while (!atomic_load(&may_end))
		sched_yield();
	atomic_store(&ended, true);
	return -EIO;
}

static int other_rw(void *data, uint64_t addr, void *buf, size_t len, bool write)
{
	return (int)(intptr_t)data;
}

static const struct platform_dma_ops slow = { slow_rw }, other = { other_rw };

static void *copy_slowly(void *arg)
{
	char byte;

	return (void *)(intptr_t)platform_hw_dma_rw(hw, 0, &byte, 1, false);
}

static void *replace(void *arg)
{
	platform_set_dma_ops(pdev, &other, (void *)(intptr_t)-ENODEV);
	assert_true(atomic_load(&ended));
	return NULL;
}

static void new_ops_wait_for_running_copies(void **state)
{
	pthread_t copier, setter;
	void *result;
	char byte;

	platform_set_dma_ops(pdev, &slow, NULL);
	assert_int_equal(pthread_create(&copier, NULL, copy_slowly, NULL), 0);
	while (!atomic_load(&inside))
		sched_yield();
	assert_int_equal(pthread_create(&setter, NULL, replace, NULL), 0);
	/* The new ones count at once, for whoever begins now. */
	while (platform_hw_dma_rw(hw, 0, &byte, 1, false) != -ENODEV)
		sched_yield();
	assert_false(atomic_load(&ended));
	atomic_store(&may_end, true);
	pthread_join(setter, NULL);
	pthread_join(copier, &result);
	assert_int_equal((intptr_t)result, -EIO);
	platform_set_dma_ops(pdev, NULL, NULL);
	assert_int_equal(platform_hw_dma_rw(hw, 0, &byte, 1, false), -EFAULT);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_listener_hears_each_change),
		TEST(a_line_has_one_taker),
		TEST(each_edge_is_handled),
		TEST(a_level_is_handled_until_it_falls),
		TEST(nothing_is_called_after_free),
		TEST(coherent_memory_is_reached_and_nothing_else),
		TEST(new_ops_wait_for_running_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
