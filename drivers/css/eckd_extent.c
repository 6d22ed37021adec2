// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a program may do with an ECKD disk, and where it begins: Define Extent, Locate Record,
 * Prefix, which is both in one, and Set File Mask.
 */
#include <string.h>
#include "eckd.h"

#define EXTENT_SIZE	    16
#define EXTENT_MAX	    32 /* with the extended parameters */
#define LOCATE_SIZE	    16
#define LOCATE_EXTENDED_MIN 20
#define LOCATE_EXTENDED_MAX 64
#define PREFIX_HEAD	    12

/* Byte 1 of Define Extent: the mode, which is extended CKD. */
#define MODE	  0xc0
#define MODE_ECKD 0xc0

/* Byte 0 of Prefix, and what of it is valid. */
#define PREFIX_EXTENT	     0
#define PREFIX_LOCATE	     1
#define PREFIX_DEFINE_EXTENT 0x80
#define PREFIX_VERIFY_BASE   0x20
#define PREFIX_HYPER_PAV     0x10

/* Byte 0 of Locate Record: orientation, operation. */
#define ORIENTATION	  0xc0
#define ORIENTATION_COUNT 0x00
#define ORIENTATION_HA	  0x40
#define ORIENTATION_DATA  0x80
#define OPERATION	  0x3f

/* Byte 1 of Locate Record Extended: a CCW, or count, in the parameters; of transport mode. */
#define IMBEDDED 0x24

#define SECTORS	  224
#define NO_SECTOR 0xff

static uint32_t tracks(const struct eckd *eckd)
{
	return eckd_disk_cyls(eckd->disk) * ECKD_HEADS;
}

/* ---- extents and file masks ---- */

static uint8_t set_file_mask(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	uint8_t mask;

	if (cmd->count < 1)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (ccw_command_load(cmd, &mask, 1) < 0)
		return ECKD_DONE;
	if (p->mask_set)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (mask & ECKD_MASK_RESERVED)
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	p->mask = mask;
	p->mask_set = true;
	return ECKD_DONE;
}

static uint8_t set_extent(struct eckd *eckd, const uint8_t *b)
{
	struct eckd_program *p = &eckd->program;
	uint32_t first;
	uint32_t last;

	if (p->mask_set)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (b[0] & ECKD_MASK_RESERVED || (b[1] & MODE) != MODE_ECKD ||
	    cio_get16(b + 2) > ECKD_DATA_MAX || !eckd_parse_track(b + 8, &first) ||
	    !eckd_parse_track(b + 12, &last) || first > last || last >= tracks(eckd))
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	p->mask = b[0];
	p->mask_set = true;
	p->extent = true;
	p->first = first;
	p->last = last;
	return 0;
}

static uint8_t define_extent(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t b[EXTENT_MAX];
	uint8_t status;

	if (cmd->count < EXTENT_SIZE)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (ccw_command_load(cmd, b, cmd->count < sizeof(b) ? cmd->count : sizeof(b)) < 0)
		return ECKD_DONE;
	status = set_extent(eckd, b);
	return status ? status : ECKD_DONE;
}

/* ---- where it begins ---- */

static bool known_operation(uint8_t op, uint8_t ext_op)
{
	switch (op) {
	case ECKD_OP_ORIENT:
	case ECKD_OP_WRITE_DATA:
	case ECKD_OP_FORMAT:
	case ECKD_OP_READ_DATA:
	case ECKD_OP_WRITE_TRACK:
	case ECKD_OP_READ_TRACKS:
	case ECKD_OP_READ:
		return true;
	case ECKD_OP_EXTENDED:
		return ext_op == ECKD_EXT_FULL_TRACK || ext_op == ECKD_EXT_TRACK_DATA;
	default:
		return false;
	}
}

/* What the domain will do, as far as its file mask forbids it. */
static uint8_t check_mask(struct eckd *eckd, uint8_t op, uint8_t ext_op)
{
	switch (op) {
	case ECKD_OP_WRITE_DATA:
		return eckd_may_write(eckd, ECKD_MASK_UPDATES);
	case ECKD_OP_FORMAT:
	case ECKD_OP_WRITE_TRACK:
		return eckd_may_write(eckd, ECKD_MASK_NO_HA_R0);
	case ECKD_OP_EXTENDED:
		return eckd_may_write(eckd, ext_op == ECKD_EXT_FULL_TRACK ? ECKD_MASK_NO_HA_R0
									  : ECKD_MASK_UPDATES);
	default:
		return 0;
	}
}

/* Write Full Track says which tracks by bits: the first is the one that is sought. */
static bool full_tracks(struct eckd_program *p, const uint8_t *b, size_t len)
{
	if (cio_get16(b + 18) < 2 || len < LOCATE_EXTENDED_MIN + 2)
		return false;
	p->tracks = cio_get16(b + 20);
	return p->count <= 16 && p->tracks & 0x8000 &&
	       (unsigned int)__builtin_popcount(p->tracks) == p->count;
}

static uint8_t orient(struct eckd *eckd, uint8_t orientation, const uint8_t *search)
{
	struct eckd_program *p = &eckd->program;
	struct eckd_track *track;
	uint8_t status;

	p->passes = 0;
	eckd_to_index(eckd);
	switch (orientation) {
	case ORIENTATION_COUNT:
	case ORIENTATION_DATA:
		return eckd_find(eckd, search);
	case ORIENTATION_HA:
		status = eckd_track(eckd, &track);
		if (status)
			return status;
		if (memcmp(track->ha + 1, search, 4) != 0)
			return eckd_condition(eckd, ECKD_NO_RECORD);
		p->at = ECKD_AT_HA;
		p->ha_found = true;
		return 0;
	default:
		return eckd_track(eckd, &track);
	}
}

/* @ext_op and what is behind: 0 without. */
static uint8_t locate(struct eckd *eckd, const uint8_t *b, uint8_t ext_op, size_t len)
{
	struct eckd_program *p = &eckd->program;
	uint8_t op = b[0] & OPERATION;
	uint8_t status;
	uint32_t track;

	if (!p->extent || p->domain)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (!known_operation(op, ext_op) || !!b[3] == (op == ECKD_OP_ORIENT) || b[2] ||
	    !eckd_parse_track(b + 4, &track) || track >= tracks(eckd) ||
	    (b[13] >= SECTORS && b[13] != NO_SECTOR))
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	if (track < p->first || track > p->last)
		return eckd_condition(eckd, ECKD_FILE_PROTECTED);
	status = check_mask(eckd, op, ext_op);
	if (status)
		return status;
	p->op = op;
	p->ext_op = ext_op;
	p->count = b[3];
	p->length = cio_get16(b + 14);
	p->begun = false;
	if (ext_op == ECKD_EXT_FULL_TRACK && !full_tracks(p, b, len))
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	if (ext_op == ECKD_EXT_TRACK_DATA && !p->length)
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	eckd->track = track;
	/* Of whole tracks it is theirs that counts. */
	if (ext_op == ECKD_EXT_FULL_TRACK) {
		p->domain = true;
		return orient(eckd, ORIENTATION, b + 8);
	}
	status = orient(eckd, b[0] & ORIENTATION, b + 8);
	p->domain = !status && p->count;
	return status;
}

static uint8_t locate_record(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t b[LOCATE_SIZE];
	uint8_t status;

	if (cmd->count < sizeof(b))
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (ccw_command_load(cmd, b, sizeof(b)) < 0)
		return ECKD_DONE;
	if ((b[0] & OPERATION) == ECKD_OP_EXTENDED)
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	status = locate(eckd, b, 0, sizeof(b));
	return status ? status : ECKD_DONE;
}

static uint8_t locate_extended(struct eckd *eckd, const uint8_t *b, size_t len)
{
	uint8_t op = b[0] & OPERATION;

	if (len < LOCATE_EXTENDED_MIN)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (b[1] & IMBEDDED)
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	return locate(eckd, b, op == ECKD_OP_EXTENDED ? b[17] : 0, len);
}

static uint8_t locate_record_extended(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t b[LOCATE_EXTENDED_MAX] = { 0 };
	uint8_t status;
	ssize_t len;

	if (cmd->count < LOCATE_EXTENDED_MIN)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	len = ccw_command_load(cmd, b, cmd->count < sizeof(b) ? cmd->count : sizeof(b));
	if (len < 0)
		return ECKD_DONE;
	/* Byte 2, a CCW of transport mode, is not looked at. */
	b[2] = 0;
	status = locate_extended(eckd, b, (size_t)len);
	return status ? status : ECKD_DONE;
}

static uint8_t prefix(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t b[PREFIX_HEAD + EXTENT_MAX + LOCATE_EXTENDED_MAX] = { 0 };
	const uint8_t *lre = b + PREFIX_HEAD + EXTENT_MAX;
	size_t needed = PREFIX_HEAD;
	uint8_t status = 0;
	ssize_t len;

	if (cmd->count < needed)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	len = ccw_command_load(cmd, b, cmd->count < sizeof(b) ? cmd->count : sizeof(b));
	if (len < 0)
		return ECKD_DONE;
	if (eckd->program.commands > 1)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	/* There are no aliases, so whoever is asked is the base: unit 0 of logical subsystem 0. */
	if (b[0] > PREFIX_LOCATE || b[1] & PREFIX_HYPER_PAV ||
	    (b[1] & PREFIX_VERIFY_BASE && (b[2] || b[4])))
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	if (b[0] == PREFIX_LOCATE)
		needed = PREFIX_HEAD + EXTENT_MAX + LOCATE_EXTENDED_MIN;
	else if (b[1] & PREFIX_DEFINE_EXTENT)
		needed = PREFIX_HEAD + EXTENT_SIZE;
	if ((size_t)len < needed)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (b[1] & PREFIX_DEFINE_EXTENT)
		status = set_extent(eckd, b + PREFIX_HEAD);
	if (!status && b[0] == PREFIX_LOCATE) {
		b[PREFIX_HEAD + EXTENT_MAX + 2] = 0;
		status = locate_extended(eckd, lre, (size_t)len - PREFIX_HEAD - EXTENT_MAX);
	}
	return status ? status : ECKD_DONE;
}

bool eckd_extent_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status)
{
	switch (cmd->code) {
	case ECKD_SET_FILE_MASK:
		*status = set_file_mask(eckd, cmd);
		return true;
	case ECKD_DEFINE_EXTENT:
		*status = define_extent(eckd, cmd);
		return true;
	case ECKD_LOCATE:
		*status = locate_record(eckd, cmd);
		return true;
	case ECKD_LOCATE_EXTENDED:
		*status = locate_record_extended(eckd, cmd);
		return true;
	case ECKD_PREFIX:
		*status = prefix(eckd, cmd);
		return true;
	default:
		return false;
	}
}

/* ---- the domain ---- */

static bool is_one_of(uint8_t code, const uint8_t *codes)
{
	while (*codes && *codes != code)
		codes++;
	return *codes == code;
}

bool eckd_domain_allows(const struct eckd *eckd, uint8_t code)
{
	static const uint8_t write_data[] = { 0x05, 0x85, 0x0d, 0x8d, 0 };
	static const uint8_t format[] = { 0x11, 0x15, 0x19, 0x1d, 0x9d, 0 };
	static const uint8_t read[] = { 0x06, 0x86, 0x0e, 0x8e, 0x12, 0x92, 0x16, 0x96,
					0x1a, 0x9a, 0x1e, 0x9e, 0x22, 0x5e, 0 };
	static const uint8_t tracks_read[] = { 0x16, 0x1e, 0x9e, 0x5e, 0xa6, 0xde, 0 };
	static const uint8_t full_track[] = { 0x95, 0 };
	static const uint8_t track_data[] = { 0xa5, 0 };
	const struct eckd_program *p = &eckd->program;

	switch (p->op) {
	case ECKD_OP_WRITE_DATA:
		return is_one_of(code, write_data);
	case ECKD_OP_FORMAT:
	case ECKD_OP_WRITE_TRACK:
		return is_one_of(code, format);
	case ECKD_OP_READ_DATA:
	case ECKD_OP_READ:
		return is_one_of(code, read);
	case ECKD_OP_READ_TRACKS:
		return is_one_of(code, tracks_read);
	default:
		return is_one_of(code, p->ext_op == ECKD_EXT_FULL_TRACK ? full_track : track_data);
	}
}

void eckd_domain_count(struct eckd *eckd)
{
	struct eckd_program *p = &eckd->program;

	if (!p->domain)
		return;
	p->begun = true;
	if (--p->count == 0)
		p->domain = false;
}
