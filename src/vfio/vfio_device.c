/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * VFIO devices: registering, and taking back from whoever uses them.
 * Behaviour: Linux 6.1 drivers/vfio/vfio_main.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <umdev/publish.h>

#include "model/alloc.h"
#include "model/caller.h"
#include "vfio/irq.h"
#include "vfio/vfio.h"

unsigned int vfio_request_interval_ms = 10000;

static struct vfio_device_private *to_private(struct device *dev)
{
	return container_of(dev, struct vfio_device_private, device);
}

/* Who holds the device, or else its group; an empty line when nobody does. */
static ssize_t user_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct vfio_device_private *p = to_private(dev);
	struct vfio_file *file = vfio_file_visit(p);
	char who[128] = "";

	if (file) {
		vfio_file_describe(file, who, sizeof(who));
		vfio_file_leave(p);
	} else {
		vfio_claim_describe(p, who, sizeof(who));
	}
	return sysfs_emit(buf, "%s\n", who);
}
static DEVICE_ATTR_RO(user);

static int disconnect_user(struct vfio_device_private *p)
{
	struct vfio_file *file = vfio_file_visit(p);
	char who[128];
	int err = 0;

	if (!file)
		return 0;
	if (file->ops->disconnect) {
		vfio_file_describe(file, who, sizeof(who));
		dev_printk(LOG_LEVEL_NOTICE, p->vdev->dev, "disconnecting %s", who);
		file->ops->disconnect(file);
	} else {
		err = -EOPNOTSUPP;
	}
	vfio_file_leave(p);
	return err;
}

/*
 * Whoever uses the device now will soon not, and is not waited for. Who has its group has it no
 * more, and so does not come back with it. Nobody: that is so already.
 */
static ssize_t disconnect_store(struct device *dev, struct device_attribute *attr, const char *buf,
				size_t count)
{
	struct vfio_device_private *p = to_private(dev);
	unsigned long yes;
	int err;

	if (kstrtoul(buf, 0, &yes))
		return -EINVAL;
	if (!yes)
		return count;
	err = disconnect_user(p);
	if (err)
		return err;
	vfio_claim_kill(p);
	return count;
}
static DEVICE_ATTR_WO(disconnect);

static struct attribute *vfio_dev_attrs[] = {
	&dev_attr_disconnect.attr,
	&dev_attr_user.attr,
	NULL,
};
ATTRIBUTE_GROUPS(vfio_dev);

struct class vfio_device_class = {
	.name = "vfio-dev",
	.dev_groups = vfio_dev_groups,
};

static void private_release(struct device *dev)
{
	struct vfio_device_private *p = to_private(dev);

	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p->regions);
	free(p);
}

struct vfio_device *vfio_device_from_dev(struct device *dev)
{
	return to_private(dev)->vdev;
}

int vfio_group_id(struct vfio_device *vdev)
{
	return vdev->p->group.id;
}

/* ---- registering ---- */

#define KNOWN_REGION_FLAGS \
	(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP)

static bool page_aligned(uint64_t n)
{
	return !(n % 4096);
}

/*
 * The user gets the descriptor, and with it the right to truncate the file: the driver's next
 * access to its own mapping would be the end of the process. So the file is sealed against that.
 */
static int seal_file(const struct device *dev, const struct vfio_region *region)
{
	const int wanted = F_SEAL_SHRINK | F_SEAL_SEAL;
	uint64_t end = region->fd_offset + region->size;
	struct stat st;
	int seals;

	if (!region->size || !(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	seals = fcntl(region->fd, F_GET_SEALS);
	if (seals < 0 || ((seals & wanted) != wanted && fcntl(region->fd, F_ADD_SEALS, wanted))) {
		dev_err(dev, "a mappable region needs a memfd made with MFD_ALLOW_SEALING");
		return -EINVAL;
	}
	if (fstat(region->fd, &st) || (uint64_t)st.st_size < end) {
		dev_err(dev, "the memfd of a mappable region is smaller than the region");
		return -EINVAL;
	}
	return 0;
}

static int check_region(const struct vfio_region *region)
{
	unsigned int i;

	if (region->flags & ~(uint32_t)KNOWN_REGION_FLAGS)
		return -EINVAL;
	if (!region->size || !(region->flags & VFIO_REGION_INFO_FLAG_MMAP))
		return 0;
	if (region->fd < 0 || !page_aligned(region->fd_offset) ||
	    region->fd_offset + region->size < region->size || (region->nr_areas && !region->areas))
		return -EINVAL;
	for (i = 0; i < region->nr_areas; i++) {
		const struct vfio_mmap_area *area = &region->areas[i];

		if (!area->size || !page_aligned(area->offset | area->size) ||
		    area->offset >= region->size || area->size > region->size - area->offset)
			return -EINVAL;
	}
	return 0;
}

static int read_regions(struct vfio_device_private *p)
{
	struct vfio_device *vdev = p->vdev;
	struct vfio_region region;
	unsigned int i;
	int err;

	p->regions = zalloc_array(vdev->num_regions ? vdev->num_regions : 1, sizeof(*p->regions));
	if (!p->regions)
		return -ENOMEM;
	for (i = 0; i < vdev->num_regions; i++) {
		memset(&region, 0, sizeof(region));
		err = vdev->ops->get_region(vdev, i, &region);
		if (err)
			return err;
		err = check_region(&region);
		if (!err)
			err = seal_file(vdev->dev, &region);
		if (err)
			return err;
		p->regions[i].size = region.size;
		p->regions[i].flags = region.flags;
	}
	return 0;
}

int vfio_regions_seal(struct vfio_device *vdev)
{
	struct vfio_region region;
	unsigned int i;
	int err = 0;

	for (i = 0; i < vdev->num_regions && !err; i++) {
		memset(&region, 0, sizeof(region));
		err = vdev->ops->get_region(vdev, i, &region);
		if (!err)
			err = seal_file(vdev->dev, &region);
	}
	return err;
}

static int check_ops(const struct vfio_device *vdev)
{
	const struct vfio_device_ops *ops = vdev->ops;

	if (!vdev->dev || !ops || !ops->name)
		return -EINVAL;
	if (vdev->num_regions && (!ops->get_region || !ops->read || !ops->write))
		return -EINVAL;
	if (vdev->num_irqs && !ops->get_irq)
		return -EINVAL;
	if (ops->connect && (!ops->socket || ops->open_device || ops->close_device ||
			     vdev->num_regions || vdev->num_irqs))
		return -EINVAL;
	return 0;
}

static int private_create(struct vfio_device *vdev, struct vfio_device_private **out)
{
	struct vfio_device_private *p = zalloc(sizeof(*p));
	pthread_condattr_t attr;
	int err;

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->changed, &attr);
	pthread_condattr_destroy(&attr);
	p->vdev = vdev;
	p->owner = vdev->dev->driver ? vdev->dev->driver->owner : NULL;
	p->device.class = &vfio_device_class;
	p->device.parent = vdev->dev;
	p->device.release = private_release;
	err = device_initialize(&p->device);
	if (!err)
		err = read_regions(p);
	if (err) {
		put_device(&p->device);
		return err;
	}
	*out = p;
	return 0;
}

/* Show the device with its group and let users come. Under the transport lock. */
static int add_device(struct vfio_device *vdev, struct vfio_device_private *p)
{
	int err = vfio_group_create(&p->group, vdev->dev, vfio_transport_group_groups());

	if (err)
		return err;
	err = dev_set_name(&p->device, "vfio%d", p->group.id);
	if (err)
		goto destroy_group;
	vdev->device = &p->device;
	vdev->p = p;
	p->device.groups = vfio_transport_groups();
	err = device_add(&p->device);
	if (err)
		goto forget;
	err = vfio_transport_add(p);
	if (err)
		goto del_device;
	return 0;
del_device:
	device_del(&p->device);
forget:
	vdev->p = NULL;
	vdev->device = NULL;
destroy_group:
	vfio_group_destroy(&p->group, vdev->dev);
	return err;
}

int vfio_register_emulated_iommu_dev(struct vfio_device *vdev)
{
	struct vfio_device_private *p;
	int err = check_ops(vdev);

	if (err)
		return err;
	if (vdev->p)
		return -EEXIST;
	err = vfio_init();
	if (err)
		return err;
	err = private_create(vdev, &p);
	if (err)
		return err;
	err = vfio_irqs_create(vdev);
	if (err)
		goto put;

	/* All of it is seen at once, or nothing. */
	publish_begin();
	vfio_transport_lock();
	err = add_device(vdev, p);
	vfio_transport_unlock();
	if (err)
		goto abort;
	publish_commit();
	return 0;
abort:
	publish_abort();
	vfio_irqs_destroy(vdev);
put:
	put_device(&p->device);
	return err;
}

/* ---- unregistering ---- */

/* Ask the user to let go, and tell the log who it is. Without p->lock, as a visitor. */
static void ask_user(struct vfio_device *vdev, struct vfio_file *file, unsigned int count)
{
	char who[128];

	vfio_file_describe(file, who, sizeof(who));
	dev_printk(LOG_LEVEL_NOTICE, vdev->dev, "waiting for %s to release the device", who);
	/* First: once the driver has asked, the user may be gone before somebody looks at it. */
	if (file->ops->request)
		file->ops->request(file, count);
	if (vdev->ops->request)
		vdev->ops->request(vdev, count);
}

void vfio_request_users(struct module *owner, unsigned int count)
{
	struct vfio_device_private **devices, **p;
	struct vfio_file *file;

	devices = vfio_transport_devices();
	if (!devices) {
		pr_err("vfio: out of memory: users of devices are not asked to release them");
		return;
	}
	for (p = devices; *p; p++) {
		file = (*p)->owner == owner ? vfio_file_visit(*p) : NULL;
		if (file) {
			/* As long as there is a visitor there is the driver's side. */
			ask_user((*p)->vdev, file, count);
			vfio_file_leave(*p);
		}
		put_device(&(*p)->device);
	}
	free(devices);
}

/* When a user who is asked now is asked again. */
static struct timespec next_request(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += vfio_request_interval_ms / 1000;
	t.tv_nsec += vfio_request_interval_ms % 1000 * 1000000l;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* Ask the user, if there is one, then wait until it has let go or is to be asked again. */
static bool ask_and_wait(struct vfio_device_private *p, unsigned int count)
{
	struct vfio_file *file = vfio_file_visit(p);
	struct timespec deadline;
	bool used;

	if (file) {
		ask_user(p->vdev, file, count);
		vfio_file_leave(p);
	}
	deadline = next_request();
	pthread_mutex_lock(&p->lock);
	while (p->file && pthread_cond_timedwait(&p->changed, &p->lock, &deadline) != ETIMEDOUT)
		;
	used = p->file;
	pthread_mutex_unlock(&p->lock);
	return used;
}

/* Nobody comes any more; wait for who is there. What was begun goes on also without the caller. */
static void wait_for_user(struct vfio_device_private *p)
{
	unsigned int count = 0;
	bool used;

	pthread_mutex_lock(&p->lock);
	p->going = true;
	used = p->file;
	pthread_mutex_unlock(&p->lock);
	if (!used)
		return;
	caller_may_leave();
	while (ask_and_wait(p, count))
		count++;
	caller_stays();
}

void vfio_unregister_group_dev(struct vfio_device *vdev)
{
	struct vfio_device_private *p = vdev->p;

	if (!p)
		return;
	vfio_transport_lock();
	vfio_transport_remove(p);
	vfio_transport_unlock();
	wait_for_user(p);
	vfio_claim_kill(p);
	device_del(&p->device);
	vfio_group_destroy(&p->group, vdev->dev);
	vdev->p = NULL;
	vdev->device = NULL;
	vfio_irqs_destroy(vdev);
	put_device(&p->device);
}
