/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PCI devices' interrupts: INTx, MSI and MSI-X as guests and VMMs use them. */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>

#include "model/alloc.h"
#include "pci_fixture.h"
#include "vfio_fake.h"

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

static void msi_that_comes_before_its_eventfd_is_kept(void **state)
{
	unsigned int at = msi_go(2, PCI_MSI_FLAGS_64BIT);

	cfg_write(at + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 1 << 4);
	vfio_pci_msi_trigger(&pdev, 1);
	/* QEMU drops INTx in between. */
	assert_int_equal(set_irqs(DISABLE, VFIO_PCI_INTX_IRQ_INDEX, 0, 0, NULL), 0);
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSI_IRQ_INDEX, 0, 2, efd), 0);
	assert_int_equal(signals(efd[0]), 0);
	assert_int_equal(signals(efd[1]), 1);
	/* Once. */
	assert_int_equal(set_irqs(ARM, VFIO_PCI_MSI_IRQ_INDEX, 0, 2, efd), 0);
	assert_int_equal(signals(efd[1]), 0);
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

/*
 * QEMU writes the register, switches INTx off, then gives eventfds: what comes meanwhile is kept.
 */
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

/* ---- the user ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PCI(intx_heeds_the_command_register),
		WITH_PCI(msi_goes_on_and_off_with_its_bit),
		WITH_PCI(msi_that_comes_before_its_eventfd_is_kept),
		WITH_PCI(msi_goes_on_and_off_with_its_eventfds),
		WITH_PCI(msi_addresses_are_kept),
		WITH_PCI(msi_masks_keep_interrupts_pending),
		WITH_PCI(msi_masks_are_elsewhere_with_wide_addresses),
		WITH_PCI(msix_with_a_table_that_the_vmm_keeps),
		WITH_PCI(msix_with_a_table_that_we_keep),
		WITH_PCI(switching_intx_off_leaves_msix_on),
		WITH_PCI(accesses_across_table_and_driver_are_split),
		WITH_PCI(a_table_without_memory_is_not_written),
		WITH_PCI(what_the_user_has_enabled_stays_so_over_a_reset),
		WITH_PCI(the_next_user_finds_interrupts_off),
		WITH_PCI(a_fatal_error_reaches_the_vmm),
		WITH_PCI(a_guest_may_race_with_the_device),
	};

	return cmocka_run_group_tests(tests, pci_bus_up, pci_bus_down);
}
