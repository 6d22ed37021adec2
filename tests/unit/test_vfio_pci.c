/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI devices: configuration space, BARs, interrupts and resets as guests and VMMs use them. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <umdev/vfio_file.h>
#include <umdev/vfio_pci.h>

#include "model/alloc.h"
#include "vfio_fake.h"

#define CONFIG	VFIO_PCI_CONFIG_REGION_INDEX
#define ARM	(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define DISABLE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define UNMASK	(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK)

/* Where MSI-X is in BAR 2. */
#define TABLE 0x1000u
#define PBA   0x2000u
#define NR    70u

static struct device dev;
static struct vfio_pci_device pdev;
static struct vfio_file *file;
static uint8_t bar_memory[6][16384];
static unsigned int resets, config_writes, opens, closes;
static int bar_error, efd[4];

/* ---- the driver ---- */

static ssize_t bar_read(struct vfio_pci_device *p, unsigned int bar, void *buf, size_t count,
			uint64_t offset)
{
	memcpy(buf, bar_memory[bar] + offset, count);
	return bar_error ? bar_error : (ssize_t)count;
}

static ssize_t bar_write(struct vfio_pci_device *p, unsigned int bar, const void *buf, size_t count,
			 uint64_t offset)
{
	memcpy(bar_memory[bar] + offset, buf, count);
	return bar_error ? bar_error : (ssize_t)count;
}

static void config_written(struct vfio_pci_device *p, unsigned int offset, unsigned int count)
{
	config_writes++;
}

static int on_reset(struct vfio_pci_device *p)
{
	resets++;
	return 0;
}

static int on_open(struct vfio_pci_device *p)
{
	opens++;
	return 0;
}

static void on_close(struct vfio_pci_device *p)
{
	closes++;
}

static const struct vfio_pci_ops ops = {
	.bar_read = bar_read,
	.bar_write = bar_write,
	.config_written = config_written,
	.open = on_open,
	.close = on_close,
	.reset = on_reset,
};

static const struct vfio_pci_id id = {
	.vendor = 0x4348,
	.device = 0x3253,
	.subsystem_vendor = 0x1af4,
	.subsystem_device = 0x1100,
	.class = 0x070002,
	.revision = 0x10,
};

static void dev_release(struct device *d)
{
}

static int setup(void **state)
{
	unsigned int i;

	memset(&dev, 0, sizeof(dev));
	dev.bus = &fake_bus;
	dev.release = dev_release;
	if (device_initialize(&dev) || dev_set_name(&dev, "pci0") || device_add(&dev))
		return -1;
	memset(&pdev, 0, sizeof(pdev));
	memset(bar_memory, 0, sizeof(bar_memory));
	resets = config_writes = opens = closes = 0;
	bar_error = 0;
	file = NULL;
	for (i = 0; i < ARRAY_SIZE(efd); i++)
		efd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vfio_pci_init(&pdev, &dev, &ops, &id);
	return 0;
}

static int teardown(void **state)
{
	unsigned int i;

	if (file)
		vfio_file_close(file);
	vfio_pci_unregister(&pdev);
	vfio_pci_finish(&pdev);
	device_del(&dev);
	put_device(&dev);
	for (i = 0; i < ARRAY_SIZE(efd); i++)
		close(efd[i]);
	return 0;
}

static void set_bar(unsigned int index, uint64_t size, uint32_t flags)
{
	const struct vfio_pci_bar bar = { .size = size, .flags = flags };

	assert_int_equal(vfio_pci_set_bar(&pdev, index, &bar), 0);
}

static void go(void)
{
	assert_int_equal(vfio_pci_register(&pdev), 0);
	assert_int_equal(vfio_file_open(&pdev.vdev, &fake_user_ops, NULL, &file), 0);
}

/* ---- the guest ---- */

static uint32_t cfg(unsigned int at, size_t size)
{
	uint32_t v = 0;

	assert_int_equal(vfio_file_read(file, CONFIG, &v, size, at), size);
	return v;
}

static void cfg_write(unsigned int at, size_t size, uint32_t v)
{
	assert_int_equal(vfio_file_write(file, CONFIG, &v, size, at), size);
}

static uint32_t size_bar(unsigned int index)
{
	unsigned int at = PCI_BASE_ADDRESS_0 + 4 * index;
	uint32_t old = cfg(at, 4), sized;

	cfg_write(at, 4, UINT32_MAX);
	sized = cfg(at, 4);
	cfg_write(at, 4, old);
	assert_int_equal(cfg(at, 4), old);
	return sized;
}

/* The offset of a capability, by walking the chain as a guest does; 0 if it is not there. */
static unsigned int find_cap(uint8_t cap)
{
	unsigned int at, n;

	if (!(cfg(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = cfg(PCI_CAPABILITY_LIST, 1);
	for (n = 0; at && n < 48; n++) {
		assert_int_equal(at % 4, 0);
		assert_true(at >= PCI_STD_HEADER_SIZEOF);
		if (cfg(at, 1) == cap)
			return at;
		at = cfg(at + 1, 1);
	}
	assert_true(n < 48);
	return 0;
}

static int set_irqs(uint32_t flags, unsigned int index, unsigned int start, unsigned int count,
		    const void *data)
{
	return vfio_file_set_irqs(file, flags, index, start, count, data);
}

static uint64_t signals(int fd)
{
	eventfd_t n = 0;

	return eventfd_read(fd, &n) ? 0 : n;
}

/* ---- numbers ---- */

static void an_empty_device_has_vfio_pcis_numbers(void **state)
{
	struct vfio_device_info info;
	struct vfio_region_info region;
	struct vfio_irq_info irq;
	unsigned int i;

	go();
	vfio_file_get_info(file, &info);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, 9);
	assert_int_equal(info.num_irqs, 5);
	for (i = 0; i < 9; i++) {
		assert_int_equal(vfio_file_get_region_info(file, i, &region, sizeof(region), NULL),
				 0);
		assert_int_equal(region.size, i == CONFIG ? 256 : 0);
		assert_int_equal(region.flags, i == CONFIG ? 3 : 0);
	}
	for (i = 0; i < 5; i++) {
		assert_int_equal(vfio_file_get_irq_info(file, i, &irq), 0);
		assert_int_equal(irq.count, i >= VFIO_PCI_ERR_IRQ_INDEX);
		assert_false(irq.flags & VFIO_IRQ_INFO_NORESIZE);
	}
	assert_int_equal(opens, 1);
}

static void the_header_says_who_it_is(void **state)
{
	go();
	assert_int_equal(cfg(PCI_VENDOR_ID, 4), 0x32534348);
	assert_int_equal(cfg(PCI_CLASS_REVISION, 4), 0x07000210);
	assert_int_equal(cfg(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x11001af4);
	assert_int_equal(cfg(PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_NORMAL);
	cfg_write(PCI_VENDOR_ID, 4, 0);
	cfg_write(PCI_CLASS_REVISION, 4, 0);
	assert_int_equal(cfg(PCI_VENDOR_ID, 4), 0x32534348);
	assert_int_equal(cfg(PCI_CLASS_REVISION, 4), 0x07000210);
	cfg_write(PCI_INTERRUPT_LINE, 1, 11);
	assert_int_equal(cfg(PCI_INTERRUPT_LINE, 1), 11);
	cfg_write(PCI_COMMAND, 2, 0xffff);
	assert_int_equal(cfg(PCI_COMMAND, 2), 0x0547);
	cfg_write(PCI_STATUS, 2, 0xffff);
	assert_int_equal(cfg(PCI_STATUS, 2), 0);
	assert_int_equal(config_writes, 5);
}

static void the_whole_space_is_read_in_one(void **state)
{
	uint8_t whole[256], byte;
	unsigned int i;

	set_bar(0, 8, PCI_BASE_ADDRESS_SPACE_IO);
	assert_int_equal(vfio_pci_add_msi(&pdev, 1), 0);
	go();
	assert_int_equal(vfio_file_read(file, CONFIG, whole, 256, 0), 256);
	for (i = 0; i < 256; i++) {
		assert_int_equal(vfio_file_read(file, CONFIG, &byte, 1, i), 1);
		assert_int_equal(byte, whole[i]);
	}
	assert_int_equal(vfio_file_read(file, CONFIG, &byte, 1, 256), -EINVAL);
	assert_int_equal(vfio_file_write(file, CONFIG, whole, 256, 0), 256);
	assert_int_equal(vfio_file_write(file, CONFIG, whole, 256, 1), -EINVAL);
}

/* ---- BARs ---- */

static void bars_tell_their_sizes(void **state)
{
	set_bar(0, 8, PCI_BASE_ADDRESS_SPACE_IO);
	set_bar(1, 4096, 0);
	set_bar(2, 1ull << 33, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH);
	set_bar(4, 16, PCI_BASE_ADDRESS_MEM_PREFETCH);
	go();
	assert_int_equal(size_bar(0), 0xfffffff9);
	assert_int_equal(size_bar(1), 0xfffff000);
	assert_int_equal(size_bar(2), 0x0000000c);
	assert_int_equal(size_bar(3), 0xfffffffe);
	assert_int_equal(size_bar(4), 0xfffffff8);
	assert_int_equal(size_bar(5), 0);
	/* No expansion ROM. */
	cfg_write(PCI_ROM_ADDRESS, 4, 0xfffff800);
	assert_int_equal(cfg(PCI_ROM_ADDRESS, 4), 0);
	/* Byte by byte comes to the same. */
	cfg_write(PCI_BASE_ADDRESS_1 + 1, 1, 0xff);
	cfg_write(PCI_BASE_ADDRESS_1 + 3, 1, 0xab);
	assert_int_equal(cfg(PCI_BASE_ADDRESS_1, 4), 0xab00f000);
}

static void bars_that_can_not_be_are_refused(void **state)
{
	const struct vfio_mmap_area area = { 0, 4096 };
	struct vfio_pci_bar bar = { .size = 4096 };
	const uint32_t m64 = PCI_BASE_ADDRESS_MEM_TYPE_64;
	const struct {
		unsigned int index;
		struct vfio_pci_bar bar;
	} bad[] = {
		{ 6, { .size = 4096 } },
		{ 0, { .size = 0 } },
		{ 0, { .size = 24 } },
		{ 0, { .size = 8 } },
		{ 0, { .size = 1ull << 32 } },
		{ 0, { .size = 1ull << 63, .flags = m64 } },
		{ 5, { .size = 4096, .flags = m64 } },
		{ 0, { .size = 4096, .flags = 2 } },
		{ 0, { .size = 2, .flags = PCI_BASE_ADDRESS_SPACE_IO } },
		{ 0, { .size = 8, .flags = PCI_BASE_ADDRESS_SPACE_IO | m64 } },
		{ 0,
		  { .size = 8,
		    .flags = PCI_BASE_ADDRESS_SPACE_IO,
		    .nr_areas = 1,
		    .areas = &area } },
		{ 0, { .size = 4096, .nr_areas = 1 } },
		{ 0, { .size = 4096, .nr_areas = 1, .areas = &area, .mmap_fd = -1 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(vfio_pci_set_bar(&pdev, bad[i].index, &bad[i].bar), -EINVAL);
	set_bar(2, 4096, m64);
	assert_int_equal(vfio_pci_set_bar(&pdev, 2, &bar), -EBUSY);
	assert_int_equal(vfio_pci_set_bar(&pdev, 3, &bar), -EBUSY);
	bar.flags = m64;
	assert_int_equal(vfio_pci_set_bar(&pdev, 1, &bar), -EBUSY);
	go();
	bar.flags = 0;
	assert_int_equal(vfio_pci_set_bar(&pdev, 0, &bar), -EBUSY);
	assert_int_equal(vfio_pci_set_intx(&pdev, 1), -EBUSY);
	assert_int_equal(vfio_pci_add_msi(&pdev, 1), -EBUSY);
	assert_int_equal(vfio_pci_add_express(&pdev), -EBUSY);
}

static void bars_need_callbacks(void **state)
{
	static const struct vfio_pci_ops none = { 0 };

	set_bar(0, 4096, 0);
	pdev.ops = &none;
	assert_int_equal(vfio_pci_register(&pdev), -EINVAL);
	pdev.ops = &ops;
}

static void bar_accesses_reach_the_driver(void **state)
{
	static const struct vfio_mmap_area area = { 4096, 4096 };
	struct vfio_pci_bar bar = { .size = 8192, .areas = &area, .nr_areas = 1 };
	struct vfio_region_info region;
	uint32_t v = 0x12345678;
	int fd;

	bar.mmap_fd = memfd_create("bar", MFD_CLOEXEC);
	assert_int_equal(vfio_pci_set_bar(&pdev, 3, &bar), 0);
	go();
	assert_int_equal(vfio_file_write(file, 3, &v, 4, 100), 4);
	assert_memory_equal(bar_memory[3] + 100, &v, 4);
	v = 0;
	assert_int_equal(vfio_file_read(file, 3, &v, 4, 100), 4);
	assert_int_equal(v, 0x12345678);
	assert_int_equal(vfio_file_read(file, 3, &v, 4, 8189), -EINVAL);
	assert_int_equal(vfio_file_read(file, 2, &v, 4, 0), -EINVAL);
	bar_error = -EIO;
	assert_int_equal(vfio_file_read(file, 3, &v, 4, 100), -EIO);
	assert_int_equal(vfio_file_get_region_info(file, 3, &region, sizeof(region), &fd), 0);
	assert_true(region.flags & VFIO_REGION_INFO_FLAG_MMAP);
	assert_int_equal(fd, bar.mmap_fd);
	close(bar.mmap_fd);
}

/* ---- capabilities ---- */

static void capabilities_form_a_chain(void **state)
{
	const uint8_t data[3] = { 5, 0xab, 0xcd }, wmask[3] = { 0, 0xf0, 0 };
	unsigned int at;
	int vendor;

	set_bar(2, 16384, 0);
	assert_int_equal(vfio_pci_add_msi(&pdev, 4), 0);
	vendor = vfio_pci_add_capability(&pdev, PCI_CAP_ID_VNDR, data, sizeof(data), wmask);
	assert_true(vendor > 0);
	assert_int_equal(vfio_pci_add_msix(&pdev, NR, 2, TABLE, PBA), 0);
	assert_int_equal(vfio_pci_add_pm(&pdev), 0);
	assert_int_equal(vfio_pci_add_express(&pdev), 0);
	assert_int_equal(vfio_pci_add_express(&pdev), -EEXIST);
	assert_int_equal(vfio_pci_add_pm(&pdev), -EEXIST);
	assert_int_equal(vfio_pci_add_msi(&pdev, 4), -EEXIST);
	assert_int_equal(vfio_pci_add_msix(&pdev, NR, 2, TABLE, PBA), -EEXIST);
	go();
	assert_int_equal(find_cap(PCI_CAP_ID_MSI), 0x40);
	at = find_cap(PCI_CAP_ID_VNDR);
	assert_int_equal(at, vendor);
	assert_int_equal(cfg(at + 2, 1), 5);
	cfg_write(at + 3, 1, 0);
	assert_int_equal(cfg(at + 3, 1), 0x0b);
	at = find_cap(PCI_CAP_ID_MSIX);
	assert_int_equal(cfg(at + PCI_MSIX_FLAGS, 2), NR - 1);
	assert_int_equal(cfg(at + PCI_MSIX_TABLE, 4), TABLE | 2);
	assert_int_equal(cfg(at + PCI_MSIX_PBA, 4), PBA | 2);
	at = find_cap(PCI_CAP_ID_EXP);
	assert_int_equal(cfg(at + PCI_EXP_FLAGS, 2), 0x0002);
	assert_true(cfg(at + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	assert_int_not_equal(find_cap(PCI_CAP_ID_PM), 0);
	assert_int_equal(find_cap(PCI_CAP_ID_AGP), 0);
}

static void a_device_without_capabilities_has_no_chain(void **state)
{
	go();
	assert_int_equal(cfg(PCI_STATUS, 2), 0);
	assert_int_equal(cfg(PCI_CAPABILITY_LIST, 1), 0);
}

static void capabilities_that_do_not_fit_are_refused(void **state)
{
	uint8_t data[256] = { 0 };

	assert_int_equal(vfio_pci_add_capability(&pdev, 0, data, 2, NULL), -EINVAL);
	assert_int_equal(vfio_pci_add_capability(&pdev, 9, NULL, 2, NULL), -EINVAL);
	assert_int_equal(vfio_pci_add_capability(&pdev, 9, data, SIZE_MAX, NULL), -ENOSPC);
	assert_int_equal(vfio_pci_add_capability(&pdev, 9, data, 191, NULL), -ENOSPC);
	assert_int_equal(vfio_pci_add_capability(&pdev, 9, data, 190, NULL), 0x40);
	assert_int_equal(vfio_pci_add_capability(&pdev, 9, data, 0, NULL), -ENOSPC);
	assert_int_equal(vfio_pci_add_msi(&pdev, 1), -ENOSPC);
	assert_int_equal(vfio_pci_add_msi(&pdev, 3), -EINVAL);
	assert_int_equal(vfio_pci_add_msi(&pdev, 0), -EINVAL);
	assert_int_equal(vfio_pci_add_msi(&pdev, 64), -EINVAL);
	assert_int_equal(vfio_pci_add_msi_flags(&pdev, 1, PCI_MSI_FLAGS_ENABLE), -EINVAL);
	go();
	assert_int_equal(find_cap(9), 0x40);
}

static void an_msix_that_does_not_fit_is_refused(void **state)
{
	set_bar(0, 8, PCI_BASE_ADDRESS_SPACE_IO);
	set_bar(2, 8192, 0);
	assert_int_equal(vfio_pci_add_msix(&pdev, 0, 2, 0, 4096), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 2049, 2, 0, 4096), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 1, 0, 0, 4096), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 1, 1, 0, 4096), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 1, 6, 0, 4096), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 2, 2, 8184, 0), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 2, 2, 0, 8192), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 2, 2, UINT32_MAX - 7, 0), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 2, 2, 4, 4096), -EINVAL);
	assert_int_equal(vfio_pci_add_msix(&pdev, 2, 2, 0, 16), -EINVAL);
	fault_countdown = 1;
	assert_int_equal(vfio_pci_add_msix(&pdev, 2, 2, 0, 32), -ENOMEM);
	assert_int_equal(vfio_pci_add_msix(&pdev, 2, 2, 0, 32), 0);
}

static void a_pci_express_device_has_4096_bytes(void **state)
{
	struct vfio_region_info region;
	uint8_t whole[4096];
	unsigned int i;

	assert_int_equal(vfio_pci_add_express(&pdev), 0);
	go();
	assert_int_equal(vfio_file_get_region_info(file, CONFIG, &region, sizeof(region), NULL), 0);
	assert_int_equal(region.size, 4096);
	memset(whole, 0xff, sizeof(whole));
	assert_int_equal(vfio_file_read(file, CONFIG, whole, 4096, 0), 4096);
	assert_int_equal(whole[0], 0x48);
	for (i = 256; i < 4096; i++)
		assert_int_equal(whole[i], 0);
	cfg_write(0x100, 4, UINT32_MAX);
	cfg_write(0xfe, 4, UINT32_MAX);
	assert_int_equal(cfg(0x100, 4), 0);
	assert_int_equal(cfg(0xfe, 4), 0);
	assert_int_equal(vfio_file_read(file, CONFIG, whole, 1, 4096), -EINVAL);
}

/* ---- INTx ---- */

static void intx_heeds_the_command_register(void **state)
{
	assert_int_equal(vfio_pci_set_intx(&pdev, 0), -EINVAL);
	assert_int_equal(vfio_pci_set_intx(&pdev, 5), -EINVAL);
	assert_int_equal(vfio_pci_set_intx(&pdev, 1), 0);
	go();
	assert_int_equal(cfg(PCI_INTERRUPT_PIN, 1), 1);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, efd), 0);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
	vfio_pci_set_intx_level(&pdev, true);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(cfg(PCI_STATUS, 2), PCI_STATUS_INTERRUPT);
	cfg_write(PCI_COMMAND, 2, 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(set_irqs(UNMASK, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, NULL), 0);
	assert_int_equal(signals(efd[0]), 1);
	vfio_pci_set_intx_level(&pdev, false);
	assert_int_equal(cfg(PCI_STATUS, 2), 0);
	assert_int_equal(set_irqs(UNMASK, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, NULL), 0);
	assert_int_equal(signals(efd[0]), 0);
}

/* ---- MSI ---- */

static unsigned int msi_go(unsigned int vectors, uint16_t flags)
{
	assert_int_equal(vfio_pci_set_intx(&pdev, 1), 0);
	assert_int_equal(vfio_pci_add_msi_flags(&pdev, vectors, flags), 0);
	go();
	return find_cap(PCI_CAP_ID_MSI);
}

/* As QEMU does: the register first, then the eventfds. */
static void msi_goes_on_and_off_with_its_bit(void **state)
{
	unsigned int at = msi_go(4, PCI_MSI_FLAGS_64BIT);

	assert_int_equal(cfg(at + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_64BIT | 2 << 1);
	vfio_pci_msi_trigger(&pdev, 0);
	assert_false(vfio_pci_msi_enabled(&pdev));
	cfg_write(at + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 1 << 4);
	assert_true(vfio_pci_msi_enabled(&pdev));
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSI_IRQ_INDEX, 0, 2, efd), 0);
	vfio_pci_msi_trigger(&pdev, 0);
	vfio_pci_msi_trigger(&pdev, 1);
	/* Two are allowed, so the third and fourth come as the first and second. */
	vfio_pci_msi_trigger(&pdev, 3);
	vfio_pci_msi_trigger(&pdev, 4);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(signals(efd[1]), 2);
	/* No INTx meanwhile. */
	vfio_pci_set_intx_level(&pdev, true);
	cfg_write(at + PCI_MSI_FLAGS, 2, 0);
	assert_false(vfio_pci_msi_enabled(&pdev));
	vfio_pci_msi_trigger(&pdev, 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set_irqs(DISABLE, VFIO_PCI_MSI_IRQ_INDEX, 0, 0, NULL), 0);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &efd[2]), 0);
	assert_int_equal(signals(efd[2]), 1);
}

/* As programs for the kernel's VFIO do: the eventfds only. */
static void msi_goes_on_and_off_with_its_eventfds(void **state)
{
	unsigned int at = msi_go(2, 0);

	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSI_IRQ_INDEX, 0, 2, efd), 0);
	assert_true(vfio_pci_msi_enabled(&pdev));
	assert_int_equal(cfg(at + PCI_MSI_FLAGS, 2), PCI_MSI_FLAGS_ENABLE | 1 << 1);
	vfio_pci_msi_trigger(&pdev, 1);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(set_irqs(DISABLE, VFIO_PCI_MSI_IRQ_INDEX, 0, 0, NULL), 0);
	assert_false(vfio_pci_msi_enabled(&pdev));
}

static void msi_addresses_are_kept(void **state)
{
	unsigned int at = msi_go(1, 0);

	cfg_write(at + PCI_MSI_ADDRESS_LO, 4, 0xfee01003);
	cfg_write(at + PCI_MSI_DATA_32, 2, 0x4021);
	assert_int_equal(cfg(at + PCI_MSI_ADDRESS_LO, 4), 0xfee01000);
	assert_int_equal(cfg(at + PCI_MSI_DATA_32, 2), 0x4021);
}

static void check_msi_mask(uint16_t wide, unsigned int mask_at)
{
	unsigned int at = msi_go(4, PCI_MSI_FLAGS_MASKBIT | wide);

	cfg_write(at + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSI_IRQ_INDEX, 0, 4, efd), 0);
	cfg_write(at + mask_at, 4, UINT32_MAX);
	assert_int_equal(cfg(at + mask_at, 4), 0xf);
	vfio_pci_msi_trigger(&pdev, 1);
	vfio_pci_msi_trigger(&pdev, 1);
	vfio_pci_msi_trigger(&pdev, 3);
	assert_int_equal(cfg(at + mask_at + 4, 4), 0xa);
	cfg_write(at + mask_at + 4, 4, 0);
	cfg_write(at + mask_at, 4, 0x8);
	assert_int_equal(cfg(at + mask_at + 4, 4), 0x8);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(signals(efd[3]), 0);
	cfg_write(at + mask_at, 4, 0);
	assert_int_equal(signals(efd[3]), 1);
	assert_int_equal(cfg(at + mask_at + 4, 4), 0);
}

static void msi_masks_keep_interrupts_pending(void **state)
{
	check_msi_mask(0, PCI_MSI_MASK_32);
}

static void msi_masks_are_elsewhere_with_wide_addresses(void **state)
{
	check_msi_mask(PCI_MSI_FLAGS_64BIT, PCI_MSI_MASK_64);
}

/* ---- MSI-X ---- */

static unsigned int msix_go(void)
{
	set_bar(2, 16384, 0);
	assert_int_equal(vfio_pci_add_msix(&pdev, NR, 2, TABLE, PBA), 0);
	go();
	return find_cap(PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;
}

static uint64_t pba(unsigned int at, size_t size)
{
	uint64_t v = 0;

	assert_int_equal(vfio_file_read(file, 2, &v, size, PBA + at), size);
	return v;
}

/* As QEMU does: it keeps the table, gives eventfds one by one, and reads pending bits here. */
static void msix_with_a_table_that_the_vmm_keeps(void **state)
{
	const int none = -1;
	unsigned int at = msix_go();

	cfg_write(at, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &none), 0);
	cfg_write(at, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_true(vfio_pci_msix_enabled(&pdev));
	vfio_pci_msix_trigger(&pdev, 65);
	vfio_pci_msix_trigger(&pdev, NR);
	assert_int_equal(pba(0, 8), 0);
	assert_int_equal(pba(8, 8), 2);
	assert_int_equal(pba(8, 1), 2);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSIX_IRQ_INDEX, 65, 1, efd), 0);
	assert_int_equal(signals(efd[0]), 1);
	assert_int_equal(pba(8, 8), 0);
	vfio_pci_msix_trigger(&pdev, 65);
	assert_int_equal(signals(efd[0]), 1);
	/* Masked by the guest for all. */
	cfg_write(at, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	vfio_pci_msix_trigger(&pdev, 65);
	assert_int_equal(signals(efd[0]), 0);
	cfg_write(at, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(signals(efd[0]), 1);
	cfg_write(at, 2, 0);
	vfio_pci_msix_trigger(&pdev, 65);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(set_irqs(DISABLE, VFIO_PCI_MSIX_IRQ_INDEX, 0, 0, NULL), 0);
	assert_false(vfio_pci_msix_enabled(&pdev));
}

/* A user that passes the guest's writes to the table on. */
static void msix_with_a_table_that_we_keep(void **state)
{
	unsigned int at = msix_go();
	uint32_t entry[4] = { 0xfee00000, 0, 0x4041, 0xffffffff };
	uint32_t back[4];

	assert_int_equal(vfio_file_read(file, 2, back, 16, TABLE), 16);
	assert_int_equal(back[0], 0);
	assert_int_equal(back[3], PCI_MSIX_ENTRY_CTRL_MASKBIT);
	cfg_write(at, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSIX_IRQ_INDEX, 0, 4, efd), 0);
	assert_int_equal(vfio_file_write(file, 2, entry, 16, TABLE + 16), 16);
	assert_int_equal(vfio_file_read(file, 2, back, 16, TABLE + 16), 16);
	assert_int_equal(back[2], 0x4041);
	assert_int_equal(back[3], PCI_MSIX_ENTRY_CTRL_MASKBIT);
	vfio_pci_msix_trigger(&pdev, 1);
	vfio_pci_msix_trigger(&pdev, 2);
	assert_int_equal(signals(efd[1]), 0);
	assert_int_equal(pba(0, 8), 6);
	entry[3] = 0;
	assert_int_equal(vfio_file_write(file, 2, &entry[3], 4, TABLE + 16 + 12), 4);
	assert_int_equal(signals(efd[1]), 1);
	assert_int_equal(signals(efd[2]), 0);
	assert_int_equal(pba(0, 8), 4);
}

/* QEMU writes the register, switches INTx off, then gives eventfds: what comes meanwhile is kept. */
static void switching_intx_off_leaves_msix_on(void **state)
{
	unsigned int at;

	assert_int_equal(vfio_pci_set_intx(&pdev, 1), 0);
	at = msix_go();
	assert_int_equal(set_irqs(ARM, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, &efd[1]), 0);
	cfg_write(at, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(set_irqs(DISABLE, VFIO_PCI_INTX_IRQ_INDEX, 0, 0, NULL), 0);
	assert_true(vfio_pci_msix_enabled(&pdev));
	vfio_pci_msix_trigger(&pdev, 0);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &efd[0]), 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void accesses_across_table_and_driver_are_split(void **state)
{
	uint8_t buf[32], out[32];

	msix_go();
	memset(bar_memory[2], 0xd7, sizeof(bar_memory[2]));
	assert_int_equal(vfio_file_read(file, 2, buf, 32, TABLE - 16), 32);
	assert_int_equal(buf[15], 0xd7);
	assert_int_equal(buf[16], 0);
	assert_int_equal(buf[28], PCI_MSIX_ENTRY_CTRL_MASKBIT);
	memset(out, 0x11, sizeof(out));
	assert_int_equal(vfio_file_write(file, 2, out, 32, PBA - 16), 32);
	assert_int_equal(bar_memory[2][PBA - 1], 0x11);
	assert_int_equal(bar_memory[2][PBA], 0xd7);
	assert_int_equal(pba(0, 8), 0);
	assert_int_equal(vfio_file_write(file, 2, out, 32, PBA + 8), 32);
	assert_int_equal(bar_memory[2][PBA + 16], 0x11);
	assert_int_equal(vfio_file_read(file, 2, buf, 1, TABLE + NR * 16), 1);
	assert_int_equal(buf[0], 0xd7);
	bar_error = -EIO;
	assert_int_equal(vfio_file_read(file, 2, buf, 32, TABLE - 16), -EIO);
	assert_int_equal(vfio_file_write(file, 2, buf, 32, TABLE - 16), -EIO);
}

static void a_table_without_memory_is_not_written(void **state)
{
	uint32_t v = 0;

	msix_go();
	fault_countdown = 1;
	assert_int_equal(vfio_file_write(file, 2, &v, 4, TABLE + 12), -ENOMEM);
	assert_int_equal(vfio_file_read(file, 2, &v, 4, TABLE + 12), 4);
	assert_int_equal(v, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	v = 0;
	assert_int_equal(vfio_file_write(file, 2, &v, 4, TABLE + 12), 4);
	assert_int_equal(vfio_file_read(file, 2, &v, 4, TABLE + 12), 4);
	assert_int_equal(v, 0);
}

/* ---- resets ---- */

static void reset_brings_back_the_state_after_power_on(void **state)
{
	uint32_t unmasked = 0;
	unsigned int msix;

	set_bar(0, 4096, 0);
	assert_int_equal(vfio_pci_set_intx(&pdev, 1), 0);
	msix = msix_go();
	cfg_write(PCI_BASE_ADDRESS_0, 4, 0xfeb00000);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	cfg_write(msix, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	vfio_pci_msix_trigger(&pdev, 1);
	vfio_pci_set_intx_level(&pdev, true);
	assert_int_equal(vfio_file_write(file, 2, &unmasked, 4, TABLE + 12), 4);
	assert_int_equal(vfio_file_reset(file), 0);
	assert_int_equal(resets, 1);
	assert_int_equal(cfg(PCI_BASE_ADDRESS_0, 4), 0);
	assert_int_equal(cfg(PCI_COMMAND, 2), 0);
	assert_int_equal(cfg(PCI_STATUS, 2), PCI_STATUS_CAP_LIST);
	assert_int_equal(cfg(msix, 2), NR - 1);
	assert_int_equal(pba(0, 8), 0);
	assert_int_equal(vfio_file_read(file, 2, &unmasked, 4, TABLE + 12), 4);
	assert_int_equal(unmasked, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	/* A line that was high is low. */
	assert_int_equal(set_irqs(ARM, VFIO_PCI_INTX_IRQ_INDEX, 0, 1, efd), 0);
	assert_int_equal(signals(efd[0]), 0);
}

static void a_function_level_reset_resets(void **state)
{
	unsigned int at;

	assert_int_equal(vfio_pci_add_express(&pdev), 0);
	go();
	at = find_cap(PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	cfg_write(at, 2, cfg(at, 2) & ~PCI_EXP_DEVCTL_BCR_FLR);
	cfg_write(at, 1, 0xff);
	assert_int_equal(resets, 0);
	cfg_write(at, 2, cfg(at, 2) | PCI_EXP_DEVCTL_BCR_FLR);
	assert_int_equal(resets, 1);
	assert_int_equal(cfg(at, 2) & PCI_EXP_DEVCTL_BCR_FLR, 0);
	assert_int_equal(cfg(PCI_COMMAND, 2), 0);
	cfg_write(at + 1, 1, PCI_EXP_DEVCTL_BCR_FLR >> 8);
	assert_int_equal(resets, 2);
}

static void a_device_without_express_knows_no_function_level_reset(void **state)
{
	uint8_t ones[256];

	memset(ones, 0xff, sizeof(ones));
	go();
	assert_int_equal(vfio_file_write(file, CONFIG, ones, sizeof(ones), 0), 256);
	assert_int_equal(resets, 0);
}

static void coming_back_from_d3hot_resets(void **state)
{
	unsigned int at;

	assert_int_equal(vfio_pci_add_pm(&pdev), 0);
	go();
	at = find_cap(PCI_CAP_ID_PM) + PCI_PM_CTRL;
	assert_int_equal(cfg(at, 2), 0);
	cfg_write(PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	cfg_write(at, 2, 1); /* D1 is not offered */
	assert_int_equal(cfg(at, 2), 0);
	cfg_write(at, 2, 3);
	assert_int_equal(cfg(at, 2), 3);
	cfg_write(at, 2, 2);
	assert_int_equal(cfg(at, 2), 3);
	assert_int_equal(resets, 0);
	cfg_write(at, 2, 0);
	assert_int_equal(resets, 1);
	assert_int_equal(cfg(at, 2), 0);
	assert_int_equal(cfg(PCI_COMMAND, 2), 0);
}

/* As the kernel, which restores what it has saved: SET_IRQS and the device stay of one mind. */
static void what_the_user_has_enabled_stays_so_over_a_reset(void **state)
{
	msi_go(1, 0);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, efd), 0);
	assert_int_equal(vfio_file_reset(file), 0);
	assert_true(vfio_pci_msi_enabled(&pdev));
	vfio_pci_msi_trigger(&pdev, 0);
	assert_int_equal(signals(efd[0]), 1);
}

static void the_next_user_finds_interrupts_off(void **state)
{
	msi_go(1, 0);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, efd), 0);
	vfio_file_close(file);
	assert_int_equal(closes, 1);
	assert_false(vfio_pci_msi_enabled(&pdev));
	vfio_pci_msi_trigger(&pdev, 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(vfio_file_open(&pdev.vdev, &fake_user_ops, NULL, &file), 0);
}

static void a_fatal_error_reaches_the_vmm(void **state)
{
	go();
	assert_int_equal(set_irqs(ARM, VFIO_PCI_ERR_IRQ_INDEX, 0, 1, efd), 0);
	vfio_pci_fatal_error(&pdev);
	assert_int_equal(signals(efd[0]), 1);
}

/* ---- many threads ---- */

static bool stop; /* atomic */

static void *device_thread(void *arg)
{
	unsigned int i;

	for (i = 0; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); i++) {
		vfio_pci_set_intx_level(&pdev, i & 1);
		vfio_pci_msi_trigger(&pdev, i % 4);
		vfio_pci_msix_trigger(&pdev, i % NR);
		vfio_pci_msi_enabled(&pdev);
	}
	return NULL;
}

static void a_guest_may_race_with_the_device(void **state)
{
	const uint32_t entry[4] = { 0 };
	unsigned int msi, msix, i;
	uint64_t pending;
	pthread_t thread;

	set_bar(2, 16384, 0);
	assert_int_equal(vfio_pci_add_msix(&pdev, NR, 2, TABLE, PBA), 0);
	msi = msi_go(4, PCI_MSI_FLAGS_MASKBIT);
	msix = find_cap(PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;
	__atomic_store_n(&stop, false, __ATOMIC_RELEASE);
	pthread_create(&thread, NULL, device_thread, NULL);
	for (i = 0; i < 200; i++) {
		assert_int_equal(set_irqs(ARM, i % 3, 0, 1, efd), 0);
		cfg_write(PCI_COMMAND, 2, i % 2 ? PCI_COMMAND_INTX_DISABLE : 0);
		cfg_write(msi + PCI_MSI_FLAGS, 2, i % 4 ? PCI_MSI_FLAGS_ENABLE : 0);
		cfg_write(msi + PCI_MSI_MASK_32, 4, i);
		cfg_write(msix, 2, i << 14);
		assert_int_equal(vfio_file_write(file, 2, entry, 16, TABLE + i % NR * 16), 16);
		assert_int_equal(vfio_file_read(file, 2, &pending, 8, PBA), 8);
		if (i % 7 == 0)
			assert_int_equal(vfio_file_reset(file), 0);
		assert_int_equal(set_irqs(DISABLE, i % 3, 0, 0, NULL), 0);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static int group_up(void **state)
{
	return bus_register(&fake_bus);
}

static int group_down(void **state)
{
	bus_unregister(&fake_bus);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_device_has_vfio_pcis_numbers),
		TEST(the_header_says_who_it_is),
		TEST(the_whole_space_is_read_in_one),
		TEST(bars_tell_their_sizes),
		TEST(bars_that_can_not_be_are_refused),
		TEST(bars_need_callbacks),
		TEST(bar_accesses_reach_the_driver),
		TEST(capabilities_form_a_chain),
		TEST(a_device_without_capabilities_has_no_chain),
		TEST(capabilities_that_do_not_fit_are_refused),
		TEST(an_msix_that_does_not_fit_is_refused),
		TEST(a_pci_express_device_has_4096_bytes),
		TEST(intx_heeds_the_command_register),
		TEST(msi_goes_on_and_off_with_its_bit),
		TEST(msi_goes_on_and_off_with_its_eventfds),
		TEST(msi_addresses_are_kept),
		TEST(msi_masks_keep_interrupts_pending),
		TEST(msi_masks_are_elsewhere_with_wide_addresses),
		TEST(msix_with_a_table_that_the_vmm_keeps),
		TEST(msix_with_a_table_that_we_keep),
		TEST(switching_intx_off_leaves_msix_on),
		TEST(accesses_across_table_and_driver_are_split),
		TEST(a_table_without_memory_is_not_written),
		TEST(reset_brings_back_the_state_after_power_on),
		TEST(a_function_level_reset_resets),
		TEST(a_device_without_express_knows_no_function_level_reset),
		TEST(coming_back_from_d3hot_resets),
		TEST(what_the_user_has_enabled_stays_so_over_a_reset),
		TEST(the_next_user_finds_interrupts_off),
		TEST(a_fatal_error_reaches_the_vmm),
		TEST(a_guest_may_race_with_the_device),
	};

	return cmocka_run_group_tests(tests, group_up, group_down);
}
