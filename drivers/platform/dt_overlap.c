/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers that two devices have: one would get what is meant for the other. But for a bus's,
 * which may be all that it hands on.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dt_internal.h"

/** struct span - a region of the device with a number */
struct span {
	uint64_t first, last;
	unsigned int device;
};

static int compare_spans(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return (x->device > y->device) - (x->device < y->device);
}

static int compare_with(const struct dt_devices *devices, const struct span *a,
			const struct span *b, struct dt_error *error)
{
	const struct span *later = a->device > b->device ? a : b, *other = later == a ? b : a;

	if (a->device != b->device &&
	    (devices->all[a->device].is_bus || devices->all[b->device].is_bus))
		return 0;
	return dt_refuse(error,
			 "%s: reg: 0x%" PRIx64 "-0x%" PRIx64 " overlaps 0x%" PRIx64 "-0x%" PRIx64
			 " of %s",
			 devices->all[later->device].node->path, later->first, later->last,
			 other->first, other->last, devices->all[other->device].node->path);
}

/*
 * Go through the spans by where they begin, with those open that have not ended. But for buses',
 * there is never more than one, or there would have been an error.
 */
static int sweep(const struct dt_devices *devices, const struct span *spans, unsigned int nr,
		 const struct span **open, struct dt_error *error)
{
	unsigned int nr_open = 0, kept;
	int err;

	for (unsigned int i = 0; i < nr; i++) {
		kept = 0;
		for (unsigned int k = 0; k < nr_open; k++) {
			if (open[k]->last < spans[i].first)
				continue;
			err = compare_with(devices, open[k], &spans[i], error);
			if (err)
				return err;
			open[kept++] = open[k];
		}
		open[kept++] = &spans[i];
		nr_open = kept;
	}
	return 0;
}

int dt_check_overlaps(const struct dt_devices *devices, struct dt_error *error)
{
	const struct span **open = calloc(devices->nr_regions + 1, sizeof(*open));
	struct span *spans = calloc(devices->nr_regions + 1, sizeof(*spans));
	const struct platform_region *region;
	unsigned int nr = 0;
	int err = -ENOMEM;

	if (!open || !spans)
		goto free_both;
	for (unsigned int i = 0; i < devices->nr; i++) {
		for (unsigned int k = 0; k < devices->all[i].num_regions; k++) {
			region = &devices->all[i].regions[k];
			spans[nr].first = region->start;
			spans[nr].last = region->start + (region->size - 1);
			spans[nr++].device = i;
		}
	}
	qsort(spans, nr, sizeof(*spans), compare_spans);
	err = sweep(devices, spans, nr, open, error);
free_both:
	free(spans);
	free(open);
	return err;
}
