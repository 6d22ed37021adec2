/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PL011 UARTs on the platform bus: the hardware, driven by hand and by its ordinary driver, between
 * real terminals.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>
#include <umdev/platform.h>
#include <umdev/umdev.h>

#include "../../drivers/common/pl011_regs.h"
#include "support/outside.h"

#define DEVICE	   "/bus/platform/devices/arm,pl011"
#define DRIVER	   "/bus/platform/drivers/uart-pl011"
#define MANY	   (1024 * 1024)
#define ON	   (PL011_CR_UARTEN | PL011_CR_TXE | PL011_CR_RXE)
#define HANG_LIMIT 120000 /* milliseconds */

static const struct platform_region regions[] = { { 0x9000000, 0x1000, NULL } };
static const struct platform_irq irqs[] = { { PLATFORM_IRQ_TYPE_LEVEL_HIGH, NULL },
					    { PLATFORM_IRQ_TYPE_LEVEL_HIGH, "rx" },
					    { PLATFORM_IRQ_TYPE_LEVEL_HIGH, "tx" } };

static struct platform_device *pdev;

/* A device without a node has the hardware of its name. */
static int add_device_with(unsigned int num_regions, unsigned int num_irqs)
{
	const struct platform_device_info info = { .name = "arm,pl011",
						   .id = PLATFORM_DEVID_NONE,
						   .regions = regions,
						   .num_regions = num_regions,
						   .irqs = irqs,
						   .num_irqs = num_irqs };

	return platform_device_register_full(&info, &pdev);
}

static int setup(void **state)
{
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(add_device_with(1, 3), 0);
	return 0;
}

static int teardown(void **state)
{
	if (pdev)
		platform_device_unregister(pdev);
	pdev = NULL;
	umdev_stop();
	assert_string_equal(outside_list("/"), "");
	return 0;
}

static uint32_t in(unsigned int offset)
{
	return platform_readl(pdev, 0, offset);
}

static void out(unsigned int offset, uint32_t value)
{
	platform_writel(pdev, 0, offset, value);
}

static void turn_on(void)
{
	out(PL011_LCR_H, PL011_LCR_H_FEN | PL011_LCR_H_WLEN_8);
	out(PL011_CR, ON);
}

static void bind(void)
{
	assert_int_equal(outside_write("uart-pl011", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("arm,pl011", DRIVER "/bind"), 0);
}

static void unbind(void)
{
	assert_int_equal(outside_write("arm,pl011", DRIVER "/unbind"), 0);
}

/* ---- terminals ---- */

static int open_raw(const char *attribute)
{
	char path[64];
	struct termios termios;
	int fd;

	snprintf(path, sizeof(path), "%s", outside_read(DEVICE "/%s", attribute));
	path[strcspn(path, "\n")] = '\0';
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(tcgetattr(fd, &termios), 0);
	cfmakeraw(&termios);
	assert_int_equal(tcsetattr(fd, TCSANOW, &termios), 0);
	return fd;
}

static void read_all(int fd, uint8_t *data, size_t count)
{
	for (size_t done = 0; done < count;) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&poll_fd, 1, HANG_LIMIT), 1);
		n = read(fd, data + done, count - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
}

static void write_all(int fd, const void *data, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t n = write(fd, (const char *)data + done, count - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
}

static void expect(int fd, const char *text)
{
	uint8_t got[64];

	read_all(fd, got, strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

/* ---- interrupt lines ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool levels[3];

static void on_level(void *data, unsigned int irq, bool level)
{
	pthread_mutex_lock(&lock);
	levels[irq] = level;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void listen_to_all(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		levels[i] = false;
		assert_int_equal(platform_listen_irq(pdev, i, on_level, NULL), 0);
	}
}

static void stop_listening(void)
{
	for (unsigned int i = 0; i < 3; i++)
		platform_free_irq(pdev, i);
}

static void wait_for(unsigned int irq, bool level)
{
	pthread_mutex_lock(&lock);
	while (levels[irq] != level)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* ---- the hardware by hand ---- */

static void it_is_there_with_its_wire(void **state)
{
	static const uint8_t ids[] = { 0x11, 0x10, 0x34, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

	for (unsigned int i = 0; i < sizeof(ids); i++)
		assert_int_equal(in(PL011_ID + 4 * i), ids[i]);
	assert_string_equal(outside_read(DEVICE "/port0/backend"), "pty\n");
	close(open_raw("port0/path"));
}

static void text_goes_over_its_wire(void **state)
{
	int wire = open_raw("port0/path");

	turn_on();
	listen_to_all();
	out(PL011_IMSC, PL011_INT_RT);
	for (const char *c = "out"; *c; c++)
		out(PL011_DR, (uint8_t)*c);
	expect(wire, "out");
	write_all(wire, "in", 2);
	wait_for(0, true);
	assert_int_equal(in(PL011_DR), 'i');
	/* Both may have come at once, or one after the other. */
	while (in(PL011_FR)&PL011_FR_RXFE)
		continue;
	assert_int_equal(in(PL011_DR), 'n');
	wait_for(0, false);
	stop_listening();
	close(wire);
}

static void each_line_tells_of_its_own(void **state)
{
	turn_on();
	listen_to_all();
	assert_int_equal(outside_write("loop", DEVICE "/port0/backend"), 0);
	assert_string_equal(outside_read(DEVICE "/port0/path"), "\n");
	out(PL011_IFLS, 0);
	out(PL011_IMSC, PL011_INT_TX);
	for (unsigned int i = 0; i < 4; i++)
		out(PL011_DR, i);
	assert_true(levels[0] && levels[2] && !levels[1]);
	out(PL011_IMSC, PL011_INT_RX);
	assert_true(levels[0] && levels[1] && !levels[2]);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(in(PL011_DR), i);
	assert_true(!levels[0] && !levels[1] && !levels[2]);
	stop_listening();
}

static void other_sizes_are_parts_of_registers(void **state)
{
	out(PL011_IBRD, 0x1234);
	assert_int_equal(platform_read(pdev, 0, PL011_IBRD, 1), 0x34);
	assert_int_equal(platform_read(pdev, 0, PL011_IBRD + 1, 1), 0x12);
	assert_int_equal(platform_read(pdev, 0, PL011_IBRD + 2, 2), 0);
	platform_write(pdev, 0, PL011_IBRD, 0xff56, 1);
	assert_int_equal(in(PL011_IBRD), 0x56);
	platform_write(pdev, 0, PL011_IBRD + 1, 0xff, 1);
	assert_int_equal(in(PL011_IBRD), 0x56);
	platform_write(pdev, 0, PL011_FBRD, 0x7000000015, 8);
	assert_int_equal(in(PL011_FBRD), 0x15);
	assert_int_equal(in(PL011_LCR_H), 0x70);
	assert_true(platform_read(pdev, 0, PL011_FBRD, 8) == 0x7000000015);
}

static void devices_of_the_wrong_shape_are_refused(void **state)
{
	platform_device_unregister(pdev);
	pdev = NULL;
	log_capture_begin();
	assert_int_equal(add_device_with(0, 1), -EINVAL);
	assert_int_equal(add_device_with(1, 0), -EINVAL);
	assert_non_null(strstr(log_taken(), "a PL011 has an interrupt"));
	log_capture_end();
	pdev = NULL;
}

/* ---- its driver ---- */

static void what_is_typed_goes_to_the_wire_and_back(void **state)
{
	int wire, tty;

	bind();
	wire = open_raw("port0/path");
	tty = open_raw("tty");
	write_all(tty, "typed", 5);
	expect(wire, "typed");
	write_all(wire, "answered", 8);
	expect(tty, "answered");
	close(tty);
	close(wire);
}

static void its_driver_sets_it_up(void **state)
{
	bind();
	assert_int_equal(in(PL011_CR)&ON, ON);
	assert_int_equal(in(PL011_LCR_H), PL011_LCR_H_FEN | PL011_LCR_H_WLEN_8);
	/* 24 MHz / (16 * 115200) = 13 + 1/64 */
	assert_int_equal(in(PL011_IBRD), 13);
	assert_int_equal(in(PL011_FBRD), 1);
}

static void its_driver_leaves_it_quiet(void **state)
{
	int wire, tty;

	bind();
	wire = open_raw("port0/path");
	tty = open_raw("tty");
	write_all(tty, "x", 1);
	expect(wire, "x");
	close(tty);
	unbind();
	assert_false(outside_exists(DEVICE "/tty"));
	assert_int_equal(in(PL011_IMSC), 0);
	assert_int_equal(in(PL011_CR), PL011_CR_UARTEN | PL011_CR_TXE);
	write_all(wire, "waits", 5);
	assert_true(in(PL011_FR)&PL011_FR_RXFE);
	bind();
	tty = open_raw("tty");
	expect(tty, "waits");
	close(tty);
	close(wire);
}

static void what_comes_before_somebody_listens_waits(void **state)
{
	uint8_t *data = calloc(1, 20000), *got = calloc(1, 20000);
	int wire, tty;

	for (unsigned int i = 0; i < 20000; i++)
		data[i] = i * 7;
	bind();
	wire = open_raw("port0/path");
	/* More than all FIFOs and rings on the way have room for, less than a terminal has. */
	write_all(wire, data, 4000);
	write_all(wire, data + 4000, 3000);
	tty = open_raw("tty");
	write_all(wire, data + 7000, 1000);
	read_all(tty, got, 8000);
	assert_memory_equal(got, data, 8000);
	close(tty);
	close(wire);
	free(data);
	free(got);
}

/* ---- a megabyte each way, at once ---- */

struct way {
	int from, to;
	uint8_t *sent, *got;
	pthread_t writer, reader;
};

static void *writer(void *arg)
{
	struct way *way = arg;

	write_all(way->from, way->sent, MANY);
	return NULL;
}

static void *reader(void *arg)
{
	struct way *way = arg;

	read_all(way->to, way->got, MANY);
	return NULL;
}

static void way_begin(struct way *way, uint32_t seed)
{
	way->sent = malloc(MANY);
	way->got = malloc(MANY);
	for (size_t i = 0; i < MANY; i++) {
		seed = seed * 1664525 + 1013904223;
		way->sent[i] = seed >> 24;
	}
	pthread_create(&way->writer, NULL, writer, way);
	pthread_create(&way->reader, NULL, reader, way);
}

static void way_end(struct way *way)
{
	pthread_join(way->writer, NULL);
	pthread_join(way->reader, NULL);
	assert_memory_equal(way->got, way->sent, MANY);
	free(way->sent);
	free(way->got);
}

static void a_megabyte_each_way_arrives(void **state)
{
	struct way there, back;
	int wire, tty;

	bind();
	wire = open_raw("port0/path");
	tty = open_raw("tty");
	there = (struct way) { .from = tty, .to = wire };
	back = (struct way) { .from = wire, .to = tty };
	way_begin(&there, 1);
	way_begin(&back, 2);
	way_end(&there);
	way_end(&back);
	close(tty);
	close(wire);
}

/* ---- in the middle of it ---- */

static atomic_bool stop;

static void *chatter(void *arg)
{
	int fd = *(int *)arg;
	char buf[512] = "chatter";

	while (!atomic_load(&stop)) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };

		/* The other end may go at any time; until then nobody waits. */
		poll(&poll_fd, 1, 100);
		if (write(fd, buf, 7) < 0 && errno == EIO)
			break;
		if (read(fd, buf, sizeof(buf)) < 0 && errno == EIO)
			break;
	}
	return NULL;
}

static void chatter_begin(pthread_t *thread, int *fd)
{
	atomic_store(&stop, false);
	assert_int_equal(fcntl(*fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(pthread_create(thread, NULL, chatter, fd), 0);
}

static void chatter_end(pthread_t thread, int fd)
{
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	close(fd);
}

static void it_can_be_rebound_during_traffic(void **state)
{
	int wire = open_raw("port0/path");
	pthread_t thread;

	chatter_begin(&thread, &wire);
	for (unsigned int i = 0; i < 50; i++) {
		int tty;

		bind();
		tty = open_raw("tty");
		write_all(tty, "hello", 5);
		close(tty);
		unbind();
	}
	chatter_end(thread, wire);
}

static void it_can_be_removed_during_traffic(void **state)
{
	for (unsigned int i = 0; i < 20; i++) {
		pthread_t threads[2];
		int wire, tty;

		bind();
		wire = open_raw("port0/path");
		tty = open_raw("tty");
		chatter_begin(&threads[0], &wire);
		chatter_begin(&threads[1], &tty);
		platform_device_unregister(pdev);
		chatter_end(threads[0], wire);
		chatter_end(threads[1], tty);
		assert_int_equal(add_device_with(1, 3), 0);
	}
}

/* Any offset and size, while the wire is busy and its end is changed. */
static void *hostile(void *arg)
{
	uint32_t x = *(const uint32_t *)arg;

	for (unsigned int i = 0; i < 50000; i++) {
		unsigned int size;
		uint64_t offset;

		x = x * 1664525 + 1013904223;
		size = x >> 30 == 3 ? x >> 16 & 15 : 1u << (x >> 30);
		offset = x >> 29 & 1 ? x >> 8 & 0xfff : x >> 8 & 0x7f;
		if (x >> 28 & 1)
			platform_read(pdev, x >> 27 & x >> 26 & 1, offset, size);
		else
			platform_write(pdev, 0, offset, x * UINT64_C(0x9e3779b97f4a7c15), size);
	}
	return NULL;
}

static void no_access_breaks_it(void **state)
{
	static const char *const backends[] = { "loop", "pty" };
	uint32_t seeds[] = { 1, 2 };
	pthread_t threads[2], talker;
	int wire = open_raw("port0/path");

	chatter_begin(&talker, &wire);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hostile, &seeds[i]), 0);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(outside_write(backends[i % 2], DEVICE "/port0/backend"), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	chatter_end(talker, wire);
	/* It is a UART as before. */
	out(PL011_LCR_H, 0);
	its_driver_sets_it_up(state);
}

#define with_device(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_device(it_is_there_with_its_wire),
		with_device(text_goes_over_its_wire),
		with_device(each_line_tells_of_its_own),
		with_device(other_sizes_are_parts_of_registers),
		with_device(devices_of_the_wrong_shape_are_refused),
		with_device(what_is_typed_goes_to_the_wire_and_back),
		with_device(its_driver_sets_it_up),
		with_device(its_driver_leaves_it_quiet),
		with_device(what_comes_before_somebody_listens_waits),
		with_device(a_megabyte_each_way_arrives),
		with_device(it_can_be_rebound_during_traffic),
		with_device(it_can_be_removed_during_traffic),
		with_device(no_access_breaks_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
