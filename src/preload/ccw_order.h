/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The byte order of subchannels' regions. A server has them as s390 does, big-endian. A program on
 * another machine, QEMU above all, has in them structures of its own order.
 *
 * What is whose:
 * - The integers of <linux/vfio_ccw.h> (ret_code, command) are in the order of this machine.
 * - ORB and SCSW, the SCHIB, and the two halves of a CRW are in the program's order. That is the
 *   machine's, unless UMDEV_CCW_BYTE_ORDER in the environment says something else ("big",
 *   "little"), or the program has written an SCSW that shows it: an SSCH has a function bit set.
 * - The IRB is s390's always: QEMU hands it to its guest as it is.
 *
 * Source: QEMU hw/vfio/ccw.c and hw/s390x/css.c, which move them between its structures in host
 * order and the regions without a conversion, but take the IRB as the guest's.
 */
#ifndef UMDEV_PRELOAD_CCW_ORDER_H
#define UMDEV_PRELOAD_CCW_ORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest of the regions. */
#define CCW_REGION_MAX 124

struct ccw_layout;

/**
 * struct ccw_order - in which order a program is
 * @little: it has its structures little-endian. One thread may find it out while others use it
 * @fixed:  it was told and is not to be found out; constant
 */
struct ccw_order {
	atomic_bool little;
	bool fixed;
};

/**
 * ccw_order_init - what can be known before the program has written anything
 * Return: 0, -EINVAL (UMDEV_CCW_BYTE_ORDER is neither "big" nor "little").
 */
int ccw_order_init(struct ccw_order *order);

/**
 * ccw_layout_find - what a region is made of
 * @io:      it is the first, the I/O region
 * @subtype: else its VFIO_REGION_SUBTYPE_CCW_*
 *
 * Return: NULL for what is passed as it is, also because @size is not the kernel's.
 */
const struct ccw_layout *ccw_layout_find(bool io, uint32_t subtype, uint64_t size);

/**
 * ccw_order_widen - make [@begin, @end) contain whole what is converted
 * Return: it did not, and does now.
 */
bool ccw_order_widen(const struct ccw_order *order, const struct ccw_layout *layout, size_t *begin,
		     size_t *end);

/**
 * ccw_order_convert - between the server's and the program's; either way
 * @bytes: those of [@begin, @end), which ccw_order_widen() leaves as it is
 */
void ccw_order_convert(const struct ccw_order *order, const struct ccw_layout *layout,
		       uint8_t *bytes, size_t begin, size_t end);

/** ccw_order_learn - see from what the program writes, as above, which order it has. */
void ccw_order_learn(struct ccw_order *order, const struct ccw_layout *layout, const uint8_t *bytes,
		     size_t begin, size_t end);

#endif
