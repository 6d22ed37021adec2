/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI devices: configuration space, BARs and resets as guests and VMMs use them. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "model/alloc.h"
#include "pci_fixture.h"
#include "vfio_fake.h"

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
	pdev.ops = &pci_ops;
}

static void bar_accesses_reach_the_driver(void **state)
{
	static const struct vfio_mmap_area area = { 4096, 4096 };
	struct vfio_pci_bar bar = { .size = 8192, .areas = &area, .nr_areas = 1 };
	struct vfio_region_info region;
	uint32_t v = 0x12345678;
	int fd;

	bar.mmap_fd = memfd_create("bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(bar.mmap_fd, 8192), 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PCI(an_empty_device_has_vfio_pcis_numbers),
		WITH_PCI(the_header_says_who_it_is),
		WITH_PCI(the_whole_space_is_read_in_one),
		WITH_PCI(bars_tell_their_sizes),
		WITH_PCI(bars_that_can_not_be_are_refused),
		WITH_PCI(bars_need_callbacks),
		WITH_PCI(bar_accesses_reach_the_driver),
		WITH_PCI(capabilities_form_a_chain),
		WITH_PCI(a_device_without_capabilities_has_no_chain),
		WITH_PCI(capabilities_that_do_not_fit_are_refused),
		WITH_PCI(an_msix_that_does_not_fit_is_refused),
		WITH_PCI(a_pci_express_device_has_4096_bytes),
		WITH_PCI(reset_brings_back_the_state_after_power_on),
		WITH_PCI(a_function_level_reset_resets),
		WITH_PCI(a_device_without_express_knows_no_function_level_reset),
		WITH_PCI(coming_back_from_d3hot_resets),
	};

	return cmocka_run_group_tests(tests, pci_bus_up, pci_bus_down);
}
