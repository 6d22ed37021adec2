/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * umdev-dmac: the usual driver of the DMA engine "umdev,dmac-1.0".
 *
 * A class device dmaNchan0 tells what the engine has done, as Linux 6.1 drivers/dma/dmaengine.c
 * does of every channel. There is nobody to ask it for copies but the attribute dmatest of the
 * device, named after Linux's module of that purpose.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <umdev/module.h>
#include <umdev/platform.h>
#include "channel.h"

#define DMATEST_MAX (16u << 20)
#define NR_NUMBERS  256

/* Room on both sides of what is copied, in which nothing may change. */
#define MARGIN 64u

/**
 * struct dmac - a device, from probe to remove
 * @channel: its channel
 * @number:  of dmaNchan0
 * @in_use:  how many tests are running
 * @chan:    the class device
 */
struct dmac {
	struct channel channel;
	unsigned int number;
	atomic_uint in_use;
	struct device *chan;
};

/* ---- numbers ---- */

static pthread_mutex_t numbers_lock = PTHREAD_MUTEX_INITIALIZER;
static bool numbers[NR_NUMBERS]; /* under numbers_lock */
/* Those below are the machine's, or were. Written by the module's init. */
static unsigned int first_number;

static void find_first_number(void)
{
	DIR *dir = opendir("/sys/class/dma");
	const struct dirent *entry;

	first_number = 0;
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		unsigned int number;

		if (sscanf(entry->d_name, "dma%uchan", &number) == 1 && number < UINT32_MAX / 2 &&
		    number >= first_number)
			first_number = number + 1;
	}
	closedir(dir);
}

static int take_number(unsigned int *number)
{
	int err = -ENOSPC;

	pthread_mutex_lock(&numbers_lock);
	for (unsigned int i = 0; i < NR_NUMBERS && err; i++) {
		if (numbers[i])
			continue;
		numbers[i] = true;
		*number = first_number + i;
		err = 0;
	}
	pthread_mutex_unlock(&numbers_lock);
	return err;
}

static void give_number_back(unsigned int number)
{
	pthread_mutex_lock(&numbers_lock);
	numbers[number - first_number] = false;
	pthread_mutex_unlock(&numbers_lock);
}

/* ---- the class device ---- */

static ssize_t memcpy_count_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dmac *dmac = dev_get_drvdata(dev);
	unsigned long count;

	pthread_mutex_lock(&dmac->channel.lock);
	count = dmac->channel.memcpy_count;
	pthread_mutex_unlock(&dmac->channel.lock);
	return sysfs_emit(buf, "%lu\n", count);
}
static DEVICE_ATTR_RO(memcpy_count);

static ssize_t bytes_transferred_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dmac *dmac = dev_get_drvdata(dev);
	unsigned long bytes;

	pthread_mutex_lock(&dmac->channel.lock);
	bytes = dmac->channel.bytes;
	pthread_mutex_unlock(&dmac->channel.lock);
	return sysfs_emit(buf, "%lu\n", bytes);
}
static DEVICE_ATTR_RO(bytes_transferred);

static ssize_t in_use_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct dmac *dmac = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", atomic_load(&dmac->in_use));
}
static DEVICE_ATTR_RO(in_use);

static struct attribute *dma_dev_attrs[] = {
	&dev_attr_memcpy_count.attr,
	&dev_attr_bytes_transferred.attr,
	&dev_attr_in_use.attr,
	NULL,
};
ATTRIBUTE_GROUPS(dma_dev);

static struct class dma_class = {
	.name = "dma",
	.owner = THIS_MODULE,
	.dev_groups = dma_dev_groups,
};

/* ---- dmatest ---- */

/**
 * struct buffer - memory that the engine reaches, with margins
 * @mem:  the first margin
 * @addr: where the engine sees it
 * @at:   where in @mem what is copied begins; odd now and then
 */
struct buffer {
	uint8_t *mem;
	uint64_t addr;
	size_t at;
};

/* xorshift: its state, and with that what comes, is never 0. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int buffer_init(struct buffer *buffer, struct platform_device *pdev, size_t len,
		       uint64_t *random)
{
	buffer->mem = dma_alloc_coherent(pdev, len + 2 * MARGIN, &buffer->addr);
	if (!buffer->mem)
		return -ENOMEM;
	buffer->at = MARGIN - next_random(random) % 8;
	return 0;
}

static void fill_random(uint8_t *at, size_t len, uint64_t *random)
{
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)(next_random(random) >> 32);
}

/* What is not copied differs in every byte: a byte left out is a byte that is wrong. */
static void fill_wrong(struct buffer *dst, const struct buffer *src, size_t len)
{
	for (size_t i = 0; i < dst->at; i++)
		dst->mem[i] = (uint8_t)i;
	for (size_t i = 0; i < len; i++)
		dst->mem[dst->at + i] = (uint8_t)~src->mem[src->at + i];
	for (size_t i = dst->at + len; i < len + 2 * MARGIN; i++)
		dst->mem[i] = (uint8_t)i;
}

static bool is_right(const struct buffer *dst, const struct buffer *src, size_t len)
{
	for (size_t i = 0; i < dst->at; i++)
		if (dst->mem[i] != (uint8_t)i)
			return false;
	for (size_t i = dst->at + len; i < len + 2 * MARGIN; i++)
		if (dst->mem[i] != (uint8_t)i)
			return false;
	return memcmp(dst->mem + dst->at, src->mem + src->at, len) == 0;
}

static int copy_and_compare(struct dmac *dmac, struct buffer *dst, struct buffer *src, size_t len,
			    uint64_t *random)
{
	struct device *dev = &dmac->channel.pdev->dev;
	int err;

	fill_random(src->mem + src->at, len, random);
	fill_wrong(dst, src, len);
	err = channel_memcpy(&dmac->channel, dst->addr + dst->at, src->addr + src->at,
			     (uint32_t)len);
	if (err)
		return err;
	if (!is_right(dst, src, len)) {
		dev_err(dev, "dmatest: %zu bytes were copied wrongly", len);
		return -EIO;
	}
	return 0;
}

static int run_test(struct dmac *dmac, size_t len)
{
	struct platform_device *pdev = dmac->channel.pdev;
	struct buffer src, dst;
	uint64_t random = 0;
	int err;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random) || !random)
		random = 1;
	err = buffer_init(&src, pdev, len, &random);
	if (err)
		return err;
	err = buffer_init(&dst, pdev, len, &random);
	if (err)
		goto free_src;
	err = copy_and_compare(dmac, &dst, &src, len, &random);
	dma_free_coherent(pdev, dst.mem);
free_src:
	dma_free_coherent(pdev, src.mem);
	return err;
}

static ssize_t dmatest_store(struct device *dev, struct device_attribute *attr, const char *buf,
			     size_t count)
{
	struct dmac *dmac = dev_get_drvdata(dev);
	unsigned long len;
	int err = kstrtoul(buf, 0, &len);

	if (err)
		return err;
	if (!len || len > DMATEST_MAX)
		return -EINVAL;
	atomic_fetch_add(&dmac->in_use, 1);
	err = run_test(dmac, len);
	atomic_fetch_sub(&dmac->in_use, 1);
	return err ? err : (ssize_t)count;
}
static DEVICE_ATTR_WO(dmatest);

static struct attribute *dmac_attrs[] = { &dev_attr_dmatest.attr, NULL };
ATTRIBUTE_GROUPS(dmac);

/* ---- the driver ---- */

static int dmac_probe(struct platform_device *pdev)
{
	struct dmac *dmac = calloc(1, sizeof(*dmac));
	int err;

	if (!dmac)
		return -ENOMEM;
	err = take_number(&dmac->number);
	if (err)
		goto free;
	err = channel_start(&dmac->channel, pdev);
	if (err) {
		dev_err(&pdev->dev, "no engine that works: error %d", err);
		goto give_back;
	}
	platform_set_drvdata(pdev, dmac);
	err = device_create(&dma_class, &pdev->dev, 0, dmac, &dmac->chan, "dma%uchan0",
			    dmac->number);
	if (err)
		goto stop;
	return 0;

stop:
	channel_stop(&dmac->channel);
give_back:
	give_number_back(dmac->number);
free:
	free(dmac);
	return err;
}

static void dmac_remove(struct platform_device *pdev)
{
	struct dmac *dmac = platform_get_drvdata(pdev);

	device_unregister(dmac->chan);
	channel_stop(&dmac->channel);
	give_number_back(dmac->number);
	free(dmac);
}

static const struct of_device_id dmac_of_match[] = { { .compatible = "umdev,dmac-1.0" }, {} };

static struct platform_driver dmac_driver = {
	.probe = dmac_probe,
	.remove = dmac_remove,
	.of_match_table = dmac_of_match,
	.driver = {
		.name = "umdev-dmac",
		.owner = THIS_MODULE,
		.dev_groups = dmac_groups,
	},
};

static int dmac_init(void)
{
	int err;

	find_first_number();
	err = class_register(&dma_class);
	if (err)
		return err;
	err = platform_driver_register(&dmac_driver);
	if (err)
		class_unregister(&dma_class);
	return err;
}

static void dmac_exit(void)
{
	platform_driver_unregister(&dmac_driver);
	class_unregister(&dma_class);
}

module_init(dmac_init);
module_exit(dmac_exit);

MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("The DMA engine umdev,dmac-1.0");
MODULE_DEPENDS("platform");
MODULE_ALIAS("of:N*T*Cumdev,dmac-1.0");
MODULE_ALIAS("of:N*T*Cumdev,dmac-1.0C*");
