/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registering VFIO devices, their place in the tree, and their one user. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "model/alloc.h"
#include "model/module_internal.h"
#include "model/kernfs.h"
#include "support/outside.h"
#include "vfio/vfio.h"
#include "vfio_fake.h"

/* ---- the tree and the events ---- */

static void the_tree_is_as_the_kernel_shows_it(void **state)
{
	struct fake *fake = fake_create("d0");

	assert_string_equal(outside_link("/devices/d0/iommu_group"), "../../kernel/iommu_groups/0");
	assert_string_equal(outside_list("/kernel/iommu_groups/0"),
			    "devices reserved_regions type ");
	assert_string_equal(outside_link("/kernel/iommu_groups/0/devices/d0"),
			    "../../../../devices/d0");
	assert_string_equal(outside_read("/kernel/iommu_groups/0/reserved_regions"), "");
	assert_string_equal(outside_read("/kernel/iommu_groups/0/type"), "unknown\n");
	assert_int_equal(outside_write("DMA", "/kernel/iommu_groups/0/type"), -EINVAL);
	assert_string_equal(outside_list("/devices/d0/vfio-dev/vfio0"),
			    "device disconnect subsystem uevent user ");
	assert_string_equal(outside_link("/devices/d0/vfio-dev/vfio0/device"), "../../../d0");
	assert_string_equal(outside_link("/class/vfio-dev/vfio0"),
			    "../../devices/d0/vfio-dev/vfio0");
	assert_string_equal(outside_link("/class/vfio/0"), "../../devices/virtual/vfio/0");
	assert_string_equal(outside_read("/class/vfio/0/dev"), "254:0\n");
	assert_string_equal(outside_link("/dev/char/254:0"), "../../devices/virtual/vfio/0");
	assert_int_equal(vfio_group_id(&fake->vdev), 0);
	fake_free(fake);
	assert_string_equal(outside_list("/kernel/iommu_groups"), "");
	assert_string_equal(outside_list("/class/vfio-dev"), "");
	assert_string_equal(outside_list("/class/vfio"), "");
}

static void events_come_in_the_kernels_order(void **state)
{
	struct fake *fake = fake_new("d0");

	events_begin();
	assert_int_equal(fake_add(fake), 0);
	assert_string_equal(
		events_text(),
		"add /devices/d0 SUBSYSTEM=fake\n"
		"add /devices/virtual/vfio/0 SUBSYSTEM=vfio MAJOR=254 MINOR=0 DEVNAME=vfio/0\n"
		"add /devices/d0/vfio-dev/vfio0 SUBSYSTEM=vfio-dev\n"
		"bind /devices/d0 SUBSYSTEM=fake DRIVER=fake-vfio\n");
	events_begin();
	fake_free(fake);
	assert_string_equal(
		events_text(),
		"remove /devices/d0/vfio-dev/vfio0 SUBSYSTEM=vfio-dev\n"
		"remove /devices/virtual/vfio/0 SUBSYSTEM=vfio MAJOR=254 MINOR=0 DEVNAME=vfio/0\n"
		"unbind /devices/d0 SUBSYSTEM=fake\n"
		"remove /devices/d0 SUBSYSTEM=fake\n");
	events_end();
}

static void the_container_is_always_there(void **state)
{
	struct kernfs_node *dir, *node;
	struct stat st;

	assert_int_equal(vfio_init(), 0);
	assert_string_equal(outside_list("/class/misc"), "vfio ");
	assert_string_equal(outside_link("/class/misc/vfio"), "../../devices/virtual/misc/vfio");
	assert_string_equal(outside_list("/class/misc/vfio/"), "dev subsystem uevent ");
	assert_string_equal(outside_read("/class/misc/vfio/dev"), "10:196\n");
	assert_string_equal(outside_read("/class/misc/vfio/uevent"),
			    "MAJOR=10\nMINOR=196\nDEVNAME=vfio/vfio\nDEVMODE=0666\n");
	assert_string_equal(outside_link("/dev/char/10:196"), "../../devices/virtual/misc/vfio");
	dir = kernfs_lookup(kernfs_dev_root(), "vfio");
	assert_non_null(dir);
	node = kernfs_lookup(dir, "vfio");
	assert_non_null(node);
	kernfs_getattr(node, &st);
	assert_int_equal(st.st_mode, S_IFCHR | 0666);
	assert_int_equal(st.st_rdev, makedev(10, 196));
	kernfs_put(node);
	kernfs_put(dir);
}

static void a_group_has_a_node(void **state)
{
	struct fake *fake = fake_create("d0");
	struct kernfs_node *dir = kernfs_lookup(kernfs_dev_root(), "vfio");
	struct kernfs_node *node = kernfs_lookup(dir, "0");
	struct stat st;

	kernfs_getattr(node, &st);
	assert_int_equal(st.st_mode, S_IFCHR | 0600);
	assert_int_equal(st.st_rdev, makedev(254, 0));
	kernfs_put(node);
	fake_free(fake);
	assert_null(kernfs_lookup(dir, "0"));
	kernfs_put(dir);
}

static void a_new_group_gets_the_lowest_free_number(void **state)
{
	struct fake *a = fake_create("a"), *b = fake_create("b"), *c = fake_create("c");

	assert_int_equal(vfio_group_id(&c->vdev), 2);
	fake_free(b);
	b = fake_create("b");
	assert_int_equal(vfio_group_id(&b->vdev), 1);
	fake_free(a);
	fake_free(b);
	fake_free(c);
}

/* ---- registering ---- */

static void registering_twice_is_refused(void **state)
{
	struct fake *fake = fake_create("d0");

	assert_int_equal(vfio_register_emulated_iommu_dev(&fake->vdev), -EEXIST);
	assert_true(outside_exists("/class/vfio-dev/vfio0"));
	fake_free(fake);
}

static void unregistering_what_is_not_registered_does_nothing(void **state)
{
	struct fake *fake = fake_new("d0");

	vfio_unregister_group_dev(&fake->vdev);
	put_device(&fake->dev);
}

static void check_refused(struct fake *fake, int expected)
{
	assert_int_equal(fake_add(fake), expected);
	assert_false(outside_exists("/devices/d0/vfio-dev"));
	assert_false(outside_exists("/devices/d0/iommu_group"));
	assert_string_equal(outside_list("/kernel/iommu_groups"), "");
	fake_free(fake);
}

static void missing_callbacks_are_refused(void **state)
{
	static const struct vfio_device_ops no_read = { .name = "x", .get_region = NULL };
	struct fake *fake = fake_new("d0");

	fake->vdev.ops = &no_read;
	check_refused(fake, -EINVAL);
	fake = fake_new("d0");
	fake->vdev.ops = NULL;
	check_refused(fake, -EINVAL);
}

static void refuse_region(struct vfio_region region)
{
	struct fake *fake = fake_new("d0");

	fake->regions[2] = region;
	check_refused(fake, -EINVAL);
}

static void regions_whose_numbers_do_not_fit_are_refused(void **state)
{
	const uint32_t mmap_rw = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP;
	const struct vfio_mmap_area odd = { .offset = 1, .size = 4096 };
	const struct vfio_mmap_area empty = { .offset = 0, .size = 0 };
	const struct vfio_mmap_area beyond = { .offset = 4096, .size = 8192 };
	const struct vfio_mmap_area huge = { .offset = 4096, .size = UINT64_MAX & ~4095ull };

	refuse_region((struct vfio_region) { .size = 8192, .flags = 1u << 31 });
	refuse_region((struct vfio_region) { .size = 8192, .flags = mmap_rw, .fd = -1 });
	refuse_region((struct vfio_region) { .size = 8192, .flags = mmap_rw, .fd_offset = 1 });
	refuse_region((struct vfio_region) {
		.size = 8192, .flags = mmap_rw, .fd_offset = UINT64_MAX & ~4095ull });
	refuse_region((struct vfio_region) { .size = 8192, .flags = mmap_rw, .nr_areas = 1 });
	refuse_region((struct vfio_region) {
		.size = 8192, .flags = mmap_rw, .areas = &odd, .nr_areas = 1 });
	refuse_region((struct vfio_region) {
		.size = 8192, .flags = mmap_rw, .areas = &empty, .nr_areas = 1 });
	refuse_region((struct vfio_region) {
		.size = 8192, .flags = mmap_rw, .areas = &beyond, .nr_areas = 1 });
	refuse_region((struct vfio_region) {
		.size = 8192, .flags = mmap_rw, .areas = &huge, .nr_areas = 1 });
}

static void regions_that_their_user_could_cut_off_are_refused(void **state)
{
	struct vfio_region region = {
		.size = 8192,
		.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP,
	};

	region.fd = memfd_create("unsealable", MFD_CLOEXEC);
	assert_int_equal(ftruncate(region.fd, 8192), 0);
	refuse_region(region);
	close(region.fd);
	region.fd = memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(region.fd, 4096), 0);
	refuse_region(region);
	close(region.fd);
	region.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	refuse_region(region);
	close(region.fd);
}

static void refuse_irq(struct vfio_irq irq)
{
	struct fake *fake = fake_new("d0");

	fake->irqs[FAKE_NONE] = irq;
	check_refused(fake, -EINVAL);
}

static void interrupts_whose_numbers_do_not_fit_are_refused(void **state)
{
	refuse_irq((struct vfio_irq) { .count = 1, .flags = 1u << 30 });
	refuse_irq((struct vfio_irq) { .count = 1, .flags = VFIO_IRQ_INFO_AUTOMASKED });
	refuse_irq((struct vfio_irq) { .count = 65, .flags = VFIO_IRQ_INFO_MASKABLE });
}

static void a_registration_that_fails_at_any_step_leaves_nothing(void **state)
{
	unsigned long step;
	int err = -1;

	log_capture_begin();
	for (step = 1; err; step++) {
		struct fake *fake = fake_new("d0");

		assert_int_equal(device_add(&fake->dev), 0);
		if (device_is_bound(&fake->dev))
			device_release_driver(&fake->dev);
		events_begin();
		fault_countdown = step;
		err = vfio_register_emulated_iommu_dev(&fake->vdev);
		fault_countdown = 0;
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_null(fake->vdev.p);
			assert_null(fake->vdev.irqs);
			assert_false(outside_exists("/devices/d0/vfio-dev"));
			assert_false(outside_exists("/devices/d0/iommu_group"));
			assert_string_equal(outside_list("/kernel/iommu_groups"), "");
			assert_string_equal(outside_list("/class/vfio"), "");
			assert_string_equal(events_text(), "");
		} else {
			vfio_unregister_group_dev(&fake->vdev);
		}
		events_end();
		fake_free(fake);
	}
	log_capture_end();
	assert_true(step > 20);
}

/* ---- information ---- */

static void information_is_what_the_driver_says(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file = fake_open(fake);
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	int fd;

	vfio_file_get_info(file, &info);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, FAKE_REGIONS);
	assert_int_equal(info.num_irqs, FAKE_IRQS);

	assert_int_equal(vfio_file_get_region_info(file, 1, &region, sizeof(region), &fd), 0);
	assert_int_equal(region.argsz, 32);
	assert_int_equal(region.index, 1);
	assert_int_equal(region.flags, VFIO_REGION_INFO_FLAG_READ);
	assert_int_equal(region.size, FAKE_MEMORY_SIZE);
	assert_int_equal(fd, -1);
	assert_int_equal(
		vfio_file_get_region_info(file, FAKE_REGIONS, &region, sizeof(region), NULL),
		-EINVAL);
	assert_int_equal(vfio_file_get_region_info(file, 0, &region, sizeof(region) - 1, NULL),
			 -EINVAL);

	assert_int_equal(vfio_file_get_irq_info(file, FAKE_EDGES, &irq), 0);
	assert_int_equal(irq.count, 8);
	assert_int_equal(irq.flags, VFIO_IRQ_INFO_EVENTFD);
	assert_int_equal(vfio_file_get_irq_info(file, FAKE_IRQS, &irq), -EINVAL);
	vfio_file_close(file);
	fake_free(fake);
}

static void capabilities_come_when_there_is_room(void **state)
{
	static const struct vfio_mmap_area areas[] = { { 0, 4096 }, { 8192, 4096 } };
	struct fake *fake = fake_new("d0");
	struct vfio_region_info_cap_sparse_mmap *sparse;
	struct vfio_region_info_cap_type *type;
	struct vfio_file *file;
	union {
		struct vfio_region_info info;
		uint8_t bytes[256];
	} u;
	int memfd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING), fd;

	assert_int_equal(ftruncate(memfd, 4096 + 16384), 0);
	fake->regions[2] = (struct vfio_region) {
		.size = 16384,
		.flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP,
		.fd = memfd,
		.fd_offset = 4096,
		.areas = areas,
		.nr_areas = 2,
		.type = 7,
		.subtype = 9,
	};
	assert_int_equal(fake_add(fake), 0);
	file = fake_open(fake);

	assert_int_equal(vfio_file_get_region_info(file, 2, &u.info, 32, &fd), 0);
	assert_int_equal(u.info.argsz, 32 + 16 + 2 * 16 + 16);
	assert_int_equal(u.info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_MMAP);
	assert_int_equal(u.info.cap_offset, 0);
	assert_int_equal(u.info.offset, 4096);
	assert_int_equal(fd, memfd);

	memset(&u, 0xff, sizeof(u));
	assert_int_equal(vfio_file_get_region_info(file, 2, &u.info, u.info.argsz, &fd), 0);
	assert_true(u.info.flags & VFIO_REGION_INFO_FLAG_CAPS);
	assert_int_equal(u.info.cap_offset, 32);
	sparse = (void *)(u.bytes + 32);
	assert_int_equal(sparse->header.id, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	assert_int_equal(sparse->header.version, 1);
	assert_int_equal(sparse->nr_areas, 2);
	assert_int_equal(sparse->areas[1].offset, 8192);
	assert_int_equal(sparse->header.next, 32 + 48);
	type = (void *)(u.bytes + sparse->header.next);
	assert_int_equal(type->header.id, VFIO_REGION_INFO_CAP_TYPE);
	assert_int_equal(type->header.next, 0);
	assert_int_equal(type->type, 7);
	assert_int_equal(type->subtype, 9);
	vfio_file_close(file);
	fake_free(fake);
	close(memfd);
}

/* ---- regions ---- */

static void accesses_are_checked_before_the_driver_sees_them(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file = fake_open(fake);
	uint8_t buf[FAKE_MEMORY_SIZE + 1] = { 0x5a };

	assert_int_equal(vfio_file_write(file, 0, buf, 1, 255), 1);
	assert_int_equal(fake->memory[255], 0x5a);
	buf[0] = 0;
	assert_int_equal(vfio_file_read(file, 0, buf, 1, 255), 1);
	assert_int_equal(buf[0], 0x5a);
	assert_int_equal(vfio_file_read(file, 0, buf, FAKE_MEMORY_SIZE, 0), FAKE_MEMORY_SIZE);
	assert_int_equal(vfio_file_read(file, 0, buf, 0, 0), 0);
	assert_int_equal(vfio_file_read(file, 0, buf, 1, 256), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, buf, 2, 255), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, buf, FAKE_MEMORY_SIZE + 1, 0), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, buf, SIZE_MAX, 1), -EINVAL);
	assert_int_equal(vfio_file_read(file, 0, buf, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(vfio_file_read(file, 2, buf, 1, 0), -EINVAL);
	assert_int_equal(vfio_file_read(file, FAKE_REGIONS, buf, 1, 0), -EINVAL);
	assert_int_equal(vfio_file_write(file, FAKE_REGIONS, buf, 1, 0), -EINVAL);
	assert_int_equal(vfio_file_write(file, 0, buf, 2, UINT64_MAX), -EINVAL);
	assert_int_equal(vfio_file_read(file, 1, buf, 1, 0), 1);
	assert_int_equal(vfio_file_write(file, 1, buf, 1, 0), -EACCES);
	vfio_file_close(file);
	fake_free(fake);
}

static void reset_reaches_the_driver_if_it_has_one(void **state)
{
	struct vfio_device_ops without = fake_ops;
	struct fake *fake = fake_create("d0");
	struct vfio_device_info info;
	struct vfio_file *file = fake_open(fake);

	assert_int_equal(vfio_file_reset(file), 0);
	assert_int_equal(fake->resets, 1);
	vfio_file_close(file);
	fake_free(fake);

	without.reset = NULL;
	fake = fake_new("d0");
	fake->vdev.ops = &without;
	assert_int_equal(fake_add(fake), 0);
	file = fake_open(fake);
	assert_int_equal(vfio_file_reset(file), -ENOTTY);
	vfio_file_get_info(file, &info);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI);
	vfio_file_close(file);
	fake_free(fake);
}

/* ---- one user ---- */

static void one_user_at_a_time(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file = fake_open(fake), *second;

	assert_int_equal(vfio_file_open(&fake->vdev, &fake_user_ops, NULL, &second), -EBUSY);
	assert_int_equal(fake->opened, 1);
	assert_ptr_equal(vfio_file_data(file), fake);
	vfio_file_close(file);
	assert_int_equal(fake->closed, 1);
	file = fake_open(fake);
	vfio_file_close(file);
	fake_free(fake);
}

static void a_driver_may_refuse_the_user(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file;

	fake->open_error = -EPERM;
	assert_int_equal(vfio_file_open(&fake->vdev, &fake_user_ops, NULL, &file), -EPERM);
	assert_int_equal(fake->closed, 0);
	assert_string_equal(outside_read("/class/vfio-dev/vfio0/user"), "\n");
	fake->open_error = 0;
	file = fake_open(fake);
	vfio_file_close(file);
	fake_free(fake);
}

static void an_open_that_fails_at_any_step_leaves_nothing(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file;
	unsigned long step;
	int err = -1;

	for (step = 1; err; step++) {
		fault_countdown = step;
		err = vfio_file_open(&fake->vdev, &fake_user_ops, NULL, &file);
		fault_countdown = 0;
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_null(fake->vdev.dma);
		}
	}
	assert_true(step > 2);
	vfio_file_close(file);
	fake_free(fake);
}

static void the_attribute_user_says_who_holds_the_device(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file;

	assert_string_equal(outside_read("/class/vfio-dev/vfio0/user"), "\n");
	file = fake_open(fake);
	assert_string_equal(outside_read("/class/vfio-dev/vfio0/user"), "pid 4711 (a test)\n");
	vfio_file_close(file);
	assert_string_equal(outside_read("/class/vfio-dev/vfio0/user"), "\n");
	fake_free(fake);
}

static void unregistering_waits_for_the_user_and_names_it(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file = fake_open(fake), *late;

	log_capture_begin();
	fake_remove_begin(fake);
	fake_wait_requests(fake, 1);
	/* It waits: the device is there, nobody else may come, the user can go on. */
	assert_true(outside_exists("/devices/d0/vfio-dev/vfio0"));
	assert_int_equal(vfio_file_open(&fake->vdev, &fake_user_ops, NULL, &late), -ENODEV);
	assert_int_equal(vfio_file_reset(file), 0);
	assert_int_equal(fake->closed, 0);
	vfio_file_close(file);
	pthread_join(fake->owner, NULL);
	assert_int_equal(fake->closed, 1);
	assert_false(outside_exists("/class/vfio-dev/vfio0"));
	log_capture_end();
	assert_non_null(
		strstr(log_captured(),
		       "fake-vfio d0: waiting for pid 4711 (a test) to release the device"));
	put_device(&fake->dev);
}

static void a_user_that_stays_is_asked_again(void **state)
{
	struct fake *fake = fake_create("d0");
	struct vfio_file *file = fake_open(fake);

	log_capture_begin();
	vfio_request_interval_ms = 1;
	fake_remove_begin(fake);
	fake_wait_requests(fake, 3);
	vfio_file_close(file);
	fake_remove_end(fake);
	vfio_request_interval_ms = 10000;
	log_capture_end();
}

static void describe_with_controls(struct vfio_file *file, char *buf, size_t size)
{
	snprintf(buf, size, "pid 1 (\na\x7f b\x01)");
}

static void a_users_name_can_not_forge_lines(void **state)
{
	static const struct vfio_user_ops ops = { .describe = describe_with_controls };
	struct fake *fake = fake_create("d0");
	struct vfio_file *file;

	assert_int_equal(vfio_file_open(&fake->vdev, &ops, NULL, &file), 0);
	assert_string_equal(outside_read("/class/vfio-dev/vfio0/user"), "pid 1 (?a? b?)\n");
	vfio_file_close(file);
	fake_free(fake);
}

static unsigned int disconnected;

static void count_disconnect(struct vfio_file *file)
{
	disconnected++;
}

static void a_user_is_disconnected_if_there_is_one_who_can_be(void **state)
{
	static const struct vfio_user_ops ops = { .disconnect = count_disconnect };
	static const char attr[] = "/class/vfio-dev/vfio0/disconnect";
	struct fake *fake = fake_create("d0");
	struct vfio_file *file;

	log_capture_begin();
	assert_int_equal(outside_write("1", attr), 0);
	assert_int_equal(vfio_file_open(&fake->vdev, &ops, NULL, &file), 0);
	assert_int_equal(outside_write("0", attr), 0);
	assert_int_equal(outside_write("", attr), 0);
	assert_int_equal(outside_write("away", attr), -EINVAL);
	assert_int_equal(disconnected, 0);
	assert_int_equal(outside_write("1\n", attr), 0);
	assert_int_equal(disconnected, 1);
	vfio_file_close(file);
	file = fake_open(fake);
	assert_int_equal(outside_write("1", attr), -EOPNOTSUPP);
	vfio_file_close(file);
	fake_free(fake);
	log_capture_end();
	assert_string_equal(log_captured(), "fake-vfio d0: disconnecting a user\n");
}

static void a_user_keeps_the_drivers_module(void **state)
{
	struct module_private loaded = { .refcount = 1 };
	struct module module = { .name = "fake", .p = &loaded };
	struct vfio_file *file;
	struct fake *fake;

	fake_driver.owner = &module;
	fake = fake_create("d0");
	file = fake_open(fake);
	assert_int_equal(module_refcount(&module), 1);
	vfio_file_close(file);
	assert_int_equal(module_refcount(&module), 0);
	/* Going: it takes no users any more. */
	loaded.refcount = 0;
	assert_int_equal(vfio_file_open(&fake->vdev, &fake_user_ops, NULL, &file), -ENODEV);
	fake_driver.owner = NULL;
	fake_free(fake);
}

static void interrupts_and_copies_without_a_device_are_quiet(void **state)
{
	struct fake *fake = fake_create("d0");
	char byte;

	get_device(&fake->dev);
	fake_free(fake);
	vfio_irq_trigger(&fake->vdev, FAKE_EDGES, 0);
	vfio_irq_set_level(&fake->vdev, FAKE_LINE, 0, true);
	assert_false(vfio_irq_is_armed(&fake->vdev, FAKE_LINE, 0));
	assert_int_equal(vfio_dma_rw(&fake->vdev, 0, &byte, 1, true), -ENODEV);
	put_device(&fake->dev);
}

/* ---- transports ---- */

static ssize_t socket_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  (char *)vfio_device_transport_data(vfio_device_from_dev(dev)));
}
static DEVICE_ATTR_RO(socket);
static struct attribute *transport_attrs[] = { &dev_attr_socket.attr, NULL };
ATTRIBUTE_GROUPS(transport);

static unsigned int starts, stops;
static int start_error;

static int transport_start(struct vfio_transport *transport, struct vfio_device *vdev)
{
	if (start_error)
		return start_error;
	starts++;
	vfio_device_set_transport_data(vdev, (void *)dev_name(vdev->dev));
	return 0;
}

static void transport_stop(struct vfio_transport *transport, struct vfio_device *vdev)
{
	stops++;
}

static struct vfio_transport transport = {
	.name = "test",
	.start = transport_start,
	.stop = transport_stop,
	.dev_groups = transport_groups,
};

static void a_transport_gets_devices_old_and_new(void **state)
{
	struct vfio_transport other = transport;
	struct fake *old = fake_create("old"), *fresh;

	starts = stops = 0;
	assert_int_equal(vfio_transport_register(&transport), 0);
	assert_int_equal(starts, 1);
	assert_int_equal(vfio_transport_register(&other), -EBUSY);
	assert_string_equal(outside_read("/class/vfio-dev/vfio0/socket"), "old\n");
	fresh = fake_create("fresh");
	assert_int_equal(starts, 2);
	assert_string_equal(outside_read("/class/vfio-dev/vfio1/socket"), "fresh\n");
	fake_free(fresh);
	assert_int_equal(stops, 1);
	fresh = fake_create("fresh");
	vfio_transport_unregister(&transport);
	assert_int_equal(stops, 3);
	assert_false(outside_exists("/class/vfio-dev/vfio0/socket"));
	assert_false(outside_exists("/class/vfio-dev/vfio1/socket"));
	fake_free(fresh);
	fake_free(old);
	assert_int_equal(stops, 3);
}

static void a_transport_that_fails_to_start_fails_the_registration(void **state)
{
	struct fake *fake;

	assert_int_equal(vfio_transport_register(&transport), 0);
	start_error = -EADDRINUSE;
	fake = fake_new("d0");
	check_refused(fake, -EADDRINUSE);
	vfio_transport_unregister(&transport);

	start_error = 0;
	fake = fake_create("d0");
	start_error = -EADDRINUSE;
	assert_int_equal(vfio_transport_register(&transport), -EADDRINUSE);
	assert_false(outside_exists("/class/vfio-dev/vfio0/socket"));
	start_error = 0;
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tree_is_as_the_kernel_shows_it),
		cmocka_unit_test(the_container_is_always_there),
		cmocka_unit_test(a_group_has_a_node),
		cmocka_unit_test(events_come_in_the_kernels_order),
		cmocka_unit_test(a_new_group_gets_the_lowest_free_number),
		cmocka_unit_test(registering_twice_is_refused),
		cmocka_unit_test(unregistering_what_is_not_registered_does_nothing),
		cmocka_unit_test(missing_callbacks_are_refused),
		cmocka_unit_test(regions_whose_numbers_do_not_fit_are_refused),
		cmocka_unit_test(regions_that_their_user_could_cut_off_are_refused),
		cmocka_unit_test(interrupts_whose_numbers_do_not_fit_are_refused),
		cmocka_unit_test(a_registration_that_fails_at_any_step_leaves_nothing),
		cmocka_unit_test(information_is_what_the_driver_says),
		cmocka_unit_test(capabilities_come_when_there_is_room),
		cmocka_unit_test(accesses_are_checked_before_the_driver_sees_them),
		cmocka_unit_test(reset_reaches_the_driver_if_it_has_one),
		cmocka_unit_test(one_user_at_a_time),
		cmocka_unit_test(a_driver_may_refuse_the_user),
		cmocka_unit_test(an_open_that_fails_at_any_step_leaves_nothing),
		cmocka_unit_test(the_attribute_user_says_who_holds_the_device),
		cmocka_unit_test(unregistering_waits_for_the_user_and_names_it),
		cmocka_unit_test(a_user_that_stays_is_asked_again),
		cmocka_unit_test(a_users_name_can_not_forge_lines),
		cmocka_unit_test(a_user_is_disconnected_if_there_is_one_who_can_be),
		cmocka_unit_test(a_user_keeps_the_drivers_module),
		cmocka_unit_test(interrupts_and_copies_without_a_device_are_quiet),
		cmocka_unit_test(a_transport_gets_devices_old_and_new),
		cmocka_unit_test(a_transport_that_fails_to_start_fails_the_registration),
	};

	return cmocka_run_group_tests(tests, fake_bus_up, fake_bus_down);
}
