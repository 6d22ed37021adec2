/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A PCI device whose driver counts what is asked of it, and the guest that uses it.
 */
#ifndef UMDEV_TESTS_PCI_FIXTURE_H
#define UMDEV_TESTS_PCI_FIXTURE_H

#include <umdev/vfio_file.h>
#include <umdev/vfio_pci.h>

#define CONFIG VFIO_PCI_CONFIG_REGION_INDEX

/* Where MSI-X is in BAR 2, see msix_go(). */
#define TABLE 0x1000u
#define PBA   0x2000u
#define NR    70u

/* The device: initialised, neither capabilities nor BARs, not registered. */
extern struct vfio_pci_device pdev;
/* Its user, from go() on. */
extern struct vfio_file *file;
/* What the BARs read and write. If @bar_error is set, both fail with it. */
extern uint8_t bar_memory[6][16384];
extern int bar_error;
/* How often the driver was called. */
extern unsigned int resets, config_writes, opens, closes;
/* For the test to give to interrupts; see signals(). */
extern int efd[4];

extern const struct vfio_pci_ops pci_ops;

/** pci_bus_up, pci_bus_down - the bus; cmocka's group setup and teardown. */
int pci_bus_up(void **state);
int pci_bus_down(void **state);
/** pci_setup, pci_teardown - the device and the eventfds; cmocka's setup and teardown. */
int pci_setup(void **state);
int pci_teardown(void **state);

#define WITH_PCI(test) cmocka_unit_test_setup_teardown(test, pci_setup, pci_teardown)

/** set_bar - give the device a BAR without memory to map. */
void set_bar(unsigned int index, uint64_t size, uint32_t flags);
/** go - register the device as it is now, and become its user. */
void go(void);
/**
 * msix_go - the same with MSI-X: BAR 2, NR vectors
 * Return: the offset of the message control register.
 */
unsigned int msix_go(void);

/** cfg, cfg_write - read and write @size bytes of the configuration space as the guest does. */
uint32_t cfg(unsigned int at, size_t size);
void cfg_write(unsigned int at, size_t size, uint32_t v);
/** find_cap - the offset of a capability, by walking the chain; 0 if it is not there. */
unsigned int find_cap(uint8_t cap);
/** pba - @size bytes of MSI-X's pending bits, from byte @at on. */
uint64_t pba(unsigned int at, size_t size);
/** set_irqs - VFIO_DEVICE_SET_IRQS of the user. */
int set_irqs(uint32_t flags, unsigned int index, unsigned int start, unsigned int count,
	     const void *data);

#endif
