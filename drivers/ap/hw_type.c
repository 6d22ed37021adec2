/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "hw_machine.h"

#define CLEAR (AP_FAC_APSC | AP_FAC_MEX4K | AP_FAC_CRT4K | AP_FAC_ACCEL)
#define CCA   (AP_FAC_APSC | AP_FAC_CCA)
#define EP11  (AP_FAC_APSC | AP_FAC_EP11)
#define QD    (HW_DEPTH_MAX - 1)
#define ML    9 /* 36 KiB, where it is more than the usual 12 */

static const struct hw_type types[] = {
	{ "CEX3A", AP_DEVICE_TYPE_CEX3A, 0, QD, CLEAR },
	{ "CEX3C", AP_DEVICE_TYPE_CEX3C, 0, QD, CCA },
	{ "CEX4A", AP_DEVICE_TYPE_CEX4, 0, QD, CLEAR },
	{ "CEX4C", AP_DEVICE_TYPE_CEX4, 0, QD, CCA },
	{ "CEX4P", AP_DEVICE_TYPE_CEX4, 0, QD, EP11 },
	{ "CEX5A", AP_DEVICE_TYPE_CEX5, 0, QD, CLEAR },
	{ "CEX5C", AP_DEVICE_TYPE_CEX5, 0, QD, CCA },
	{ "CEX5P", AP_DEVICE_TYPE_CEX5, 0, QD, EP11 },
	{ "CEX6A", AP_DEVICE_TYPE_CEX6, 0, QD, CLEAR },
	{ "CEX6C", AP_DEVICE_TYPE_CEX6, 0, QD, CCA },
	{ "CEX6P", AP_DEVICE_TYPE_CEX6, 0, QD, EP11 },
	{ "CEX7A", AP_DEVICE_TYPE_CEX7, 0, QD, CLEAR },
	{ "CEX7C", AP_DEVICE_TYPE_CEX7, 0, QD, CCA },
	{ "CEX7P", AP_DEVICE_TYPE_CEX7, 0, QD, EP11 },
	{ "CEX8A", AP_DEVICE_TYPE_CEX8, 0, QD, CLEAR },
	{ "CEX8C", AP_DEVICE_TYPE_CEX8, ML, QD, CCA },
	{ "CEX8P", AP_DEVICE_TYPE_CEX8, ML, QD, EP11 },
};

const struct hw_type *hw_type_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == len && !strncasecmp(types[i].name, name, len))
			return &types[i];
	return NULL;
}

size_t hw_type_max_msg(const struct hw_type *type)
{
	return type->ml ? (size_t)type->ml * 4096 : 12288;
}
