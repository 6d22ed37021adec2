/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mediated devices that are no PCI devices and copy between their buffer and their user's memory.
 * The kernel has drivers of this kind (vfio-platform); what the registers do is in engine.h.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/mdev.h>
#include <umdev/vfio.h>

#include "engine.h"

struct engine {
	struct vfio_device vdev;
	int memfd;
	uint8_t *buffer;
	uint64_t regs[ENGINE_REGS_SIZE / sizeof(uint64_t)];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	uint64_t command; /* for the thread; under lock, as what follows */
	bool stop;
};

static struct class engine_class = { .name = "engine" };
static struct device *engine_dev;
static struct mdev_parent engine_parent;
static struct mdev_type engine_type = { .sysfs_name = "1", .pretty_name = "Copies memory" };
static struct mdev_type *engine_types[] = { &engine_type };

static struct engine *to_engine(struct vfio_device *vdev)
{
	return container_of(vdev, struct engine, vdev);
}

/* ---- copying ---- */

static uint64_t *reg(struct engine *e, unsigned int offset)
{
	return &e->regs[offset / sizeof(uint64_t)];
}

/* The user learns from an interrupt what the thread has done; ThreadSanitizer does not. */
static void agree(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	pthread_mutex_unlock(&e->lock);
}

static void copy(struct engine *e, uint64_t command)
{
	uint64_t count = *reg(e, ENGINE_COUNT);
	int err = -EINVAL;

	if (count <= ENGINE_BUFFER_SIZE)
		err = vfio_dma_rw(&e->vdev, *reg(e, ENGINE_ADDRESS), e->buffer, count,
				  (command & ~ENGINE_IN_THREAD) == ENGINE_TO_USER);
	__atomic_store_n(reg(e, ENGINE_STATUS), (uint64_t)-err, __ATOMIC_SEQ_CST);
	agree(e);
	vfio_irq_trigger(&e->vdev, ENGINE_IRQ_DONE, 0);
}

static void *run(void *arg)
{
	struct engine *e = arg;

	pthread_mutex_lock(&e->lock);
	while (!e->stop) {
		uint64_t command = e->command;

		if (!command) {
			pthread_cond_wait(&e->cond, &e->lock);
			continue;
		}
		e->command = 0;
		pthread_mutex_unlock(&e->lock);
		copy(e, command);
		pthread_mutex_lock(&e->lock);
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

static void start(struct engine *e, uint64_t command)
{
	if (!(command & ENGINE_IN_THREAD)) {
		copy(e, command);
		return;
	}
	pthread_mutex_lock(&e->lock);
	e->command = command;
	pthread_cond_signal(&e->cond);
	pthread_mutex_unlock(&e->lock);
}

/* ---- what a driver does ---- */

static int engine_open(struct vfio_device *vdev)
{
	struct engine *e = to_engine(vdev);

	e->stop = false;
	e->command = 0;
	return -pthread_create(&e->thread, NULL, run, e);
}

static void engine_close(struct vfio_device *vdev)
{
	struct engine *e = to_engine(vdev);

	pthread_mutex_lock(&e->lock);
	e->stop = true;
	pthread_cond_signal(&e->cond);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
}

static int engine_get_region(struct vfio_device *vdev, unsigned int index,
			     struct vfio_region *region)
{
	static const struct vfio_mmap_area areas[] = { { 0, ENGINE_AREA_SIZE } };

	region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	if (index == ENGINE_REGS) {
		region->size = ENGINE_REGS_SIZE;
		return 0;
	}
	region->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	region->size = ENGINE_BUFFER_SIZE;
	region->fd = to_engine(vdev)->memfd;
	region->areas = areas;
	region->nr_areas = ARRAY_SIZE(areas);
	region->type = ENGINE_TYPE;
	region->subtype = ENGINE_SUBTYPE;
	return 0;
}

static int engine_get_irq(struct vfio_device *vdev, unsigned int index, struct vfio_irq *irq)
{
	irq->count = 1;
	irq->flags = VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE;
	return 0;
}

/* The accesses that this driver refuses, or does only half of. */
static ssize_t special(uint64_t offset, size_t count)
{
	if (offset == ENGINE_BUSY)
		return -EBUSY;
	if (offset == ENGINE_AGAIN)
		return -EAGAIN;
	return offset == ENGINE_HALF ? (ssize_t)count / 2 : 0;
}

static ssize_t engine_read(struct vfio_device *vdev, unsigned int index, void *buf, size_t count,
			   uint64_t offset)
{
	struct engine *e = to_engine(vdev);
	ssize_t ret = index == ENGINE_REGS ? special(offset, count) : 0;

	if (ret < 0)
		return ret;
	agree(e);
	count = ret ? (size_t)ret : count;
	memcpy(buf, (index == ENGINE_REGS ? (uint8_t *)e->regs : e->buffer) + offset, count);
	return (ssize_t)count;
}

static ssize_t engine_write(struct vfio_device *vdev, unsigned int index, const void *buf,
			    size_t count, uint64_t offset)
{
	struct engine *e = to_engine(vdev);
	ssize_t ret = index == ENGINE_REGS ? special(offset, count) : 0;

	if (ret < 0)
		return ret;
	agree(e);
	count = ret ? (size_t)ret : count;
	memcpy((index == ENGINE_REGS ? (uint8_t *)e->regs : e->buffer) + offset, buf, count);
	if (index == ENGINE_REGS && offset == ENGINE_COMMAND)
		start(e, *reg(e, ENGINE_COMMAND));
	return (ssize_t)count;
}

static int engine_reset(struct vfio_device *vdev)
{
	struct engine *e = to_engine(vdev);

	memset(e->regs, 0, sizeof(e->regs));
	memset(e->buffer, 0, ENGINE_BUFFER_SIZE);
	return 0;
}

static void engine_request(struct vfio_device *vdev, unsigned int count)
{
	vfio_irq_trigger(vdev, ENGINE_IRQ_REQUEST, 0);
}

static const struct vfio_device_ops engine_ops = {
	.name = "engine",
	.open_device = engine_open,
	.close_device = engine_close,
	.get_region = engine_get_region,
	.get_irq = engine_get_irq,
	.read = engine_read,
	.write = engine_write,
	.reset = engine_reset,
	.request = engine_request,
};

/* ---- devices ---- */

static void engine_free(struct engine *e)
{
	if (e->buffer && e->buffer != MAP_FAILED)
		munmap(e->buffer, ENGINE_BUFFER_SIZE);
	if (e->memfd >= 0)
		close(e->memfd);
	free(e);
}

static int engine_probe(struct mdev_device *mdev)
{
	struct engine *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->cond, NULL);
	e->memfd = memfd_create("engine", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	err = e->memfd < 0 || ftruncate(e->memfd, ENGINE_BUFFER_SIZE) ? -errno : 0;
	if (!err) {
		e->buffer = mmap(NULL, ENGINE_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				 e->memfd, 0);
		err = e->buffer == MAP_FAILED ? -errno : 0;
	}
	e->vdev.dev = &mdev->dev;
	e->vdev.ops = &engine_ops;
	e->vdev.flags = VFIO_DEVICE_FLAGS_PLATFORM;
	e->vdev.num_regions = 2;
	e->vdev.num_irqs = 2;
	if (!err)
		err = vfio_register_emulated_iommu_dev(&e->vdev);
	if (err)
		engine_free(e);
	else
		dev_set_drvdata(&mdev->dev, e);
	return err;
}

static void engine_quiesce(struct mdev_device *mdev)
{
	struct engine *e = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&e->vdev);
}

static void engine_remove(struct mdev_device *mdev)
{
	engine_free(dev_get_drvdata(&mdev->dev));
}

static struct mdev_driver engine_driver = {
	.driver.name = "engine",
	.device_api = "vfio-platform",
	.max_instances = 16,
	.probe = engine_probe,
	.quiesce = engine_quiesce,
	.remove = engine_remove,
};

static int engine_init(void)
{
	int err = mdev_register_driver(&engine_driver);

	if (err)
		return err;
	err = class_register(&engine_class);
	if (err)
		goto driver;
	err = device_create(&engine_class, NULL, 0, NULL, &engine_dev, "engine");
	if (err)
		goto class;
	err = mdev_register_parent(&engine_parent, engine_dev, &engine_driver, engine_types,
				   ARRAY_SIZE(engine_types));
	if (!err)
		return 0;
	device_unregister(engine_dev);
	class : class_unregister(&engine_class);
driver:
	mdev_unregister_driver(&engine_driver);
	return err;
}

static void engine_exit(void)
{
	mdev_unregister_parent(&engine_parent);
	device_unregister(engine_dev);
	class_unregister(&engine_class);
	mdev_unregister_driver(&engine_driver);
}

module_init(engine_init);
module_exit(engine_exit);
MODULE_LICENSE("LGPL");
MODULE_DESCRIPTION("a device that copies memory, for tests");
