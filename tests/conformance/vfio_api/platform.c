/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A platform device with three regions and two interrupts:
 *
 *   region 0  a PL061 (GPIO) with all inputs low, one page; interrupt 0 is its, by level
 *   region 1  a PL031 (clock), said to have less than a page; interrupt 1 is its, by edge
 *   region 2  two pages of memory
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vfio_api.h"

#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD VFIO_IRQ_SET_DATA_EVENTFD
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define TRIGGER VFIO_IRQ_SET_ACTION_TRIGGER

#define HEAD	    sizeof(struct vfio_irq_set)
#define SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum {
	LEVEL,
	EDGE
};

enum {
	GPIO,
	CLOCK,
	MEMORY
};

#define PAGE 4096u

#define GPIO_IS	 0x404
#define GPIO_IBE 0x408
#define GPIO_IEV 0x40c
#define GPIO_IE	 0x410
#define GPIO_ID	 0xfe0

#define CLOCK_DR   0x00
#define CLOCK_MR   0x04
#define CLOCK_IMSC 0x10
#define CLOCK_RIS  0x14
#define CLOCK_ICR  0x1c

static void write_reg(int device, unsigned int region, uint64_t at, uint32_t value)
{
	if (pwrite(device, &value, sizeof(value), (off_t)(REGION(region) + at)) != sizeof(value))
		die("write a register");
}

static uint32_t read_reg(int device, unsigned int region, uint64_t at)
{
	uint32_t value = 0;

	if (pread(device, &value, sizeof(value), (off_t)(REGION(region) + at)) != sizeof(value))
		die("read a register");
	return value;
}

/* ---- the device's two interrupts ---- */

/* Inputs that are low are what it waits for. */
static void raise_level(int device)
{
	write_reg(device, GPIO, GPIO_IS, 1);
	write_reg(device, GPIO, GPIO_IEV, 0);
	write_reg(device, GPIO, GPIO_IE, 1);
}

static void lower_level(int device)
{
	write_reg(device, GPIO, GPIO_IE, 0);
}

/* The alarm is for this very second; the next one may have begun meanwhile. */
static void pulse_edge(int device)
{
	write_reg(device, CLOCK, CLOCK_IMSC, 1);
	do {
		write_reg(device, CLOCK, CLOCK_MR, read_reg(device, CLOCK, CLOCK_DR));
	} while (!(read_reg(device, CLOCK, CLOCK_RIS) & 1));
	write_reg(device, CLOCK, CLOCK_ICR, 1);
}

/* ---- SET_IRQS ---- */

static long set(int device, uint32_t flags, uint32_t index, uint32_t start, uint32_t count,
		int32_t data)
{
	struct {
		struct vfio_irq_set set;
		int32_t data[8];
	} ask = { .set = { .argsz = sizeof(ask),
			   .flags = flags,
			   .index = index,
			   .start = start,
			   .count = count } };

	for (size_t i = 0; i < SIZE(ask.data); i++)
		ask.data[i] = data;
	return ioctl(device, VFIO_DEVICE_SET_IRQS, &ask);
}

static void try(int device, uint32_t argsz, uint32_t flags, uint32_t index, uint32_t start,
		uint32_t count)
{
	struct {
		struct vfio_irq_set set;
		int32_t data[8];
	} ask = { .set = { .argsz = argsz,
			   .flags = flags,
			   .index = index,
			   .start = start,
			   .count = count } };

	say(ioctl(device, VFIO_DEVICE_SET_IRQS, &ask),
	    "argsz %u flags %#x index %u start %u count %u", argsz, flags, index, start, count);
}

static void all_vectors(int device, uint32_t data, uint32_t action, uint32_t index)
{
	for (uint32_t start = 0; start < 3; start++) {
		for (uint32_t count = 0; count < 3; count++)
			say(set(device, data | action, index, start, count, -1),
			    "data %#x action %#x index %u start %u count %u", data, action, index,
			    start, count);
	}
}

static void all_combinations(int device)
{
	static const uint32_t data[] = { 0, NONE, BOOL, EVENTFD, NONE | BOOL, BOOL | EVENTFD };
	static const uint32_t actions[] = {
		0, MASK, UNMASK, TRIGGER, MASK | UNMASK, MASK | TRIGGER
	};

	for (uint32_t index = 0; index < 2; index++) {
		for (size_t d = 0; d < SIZE(data); d++) {
			for (size_t a = 0; a < SIZE(actions); a++)
				all_vectors(device, data[d], actions[a], index);
		}
	}
}

static void what_is_wrong(int device)
{
	heading("sizes and numbers");
	try(device, HEAD - 1, NONE | TRIGGER, LEVEL, 0, 0);
	try(device, HEAD, NONE | TRIGGER, LEVEL, 0, 0);
	try(device, HEAD, NONE | TRIGGER, UINT32_MAX, 0, 0);
	try(device, HEAD, NONE | TRIGGER, LEVEL, 0, UINT32_MAX);
	try(device, HEAD, NONE | TRIGGER, LEVEL, UINT32_MAX, 0);
	try(device, HEAD, NONE | TRIGGER, LEVEL, UINT32_MAX, 1);
	try(device, HEAD, NONE | TRIGGER, LEVEL, 1, UINT32_MAX);
	try(device, HEAD, NONE | TRIGGER, LEVEL, 1, UINT32_MAX - 1);
	try(device, HEAD, 0x40 | NONE | TRIGGER, LEVEL, 0, 0);
	try(device, HEAD, BOOL | TRIGGER, LEVEL, 0, 1);
	try(device, HEAD + 1, BOOL | TRIGGER, LEVEL, 0, 1);
	try(device, HEAD + 3, EVENTFD | MASK, LEVEL, 0, 1);
	try(device, HEAD + 3, EVENTFD, LEVEL, 0, 1);
	try(device, HEAD + 4, EVENTFD, LEVEL, 0, 1);
	say(ioctl(device, VFIO_DEVICE_SET_IRQS, NULL), "SET_IRQS nowhere");
}

static void which_eventfds(int device)
{
	static const char *const names[] = { "mask", "unmask", "trigger" };
	static const uint32_t actions[] = { MASK, UNMASK, TRIGGER };
	int event = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK), ends[2];

	heading("eventfds");
	if (pipe(ends))
		die("pipe");
	for (size_t i = 0; i < SIZE(actions); i++) {
		uint32_t flags = EVENTFD | actions[i];

		for (uint32_t index = 0; index < 2; index++) {
			say(set(device, flags, index, 0, 1, 4711), "%s %u: closed", names[i],
			    index);
			say(set(device, flags, index, 0, 1, ends[0]), "%s %u: a pipe", names[i],
			    index);
			say(set(device, flags, index, 0, 1, device), "%s %u: the device", names[i],
			    index);
			say(set(device, flags, index, 0, 1, -2), "%s %u: -2", names[i], index);
			say(set(device, flags, index, 0, 1, event), "%s %u", names[i], index);
			say(set(device, flags, index, 0, 1, event), "%s %u: again", names[i],
			    index);
			say(set(device, flags, index, 0, 1, other), "%s %u: another", names[i],
			    index);
			say(set(device, flags, index, 0, 1, ends[1]), "%s %u: a pipe now", names[i],
			    index);
			say(set(device, flags, index, 0, 1, -1), "%s %u: none", names[i], index);
			say(set(device, flags, index, 0, 1, other), "%s %u: another after that",
			    names[i], index);
		}
	}
	close(event);
	close(other);
	close(ends[0]);
	close(ends[1]);
}

void section_platform_set_irqs(void)
{
	struct user user = user_open(&targets[0]);

	heading("combinations");
	all_combinations(user.device);
	what_is_wrong(user.device);
	which_eventfds(user.device);
	user_close(&user);
}

/* ---- delivery ---- */

/* How often the eventfd was signalled: what is expected is waited for, what is not but a moment. */
static void count(int event, unsigned int expected, const char *what)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&pfd, 1, expected ? 5000 : 100) != 1 || read(event, &n, sizeof(n)) != sizeof(n))
		n = 0;
	printf("%s: %llu\n", what, (unsigned long long)n);
}

static int new_event(void)
{
	int fd = eventfd(0, EFD_NONBLOCK);

	if (fd < 0)
		die("eventfd");
	return fd;
}

static void arm(int device, uint32_t index, int fd)
{
	if (set(device, EVENTFD | TRIGGER, index, 0, 1, fd))
		die("arm");
}

static void change(int device, uint32_t flags, uint32_t index)
{
	if (set(device, flags, index, 0, 1, 1))
		die("SET_IRQS");
}

static void edges(int device, int event)
{
	heading("edges");
	arm(device, EDGE, event);
	count(event, 0, "before its time");
	pulse_edge(device);
	count(event, 1, "one edge");
	pulse_edge(device);
	pulse_edge(device);
	count(event, 1, "two edges");
	arm(device, EDGE, -1);
	pulse_edge(device);
	pulse_edge(device);
	arm(device, EDGE, event);
	count(event, 1, "two while it was not armed");
	change(device, NONE | TRIGGER, EDGE);
	change(device, BOOL | TRIGGER, EDGE);
	count(event, 1, "two on request");
	set(device, NONE | TRIGGER, EDGE, 0, 0, 0);
	change(device, NONE | TRIGGER, EDGE);
	arm(device, EDGE, event);
	count(event, 0, "on request while it was not armed");
	arm(device, EDGE, -1);
}

static void levels(int device, int event)
{
	heading("levels");
	arm(device, LEVEL, event);
	count(event, 0, "before its time");
	raise_level(device);
	count(event, 1, "raised");
	lower_level(device);
	raise_level(device);
	count(event, 0, "raised again");
	change(device, NONE | UNMASK, LEVEL);
	count(event, 1, "unmasked while high");
	lower_level(device);
	change(device, BOOL | UNMASK, LEVEL);
	count(event, 0, "unmasked while low");
	change(device, NONE | MASK, LEVEL);
	raise_level(device);
	count(event, 0, "raised while masked");
	change(device, NONE | UNMASK, LEVEL);
	count(event, 1, "unmasked");
	arm(device, LEVEL, -1);
	arm(device, LEVEL, event);
	count(event, 0, "disarmed and armed while masked and high");
	change(device, NONE | UNMASK, LEVEL);
	count(event, 1, "unmasked");
	arm(device, LEVEL, -1);
	change(device, NONE | UNMASK, LEVEL);
	arm(device, LEVEL, event);
	count(event, 1, "unmasked while disarmed, then armed");
	lower_level(device);
	change(device, NONE | UNMASK, LEVEL);
	set(device, NONE | TRIGGER, LEVEL, 1, 0, 0);
	raise_level(device);
	count(event, 0, "raised while switched off");
	arm(device, LEVEL, event);
	count(event, 1, "armed");
	lower_level(device);
	change(device, NONE | UNMASK, LEVEL);
}

static void on_request(int device, int event)
{
	heading("levels on request");
	change(device, NONE | TRIGGER, LEVEL);
	count(event, 1, "once");
	change(device, NONE | TRIGGER, LEVEL);
	change(device, BOOL | TRIGGER, LEVEL);
	count(event, 0, "again");
	raise_level(device);
	count(event, 0, "raised");
	change(device, NONE | UNMASK, LEVEL);
	count(event, 1, "unmasked");
	lower_level(device);
	change(device, NONE | UNMASK, LEVEL);
	arm(device, LEVEL, -1);
	change(device, NONE | TRIGGER, LEVEL);
	raise_level(device);
	arm(device, LEVEL, event);
	count(event, 0, "while it was not armed, then raised and armed");
	change(device, NONE | UNMASK, LEVEL);
	count(event, 1, "unmasked");
	lower_level(device);
	change(device, NONE | UNMASK, LEVEL);
}

static void signal_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		die("write to an eventfd");
}

/* Write to an eventfd that masks or unmasks, and wait until somebody has taken that. */
static void notify(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	signal_event(fd);
	for (int i = 0; i < 500 && poll(&pfd, 1, 0) == 1; i++)
		usleep(10000);
	usleep(50000);
}

static void by_eventfd(int device, int event)
{
	int masking = new_event(), unmasking = new_event(), full = new_event();

	heading("levels by eventfd");
	if (set(device, EVENTFD | MASK, LEVEL, 0, 1, masking) ||
	    set(device, EVENTFD | UNMASK, LEVEL, 0, 1, unmasking))
		die("SET_IRQS");
	notify(masking);
	raise_level(device);
	count(event, 0, "raised while masked");
	notify(unmasking);
	count(event, 1, "unmasked");
	notify(unmasking);
	count(event, 1, "unmasked while high");
	lower_level(device);
	notify(unmasking);
	count(event, 0, "unmasked while low");
	set(device, EVENTFD | MASK, LEVEL, 0, 1, -1);
	signal_event(full);
	if (set(device, EVENTFD | MASK, LEVEL, 0, 1, full))
		die("SET_IRQS");
	usleep(50000);
	raise_level(device);
	count(event, 0, "raised after an eventfd that was written to before");
	close(unmasking);
	change(device, NONE | UNMASK, LEVEL);
	count(event, 1, "unmasked");
	lower_level(device);
	change(device, NONE | UNMASK, LEVEL);
	close(masking);
	close(full);
}

static void the_next_user(struct user *user, int event)
{
	heading("the next user");
	arm(user->device, LEVEL, event);
	change(user->device, NONE | MASK, LEVEL);
	pulse_edge(user->device);
	user_close(user);
	*user = user_open(&targets[0]);
	arm(user->device, LEVEL, event);
	count(event, 0, "low");
	raise_level(user->device);
	count(event, 1, "raised");
	user_close(user);
	*user = user_open(&targets[0]);
	arm(user->device, LEVEL, event);
	count(event, 1, "high from before");
	lower_level(user->device);
}

static void an_edge_of_before(struct user *user, int event)
{
	heading("an edge before the eventfd");
	user_close(user);
	*user = user_open(&targets[0]);
	pulse_edge(user->device);
	arm(user->device, EDGE, event);
	count(event, 1, "fired");
	arm(user->device, EDGE, -1);
	pulse_edge(user->device);
	user_close(user);
	heading("an edge before the user");
	*user = user_open(&targets[0]);
	arm(user->device, EDGE, event);
	count(event, 1, "fired");
}

void section_platform_interrupts(void)
{
	struct user user = user_open(&targets[0]);
	int event = new_event();

	edges(user.device, event);
	levels(user.device, event);
	on_request(user.device, event);
	by_eventfd(user.device, event);
	the_next_user(&user, event);
	an_edge_of_before(&user, event);
	user_close(&user);
	close(event);
}

/* ---- access ---- */

static void try_read(int device, uint64_t at, size_t size, const char *what)
{
	uint8_t buf[64] = { 0 };
	ssize_t n = pread(device, buf, size, (off_t)at);

	if (say(n, "%zu at %#llx%s", size, (unsigned long long)at, what) < 0)
		return;
	printf("%zd:", n);
	for (ssize_t i = 0; i < n && i < 32; i++)
		printf(" %02x", buf[i]);
	printf("\n");
}

static void try_write(int device, uint64_t at, const void *data, size_t size)
{
	ssize_t n = pwrite(device, data, size, (off_t)at);

	if (say(n, "write %zu at %#llx", size, (unsigned long long)at) >= 0)
		printf("%zd\n", n);
	try_read(device, REGION(GPIO) + GPIO_IS, 16, "");
}

static void reads(int device)
{
	heading("sizes");
	for (unsigned int shift = 0; shift < 4; shift++) {
		for (size_t size = 0; size <= 9; size++)
			try_read(device, REGION(GPIO) + GPIO_ID + shift, size, "");
	}
	try_read(device, REGION(GPIO) + GPIO_ID, 32, "");
	heading("places");
	try_read(device, REGION(GPIO) + PAGE - 4, 4, "");
	try_read(device, REGION(GPIO) + PAGE - 4, 8, "");
	try_read(device, REGION(GPIO) + PAGE - 1, 60, "");
	try_read(device, REGION(GPIO) + PAGE, 0, "");
	try_read(device, REGION(GPIO) + PAGE, 1, "");
	try_read(device, REGION(GPIO) + 0xffffffffff, 4, "");
	try_read(device, REGION(CLOCK) + 0x7fe, 4, " (clock)");
	try_read(device, REGION(CLOCK) + 0x800, 4, "");
	try_read(device, REGION(MEMORY) + PAGE, 16, "");
	try_read(device, REGION(MEMORY) + 2 * PAGE, 4, "");
	try_read(device, REGION(3), 0, "");
	try_read(device, REGION(3), 4, "");
	try_read(device, REGION(0x7fffff), 4, "");
	try_read(device, UINT64_MAX, 4, "");
}

static void writes(int device)
{
	static const uint8_t data[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99 };

	heading("writes");
	write_reg(device, GPIO, GPIO_IE, 0);
	for (size_t size = 0; size <= sizeof(data); size++)
		try_write(device, REGION(GPIO) + GPIO_IS, data, size);
	try_write(device, REGION(GPIO) + GPIO_IS + 2, data, 6);
	try_write(device, REGION(GPIO) + GPIO_IS + 3, data, 6);
	try_write(device, REGION(GPIO) + PAGE, data, 4);
	try_write(device, REGION(CLOCK) + 0x800, data, 4);
	try_write(device, REGION(3), data, 0);
	try_write(device, REGION(3), data, 4);
	for (unsigned int reg = GPIO_IS; reg <= GPIO_IE; reg += 4)
		write_reg(device, GPIO, reg, 0);
}

/* Values that a compiler would warn of. */
static uint8_t *volatile nowhere;

static void positions(int device)
{
	uint8_t a[4] = { 0 }, b[4] = { 0 };
	struct iovec pieces[] = { { a, 4 }, { b, 4 } };
	uint8_t *edge =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	heading("positions");
	say(lseek(device, GPIO_ID, SEEK_SET), "lseek");
	for (int i = 0; i < 2; i++) {
		say(read(device, a, 4), "read");
		printf("%02x\n", a[0]);
	}
	say(preadv(device, pieces, 2, GPIO_ID), "preadv");
	printf("%02x %02x\n", a[0], b[0]);
	heading("memory");
	if (edge == MAP_FAILED || munmap(edge + PAGE, PAGE))
		die("mmap");
	say(pread(device, nowhere, 4, GPIO_ID), "read to nowhere");
	say(pwrite(device, nowhere, 4, GPIO_IS), "write from nowhere");
	say(pread(device, edge + PAGE - 4, 8, GPIO_ID), "read over an edge");
	say(pwrite(device, edge + PAGE - 4, 8, GPIO_IS), "write over an edge");
	munmap(edge, PAGE);
}

void section_platform_access(void)
{
	struct user user = user_open(&targets[0]);

	reads(user.device);
	writes(user.device);
	positions(user.device);
	user_close(&user);
}

static void try_map(int device, size_t length, int prot, int flags, uint64_t at, const char *what)
{
	volatile uint32_t *mem = mmap(NULL, length, prot, flags, device, (off_t)at);
	long ret = mem == MAP_FAILED ? -1 : 0;

	if (say(ret, "%s", what) == 0) {
		if (prot & PROT_READ && !(at & 0xffffffff))
			printf("%#x\n", mem[(at >> 40) == GPIO ? GPIO_ID / 4 : 0]);
		munmap((void *)mem, length);
	}
}

void section_platform_mmap(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct user user = user_open(&targets[0]);
	int device = user.device;

	heading("a page");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(GPIO), "all of it");
	try_map(device, 1, PROT_READ, MAP_SHARED, REGION(GPIO), "a byte to read");
	try_map(device, PAGE, PROT_WRITE, MAP_SHARED, REGION(GPIO), "to write");
	try_map(device, PAGE, PROT_NONE, MAP_SHARED, REGION(GPIO), "for nothing");
	try_map(device, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, REGION(GPIO), "to execute");
	try_map(device, PAGE, rw, MAP_SHARED_VALIDATE, REGION(GPIO), "validated");
	try_map(device, PAGE, rw, MAP_PRIVATE, REGION(GPIO), "private");
	try_map(device, PAGE, PROT_READ, MAP_PRIVATE, REGION(GPIO), "private to read");
	try_map(device, PAGE + 1, rw, MAP_SHARED, REGION(GPIO), "more than it");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(GPIO) + PAGE, "behind it");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(GPIO) + 1, "not from a page");
	try_map(device, 0, rw, MAP_SHARED, REGION(GPIO), "nothing");
	heading("two pages");
	try_map(device, 2 * PAGE, rw, MAP_SHARED, REGION(MEMORY), "both");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(MEMORY), "the first");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(MEMORY) + PAGE, "the second");
	try_map(device, 2 * PAGE, rw, MAP_SHARED, REGION(MEMORY) + PAGE, "the second and more");
	try_map(device, 3 * PAGE, rw, MAP_SHARED, REGION(MEMORY), "three");
	heading("others");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(CLOCK), "less than a page");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(3), "region 3");
	try_map(device, PAGE, rw, MAP_SHARED, REGION(0x7fffff), "region 7fffff");
	user_close(&user);
}

void section_platform_reset(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct user user = user_open(&targets[0]);

	if (ioctl(user.device, VFIO_DEVICE_GET_INFO, &info))
		die("VFIO_DEVICE_GET_INFO");
	printf("%s\n", info.flags & VFIO_DEVICE_FLAGS_RESET ? "offered" : "not offered");
	say(ioctl(user.device, VFIO_DEVICE_RESET), "RESET");
	say(ioctl(user.device, VFIO_DEVICE_RESET, 4711), "RESET with an argument");
	user_close(&user);
}
