/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program with a device behind a connection, for tests: device_driver FD
 *
 * Reads commands from standard input, one in each line, and answers each with a line: what it
 * gave, or the name of its error. FD is a connected socket. All numbers are C's.
 *
 *   open                         FLAGS REGIONS IRQS
 *   region INDEX ARGSZ           ARGSZ FLAGS CAP_OFFSET SIZE OFFSET, and the capabilities
 *   irq INDEX                    FLAGS COUNT
 *   read OFFSET COUNT            how many bytes, and they
 *   write OFFSET BYTES           how many bytes
 *   map OFFSET LENGTH PROT FLAGS the first eight bytes of what is mapped then
 *   store N VALUE                a byte into that
 *   irqs FLAGS INDEX START ITEM... SET_IRQS; ITEM: e a new eventfd, - none, c closed, p a pipe,
 *                                path an eventfd by O_PATH, 0 or 1 a boolean, x only counted
 *   short FLAGS INDEX COUNT ARGSZ  SET_IRQS with that argsz
 *   fired                        which of the eventfds of the last irqs have been signalled
 *   descriptors                  how many are open
 *   close
 *
 * BYTES is hexadecimal digits.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/device_private.h"
#include "preload/next.h"
#include "preload/vfs.h"

#define LINE_SIZE  (4u << 20)
#define DATA_SIZE  (2u << 20)
#define MAX_ITEMS  8192
#define ERROR_SIZE 32

static struct device device;
static struct device_file device_file = { .device = &device };
static const struct file_ops file_ops = {
	.read = device_read,
	.write = device_write,
	.mmap = device_mmap,
};
static struct file file = { .ops = &file_ops, .priv = &device_file, .flags = O_RDWR };
static int server_fd;
static uint8_t *mapped;
static int eventfds[MAX_ITEMS];
static unsigned int nr_eventfds;

static void die(const char *what)
{
	fprintf(stderr, "device_driver: %s: %s\n", what, strerror(errno));
	abort();
}

static int no_dma_read(void *data, uint64_t iova, void *buf, size_t count)
{
	return -EFAULT;
}

static int no_dma_write(void *data, uint64_t iova, const void *buf, size_t count)
{
	return -EFAULT;
}

static const struct client_ops ops = { no_dma_read, no_dma_write };

static char *word(char **at)
{
	static char none[1];
	char *w = strsep(at, " \n");

	return w ? w : none;
}

static uint64_t number(char **at)
{
	return strtoull(word(at), NULL, 0);
}

/* An error's name, or "ok". */
static void print_result(long err)
{
	printf("%s\n", err < 0 ? strerrorname_np((int)-err) : "ok");
}

static void print_hex(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", data[i]);
	printf("\n");
}

static void do_open(char *at)
{
	int err = client_create(server_fd, &ops, NULL, &device.client);

	if (!err) {
		err = device_read_info(&device);
		if (err)
			client_destroy(device.client);
	}
	if (err) {
		device_free_info(&device);
		memset(&device, 0, sizeof(device));
		print_result(err);
		return;
	}
	printf("%u %u %u\n", device.flags, device.nr_regions, device.nr_irqs);
}

static void do_close(char *at)
{
	client_destroy(device.client);
	device_free_info(&device);
	memset(&device, 0, sizeof(device));
	printf("ok\n");
}

static void do_region(char *at)
{
	struct vfio_region_info info = { .index = (uint32_t)number(&at), .cap_offset = 4711 };
	uint8_t *all;
	long err;

	info.argsz = (uint32_t)number(&at);
	all = calloc(1, info.argsz + sizeof(info));
	if (!all)
		die("memory");
	memcpy(all, &info, sizeof(info));
	err = device_get_region_info(&device, all);
	memcpy(&info, all, sizeof(info));
	if (err) {
		print_result(err);
	} else {
		printf("%u %u %u %llu %llu ", info.argsz, info.flags, info.cap_offset, info.size,
		       info.offset);
		print_hex(all + sizeof(info), info.cap_offset == sizeof(info)
						      ? device.regions[info.index].caps_size
						      : 0);
	}
	free(all);
}

static void do_irq(char *at)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = (uint32_t)number(&at) };
	long err = device_get_irq_info(&device, &info);

	if (err)
		print_result(err);
	else
		printf("%u %u\n", info.flags, info.count);
}

static void do_read(char *at)
{
	static uint8_t data[DATA_SIZE];
	uint64_t offset = number(&at), count = number(&at);
	ssize_t n = vfs_prw(&file, VFS_READ, data, count, (int64_t)offset);

	if (n < 0) {
		print_result(n);
		return;
	}
	printf("%zd ", n);
	print_hex(data, (size_t)n);
}

static void do_write(char *at)
{
	static uint8_t data[DATA_SIZE];
	uint64_t offset = number(&at);
	const char *text = word(&at);
	size_t size = strlen(text) / 2;
	ssize_t n;

	for (size_t i = 0; i < size; i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1] };

		data[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	n = vfs_prw(&file, VFS_WRITE, data, size, (int64_t)offset);
	if (n < 0)
		print_result(n);
	else
		printf("%zd\n", n);
}

static void do_map(char *at)
{
	uint64_t offset = number(&at), length = number(&at);
	int prot = (int)number(&at), flags = (int)number(&at), err;
	void *mem;

	err = vfs_mmap(&file, NULL, length, prot, flags, (int64_t)offset, &mem);
	if (err) {
		print_result(err);
		return;
	}
	mapped = mem;
	print_hex(mapped, prot & PROT_READ ? 8 : 0);
}

static void do_store(char *at)
{
	uint64_t n = number(&at);

	mapped[n] = (uint8_t)number(&at);
	printf("ok\n");
}

/* What the program passes for one ITEM. */
static int make_item(const char *item)
{
	char name[32];
	int fd, ends[2];

	switch (*item) {
	case 'e':
		fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		eventfds[nr_eventfds++] = fd;
		return fd;
	case 'c':
		return 4711;
	case 'p':
		if (!strcmp(item, "path")) {
			fd = make_item("e");
			snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
			return open(name, O_PATH | O_CLOEXEC);
		}
		if (pipe2(ends, O_CLOEXEC))
			die("pipe");
		return ends[0];
	default:
		return -1;
	}
}

static void forget_eventfds(void)
{
	while (nr_eventfds)
		close(eventfds[--nr_eventfds]);
}

static void do_irqs(char *at)
{
	size_t size = sizeof(struct vfio_irq_set) + MAX_ITEMS * sizeof(int32_t);
	struct vfio_irq_set *set = calloc(1, size);
	const char *item;

	if (!set)
		die("memory");
	forget_eventfds();
	set->argsz = (uint32_t)size;
	set->flags = (uint32_t)number(&at);
	set->index = (uint32_t)number(&at);
	set->start = (uint32_t)number(&at);
	while (*(item = word(&at))) {
		if (*item == '0' || *item == '1')
			set->data[set->count] = *item - '0';
		else if (*item != 'x')
			((int32_t *)set->data)[set->count] = make_item(item);
		set->count++;
	}
	print_result(device_set_irqs(&device, set));
	free(set);
}

static void do_short(char *at)
{
	struct vfio_irq_set *set = calloc(1, sizeof(*set) + 4096);

	if (!set)
		die("memory");
	set->flags = (uint32_t)number(&at);
	set->index = (uint32_t)number(&at);
	set->count = (uint32_t)number(&at);
	set->argsz = (uint32_t)number(&at);
	print_result(device_set_irqs(&device, set));
	free(set);
}

static void do_fired(char *at)
{
	for (unsigned int i = 0; i < nr_eventfds; i++) {
		struct pollfd pfd = { .fd = eventfds[i], .events = POLLIN };

		if (poll(&pfd, 1, 0) == 1)
			printf("%u ", i);
	}
	printf("\n");
}

static void do_descriptors(char *at)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	printf("%u\n", n);
}

static const struct {
	const char *name;
	void (*run)(char *at);
} commands[] = {
	{ "open", do_open },
	{ "region", do_region },
	{ "irq", do_irq },
	{ "read", do_read },
	{ "write", do_write },
	{ "map", do_map },
	{ "store", do_store },
	{ "irqs", do_irqs },
	{ "short", do_short },
	{ "fired", do_fired },
	{ "descriptors", do_descriptors },
	{ "close", do_close },
};

static void run(char *line)
{
	const char *name = word(&line);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(commands[i].name, name)) {
			commands[i].run(line);
			fflush(stdout);
			return;
		}
	}
	die(name);
}

int main(int argc, char **argv)
{
	static char line[LINE_SIZE];

	if (argc != 2)
		return 2;
	server_fd = atoi(argv[1]);
	while (fgets(line, sizeof(line), stdin))
		run(line);
	forget_eventfds();
	return 0;
}
