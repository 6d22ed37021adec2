/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vfio_platform between its user and the hardware, and what comes in between. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <umdev/umdev.h>
#include <umdev/vfio_file.h>
#include <umdev/vfio_platform.h>

#include "../../drivers/vfio_platform/private.h"
#include "dt_fixture.h"
#include "modules/vfio_test.h"
#include "support/outside.h"

#define COMPAT	"umdev,conformance"
#define NAME	"1000.test"
#define DEVICE	"/bus/platform/devices/" NAME
#define DRIVER	"/bus/platform/drivers/vfio-platform"
#define ARM	(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define UNMASK	(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK)
#define IOVA	0x10000u
#define MEMSIZE 65536u

/* What the device tree says of the device if the test does not want something else. */
#define COMPATS "\"" COMPAT "\""
#define REGS	"<0 0x1000 0 0x1000>, <0 0x2000 0 0x800>, <0 0x4000 0 0x2000>"

static struct platform_device *pdev;

static int do_reset(struct platform_device *dev)
{
	platform_writel(dev, TEST_GPIO, TEST_RESETS, 0);
	return -(int)platform_readl(dev, TEST_GPIO, TEST_FAIL);
}

static struct vfio_platform_reset reset = { .compatible = COMPAT, .reset = do_reset };

/* The device of a tree with these compatibles and registers. */
static void add_device(const char *compatibles, const char *regs)
{
	char body[1024], command[64];
	struct dt_blob blob;
	struct device *dev;
	int fd = memfd_create("overlay", 0);

	snprintf(body, sizeof(body),
		 "/plugin/;\n&{/} { #address-cells = <2>; #size-cells = <2>;"
		 "gic: intc { interrupt-controller; #interrupt-cells = <3>; };"
		 "test@1000 { compatible = %s; reg = %s; interrupt-parent = <&gic>;"
		 "interrupts = <0 7 4>, <0 2 1>; }; };",
		 compatibles, regs);
	dts_compile_overlay(body, &blob);
	assert_int_equal(write(fd, blob.data, blob.size), blob.size);
	dt_blob_free(&blob);
	snprintf(command, sizeof(command), "test /proc/self/fd/%d", fd);
	assert_int_equal(outside_write(command, "/bus/platform/add_overlay"), 0);
	close(fd);
	dev = bus_find_device_by_name(&platform_bus_type, NAME);
	assert_non_null(dev);
	pdev = to_platform_device(dev);
	put_device(dev);
}

static void remove_device(void)
{
	assert_int_equal(outside_write("test", "/bus/platform/remove_overlay"), 0);
	pdev = NULL;
}

static void change_device(const char *compatibles, const char *regs)
{
	remove_device();
	add_device(compatibles, regs);
}

static int setup(void **state)
{
	log_capture_begin();
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(platform_hw_register(&vfio_test_ops), 0);
	assert_int_equal(vfio_platform_register_reset(&reset), 0);
	add_device(COMPATS, REGS);
	return 0;
}

static int teardown(void **state)
{
	if (pdev)
		remove_device();
	vfio_platform_unregister_reset(&reset);
	platform_hw_unregister(&vfio_test_ops);
	umdev_stop();
	log_capture_end();
	return 0;
}

static int bind(void)
{
	return (int)outside_write(NAME, DRIVER "/bind");
}

static int unbind(void)
{
	return (int)outside_write(NAME, DRIVER "/unbind");
}

/* ---- a user ---- */

static atomic_uint asked;

static void be_asked(struct vfio_file *file, unsigned int count)
{
	atomic_fetch_add(&asked, 1);
}

static const struct vfio_user_ops user_ops = { .request = be_asked };

static struct vfio_device *the_vdev(void)
{
	struct vfio_platform_device *vpdev = platform_get_drvdata(pdev);

	return &vpdev->vdev;
}

static struct vfio_file *open_device(void)
{
	struct vfio_file *file;

	assert_int_equal(vfio_file_open(the_vdev(), &user_ops, NULL, &file), 0);
	return file;
}

static struct vfio_file *bind_and_open(void)
{
	assert_int_equal(bind(), 0);
	return open_device();
}

static uint32_t get(struct vfio_file *file, unsigned int region, uint64_t offset)
{
	uint32_t value;

	assert_int_equal(vfio_file_read(file, region, &value, 4, offset), 4);
	return value;
}

static void put(struct vfio_file *file, unsigned int region, uint64_t offset, uint32_t value)
{
	assert_int_equal(vfio_file_write(file, region, &value, 4, offset), 4);
}

static void raise_level(struct vfio_file *file)
{
	put(file, TEST_GPIO, TEST_GPIO_IS, 1);
	put(file, TEST_GPIO, TEST_GPIO_IE, 1);
}

static void lower_level(struct vfio_file *file)
{
	put(file, TEST_GPIO, TEST_GPIO_IE, 0);
}

/* For as long as the time goes on between asking for it and setting it. */
static void pulse_edge(struct vfio_file *file)
{
	put(file, TEST_CLOCK, TEST_CLOCK_IMSC, 1);
	do
		put(file, TEST_CLOCK, TEST_CLOCK_MR, get(file, TEST_CLOCK, TEST_CLOCK_DR));
	while (!get(file, TEST_CLOCK, TEST_CLOCK_RIS));
	put(file, TEST_CLOCK, TEST_CLOCK_ICR, 1);
}

static void arm(struct vfio_file *file, unsigned int index, int fd)
{
	assert_int_equal(vfio_file_set_irqs(file, ARM, index, 0, 1, &fd), 0);
}

static uint64_t signals(int fd)
{
	eventfd_t n = 0;

	return eventfd_read(fd, &n) ? 0 : n;
}

/* ---- what it takes ---- */

static void it_takes_a_device_that_it_is_told_to(void **state)
{
	assert_int_equal(outside_write(NAME, "/bus/platform/drivers_probe"), 0);
	assert_string_equal(outside_link(DEVICE "/driver"), "error -2");
	assert_int_equal(bind(), 0);
	assert_string_equal(outside_link(DEVICE "/driver"),
			    "../../../bus/platform/drivers/vfio-platform");
	assert_true(outside_exists(DEVICE "/iommu_group"));
	assert_int_equal(bind(), -EBUSY);
	assert_int_equal(unbind(), 0);
	assert_false(outside_exists(DEVICE "/iommu_group"));
	assert_false(outside_exists(DEVICE "/vfio-dev"));
}

static void a_device_without_hardware_is_refused(void **state)
{
	platform_hw_unregister(&vfio_test_ops);
	assert_int_equal(bind(), -EINVAL);
	assert_int_equal(platform_hw_register(&vfio_test_ops), 0);
	assert_int_equal(bind(), 0);
}

static void a_device_without_compatible_is_refused(void **state)
{
	const struct platform_device_info info = { .name = "plain", .id = PLATFORM_DEVID_NONE };
	struct platform_device *plain;

	assert_int_equal(platform_device_register_full(&info, &plain), 0);
	log_taken();
	assert_int_equal(outside_write("plain", DRIVER "/bind"), -EINVAL);
	assert_non_null(strstr(log_taken(), "VFIO: Cannot retrieve compat for plain"));
	platform_device_unregister(plain);
}

/* The first compatible counts. */
static void a_device_without_reset_is_refused(void **state)
{
	change_device("\"umdev,other\", " COMPATS, REGS);
	assert_int_equal(bind(), -ENOENT);
	assert_non_null(strstr(log_taken(), "VFIO: No reset function found for device " NAME));
	/* That is no path. */
	change_device("\"../../umdev\", " COMPATS, REGS);
	assert_int_equal(bind(), -ENOENT);
	change_device(COMPATS ", \"umdev,other\"", REGS);
	assert_int_equal(bind(), 0);
}

static void a_reset_is_registered_once(void **state)
{
	struct vfio_platform_reset again = { .compatible = COMPAT, .reset = do_reset };
	struct vfio_platform_reset empty = { .compatible = "a" }, nameless = { .reset = do_reset };

	assert_int_equal(vfio_platform_register_reset(&again), -EEXIST);
	assert_int_equal(vfio_platform_register_reset(&empty), -EINVAL);
	assert_int_equal(vfio_platform_register_reset(&nameless), -EINVAL);
}

/* ---- what it is ---- */

static void it_says_what_the_device_is(void **state)
{
	struct vfio_file *file = bind_and_open();
	struct vfio_device_info what;
	struct vfio_irq_info irq;

	vfio_file_get_info(file, &what);
	assert_int_equal(what.flags, VFIO_DEVICE_FLAGS_PLATFORM | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(what.num_regions, 3);
	assert_int_equal(what.num_irqs, 2);
	assert_int_equal(vfio_file_get_irq_info(file, TEST_LEVEL, &irq), 0);
	assert_int_equal(irq.flags,
			 VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED);
	assert_int_equal(irq.count, 1);
	assert_int_equal(vfio_file_get_irq_info(file, TEST_EDGE, &irq), 0);
	assert_int_equal(irq.flags, VFIO_IRQ_INFO_EVENTFD);
	assert_int_equal(irq.count, 1);
	vfio_file_close(file);
}

static void check_region(struct vfio_file *file, unsigned int index, uint64_t size, bool mapped)
{
	const uint32_t rw = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	struct vfio_region_info region;
	int fd;

	assert_int_equal(vfio_file_get_region_info(file, index, &region, sizeof(region), &fd), 0);
	assert_int_equal(region.size, size);
	assert_int_equal(region.flags, rw | (mapped ? VFIO_REGION_INFO_FLAG_MMAP : 0));
	assert_int_equal(fd >= 0, mapped);
}

static void only_whole_pages_are_mapped(void **state)
{
	struct vfio_file *file = bind_and_open();

	check_region(file, TEST_GPIO, 0x1000, true);
	check_region(file, TEST_CLOCK, 0x800, false);
	check_region(file, TEST_MEMORY, 0x2000, true);
	vfio_file_close(file);
	change_device(COMPATS, "<0 0x1000 0 0x1800>, <0 0x3000 0 0x800>, <0 0x4800 0 0x1000>");
	file = bind_and_open();
	check_region(file, TEST_GPIO, 0x1800, false);
	check_region(file, TEST_CLOCK, 0x800, false);
	check_region(file, TEST_MEMORY, 0x1000, false);
	vfio_file_close(file);
}

static void what_is_mapped_is_the_devices(void **state)
{
	struct vfio_file *file = bind_and_open();
	struct vfio_region_info region;
	uint32_t *mem;
	int fd;

	assert_int_equal(vfio_file_get_region_info(file, TEST_MEMORY, &region, sizeof(region), &fd),
			 0);
	mem = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)region.offset);
	assert_ptr_not_equal(mem, MAP_FAILED);
	mem[1025] = 4711;
	assert_int_equal(get(file, TEST_MEMORY, 4100), 4711);
	put(file, TEST_MEMORY, 8, 4712);
	assert_int_equal(mem[2], 4712);
	munmap(mem, region.size);
	vfio_file_close(file);
}

/* ---- access ---- */

/* @count bytes at @shift: how many accesses, and of which size the last one was. */
static void check_split(struct vfio_file *file, size_t count, unsigned int shift, unsigned int n,
			unsigned int last)
{
	uint32_t before = get(file, TEST_GPIO, TEST_ACCESSES);
	uint8_t buf[32] = { 0 };

	assert_int_equal(vfio_file_read(file, TEST_GPIO, buf, count, TEST_COUNTED + shift), count);
	assert_int_equal(get(file, TEST_GPIO, TEST_ACCESSES) - before, n);
	assert_int_equal(get(file, TEST_GPIO, TEST_LAST_SIZE), last);
	assert_int_equal(vfio_file_write(file, TEST_GPIO, buf, count, TEST_COUNTED + shift), count);
	assert_int_equal(get(file, TEST_GPIO, TEST_ACCESSES) - before, 2 * n);
	assert_int_equal(get(file, TEST_GPIO, TEST_LAST_SIZE), last);
}

static void an_access_is_as_few_as_the_kernels(void **state)
{
	struct vfio_file *file = bind_and_open();

	check_split(file, 1, 0, 1, 1);
	check_split(file, 2, 0, 1, 2);
	check_split(file, 2, 1, 2, 1);
	check_split(file, 3, 0, 2, 1);
	check_split(file, 3, 1, 2, 2);
	check_split(file, 4, 0, 1, 4);
	check_split(file, 4, 2, 2, 2);
	check_split(file, 7, 1, 3, 4);
	check_split(file, 8, 0, 2, 4); /* not one of 8 */
	check_split(file, 32, 0, 8, 4);
	check_split(file, 32, 3, 10, 1);
	vfio_file_close(file);
}

static void nothing_is_accessed_outside(void **state)
{
	struct vfio_file *file = bind_and_open();
	uint8_t buf[8];

	assert_int_equal(vfio_file_read(file, TEST_GPIO, buf, 8, 0xffc), -EINVAL);
	assert_int_equal(vfio_file_read(file, TEST_GPIO, buf, 1, 0x1000), -EINVAL);
	assert_int_equal(vfio_file_write(file, TEST_CLOCK, buf, 1, 0x800), -EINVAL);
	assert_int_equal(vfio_file_write(file, TEST_MEMORY, buf, 8, UINT64_MAX - 3), -EINVAL);
	assert_int_equal(vfio_file_read(file, TEST_NR_REGIONS, buf, 1, 0), -EINVAL);
	assert_int_equal(vfio_file_read(file, UINT32_MAX, buf, 1, 0), -EINVAL);
	vfio_file_close(file);
}

/* ---- interrupts ---- */

static void a_level_reaches_the_user_until_it_is_served(void **state)
{
	struct vfio_file *file = bind_and_open();
	int fd = eventfd(0, EFD_NONBLOCK);

	arm(file, TEST_LEVEL, fd);
	raise_level(file);
	assert_int_equal(signals(fd), 1);
	assert_int_equal(vfio_file_set_irqs(file, UNMASK, TEST_LEVEL, 0, 1, NULL), 0);
	assert_int_equal(signals(fd), 1);
	lower_level(file);
	assert_int_equal(vfio_file_set_irqs(file, UNMASK, TEST_LEVEL, 0, 1, NULL), 0);
	assert_int_equal(signals(fd), 0);
	vfio_file_close(file);
	close(fd);
}

static void each_edge_reaches_the_user(void **state)
{
	struct vfio_file *file = bind_and_open();
	int fd = eventfd(0, EFD_NONBLOCK);

	arm(file, TEST_EDGE, fd);
	pulse_edge(file);
	pulse_edge(file);
	assert_int_equal(signals(fd), 2);
	assert_int_equal(vfio_file_set_irqs(file, UNMASK, TEST_EDGE, 0, 1, NULL), -EINVAL);
	vfio_file_close(file);
	close(fd);
}

static void a_level_that_stays_reaches_the_next_user(void **state)
{
	struct vfio_file *file = bind_and_open();
	int fd = eventfd(0, EFD_NONBLOCK);

	raise_level(file);
	vfio_file_close(file);
	file = open_device();
	arm(file, TEST_LEVEL, fd);
	assert_int_equal(signals(fd), 1);
	vfio_file_close(file);
	/* Lowered while nobody listens. */
	platform_writel(pdev, TEST_GPIO, TEST_GPIO_IE, 0);
	file = open_device();
	arm(file, TEST_LEVEL, fd);
	assert_int_equal(signals(fd), 0);
	vfio_file_close(file);
	close(fd);
}

/* ---- memory ---- */

static int copy(struct vfio_file *file, uint64_t address, uint32_t length, uint32_t command)
{
	put(file, TEST_GPIO, TEST_ADDRESS, (uint32_t)address);
	put(file, TEST_GPIO, TEST_ADDRESS + 4, (uint32_t)(address >> 32));
	put(file, TEST_GPIO, TEST_LENGTH, length);
	put(file, TEST_GPIO, TEST_COPY, command);
	while (get(file, TEST_GPIO, TEST_COPY))
		usleep(1000);
	return (int)get(file, TEST_GPIO, TEST_STATUS);
}

static void the_device_reaches_its_users_memory_and_no_more(void **state)
{
	const uint32_t rw = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct vfio_file *file = bind_and_open();
	int fd = memfd_create("memory", 0);
	uint32_t word = 4711;

	assert_int_equal(copy(file, IOVA, 4, 1), EFAULT);
	assert_int_equal(ftruncate(fd, MEMSIZE), 0);
	assert_int_equal(pwrite(fd, &word, 4, 0x100), 4);
	assert_int_equal(vfio_file_dma_map(file, IOVA, MEMSIZE, rw, fd, 0), 0);
	assert_int_equal(copy(file, IOVA + 0x100, 4, 1), 0);
	assert_int_equal(get(file, TEST_MEMORY, 0), 4711);
	put(file, TEST_MEMORY, 0, 4712);
	assert_int_equal(copy(file, IOVA + 0x200, 4, 2), 0);
	assert_int_equal(pread(fd, &word, 4, 0x200), 4);
	assert_int_equal(word, 4712);
	assert_int_equal(copy(file, IOVA + MEMSIZE - 2, 4, 1), EFAULT);
	assert_int_equal(copy(file, UINT64_MAX - 1, 4, 1), EFAULT);
	vfio_file_close(file);
	close(fd);
}

/* ---- resets ---- */

static uint32_t resets(void)
{
	return platform_readl(pdev, TEST_GPIO, TEST_RESETS);
}

static void it_resets_when_a_user_comes_asks_and_goes(void **state)
{
	struct vfio_file *file;

	assert_int_equal(bind(), 0);
	assert_int_equal(resets(), 0);
	file = open_device();
	assert_int_equal(resets(), 1);
	assert_int_equal(vfio_file_reset(file), 0);
	assert_int_equal(resets(), 2);
	platform_writel(pdev, TEST_GPIO, TEST_FAIL, EIO);
	assert_int_equal(vfio_file_reset(file), -EIO);
	platform_writel(pdev, TEST_GPIO, TEST_FAIL, 0);
	vfio_file_close(file);
	assert_int_equal(resets(), 4);
	assert_int_equal(unbind(), 0);
	assert_int_equal(resets(), 4);
}

static void limit_descriptors(rlim_t soft)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = soft ? soft : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Where registers can't move away from who has them mapped, nobody else gets the device. */
static void who_cannot_be_left_behind_is_the_last(void **state)
{
	struct vfio_file *file = bind_and_open();
	int err;

	log_taken();
	limit_descriptors(3);
	vfio_file_close(file);
	assert_non_null(strstr(log_taken(), "no memory to leave former users behind (-24)"));
	err = vfio_file_open(the_vdev(), &user_ops, NULL, &file);
	limit_descriptors(0);
	assert_int_equal(err, -EMFILE);
	log_taken();
	file = open_device();
	vfio_file_close(file);
	assert_null(strstr(log_taken(), "former users"));
}

static void a_device_that_cannot_be_reset_is_not_opened(void **state)
{
	struct vfio_file *file;

	assert_int_equal(bind(), 0);
	platform_writel(pdev, TEST_GPIO, TEST_FAIL, EIO);
	log_taken();
	assert_int_equal(vfio_file_open(the_vdev(), &user_ops, NULL, &file), -EIO);
	assert_non_null(strstr(log_taken(), "VFIO: reset driver is required and reset call failed "
					    "in open (-5)"));
	platform_writel(pdev, TEST_GPIO, TEST_FAIL, 0);
	file = open_device();
	platform_writel(pdev, TEST_GPIO, TEST_FAIL, EIO);
	log_taken();
	vfio_file_close(file);
	assert_non_null(strstr(log_taken(), "VFIO: reset driver is required and reset call failed "
					    "in release (-5)"));
}

/* ---- leaving ---- */

static void *unbind_thread(void *arg)
{
	assert_int_equal(unbind(), 0);
	return NULL;
}

static void unbinding_waits_for_the_user(void **state)
{
	struct vfio_file *file = bind_and_open();
	pthread_t thread;

	atomic_store(&asked, 0);
	pthread_create(&thread, NULL, unbind_thread, NULL);
	while (!atomic_load(&asked))
		usleep(1000);
	/* It is all the user's meanwhile. */
	raise_level(file);
	assert_int_equal(get(file, TEST_GPIO, TEST_GPIO_MIS), 1);
	vfio_file_close(file);
	pthread_join(thread, NULL);
	assert_false(outside_exists(DEVICE "/driver"));
}

static void *unplug_thread(void *arg)
{
	assert_int_equal(outside_write("test", "/bus/platform/remove_overlay"), 0);
	return NULL;
}

static void unplugging_waits_for_the_user(void **state)
{
	struct vfio_file *file = bind_and_open();
	pthread_t thread;

	atomic_store(&asked, 0);
	pthread_create(&thread, NULL, unplug_thread, NULL);
	while (!atomic_load(&asked))
		usleep(1000);
	raise_level(file);
	assert_int_equal(get(file, TEST_GPIO, TEST_GPIO_MIS), 1);
	vfio_file_close(file);
	pthread_join(thread, NULL);
	pdev = NULL;
	assert_false(outside_exists(DEVICE));
}

static void what_the_device_does_for_nobody_is_lost(void **state)
{
	unsigned int round;

	/* Unbound, bound without a user, and unbound again. */
	for (round = 0; round < 3; round++) {
		if (round == 1)
			assert_int_equal(bind(), 0);
		platform_writel(pdev, TEST_GPIO, TEST_GPIO_IS, 1);
		platform_writel(pdev, TEST_GPIO, TEST_GPIO_IE, round & 1);
		platform_writel(pdev, TEST_CLOCK, TEST_CLOCK_IMSC, 1);
		platform_writel(pdev, TEST_CLOCK, TEST_CLOCK_MR,
				platform_readl(pdev, TEST_CLOCK, TEST_CLOCK_DR));
		platform_writel(pdev, TEST_GPIO, TEST_ADDRESS, IOVA);
		platform_writel(pdev, TEST_GPIO, TEST_LENGTH, 4);
		platform_writel(pdev, TEST_GPIO, TEST_COPY, 2);
		while (platform_readl(pdev, TEST_GPIO, TEST_COPY))
			usleep(1000);
		assert_int_not_equal(platform_readl(pdev, TEST_GPIO, TEST_STATUS), 0);
		if (round == 1)
			assert_int_equal(unbind(), 0);
	}
}

/* ---- all at once ---- */

static atomic_bool stop;

/* The hardware's side: interrupts and copies that never end. */
static void *busy_hardware(void *arg)
{
	unsigned int i;

	for (i = 0; !atomic_load(&stop); i++) {
		platform_writel(pdev, TEST_GPIO, TEST_GPIO_IS, 1);
		platform_writel(pdev, TEST_GPIO, TEST_GPIO_IE, i & 1);
		platform_writel(pdev, TEST_CLOCK, TEST_CLOCK_IMSC, 1);
		platform_writel(pdev, TEST_CLOCK, TEST_CLOCK_MR,
				platform_readl(pdev, TEST_CLOCK, TEST_CLOCK_DR));
		platform_writel(pdev, TEST_CLOCK, TEST_CLOCK_ICR, 1);
		platform_writel(pdev, TEST_GPIO, TEST_ADDRESS, IOVA);
		platform_writel(pdev, TEST_GPIO, TEST_LENGTH, 64);
		platform_writel(pdev, TEST_GPIO, TEST_COPY, 1 + (i & 1));
	}
	return NULL;
}

static void use_for_a_moment(struct vfio_file *file, int memory, const int *fds)
{
	const uint32_t rw = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	const uint32_t by_eventfd = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK;

	assert_int_equal(vfio_file_dma_map(file, IOVA, MEMSIZE, rw, memory, 0), 0);
	arm(file, TEST_LEVEL, fds[0]);
	arm(file, TEST_EDGE, fds[1]);
	assert_int_equal(vfio_file_set_irqs(file, by_eventfd, TEST_LEVEL, 0, 1, &fds[2]), 0);
	eventfd_write(fds[2], 1);
	raise_level(file);
	assert_int_equal(vfio_file_set_irqs(file, UNMASK, TEST_LEVEL, 0, 1, NULL), 0);
	arm(file, TEST_EDGE, -1);
	lower_level(file);
}

static void users_and_bindings_come_and_go_under_a_busy_device(void **state)
{
	int fds[] = { eventfd(0, EFD_NONBLOCK), eventfd(0, EFD_NONBLOCK),
		      eventfd(0, EFD_NONBLOCK) };
	int memory = memfd_create("memory", 0);
	pthread_t hardware, unbinder;
	unsigned int round;

	assert_int_equal(ftruncate(memory, MEMSIZE), 0);
	atomic_store(&stop, false);
	pthread_create(&hardware, NULL, busy_hardware, NULL);
	for (round = 0; round < 100; round++) {
		struct vfio_file *file = bind_and_open();

		use_for_a_moment(file, memory, fds);
		pthread_create(&unbinder, NULL, unbind_thread, NULL);
		raise_level(file);
		arm(file, TEST_LEVEL, -1);
		vfio_file_close(file);
		pthread_join(unbinder, NULL);
	}
	atomic_store(&stop, true);
	pthread_join(hardware, NULL);
	close(memory);
	for (round = 0; round < ARRAY_SIZE(fds); round++)
		close(fds[round]);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_takes_a_device_that_it_is_told_to),
		TEST(a_device_without_hardware_is_refused),
		TEST(a_device_without_compatible_is_refused),
		TEST(a_device_without_reset_is_refused),
		TEST(a_reset_is_registered_once),
		TEST(it_says_what_the_device_is),
		TEST(only_whole_pages_are_mapped),
		TEST(what_is_mapped_is_the_devices),
		TEST(an_access_is_as_few_as_the_kernels),
		TEST(nothing_is_accessed_outside),
		TEST(a_level_reaches_the_user_until_it_is_served),
		TEST(each_edge_reaches_the_user),
		TEST(a_level_that_stays_reaches_the_next_user),
		TEST(the_device_reaches_its_users_memory_and_no_more),
		TEST(it_resets_when_a_user_comes_asks_and_goes),
		TEST(who_cannot_be_left_behind_is_the_last),
		TEST(a_device_that_cannot_be_reset_is_not_opened),
		TEST(unbinding_waits_for_the_user),
		TEST(unplugging_waits_for_the_user),
		TEST(what_the_device_does_for_nobody_is_lost),
		TEST(users_and_bindings_come_and_go_under_a_busy_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
