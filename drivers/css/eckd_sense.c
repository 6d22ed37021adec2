// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An ECKD disk's sense: 32 bytes, of the kind that is called 24-byte compatible. What its bits and
 * messages are decides what a system does: retry, another path, or tell who wanted it.
 */
#include <errno.h>
#include "eckd.h"

/* Byte 1, besides ECKD_* conditions. */
#define PERMANENT	0x80
#define WRITE_INHIBITED 0x02

/* Byte 27. */
#define COMPATIBLE_24  0x80
#define TRACK_VALID    0x20
#define TRACK_EXTENDED 0x10

/* Byte 7: format and message. */
#define DEVICE_EQUIPMENT_CHECK 0x10
#define COUNT_AREA_ERROR       0x41

static uint8_t end_with(struct eckd *eckd, uint8_t byte0, uint8_t byte1, uint8_t message)
{
	uint32_t cyl = eckd->track / ECKD_HEADS;
	uint8_t head = (uint8_t)(eckd->track % ECKD_HEADS);
	uint8_t sense[SENSE_SIZE] = { byte0, byte1 };

	/* With bit 3 of byte 27 the address is one of 28 bits. */
	sense[5] = (uint8_t)cyl;
	sense[6] = (uint8_t)((cyl >> 4 & 0xf0) | head);
	sense[7] = message;
	sense[27] = COMPATIBLE_24 | TRACK_VALID;
	if (cyl <= UINT16_MAX) {
		cio_put16(sense + 29, (uint16_t)cyl);
		sense[31] = head;
	} else {
		sense[27] |= TRACK_EXTENDED;
		cio_put16(sense + 28, (uint16_t)cyl);
		sense[30] = (uint8_t)(cyl >> 20);
		sense[31] = (uint8_t)((cyl >> 12 & 0xf0) | head);
	}
	return cu_device_sense(&eckd->cu, sense, sizeof(sense));
}

uint8_t eckd_reject(struct eckd *eckd, uint8_t message)
{
	return end_with(eckd, SENSE_COMMAND_REJECT, 0, message);
}

uint8_t eckd_condition(struct eckd *eckd, uint8_t condition)
{
	return end_with(eckd, 0, condition, 0);
}

uint8_t eckd_write_inhibited(struct eckd *eckd)
{
	return end_with(eckd, SENSE_COMMAND_REJECT, WRITE_INHIBITED, 0);
}

uint8_t eckd_error(struct eckd *eckd, int err)
{
	switch (err) {
	case -EBADMSG:
		return end_with(eckd, SENSE_DATA_CHECK, PERMANENT, COUNT_AREA_ERROR);
	case -EROFS:
		return eckd_write_inhibited(eckd);
	default:
		return end_with(eckd, SENSE_EQUIPMENT_CHECK, PERMANENT, DEVICE_EQUIPMENT_CHECK);
	}
}
