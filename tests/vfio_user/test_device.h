/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The test devices: dev0 ... dev3, all alike. Shared by device_server and the fuzzer.
 */
#ifndef UMDEV_TESTS_TEST_DEVICE_H
#define UMDEV_TESTS_TEST_DEVICE_H

#include <pthread.h>
#include <umdev/vfio.h>

#define NR_DEVICES  4
#define BAR0_SIZE   4096
#define BAR1_SIZE   65536 /* can be mapped in two areas */
#define BAR2_SIZE   8192  /* can be mapped as a whole */
#define BAR3_SIZE   4096  /* read only */
#define BAR4_SIZE   (2u << 20)
#define SHARED_SIZE (BAR1_SIZE + BAR2_SIZE)

/* BAR0 is memory up to REG_FIRST, then registers of 8 bytes. */
enum reg {
	REG_FIRST = 0x800,
	REG_HANG = 0x800,	 /* reading and writing it hangs until it is released */
	REG_SEQ = 0x808,	 /* w: numbers that count up from 1 */
	REG_SEQ_COUNT = 0x810,	 /* how many were written; w: begin anew */
	REG_SEQ_ERRORS = 0x818,	 /* how many did not follow the one before */
	REG_DMA_ADDR = 0x820,	 /* w */
	REG_DMA_LEN = 0x828,	 /* w */
	REG_DMA_COMMAND = 0x830, /* w: between the guest's memory and BAR4 */
	REG_DMA_STATUS = 0x838,	 /* errno of the last one */
	REG_DMA_DONE = 0x840,	 /* how many are done; each also triggers MSI-X vector 0 */
	REG_TRIGGER = 0x848,	 /* w: index << 16 | vector */
	REG_INTX_LEVEL = 0x850,	 /* w */
	REG_OPENS = 0x858,
	REG_CLOSES = 0x860,
	REG_RESETS = 0x868,
	REG_FAIL_IO = 0x870,	/* the driver returns -EIO */
	REG_FAIL_INVAL = 0x878, /* the driver returns -EINVAL */
	REG_PIN = 0x880,	/* w: pin the page at that address; r: errno of that */
	REG_UNMAPS = 0x888,	/* how often a pinned page was asked back */
	REG_IRQ_CHANGES = 0x890,
	REG_MSIX_ARMED = 0x898, /* a bit per vector */
};

#define DMA_COMMAND_MASK 0xff
#define DMA_READ_GUEST	 1
#define DMA_WRITE_GUEST	 2
#define DMA_IN_THREAD	 0x100 /* by a thread of the driver's */
#define DMA_WAIT	 0x200 /* and the callback waits for that */

enum hang_in {
	HANG_NOT,
	HANG_OPEN,
	HANG_CLOSE,
	HANG_RESET,
	HANG_UNMAP,
};

struct test_device {
	struct device dev;
	struct vfio_device vdev;
	int memfd;
	uint8_t *shared;
	uint8_t *bar4;
	uint8_t bar0[BAR0_SIZE];
	uint8_t bar3[BAR3_SIZE];
	uint8_t config[256];
	uint64_t seq_last, seq_count, seq_errors;
	uint64_t dma_addr, dma_len;
	uint64_t dma_status, dma_done; /* atomic */
	uint64_t opens, closes, resets, unmaps, irq_changes;
	uint64_t pinned, pin_status;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t cond;
	bool hung;
	enum hang_in hang_in;
	pthread_t engine;
	bool engine_stop;
	uint64_t engine_command;
};

/** test_devices_create - the bus, its driver, and the devices. Return: 0 or -errno. */
int test_devices_create(void);
/** test_devices_destroy - the reverse. */
void test_devices_destroy(void);
/** test_devices_release - let all callbacks go that hang. */
void test_devices_release(void);
/** test_device_find - by name, or NULL. */
struct test_device *test_device_find(const char *name);
/** test_device_hang - hang in the next callback of that kind. */
void test_device_hang(struct test_device *t, enum hang_in where);
/** test_device_wait_hung - wait until a callback hangs. */
void test_device_wait_hung(struct test_device *t);
/** test_device_release - let it go. */
void test_device_release(struct test_device *t);

#endif
