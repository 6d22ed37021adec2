/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The copy: ranges of the user's memory that don't overlap, in the order of their addresses, and
 * their bytes in the order in which they came.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cp_copy.h"

/* @at: where in bytes[] it begins. */
struct range {
	uint64_t iova;
	uint32_t len;
	uint32_t at;
};

struct cp_copy {
	struct range *ranges;
	size_t nr;
	size_t max;
	uint8_t *bytes;
	size_t used;
	size_t size;
};

struct cp_copy *cp_copy_create(size_t takes, size_t bytes)
{
	struct cp_copy *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	/* One may fill several gaps, but opens no more than one for later ones to fill. */
	copy->max = 2 * takes;
	copy->size = bytes;
	copy->ranges = calloc(copy->max, sizeof(*copy->ranges));
	copy->bytes = calloc(1, bytes);
	if (copy->ranges && copy->bytes)
		return copy;
	cp_copy_destroy(copy);
	return NULL;
}

void cp_copy_destroy(struct cp_copy *copy)
{
	if (!copy)
		return;
	free(copy->bytes);
	free(copy->ranges);
	free(copy);
}

void cp_copy_clear(struct cp_copy *copy)
{
	copy->nr = 0;
	copy->used = 0;
}

/* The first range that ends behind @iova. */
static size_t find(const struct cp_copy *copy, uint64_t iova)
{
	size_t low = 0, high = copy->nr, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (copy->ranges[middle].iova + copy->ranges[middle].len <= iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Does what was read last, from @iova on, continue @range in both places? */
static bool continues(const struct cp_copy *copy, const struct range *range, uint64_t iova)
{
	return range->iova + range->len == iova && range->at + range->len == copy->used;
}

/* Note that what was read last, @len bytes of @iova, is there; its place is before range @i. */
static void insert(struct cp_copy *copy, size_t i, uint64_t iova, size_t len)
{
	struct range *ranges = copy->ranges;

	if (i && continues(copy, &ranges[i - 1], iova)) {
		ranges[i - 1].len += (uint32_t)len;
	} else {
		memmove(&ranges[i + 1], &ranges[i], (copy->nr - i) * sizeof(*ranges));
		ranges[i] = (struct range) { .iova = iova,
					     .len = (uint32_t)len,
					     .at = (uint32_t)copy->used };
		copy->nr++;
	}
	copy->used += len;
}

int cp_copy_take(struct cp_copy *copy, struct vfio_device *vdev, uint64_t iova, size_t len)
{
	uint64_t end = iova + len, next;
	size_t i;
	int err;

	while (iova < end) {
		i = find(copy, iova);
		next = i < copy->nr ? copy->ranges[i].iova : end;
		if (next <= iova) {
			iova = copy->ranges[i].iova + copy->ranges[i].len;
			continue;
		}
		if (next > end)
			next = end;
		if (copy->nr == copy->max || next - iova > copy->size - copy->used)
			return -EINVAL;
		err = vfio_dma_rw(vdev, iova, copy->bytes + copy->used, next - iova, false);
		if (err)
			return err;
		insert(copy, i, iova, next - iova);
		iova = next;
	}
	return 0;
}

int cp_copy_get(const struct cp_copy *copy, uint64_t iova, void *buf, size_t len)
{
	uint8_t *out = buf;
	const struct range *range;
	size_t i, n, offset;

	for (i = find(copy, iova); len; i++) {
		range = &copy->ranges[i];
		if (i == copy->nr || range->iova > iova)
			return -EFAULT;
		offset = (size_t)(iova - range->iova);
		n = range->len - offset < len ? range->len - offset : len;
		memcpy(out, copy->bytes + range->at + offset, n);
		out += n;
		iova += n;
		len -= n;
	}
	return 0;
}
