// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What an ECKD disk and its storage control tell of themselves, path groups, and reservation.
 */
#include <string.h>
#include "eckd.h"

#define RDC_SIZE	64
#define RCD_SIZE	256
#define RECORD_SIZE	32 /* of configuration data */
#define RESERVE_SIZE	32
#define PATH_GROUP_SIZE (1 + ECKD_GROUP_SIZE)
#define LONG_CYLINDERS	0xfffe /* of Read Device Characteristics: the number is in its last word */

/* Set Path Group ID, byte 0. */
#define SPID_MULTIPATH 0x80
#define SPID_FUNCTION  0x60
#define SPID_ESTABLISH 0x00
#define SPID_DISBAND   0x20
#define SPID_RESIGN    0x40

/* Sense Path Group ID, byte 0. */
#define SNID_UNGROUPED 0x80
#define SNID_GROUPED   0xc0
#define SNID_RESERVED  0x30 /* to this group */
#define SNID_MULTIPATH 0x08

/* Perform Subsystem Function: orders, and what is prepared for Read Subsystem Data. */
#define PSF_PREPARE	    0x18
#define PSF_PREPARE_SIZE    12
#define PSF_CHARACTERISTICS 0x1d
#define PSF_MAX		    256
#define RSSD_STATISTICS	    0x01
#define RSSD_MESSAGE	    0x03
#define RSSD_UNITS	    0x0e
#define RSSD_FEATURES	    0x41
#define RSSD_VOLUME	    0x52
#define RSSD_CONFIGURATION  0x53

#define RSSD_STATISTICS_SIZE	192
#define RSSD_MESSAGE_SIZE	9
#define RSSD_UNITS_SIZE		512
#define RSSD_FEATURES_SIZE	256
#define RSSD_VOLUME_SIZE	28
#define RSSD_CONFIGURATION_SIZE 32

#define UNIT_BASE 1 /* of a unit address: a device, no alias of one */

/* ---- EBCDIC ---- */

static void put_text(uint8_t *b, const char *text)
{
	for (; *text; text++)
		*b++ = (uint8_t)(*text >= '0' && *text <= '9' ? 0xf0 + (*text - '0')
				 : *text >= 'S'		      ? 0xe2 + (*text - 'S')
				 : *text >= 'J'		      ? 0xd1 + (*text - 'J')
							      : 0xc1 + (*text - 'A'));
}

/* ---- the device ---- */

/*
 * Read Device Characteristics. Facilities: multiple burst, Read Tracks and Read in Locate Record.
 * The track's capacity is the formula's: its method and its factors.
 */
static uint8_t read_characteristics(struct eckd *eckd, struct ccw_command *cmd)
{
	static const uint8_t capacity[] = { 224,  0x00, 0xe5, 0xa2, 0x05, 0x94,
					    0x02, 34,	19,   9,    6,	  116 };
	uint32_t cyls = eckd_disk_cyls(eckd->disk);
	uint8_t b[RDC_SIZE] = { 0 };

	memcpy(b, eckd->cu.id + 1, 6);
	b[6] = 0xd0;
	b[10] = 0x20;
	b[11] = 0x26;
	cio_put16(b + 12, (uint16_t)(cyls < LONG_CYLINDERS ? cyls : LONG_CYLINDERS));
	cio_put16(b + 14, ECKD_HEADS);
	memcpy(b + 16, capacity, sizeof(capacity));
	b[40] = b[41] = 0x24;
	b[42] = b[43] = 0x02;
	cio_put16(b + 44, ECKD_R0_MAX);
	cio_put32(b + 60, cyls);
	ccw_command_store(cmd, b, sizeof(b));
	return ECKD_DONE;
}

/*
 * Read Configuration Data: node elements for device and storage control, a specific node element
 * qualifier (the unit is a base device), and the general one, last.
 */
static uint8_t read_configuration(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t b[RCD_SIZE] = { 0 };
	uint8_t *device = b;
	uint8_t *control = b + RECORD_SIZE;
	uint8_t *specific = b + 2 * RECORD_SIZE;
	uint8_t *general = b + RCD_SIZE - RECORD_SIZE;

	memcpy(device, ((const uint8_t[]) { 0xcc, 0x01, 0x01, 0x00 }), 4);
	put_text(device + 4, "003390");
	put_text(device + 10, "A00");
	put_text(device + 13, "UMD");
	put_text(device + 16, "00");
	memcpy(device + 18, eckd_disk_serial(eckd->disk), ECKD_SERIAL_SIZE);
	memcpy(control, device, RECORD_SIZE);
	control[1] = 0x02;
	control[2] = 0x00;
	put_text(control + 4, "003990");
	put_text(control + 10, "E00");
	specific[0] = 0x40;
	cio_put16(specific + 2, 1);
	specific[8] = UNIT_BASE;
	general[0] = 0x80;
	general[6] = 2 << 6 | 3; /* a request may take 3 * 10^2 seconds */
	ccw_command_store(cmd, b, sizeof(b));
	return ECKD_DONE;
}

/* ---- the storage control ---- */

static uint8_t perform_function(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t b[PSF_MAX] = { 0 };
	ssize_t len;

	if (cmd->count < 2)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	len = ccw_command_load(cmd, b, cmd->count < sizeof(b) ? cmd->count : sizeof(b));
	if (len < 0)
		return ECKD_DONE;
	if (eckd->program.commands > 1)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	switch (b[0]) {
	case PSF_CHARACTERISTICS:
		/* What of the host's it could adapt to, it does not have: aliases, and the like. */
		return ECKD_DONE;
	case PSF_PREPARE:
		break;
	default:
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	}
	if (len < PSF_PREPARE_SIZE)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	switch (b[6]) {
	case RSSD_STATISTICS:
	case RSSD_MESSAGE:
	case RSSD_UNITS:
	case RSSD_FEATURES:
	case RSSD_VOLUME:
	case RSSD_CONFIGURATION:
		eckd->program.suborder = b[6];
		return ECKD_DONE;
	default:
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	}
}

static size_t statistics(const struct eckd *eckd, uint8_t *b)
{
	cio_put32(b + 4, eckd->reads);
	cio_put32(b + 12, eckd->writes);
	return RSSD_STATISTICS_SIZE;
}

static size_t units(uint8_t *b)
{
	b[0] = UNIT_BASE;
	return RSSD_UNITS_SIZE;
}

/* Prefix; Read Track Data and Write Track Data outside of transport mode. */
static size_t features(uint8_t *b)
{
	b[8] = 0x01;
	b[9] = 0x20;
	b[12] = 0x40;
	return RSSD_FEATURES_SIZE;
}

/* A volume that has all of its space: in cylinders. */
static size_t volume(const struct eckd *eckd, uint8_t *b)
{
	cio_put32(b + 16, eckd_disk_cyls(eckd->disk));
	cio_put32(b + 24, eckd_disk_cyls(eckd->disk));
	return RSSD_VOLUME_SIZE;
}

/* No extent pools. */
static size_t configuration(const struct eckd *eckd, uint8_t *b)
{
	cio_put16(b, RSSD_CONFIGURATION_SIZE);
	put_text(b + 6, "003990");
	put_text(b + 12, "E00");
	memcpy(b + 15, eckd_disk_serial(eckd->disk), 10);
	return RSSD_CONFIGURATION_SIZE;
}

static uint8_t read_subsystem_data(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t b[RSSD_UNITS_SIZE] = { 0 };
	size_t len;

	switch (eckd->program.suborder) {
	case RSSD_STATISTICS:
		len = statistics(eckd, b);
		break;
	case RSSD_MESSAGE:
		cio_put16(b, RSSD_MESSAGE_SIZE);
		len = RSSD_MESSAGE_SIZE;
		break;
	case RSSD_UNITS:
		len = units(b);
		break;
	case RSSD_FEATURES:
		len = features(b);
		break;
	case RSSD_VOLUME:
		len = volume(eckd, b);
		break;
	case RSSD_CONFIGURATION:
		len = configuration(eckd, b);
		break;
	default:
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	}
	eckd->program.suborder = -1;
	ccw_command_store(cmd, b, len);
	return ECKD_DONE;
}

/* ---- path groups ---- */

static uint8_t sense_path_group(struct eckd *eckd, struct ccw_command *cmd)
{
	const struct eckd_path *path = &eckd->paths[eckd->path];
	uint8_t b[PATH_GROUP_SIZE] = { 0 };

	if (path->grouped)
		b[0] = SNID_GROUPED | (path->multipath ? SNID_MULTIPATH : 0);
	else if (path->known)
		b[0] = SNID_UNGROUPED;
	if (eckd->reserved)
		b[0] |= SNID_RESERVED;
	memcpy(b + 1, path->group, ECKD_GROUP_SIZE);
	ccw_command_store(cmd, b, sizeof(b));
	return ECKD_DONE;
}

static void disband(struct eckd *eckd, const uint8_t *group)
{
	unsigned int i;

	for (i = 0; i < ECKD_PATHS; i++)
		if (eckd->paths[i].grouped &&
		    memcmp(eckd->paths[i].group, group, ECKD_GROUP_SIZE) == 0)
			eckd->paths[i].grouped = false;
}

/* An ID stays a path's until a reset: whoever comes with another one is not whose path it is. */
static uint8_t set_path_group(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_path *path = &eckd->paths[eckd->path];
	uint8_t b[PATH_GROUP_SIZE];

	if (cmd->count < sizeof(b))
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (ccw_command_load(cmd, b, sizeof(b)) < 0)
		return ECKD_DONE;
	if (eckd->program.commands > 1)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (b[0] & (uint8_t) ~(SPID_MULTIPATH | SPID_FUNCTION) ||
	    (b[0] & SPID_FUNCTION) == SPID_FUNCTION ||
	    (path->known && memcmp(path->group, b + 1, ECKD_GROUP_SIZE) != 0))
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	path->known = true;
	memcpy(path->group, b + 1, ECKD_GROUP_SIZE);
	switch (b[0] & SPID_FUNCTION) {
	case SPID_ESTABLISH:
		path->grouped = true;
		path->multipath = b[0] & SPID_MULTIPATH;
		break;
	case SPID_RESIGN:
		path->grouped = false;
		break;
	default:
		disband(eckd, b + 1);
		break;
	}
	return ECKD_DONE;
}

/* They give what Sense would. There is nobody else whom the device could be reserved to. */
static uint8_t reserve(struct eckd *eckd, struct ccw_command *cmd, bool reserved)
{
	static const uint8_t nothing[RESERVE_SIZE];

	eckd->reserved = reserved;
	ccw_command_store(cmd, nothing, sizeof(nothing));
	return ECKD_DONE;
}

bool eckd_config_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status)
{
	switch (cmd->code) {
	case ECKD_RDC:
		*status = read_characteristics(eckd, cmd);
		return true;
	case ECKD_RCD:
		*status = read_configuration(eckd, cmd);
		return true;
	case ECKD_PSF:
		*status = perform_function(eckd, cmd);
		return true;
	case ECKD_RSSD:
		*status = read_subsystem_data(eckd, cmd);
		return true;
	case ECKD_SENSE_PATH_GROUP:
		*status = sense_path_group(eckd, cmd);
		return true;
	case ECKD_SET_PATH_GROUP:
		*status = set_path_group(eckd, cmd);
		return true;
	case ECKD_RESERVE:
	case ECKD_RESERVE_ANYWAY:
		*status = reserve(eckd, cmd, true);
		return true;
	case ECKD_RELEASE:
		*status = reserve(eckd, cmd, false);
		return true;
	default:
		return false;
	}
}
