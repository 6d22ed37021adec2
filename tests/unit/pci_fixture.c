/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "pci_fixture.h"
#include "vfio_fake.h"

static struct device dev;
struct vfio_pci_device pdev;
struct vfio_file *file;
uint8_t bar_memory[6][16384];
unsigned int resets, config_writes, opens, closes;
int bar_error, efd[4];

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

const struct vfio_pci_ops pci_ops = {
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

int pci_setup(void **state)
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
	vfio_pci_init(&pdev, &dev, &pci_ops, &id);
	return 0;
}

int pci_teardown(void **state)
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

void set_bar(unsigned int index, uint64_t size, uint32_t flags)
{
	const struct vfio_pci_bar bar = { .size = size, .flags = flags };

	assert_int_equal(vfio_pci_set_bar(&pdev, index, &bar), 0);
}

void go(void)
{
	assert_int_equal(vfio_pci_register(&pdev), 0);
	assert_int_equal(vfio_file_open(&pdev.vdev, &fake_user_ops, NULL, &file), 0);
}

int pci_bus_up(void **state)
{
	return bus_register(&fake_bus);
}

int pci_bus_down(void **state)
{
	bus_unregister(&fake_bus);
	return 0;
}

uint32_t cfg(unsigned int at, size_t size)
{
	uint32_t v = 0;

	assert_int_equal(vfio_file_read(file, CONFIG, &v, size, at), size);
	return v;
}

void cfg_write(unsigned int at, size_t size, uint32_t v)
{
	assert_int_equal(vfio_file_write(file, CONFIG, &v, size, at), size);
}

/* The offset of a capability, by walking the chain as a guest does; 0 if it is not there. */
unsigned int find_cap(uint8_t cap)
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

int set_irqs(uint32_t flags, unsigned int index, unsigned int start, unsigned int count,
	     const void *data)
{
	return vfio_file_set_irqs(file, flags, index, start, count, data);
}

unsigned int msix_go(void)
{
	set_bar(2, 16384, 0);
	assert_int_equal(vfio_pci_add_msix(&pdev, NR, 2, TABLE, PBA), 0);
	go();
	return find_cap(PCI_CAP_ID_MSIX) + PCI_MSIX_FLAGS;
}

uint64_t pba(unsigned int at, size_t size)
{
	uint64_t v = 0;

	assert_int_equal(vfio_file_read(file, 2, &v, size, PBA + at), size);
	return v;
}
