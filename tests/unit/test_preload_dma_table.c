/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of a container's mappings: src/preload/dma_table.c. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "preload/dma_table.h"
#include "preload/shared.h"

#define STEPS  100000
#define CELLS  512u
#define DEATHS 200

static struct dma_table *make_table(void)
{
	struct dma_table *table = shared_alloc(sizeof(*table));

	assert_non_null(table);
	return table;
}

static struct dma_map *add(struct dma_table *table, uint64_t iova, uint64_t size)
{
	struct dma_map map = { .iova = iova, .size = size, .id = iova };

	return dma_table_insert(table, &map);
}

static void a_mapping_is_found_from_its_first_byte_to_its_last(void **state)
{
	struct dma_table *table = make_table();
	struct dma_map *low = add(table, 0x1000, 0x2000), *high = add(table, 0x5000, 0x1000);

	assert_null(dma_table_covering(table, 0xfff));
	assert_ptr_equal(dma_table_covering(table, 0x1000), low);
	assert_ptr_equal(dma_table_covering(table, 0x2fff), low);
	assert_null(dma_table_covering(table, 0x3000));
	assert_ptr_equal(dma_table_covering(table, 0x5fff), high);
	assert_int_equal(dma_table_find(table, 0x3000), 1);
	assert_int_equal(dma_table_find(table, 0x6000), table->nr);
	shared_free(table, sizeof(*table));
}

static void a_mapping_may_end_where_addresses_do(void **state)
{
	struct dma_table *table = make_table();
	struct dma_map *last = add(table, 0 - 0x1000ull, 0x1000);

	assert_ptr_equal(dma_table_covering(table, UINT64_MAX), last);
	assert_null(dma_table_covering(table, 0 - 0x1001ull));
	add(table, 0, 0x1000);
	assert_ptr_equal(dma_table_at(table, 1), last);
	shared_free(table, sizeof(*table));
}

static void a_full_table_takes_no_more_until_one_goes(void **state)
{
	struct dma_table *table = make_table();
	uint32_t i;

	for (i = DMA_TABLE_MAX; i--;)
		assert_non_null(add(table, i * 0x2000ull, 0x1000));
	assert_null(add(table, 0x1000, 0x1000));
	dma_table_remove(table, 1234);
	assert_non_null(add(table, 0x1000, 0x1000));
	assert_null(add(table, 0x3000, 0x1000));
	for (i = 1; i < table->nr; i++)
		assert_true(dma_table_at(table, i)->iova > dma_table_at(table, i - 1)->iova);
	dma_table_clear(table);
	assert_int_equal(table->nr, 0);
	assert_null(dma_table_covering(table, 0x1000));
	shared_free(table, sizeof(*table));
}

/* Cells of a page; one mapping has one or more of them. */
static void random_steps_agree_with_a_simple_list(void **state)
{
	struct dma_table *table = make_table();
	uint64_t owner[CELLS] = { 0 }, id = 0;
	uint32_t step, first, n, i;

	srandom(4711);
	for (step = 0; step < STEPS; step++) {
		first = (uint32_t)random() % CELLS;
		n = 1 + (uint32_t)random() % 4;
		for (i = first; i < first + n && i < CELLS && !owner[i]; i++)
			;
		if (i == first + n) {
			assert_int_equal(dma_table_find(table, first * 0x1000ull),
					 dma_table_find(table, (first + n) * 0x1000ull - 1));
			id++;
			add(table, first * 0x1000ull, n * 0x1000ull)->id = id;
			for (i = first; i < first + n; i++)
				owner[i] = id;
		} else if (owner[first]) {
			struct dma_map *map = dma_table_covering(table, first * 0x1000ull + 0xfff);

			assert_int_equal(map->id, owner[first]);
			for (i = 0; i < map->size / 0x1000; i++)
				owner[map->iova / 0x1000 + i] = 0;
			dma_table_remove(table, dma_table_find(table, map->iova));
		} else {
			assert_null(dma_table_covering(table, first * 0x1000ull));
		}
	}
	shared_free(table, sizeof(*table));
}

/* For ever; each mapping is wholly there as soon as it is there. */
static void change(struct dma_table *table, unsigned int seed)
{
	srandom(seed);
	for (;;) {
		if (random() % 2 && table->nr < 500) {
			uint64_t iova = (uint64_t)random() % 100000 * 0x1000;

			if (!dma_table_covering(table, iova))
				add(table, iova, 0x1000);
		} else if (table->nr) {
			dma_table_remove(table, (uint32_t)random() % table->nr);
		}
	}
}

static void check_whole(struct dma_table *table)
{
	bool seen[DMA_TABLE_MAX] = { false };
	uint32_t i, used = 0;

	for (i = 0; i < table->top; i++) {
		assert_false(seen[table->order[i]]);
		seen[table->order[i]] = true;
		used += table->slots[i].used;
	}
	assert_int_equal(used, table->nr);
	for (i = 0; i < table->nr; i++) {
		assert_true(dma_table_at(table, i)->used);
		assert_int_equal(dma_table_at(table, i)->size, 0x1000);
		assert_int_equal(dma_table_at(table, i)->id, dma_table_at(table, i)->iova);
		if (i)
			assert_true(dma_table_at(table, i)->iova >
				    dma_table_at(table, i - 1)->iova);
	}
}

static void a_table_outlives_who_dies_changing_it(void **state)
{
	struct dma_table *table = make_table();
	unsigned int i, amidst = 0;

	for (i = 0; i < DEATHS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			change(table, i);
		usleep(200 + i * 7 % 500);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		amidst += table->busy;
		dma_table_recover(table);
		check_whole(table);
	}
	/* Else nothing was shown. */
	assert_true(amidst > 0);
	shared_free(table, sizeof(*table));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_is_found_from_its_first_byte_to_its_last),
		cmocka_unit_test(a_mapping_may_end_where_addresses_do),
		cmocka_unit_test(a_full_table_takes_no_more_until_one_goes),
		cmocka_unit_test(random_steps_agree_with_a_simple_list),
		cmocka_unit_test(a_table_outlives_who_dies_changing_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
