/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>
#include <linux/vfio_ccw.h>

#include "preload/ccw_order.h"

#define MACHINE_IS_LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/** struct ccw_field - what has an order; @machine: this machine's, not the program's */
struct ccw_field {
	uint8_t at;
	uint8_t size;
	bool machine;
};

/** struct ccw_layout - a region; @scsw: where the one is that tells the order, 0 for none */
struct ccw_layout {
	uint32_t subtype;
	uint8_t size;
	uint8_t scsw;
	uint8_t nr_fields;
	const struct ccw_field *fields;
};

/* clang-format off */
#define SCSW(at) { (at), 2 }, { (at) + 2, 2 }, { (at) + 4, 4 }, { (at) + 10, 2 }

static const struct ccw_field io_fields[] = {
	/* intparm; key and flags; program's address */
	{ 0, 4 }, { 4, 2 }, { 8, 4 },
	SCSW(offsetof(struct ccw_io_region, scsw_area)),
	{ offsetof(struct ccw_io_region, ret_code), 4, true },
};

static const struct ccw_field cmd_fields[] = {
	{ offsetof(struct ccw_cmd_region, command), 4, true },
	{ offsetof(struct ccw_cmd_region, ret_code), 4, true },
};

static const struct ccw_field schib_fields[] = {
	/* PMCW: intparm, flags, device number, MBI, the last word */
	{ 0, 4 }, { 4, 2 }, { 6, 2 }, { 12, 2 }, { 24, 4 },
	SCSW(28),
	{ 40, 8 }, /* MBA */
};

static const struct ccw_field crw_fields[] = {
	/* flags, RSID */
	{ 0, 2 }, { 2, 2 },
};

static const struct ccw_layout io_layout = {
	0, sizeof(struct ccw_io_region), offsetof(struct ccw_io_region, scsw_area),
	ARRAY_SIZE(io_fields), io_fields,
};
_Static_assert(sizeof(struct ccw_io_region) == CCW_REGION_MAX, "the largest");

static const struct ccw_layout layouts[] = {
	{ VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD, sizeof(struct ccw_cmd_region), 0,
	  ARRAY_SIZE(cmd_fields), cmd_fields },
	{ VFIO_REGION_SUBTYPE_CCW_SCHIB, sizeof(struct ccw_schib_region), 0,
	  ARRAY_SIZE(schib_fields), schib_fields },
	{ VFIO_REGION_SUBTYPE_CCW_CRW, sizeof(struct ccw_crw_region), 0,
	  ARRAY_SIZE(crw_fields), crw_fields },
};
/* clang-format on */

int ccw_order_init(struct ccw_order *order)
{
	const char *told = getenv("UMDEV_CCW_BYTE_ORDER");
	bool little = told && !strcmp(told, "little");

	if (told && !little && strcmp(told, "big"))
		return -EINVAL;
	order->fixed = told;
	atomic_store(&order->little, told ? little : MACHINE_IS_LITTLE);
	return 0;
}

const struct ccw_layout *ccw_layout_find(bool io, uint32_t subtype, uint64_t size)
{
	if (io)
		return size == io_layout.size ? &io_layout : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].subtype == subtype)
			return size == layouts[i].size ? &layouts[i] : NULL;
	return NULL;
}

static bool is_swapped(bool little, const struct ccw_field *field)
{
	return field->machine ? MACHINE_IS_LITTLE : little;
}

bool ccw_order_widen(const struct ccw_order *order, const struct ccw_layout *layout, size_t *begin,
		     size_t *end)
{
	bool little = atomic_load(&order->little), cut = false;

	for (unsigned int i = 0; i < layout->nr_fields; i++) {
		const struct ccw_field *field = &layout->fields[i];
		size_t last = (size_t)field->at + field->size;

		if (!is_swapped(little, field))
			continue;
		if (*begin > field->at && *begin < last) {
			*begin = field->at;
			cut = true;
		}
		if (*end > field->at && *end < last) {
			*end = last;
			cut = true;
		}
	}
	return cut;
}

static void reverse(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		uint8_t byte = bytes[i];

		bytes[i] = bytes[size - 1 - i];
		bytes[size - 1 - i] = byte;
	}
}

void ccw_order_convert(const struct ccw_order *order, const struct ccw_layout *layout,
		       uint8_t *bytes, size_t begin, size_t end)
{
	bool little = atomic_load(&order->little);

	for (unsigned int i = 0; i < layout->nr_fields; i++) {
		const struct ccw_field *field = &layout->fields[i];

		if (is_swapped(little, field) && field->at >= begin &&
		    field->at + field->size <= end)
			reverse(bytes + (field->at - begin), field->size);
	}
}

void ccw_order_learn(struct ccw_order *order, const struct ccw_layout *layout, const uint8_t *bytes,
		     size_t begin, size_t end)
{
	/* Start, halt, clear are in the upper byte of the SCSW's second halfword. */
	const uint8_t functions = 0x70;
	size_t at = layout->scsw + 2;
	bool big, little;

	if (order->fixed || !layout->scsw || begin > at || end < at + 2)
		return;
	big = bytes[at - begin] & functions;
	little = bytes[at + 1 - begin] & functions;
	if (big != little)
		atomic_store(&order->little, little);
}
