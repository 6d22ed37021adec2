/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A VFIO device on a bus of its own, with a driver that notes what is asked of it.
 */
#ifndef UMDEV_TESTS_VFIO_FAKE_H
#define UMDEV_TESTS_VFIO_FAKE_H

#include <pthread.h>
#include <umdev/vfio_file.h>

#define FAKE_REGIONS 3
#define FAKE_IRQS    4

/* Region 0: memory that is read and written; 1: read only; 2: not there, unless a test says so. */
#define FAKE_MEMORY_SIZE 256

/* Index 0: as INTx; 1: as MSI-X with 8 vectors; 2: not there; 3: an edge that can be masked. */
enum {
	FAKE_LINE,
	FAKE_EDGES,
	FAKE_NONE,
	FAKE_MASKABLE
};

/**
 * struct fake - the driver's state of the device
 *
 * Counts are written by the core's calls and read when these are over.
 */
struct fake {
	struct device dev;
	struct vfio_device vdev;
	struct vfio_region regions[FAKE_REGIONS];
	struct vfio_irq irqs[FAKE_IRQS];
	uint8_t memory[FAKE_MEMORY_SIZE];
	int open_error;
	unsigned int opened, closed, resets, irqs_changed;
	unsigned int last_irq_index;
	unsigned int unmaps;
	uint64_t unmap_iova, unmap_length;
	void (*on_unmap)(struct fake *fake, uint64_t iova, uint64_t length);
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned int requests;	    /* of the driver; under lock */
	unsigned int user_requests; /* of the user; under lock */
	pthread_t owner;	    /* who removes it, for fake_remove_begin() */
};

extern struct bus_type fake_bus;
extern struct device_driver fake_driver;
extern const struct vfio_device_ops fake_ops;

/** fake_bus_up, fake_bus_down - bus and driver; cmocka's group setup and teardown. */
int fake_bus_up(void **state);
int fake_bus_down(void **state);

/** fake_new - a device as described above, not added yet, so that a test may change it. */
struct fake *fake_new(const char *name);
/** fake_add - add and bind it; it is /devices/NAME. Return: 0 or why it is not bound. */
int fake_add(struct fake *fake);
/** fake_create - both; fails the test if it is not bound. */
struct fake *fake_create(const char *name);
/** fake_free - remove it, if it was added, and free it. */
void fake_free(struct fake *fake);

/* A user that counts requests and is described as "pid 4711 (a test)". */
extern const struct vfio_user_ops fake_user_ops;
/** fake_open - become the user; fails the test if that fails. */
struct vfio_file *fake_open(struct fake *fake);

/** fake_remove_begin - begin to remove the device in another thread. */
void fake_remove_begin(struct fake *fake);
/** fake_remove_end - wait for that, and free it. */
void fake_remove_end(struct fake *fake);
/** fake_wait_requests - wait until both driver and user have been asked @n times. */
void fake_wait_requests(struct fake *fake, unsigned int n);

/* The flags of VFIO_DEVICE_SET_IRQS as a VMM composes them. */
#define ARM	(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define DISABLE (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define UNMASK	(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK)

/** signals - how often a non-blocking eventfd was signalled since the last time. */
uint64_t signals(int fd);

#endif
