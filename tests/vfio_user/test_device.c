/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devices of the tests, whose registers do what a test wants (see enum reg).
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/device.h>
#include <umdev/vfio.h>

#include "test_device.h"

static struct test_device devices[NR_DEVICES];

/* ---- hanging on command ---- */

/* Called from a callback: hang until "release". */
static void hang(struct test_device *t)
{
	pthread_mutex_lock(&t->lock);
	t->hung = true;
	pthread_cond_broadcast(&t->cond);
	while (t->hung)
		pthread_cond_wait(&t->cond, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void hang_if(struct test_device *t, enum hang_in where)
{
	bool now;

	pthread_mutex_lock(&t->lock);
	now = t->hang_in == where;
	if (now)
		t->hang_in = HANG_NOT;
	pthread_mutex_unlock(&t->lock);
	if (now)
		hang(t);
}

/* ---- DMA ---- */

static void do_dma(struct test_device *t, uint64_t command)
{
	uint64_t len = t->dma_len <= BAR4_SIZE ? t->dma_len : BAR4_SIZE;
	int err = vfio_dma_rw(&t->vdev, t->dma_addr, t->bar4, len, command == DMA_WRITE_GUEST);

	__atomic_store_n(&t->dma_status, (uint64_t)-err, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&t->dma_done, 1, __ATOMIC_SEQ_CST);
	vfio_irq_trigger(&t->vdev, VFIO_PCI_MSIX_IRQ_INDEX, 0);
}

static void *engine_run(void *arg)
{
	struct test_device *t = arg;

	pthread_mutex_lock(&t->lock);
	/* What it was given is done for who gave it, and not for the next user. */
	while (!t->engine_stop || t->engine_command) {
		uint64_t command = t->engine_command;

		if (!command) {
			pthread_cond_wait(&t->cond, &t->lock);
			continue;
		}
		pthread_mutex_unlock(&t->lock);
		do_dma(t, command);
		pthread_mutex_lock(&t->lock);
		t->engine_command = 0;
		pthread_cond_broadcast(&t->cond);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void engine_submit(struct test_device *t, uint64_t command, bool wait)
{
	pthread_mutex_lock(&t->lock);
	while (t->engine_command)
		pthread_cond_wait(&t->cond, &t->lock);
	t->engine_command = command;
	pthread_cond_broadcast(&t->cond);
	while (wait && t->engine_command)
		pthread_cond_wait(&t->cond, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void dma_command(struct test_device *t, uint64_t value)
{
	uint64_t command = value & DMA_COMMAND_MASK;

	if (command != DMA_READ_GUEST && command != DMA_WRITE_GUEST)
		return;
	if (value & DMA_IN_THREAD)
		engine_submit(t, command, value & DMA_WAIT);
	else
		do_dma(t, command);
}

static void pin(struct test_device *t, uint64_t iova)
{
	void *page;
	int n = vfio_pin_pages(&t->vdev, iova, 1, VFIO_DMA_MAP_FLAG_READ, &page);

	t->pin_status = n < 0 ? -n : 0;
	if (n == 1)
		t->pinned = iova;
}

/* ---- registers ---- */

static uint64_t read_register(struct test_device *t, uint64_t offset)
{
	switch (offset) {
	case REG_HANG:
		hang(t);
		return 0x5afe;
	case REG_SEQ_COUNT:
		return t->seq_count;
	case REG_SEQ_ERRORS:
		return t->seq_errors;
	case REG_DMA_STATUS:
		return __atomic_load_n(&t->dma_status, __ATOMIC_SEQ_CST);
	case REG_DMA_DONE:
		return __atomic_load_n(&t->dma_done, __ATOMIC_SEQ_CST);
	case REG_OPENS:
		return t->opens;
	case REG_CLOSES:
		return t->closes;
	case REG_RESETS:
		return t->resets;
	case REG_PIN:
		return t->pin_status;
	case REG_UNMAPS:
		return t->unmaps;
	case REG_IRQ_CHANGES:
		return t->irq_changes;
	case REG_MSIX_ARMED: {
		uint64_t armed = 0;

		for (unsigned int i = 0; i < 64; i++)
			if (vfio_irq_is_armed(&t->vdev, VFIO_PCI_MSIX_IRQ_INDEX, i))
				armed |= 1ull << i;
		return armed;
	}
	}
	return 0;
}

static void write_register(struct test_device *t, uint64_t offset, uint64_t value)
{
	switch (offset) {
	case REG_HANG:
		hang(t);
		break;
	case REG_SEQ:
		if (value != t->seq_last + 1)
			t->seq_errors++;
		t->seq_last = value;
		t->seq_count++;
		break;
	case REG_SEQ_COUNT:
		t->seq_count = t->seq_errors = t->seq_last = 0;
		break;
	case REG_DMA_ADDR:
		t->dma_addr = value;
		break;
	case REG_DMA_LEN:
		t->dma_len = value;
		break;
	case REG_DMA_COMMAND:
		dma_command(t, value);
		break;
	case REG_TRIGGER:
		vfio_irq_trigger(&t->vdev, value >> 16 & 0xffff, value & 0xffff);
		break;
	case REG_INTX_LEVEL:
		vfio_irq_set_level(&t->vdev, VFIO_PCI_INTX_IRQ_INDEX, 0, value);
		break;
	case REG_PIN:
		pin(t, value);
		break;
	}
}

/* ---- the callbacks ---- */

static struct test_device *to_test(struct vfio_device *vdev)
{
	return container_of(vdev, struct test_device, vdev);
}

static int test_open(struct vfio_device *vdev)
{
	struct test_device *t = to_test(vdev);

	hang_if(t, HANG_OPEN);
	t->opens++;
	t->engine_stop = false;
	return -pthread_create(&t->engine, NULL, engine_run, t);
}

static void test_close(struct vfio_device *vdev)
{
	struct test_device *t = to_test(vdev);

	hang_if(t, HANG_CLOSE);
	pthread_mutex_lock(&t->lock);
	t->engine_stop = true;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->engine, NULL);
	t->closes++;
}

static const struct vfio_mmap_area bar1_areas[] = { { 4096, 4096 }, { 32768, 16384 } };

static int test_get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	struct test_device *t = to_test(vdev);

	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	switch (index) {
	case 0:
		region->size = BAR0_SIZE;
		break;
	case 1:
		region->size = BAR1_SIZE;
		region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		region->fd = t->memfd;
		region->areas = bar1_areas;
		region->nr_areas = ARRAY_SIZE(bar1_areas);
		break;
	case 2:
		region->size = BAR2_SIZE;
		region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
		region->fd = t->memfd;
		region->fd_offset = BAR1_SIZE;
		break;
	case 3:
		region->size = BAR3_SIZE;
		region->flags = VFIO_REGION_INFO_FLAG_READ;
		break;
	case 4:
		region->size = BAR4_SIZE;
		break;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		region->size = sizeof(t->config);
		break;
	default:
		region->flags = 0;
	}
	return 0;
}

static int test_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	static const struct vfio_irq irqs[VFIO_PCI_NUM_IRQS] = {
		[VFIO_PCI_INTX_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE |
							 VFIO_IRQ_INFO_AUTOMASKED },
		[VFIO_PCI_MSI_IRQ_INDEX] = { 4, VFIO_IRQ_INFO_EVENTFD },
		[VFIO_PCI_MSIX_IRQ_INDEX] = { 64, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE },
		[VFIO_PCI_ERR_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD },
		[VFIO_PCI_REQ_IRQ_INDEX] = { 1, VFIO_IRQ_INFO_EVENTFD },
	};

	*irq = irqs[index];
	return 0;
}

/* The memory behind a region, NULL where registers are. */
static uint8_t *region_memory(struct test_device *t, unsigned int index, uint64_t offset)
{
	switch (index) {
	case 0:
		return offset < REG_FIRST ? t->bar0 : NULL;
	case 1:
		return t->shared;
	case 2:
		return t->shared + BAR1_SIZE;
	case 3:
		return t->bar3;
	case 4:
		return t->bar4;
	default:
		return t->config;
	}
}

static ssize_t test_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			 uint64_t offset)
{
	struct test_device *t = to_test(vdev);
	const uint8_t *memory = region_memory(t, index, offset);
	uint64_t value;

	if (memory) {
		/* What crosses into the registers ends there. */
		if (index == 0 && count > REG_FIRST - offset)
			count = REG_FIRST - offset;
		memcpy(buf, memory + offset, count);
		return count;
	}
	if (offset == REG_FAIL_IO)
		return -EIO;
	if (offset == REG_FAIL_INVAL)
		return -EINVAL;
	value = read_register(t, offset);
	memset(buf, 0, count);
	memcpy(buf, &value, count < sizeof(value) ? count : sizeof(value));
	return count;
}

static ssize_t test_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			  size_t count, uint64_t offset)
{
	struct test_device *t = to_test(vdev);
	uint8_t *memory = region_memory(t, index, offset);
	uint64_t value = 0;

	if (memory) {
		if (index == 0 && count > REG_FIRST - offset)
			count = REG_FIRST - offset;
		memcpy(memory + offset, buf, count);
		return count;
	}
	if (offset == REG_FAIL_IO)
		return -EIO;
	if (offset == REG_FAIL_INVAL)
		return -EINVAL;
	memcpy(&value, buf, count < sizeof(value) ? count : sizeof(value));
	write_register(t, offset, value);
	return count;
}

static void test_irqs_changed(struct vfio_device *vdev, unsigned int index)
{
	to_test(vdev)->irq_changes++;
}

static int test_reset(struct vfio_device *vdev)
{
	struct test_device *t = to_test(vdev);

	hang_if(t, HANG_RESET);
	t->resets++;
	return 0;
}

static void test_dma_unmap(struct vfio_device *vdev, uint64_t iova, uint64_t length)
{
	struct test_device *t = to_test(vdev);

	hang_if(t, HANG_UNMAP);
	if (t->pinned >= iova && t->pinned - iova < length) {
		vfio_unpin_pages(vdev, t->pinned, 1);
		t->pinned = UINT64_MAX;
		t->unmaps++;
	}
}

static const struct vfio_device_ops test_ops = {
	.name = "vfio-user-test",
	.open_device = test_open,
	.close_device = test_close,
	.get_region = test_get_region,
	.get_irq = test_get_irq,
	.read = test_read,
	.write = test_write,
	.irqs_changed = test_irqs_changed,
	.reset = test_reset,
	.dma_unmap = test_dma_unmap,
};

/* ---- devices on a bus ---- */

static struct bus_type test_bus = { .name = "vfio-user-test" };

static int test_probe(struct device *dev)
{
	struct test_device *t = container_of(dev, struct test_device, dev);

	t->vdev = (struct vfio_device) { .dev = dev,
					 .ops = &test_ops,
					 .flags = VFIO_DEVICE_FLAGS_PCI,
					 .num_regions = VFIO_PCI_NUM_REGIONS,
					 .num_irqs = VFIO_PCI_NUM_IRQS };
	return vfio_register_emulated_iommu_dev(&t->vdev);
}

static void test_remove(struct device *dev)
{
	vfio_unregister_group_dev(&container_of(dev, struct test_device, dev)->vdev);
}

static struct device_driver test_driver = {
	.name = "vfio-user-test",
	.bus = &test_bus,
	.probe = test_probe,
	.remove = test_remove,
};

static void test_release(struct device *dev)
{
	struct test_device *t = container_of(dev, struct test_device, dev);

	munmap(t->shared, SHARED_SIZE);
	close(t->memfd);
	free(t->bar4);
}

int test_devices_create(void)
{
	int err = bus_register(&test_bus);

	if (err)
		return err;
	err = driver_register(&test_driver);
	for (int i = 0; i < NR_DEVICES && !err; i++) {
		struct test_device *t = &devices[i];

		pthread_mutex_init(&t->lock, NULL);
		pthread_cond_init(&t->cond, NULL);
		t->pinned = UINT64_MAX;
		t->bar4 = calloc(1, BAR4_SIZE);
		t->memfd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (!t->bar4 || t->memfd < 0 || ftruncate(t->memfd, SHARED_SIZE))
			return -ENOMEM;
		t->shared =
			mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, t->memfd, 0);
		if (t->shared == MAP_FAILED)
			return -ENOMEM;
		memset(t->bar3, 0x33, sizeof(t->bar3));
		t->dev.bus = &test_bus;
		t->dev.release = test_release;
		device_initialize(&t->dev);
		dev_set_name(&t->dev, "dev%d", i);
		err = device_add(&t->dev);
		if (!err && !device_is_bound(&t->dev))
			err = -ENODEV;
	}
	return err;
}

void test_devices_destroy(void)
{
	for (int i = 0; i < NR_DEVICES; i++)
		device_unregister(&devices[i].dev);
	driver_unregister(&test_driver);
	bus_unregister(&test_bus);
}

void test_devices_release(void)
{
	for (int i = 0; i < NR_DEVICES; i++)
		test_device_release(&devices[i]);
}

void test_device_release(struct test_device *t)
{
	pthread_mutex_lock(&t->lock);
	t->hung = false;
	pthread_cond_broadcast(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

void test_device_hang(struct test_device *t, enum hang_in where)
{
	pthread_mutex_lock(&t->lock);
	t->hang_in = where;
	pthread_mutex_unlock(&t->lock);
}

void test_device_wait_hung(struct test_device *t)
{
	pthread_mutex_lock(&t->lock);
	while (!t->hung)
		pthread_cond_wait(&t->cond, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

struct test_device *test_device_find(const char *name)
{
	for (int i = 0; i < NR_DEVICES; i++)
		if (!strcmp(dev_name(&devices[i].dev), name))
			return &devices[i];
	return NULL;
}
