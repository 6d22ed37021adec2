/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hardware for vfio_platform to be tested with; see vfio_test.h. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <umdev/vfio.h>
#include <unistd.h>

#include "vfio_test.h"

#define PAGE 4096

/* From create() to destroy(). The file has the registers of region 0, then the memory. */
struct vfio_test {
	struct platform_hw *hw;
	struct platform_hw_memory memory; /* PAGE + TEST_MEMORY_SIZE */
	uint8_t *mem;			  /* where it is */
	pthread_mutex_t lock;
	uint8_t is, ibe, iev, ie, ris, afsel; /* under lock, as what follows */
	uint32_t mr, imsc, rings;
	uint64_t address;
	uint32_t length, copy, status;
	uint32_t resets, fail, accesses, last_size;
	bool ends;
	pthread_cond_t wakeup; /* @copy or @ends */
	pthread_t engine;
};

static uint32_t now(void)
{
	return (uint32_t)time(NULL);
}

/* ---- interrupts; under lock ---- */

static void update(struct vfio_test *t)
{
	t->ris |= t->is & (uint8_t)~t->iev;
	platform_hw_set_irq(t->hw, TEST_LEVEL, t->ris & t->ie);
	platform_hw_set_irq(t->hw, TEST_EDGE, t->rings & t->imsc);
}

/* ---- registers; under lock ---- */

static uint8_t *gpio_register(struct vfio_test *t, uint64_t offset)
{
	switch (offset) {
	case TEST_GPIO_IS:
		return &t->is;
	case TEST_GPIO_IBE:
		return &t->ibe;
	case TEST_GPIO_IEV:
		return &t->iev;
	case TEST_GPIO_IE:
		return &t->ie;
	case TEST_GPIO_AFSEL:
		return &t->afsel;
	default:
		return NULL;
	}
}

static uint32_t *own_register(struct vfio_test *t, uint64_t offset)
{
	switch (offset) {
	case TEST_LENGTH:
		return &t->length;
	case TEST_STATUS:
		return &t->status;
	case TEST_COPY:
		return &t->copy;
	case TEST_RESETS:
		return &t->resets;
	case TEST_FAIL:
		return &t->fail;
	case TEST_ACCESSES:
		return &t->accesses;
	case TEST_LAST_SIZE:
		return &t->last_size;
	default:
		return NULL;
	}
}

static void note_access(struct vfio_test *t, uint64_t offset, unsigned int size)
{
	if (offset < TEST_COUNTED || offset >= TEST_GPIO_ID)
		return;
	t->accesses++;
	t->last_size = size;
}

static uint64_t read_gpio(struct vfio_test *t, uint64_t offset)
{
	const uint32_t *own = own_register(t, offset);
	const uint8_t *reg = gpio_register(t, offset);

	if (reg)
		return *reg;
	if (own)
		return *own;
	if (offset == TEST_GPIO_RIS)
		return t->ris;
	if (offset == TEST_GPIO_MIS)
		return t->ris & t->ie;
	if (offset >= TEST_GPIO_ID)
		return t->mem[offset / 4 * 4];
	return 0;
}

static void write_gpio(struct vfio_test *t, uint64_t offset, uint32_t value)
{
	uint32_t *own = own_register(t, offset);
	uint8_t *reg = gpio_register(t, offset);

	if (reg) {
		*reg = (uint8_t)value;
	} else if (offset == TEST_GPIO_IC) {
		t->ris &= (uint8_t)~value;
	} else if (offset == TEST_ADDRESS) {
		t->address = (t->address >> 32 << 32) | value;
	} else if (offset == TEST_ADDRESS + 4) {
		t->address = (t->address & UINT32_MAX) | (uint64_t)value << 32;
	} else if (offset == TEST_RESETS) {
		t->resets++;
	} else if (own) {
		*own = value;
		if (offset == TEST_COPY)
			pthread_cond_broadcast(&t->wakeup);
	}
	update(t);
}

static uint64_t read_clock(const struct vfio_test *t, uint64_t offset)
{
	switch (offset) {
	case TEST_CLOCK_DR:
		return now();
	case TEST_CLOCK_MR:
		return t->mr;
	case TEST_CLOCK_IMSC:
		return t->imsc;
	case TEST_CLOCK_RIS:
		return t->rings;
	case TEST_CLOCK_MIS:
		return t->rings & t->imsc;
	default:
		return 0;
	}
}

static void write_clock(struct vfio_test *t, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case TEST_CLOCK_MR:
		t->mr = value;
		t->rings |= value == now();
		break;
	case TEST_CLOCK_IMSC:
		t->imsc = value & 1;
		break;
	case TEST_CLOCK_ICR:
		t->rings &= ~value;
		break;
	}
	update(t);
}

static uint64_t test_read(struct platform_hw *hw, unsigned int region, uint64_t offset,
			  unsigned int size)
{
	struct vfio_test *t = hw->data;
	uint64_t value = 0;

	pthread_mutex_lock(&t->lock);
	if (region == TEST_GPIO) {
		note_access(t, offset, size);
		value = read_gpio(t, offset);
	} else if (region == TEST_CLOCK) {
		value = read_clock(t, offset);
	} else {
		memcpy(&value, t->mem + PAGE + offset, size);
	}
	pthread_mutex_unlock(&t->lock);
	return value;
}

static void test_write(struct platform_hw *hw, unsigned int region, uint64_t offset, uint64_t value,
		       unsigned int size)
{
	struct vfio_test *t = hw->data;

	pthread_mutex_lock(&t->lock);
	if (region == TEST_GPIO) {
		note_access(t, offset, size);
		write_gpio(t, offset, (uint32_t)value);
	} else if (region == TEST_CLOCK) {
		write_clock(t, offset, (uint32_t)value);
	} else {
		memcpy(t->mem + PAGE + offset, &value, size);
	}
	pthread_mutex_unlock(&t->lock);
}

static int test_get_map(struct platform_hw *hw, unsigned int region, struct platform_hw_map *map)
{
	struct vfio_test *t = hw->data;

	if (region == TEST_CLOCK)
		return -EOPNOTSUPP;
	map->memory = &t->memory;
	map->offset = region == TEST_GPIO ? 0 : PAGE;
	return 0;
}

/* ---- the engine ---- */

static int copy(struct vfio_test *t, uint64_t address, uint32_t length, bool out)
{
	uint8_t buf[TEST_MEMORY_SIZE];
	int err;

	if (length > sizeof(buf))
		return -EINVAL;
	memcpy(buf, t->mem + PAGE, length);
	err = platform_hw_dma_rw(t->hw, address, buf, length, out);
	if (!err && !out)
		memcpy(t->mem + PAGE, buf, length);
	return err;
}

static void *engine_thread(void *arg)
{
	struct vfio_test *t = arg;

	pthread_mutex_lock(&t->lock);
	while (!t->ends) {
		uint64_t address = t->address;
		uint32_t length = t->length, command = t->copy;
		int err;

		if (!command) {
			pthread_cond_wait(&t->wakeup, &t->lock);
			continue;
		}
		pthread_mutex_unlock(&t->lock);
		err = copy(t, address, length, command == 2);
		pthread_mutex_lock(&t->lock);
		t->status = (uint32_t)-err;
		t->copy = 0;
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* ---- from power on to off ---- */

static int make_memory(struct vfio_test *t)
{
	static const uint8_t id[] = { 0, 0, 0, 0, 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	int err = platform_hw_memory_create(&t->memory, "vfio_test", PAGE + TEST_MEMORY_SIZE);

	if (err)
		return err;
	t->mem = t->memory.addr;
	for (size_t i = 0; i < sizeof(id); i++)
		t->mem[TEST_GPIO_ID + i * 4] = id[i];
	return 0;
}

static int test_create(struct platform_hw *hw)
{
	const struct platform_device *pdev = hw->pdev;
	struct vfio_test *t;
	int err;

	if (pdev->num_regions < TEST_NR_REGIONS || pdev->num_irqs < TEST_NR_IRQS ||
	    pdev->regions[TEST_MEMORY].size > TEST_MEMORY_SIZE)
		return -EINVAL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->hw = hw;
	err = make_memory(t);
	if (err)
		goto free;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wakeup, NULL);
	if (pthread_create(&t->engine, NULL, engine_thread, t)) {
		err = -EAGAIN;
		goto free_memory;
	}
	hw->data = t;
	return 0;
free_memory:
	pthread_cond_destroy(&t->wakeup);
	pthread_mutex_destroy(&t->lock);
	platform_hw_memory_destroy(&t->memory);
free:
	free(t);
	return err;
}

static void test_destroy(struct platform_hw *hw)
{
	struct vfio_test *t = hw->data;

	pthread_mutex_lock(&t->lock);
	t->ends = true;
	pthread_cond_broadcast(&t->wakeup);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->engine, NULL);
	pthread_cond_destroy(&t->wakeup);
	pthread_mutex_destroy(&t->lock);
	platform_hw_memory_destroy(&t->memory);
	free(t);
}

static const char *const compatibles[] = { "umdev,conformance", NULL };

const struct platform_hw_ops vfio_test_ops = {
	.name = "vfio_test",
	.owner = THIS_MODULE,
	.compatible = compatibles,
	.create = test_create,
	.destroy = test_destroy,
	.read = test_read,
	.write = test_write,
	.get_map = test_get_map,
};

static int vfio_test_init(void)
{
	return platform_hw_register(&vfio_test_ops);
}

static void vfio_test_exit(void)
{
	platform_hw_unregister(&vfio_test_ops);
}

module_init(vfio_test_init);
module_exit(vfio_test_exit);
MODULE_DEPENDS("platform");
MODULE_ALIAS("platform-hw:umdev,conformance");
MODULE_DESCRIPTION("Hardware for tests of vfio_platform");
