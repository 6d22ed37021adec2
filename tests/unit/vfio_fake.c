/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "model/host.h"
#include "vfio_fake.h"

static struct fake *to_fake(struct vfio_device *vdev)
{
	return container_of(vdev, struct fake, vdev);
}

/* ---- the driver ---- */

static int fake_open_device(struct vfio_device *vdev)
{
	to_fake(vdev)->opened++;
	return to_fake(vdev)->open_error;
}

static void fake_close_device(struct vfio_device *vdev)
{
	to_fake(vdev)->closed++;
}

static int fake_get_region(struct vfio_device *vdev, unsigned int index, struct vfio_region *region)
{
	*region = to_fake(vdev)->regions[index];
	return 0;
}

static int fake_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	*irq = to_fake(vdev)->irqs[index];
	return 0;
}

static ssize_t fake_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			 uint64_t offset)
{
	memcpy(buf, to_fake(vdev)->memory + offset, count);
	return (ssize_t)count;
}

static ssize_t fake_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			  size_t count, uint64_t offset)
{
	memcpy(to_fake(vdev)->memory + offset, buf, count);
	return (ssize_t)count;
}

static void fake_irqs_changed(struct vfio_device *vdev, unsigned int index)
{
	to_fake(vdev)->irqs_changed++;
	to_fake(vdev)->last_irq_index = index;
}

static int fake_reset(struct vfio_device *vdev)
{
	to_fake(vdev)->resets++;
	return 0;
}

static void count_up(struct fake *fake, unsigned int *counter)
{
	pthread_mutex_lock(&fake->lock);
	++*counter;
	pthread_cond_broadcast(&fake->cond);
	pthread_mutex_unlock(&fake->lock);
}

static void fake_request(struct vfio_device *vdev, unsigned int count)
{
	count_up(to_fake(vdev), &to_fake(vdev)->requests);
}

static void fake_dma_unmap(struct vfio_device *vdev, uint64_t iova, uint64_t length)
{
	struct fake *fake = to_fake(vdev);

	fake->unmaps++;
	fake->unmap_iova = iova;
	fake->unmap_length = length;
	if (fake->on_unmap)
		fake->on_unmap(fake, iova, length);
}

const struct vfio_device_ops fake_ops = {
	.name = "fake",
	.open_device = fake_open_device,
	.close_device = fake_close_device,
	.get_region = fake_get_region,
	.get_irq = fake_get_irq,
	.read = fake_read,
	.write = fake_write,
	.irqs_changed = fake_irqs_changed,
	.reset = fake_reset,
	.request = fake_request,
	.dma_unmap = fake_dma_unmap,
};

static int fake_probe(struct device *dev)
{
	return vfio_register_emulated_iommu_dev(&container_of(dev, struct fake, dev)->vdev);
}

static void fake_remove(struct device *dev)
{
	vfio_unregister_group_dev(&container_of(dev, struct fake, dev)->vdev);
}

struct bus_type fake_bus = { .name = "fake" };
struct device_driver fake_driver = {
	.name = "fake-vfio", .bus = &fake_bus, .probe = fake_probe, .remove = fake_remove
};

int fake_bus_up(void **state)
{
	int err;

	host_root = "/nowhere"; /* numbers are the same on each machine */
	err = bus_register(&fake_bus);
	return err ? err : driver_register(&fake_driver);
}

int fake_bus_down(void **state)
{
	driver_unregister(&fake_driver);
	bus_unregister(&fake_bus);
	return 0;
}

/* ---- the device ---- */

static void fake_release(struct device *dev)
{
	free(container_of(dev, struct fake, dev));
}

struct fake *fake_new(const char *name)
{
	const uint32_t rw = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	const uint32_t line =
		VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	fake->dev.bus = &fake_bus;
	fake->dev.release = fake_release;
	assert_int_equal(device_initialize(&fake->dev), 0);
	assert_int_equal(dev_set_name(&fake->dev, "%s", name), 0);
	fake->vdev.dev = &fake->dev;
	fake->vdev.ops = &fake_ops;
	fake->vdev.flags = VFIO_DEVICE_FLAGS_PCI;
	fake->vdev.num_regions = FAKE_REGIONS;
	fake->vdev.num_irqs = FAKE_IRQS;
	fake->regions[0] = (struct vfio_region) { .size = FAKE_MEMORY_SIZE, .flags = rw };
	fake->regions[1] = (struct vfio_region) { .size = FAKE_MEMORY_SIZE,
						  .flags = VFIO_REGION_INFO_FLAG_READ };
	fake->irqs[FAKE_LINE] = (struct vfio_irq) { .count = 1, .flags = line };
	fake->irqs[FAKE_EDGES] = (struct vfio_irq) { .count = 8, .flags = VFIO_IRQ_INFO_EVENTFD };
	fake->irqs[FAKE_MASKABLE] =
		(struct vfio_irq) { .count = 2,
				    .flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE };
	pthread_mutex_init(&fake->lock, NULL);
	pthread_cond_init(&fake->cond, NULL);
	return fake;
}

int fake_add(struct fake *fake)
{
	int err = device_add(&fake->dev);

	if (err)
		return err;
	return device_is_bound(&fake->dev) ? 0 : device_driver_attach(&fake_driver, &fake->dev);
}

struct fake *fake_create(const char *name)
{
	struct fake *fake = fake_new(name);

	assert_int_equal(fake_add(fake), 0);
	return fake;
}

void fake_free(struct fake *fake)
{
	device_del(&fake->dev);
	put_device(&fake->dev);
}

/* ---- the user ---- */

static void user_request(struct vfio_file *file, unsigned int count)
{
	struct fake *fake = to_fake(vfio_file_device(file));

	count_up(fake, &fake->user_requests);
}

static void user_describe(struct vfio_file *file, char *buf, size_t size)
{
	snprintf(buf, size, "pid 4711 (a test)");
}

const struct vfio_user_ops fake_user_ops = {
	.request = user_request,
	.describe = user_describe,
};

struct vfio_file *fake_open(struct fake *fake)
{
	struct vfio_file *file;

	assert_int_equal(vfio_file_open(&fake->vdev, &fake_user_ops, fake, &file), 0);
	return file;
}

static void *remove_thread(void *arg)
{
	struct fake *fake = arg;

	device_del(&fake->dev);
	return NULL;
}

void fake_remove_begin(struct fake *fake)
{
	assert_int_equal(pthread_create(&fake->owner, NULL, remove_thread, fake), 0);
}

void fake_remove_end(struct fake *fake)
{
	pthread_join(fake->owner, NULL);
	put_device(&fake->dev);
}

void fake_wait_requests(struct fake *fake, unsigned int n)
{
	pthread_mutex_lock(&fake->lock);
	while (fake->requests < n || fake->user_requests < n)
		pthread_cond_wait(&fake->cond, &fake->lock);
	pthread_mutex_unlock(&fake->lock);
}

uint64_t signals(int fd)
{
	eventfd_t n = 0;

	return eventfd_read(fd, &n) ? 0 : n;
}
