/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random mappings and unmappings against a model that is too simple to be wrong: a list, searched
 * from its beginning. By both versions of the rules, with two devices that must know the same.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "container_fixture.h"
#include "fake_server.h"

#define STEPS	   100000
#define CELLS	   48u /* pages, the last of which is the last of all */
#define LOOK_EVERY 500

struct model_map {
	uint32_t first, last; /* cells */
};

static struct model_map model[CELLS];
static unsigned int nr_model;
static struct client servers[2];
static struct container_client devices[2];
static uint8_t *mem[2];

/* Half of the cells are the first of the address space, half the last. */
static uint64_t address(uint32_t cell)
{
	return cell < CELLS / 2 ? cell * PAGE : 0 - (CELLS - cell) * PAGE;
}

static bool both_halves(uint32_t first, uint32_t last)
{
	return first < CELLS / 2 && last >= CELLS / 2;
}

static bool overlap(const struct model_map *m, uint32_t first, uint32_t last)
{
	return m->first <= last && first <= m->last;
}

static long model_add(uint32_t first, uint32_t last)
{
	unsigned int i;

	for (i = 0; i < nr_model; i++) {
		if (overlap(&model[i], first, last))
			return -EEXIST;
	}
	if (servers[0].refuse)
		return servers[0].refuse;
	model[nr_model++] = (struct model_map) { first, last };
	return 0;
}

static long long model_drop(uint32_t first, uint32_t last, bool whole)
{
	long long sum = 0;
	unsigned int i;

	for (i = 0; whole && i < nr_model; i++) {
		if (overlap(&model[i], first, last) &&
		    (model[i].first < first || model[i].last > last))
			return -EINVAL;
	}
	/* By the first rules, what begins before the range ends the search before it began. */
	for (i = 0; i < nr_model; i++) {
		if (model[i].first < first && model[i].last >= first)
			return 0;
	}
	for (i = nr_model; i--;) {
		if (model[i].first < first || model[i].first > last)
			continue;
		sum += (model[i].last - model[i].first + 1) * PAGE;
		model[i] = model[--nr_model];
	}
	return sum;
}

static void compare(int fd)
{
	struct container *container = container_of_fd(fd);
	struct fake_map *seen;
	unsigned int i, d;
	uint32_t cell;
	uint8_t byte;

	for (d = 0; d < 2; d++) {
		assert_int_equal(servers[d].nr, nr_model);
		for (i = 0; i < nr_model; i++) {
			seen = fake_server_map(&servers[d], address(model[i].first));
			assert_non_null(seen);
			assert_int_equal(seen->size, (model[i].last - model[i].first + 1) * PAGE);
		}
	}
	for (cell = 0; cell < CELLS; cell++) {
		for (i = 0; i < nr_model && !overlap(&model[i], cell, cell);)
			i++;
		assert_int_equal(container_dma_read(container, address(cell) + PAGE - 1, &byte, 1),
				 i < nr_model ? 0 : -EFAULT);
	}
}

static void step(int fd, bool whole)
{
	uint32_t first = (uint32_t)random() % CELLS, last = first + (uint32_t)random() % 5;
	uint64_t size = (last - first + 1) * PAGE;

	if (last >= CELLS || both_halves(first, last))
		return;
	if (random() % 3) {
		servers[0].refuse = random() % 16 ? 0 : -ENOMEM;
		servers[0].refuse_fd = servers[0].refuse;
		assert_int_equal(map(fd, address(first), mem[random() % 2], size, BOTH),
				 model_add(first, last));
	} else {
		assert_int_equal(unmap(fd, address(first), size), model_drop(first, last, whole));
	}
}

static void run(unsigned long iommu, unsigned int seed)
{
	int fd = open_with_iommu(iommu), memfd, i;
	struct container *container = container_of_fd(fd);

	nr_model = 0;
	mem[0] = memory(8 * PAGE);
	mem[1] = shared_memory(8 * PAGE, &memfd);
	for (i = 0; i < 2; i++) {
		fake_server_init(&servers[i]);
		assert_int_equal(container_add_client(container, &devices[i], &servers[i]), 0);
	}
	srandom(seed);
	for (i = 0; i < STEPS; i++) {
		step(fd, iommu != VFIO_TYPE1_IOMMU);
		if (i % LOOK_EVERY == 0)
			compare(fd);
	}
	compare(fd);
	for (i = 0; i < 2; i++)
		container_remove_client(&devices[i]);
	close_with_iommu(fd);
	close(memfd);
	munmap(mem[0], 8 * PAGE);
	munmap(mem[1], 8 * PAGE);
}

static void the_first_rules_agree_with_the_model(void **state)
{
	run(VFIO_TYPE1_IOMMU, 1);
}

static void the_second_rules_agree_with_the_model(void **state)
{
	run(VFIO_TYPE1v2_IOMMU, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rules_agree_with_the_model),
		cmocka_unit_test(the_second_rules_agree_with_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
