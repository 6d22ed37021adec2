// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Finding a place on an ECKD disk: seeks and searches, and the way from a record to the next one.
 */
#include <string.h>
#include "eckd.h"

#define SECTORS	  224
#define NO_SECTOR 0xff

/* ---- tracks ---- */

/* The status of an error is not 0: so that whoever reads this file alone knows. */
static uint8_t failed(uint8_t status)
{
	return status | DEV_STAT_UNIT_CHECK;
}

static uint32_t tracks(const struct eckd *eckd)
{
	return eckd_disk_cyls(eckd->disk) * ECKD_HEADS;
}

uint8_t eckd_track(struct eckd *eckd, struct eckd_track **track)
{
	struct eckd_program *p = &eckd->program;
	int err;

	if (p->extent && (eckd->track < p->first || eckd->track > p->last))
		return failed(eckd_condition(eckd, ECKD_FILE_PROTECTED));
	err = eckd_track_get(eckd->disk, eckd->track, track);
	return err ? failed(eckd_error(eckd, err)) : 0;
}

void eckd_to_index(struct eckd *eckd)
{
	struct eckd_program *p = &eckd->program;

	p->at = ECKD_AT_INDEX;
	p->record = 0;
	p->found = false;
	p->ha_found = false;
	p->wrote = false;
}

static void go_to(struct eckd *eckd, uint32_t track)
{
	eckd->track = track;
	eckd->program.passes = 0;
	eckd_to_index(eckd);
}

/*
 * Locate Record's domain goes on over the end of a cylinder, other programs don't, and may be
 * forbidden to change heads at all.
 */
uint8_t eckd_next_track(struct eckd *eckd)
{
	struct eckd_program *p = &eckd->program;
	uint32_t last = p->extent ? p->last : tracks(eckd) - 1;

	if (!p->domain) {
		if (eckd->track % ECKD_HEADS == ECKD_HEADS - 1)
			return failed(eckd_condition(eckd, ECKD_END_OF_CYLINDER));
		if ((p->mask & ECKD_MASK_SEEK) == ECKD_MASK_SEEK_NONE && !p->extent)
			return failed(eckd_condition(eckd, ECKD_FILE_PROTECTED));
	}
	if (eckd->track >= last)
		return failed(eckd_condition(eckd, ECKD_FILE_PROTECTED));
	go_to(eckd, eckd->track + 1);
	return 0;
}

/* ---- records ---- */

uint8_t eckd_next_record(struct eckd *eckd, uint8_t code, bool r0, struct eckd_track **track)
{
	struct eckd_program *p = &eckd->program;
	unsigned int next;
	uint8_t status;

	for (;;) {
		status = eckd_track(eckd, track);
		if (status)
			return status;
		next = p->at < ECKD_AT_COUNT ? 0 : p->record + 1;
		if (next == 0 && !r0)
			next = 1;
		if (next < (*track)->nr) {
			p->at = ECKD_AT_COUNT;
			p->record = next;
			p->found = false;
			p->ha_found = false;
			p->wrote = false;
			return 0;
		}
		if (code & ECKD_MT) {
			status = eckd_next_track(eckd);
			if (status)
				return status;
		} else {
			eckd_to_index(eckd);
			if (++p->passes >= 2)
				return failed(eckd_condition(eckd, ECKD_NO_RECORD));
		}
	}
}

uint8_t eckd_find(struct eckd *eckd, const uint8_t *id)
{
	struct eckd_program *p = &eckd->program;
	struct eckd_track *track;
	uint8_t status = eckd_track(eckd, &track);
	unsigned int i;

	if (status)
		return status;
	for (i = 0; i < track->nr; i++) {
		if (memcmp(track->counts[i], id, 5) != 0)
			continue;
		p->at = ECKD_AT_COUNT;
		p->record = i;
		p->found = true;
		return 0;
	}
	return eckd_condition(eckd, ECKD_NO_RECORD);
}

/* ---- seeks ---- */

static bool seek_allowed(const struct eckd_program *p, uint8_t code)
{
	switch (p->mask & ECKD_MASK_SEEK) {
	case ECKD_MASK_SEEK_ALL:
		return true;
	case ECKD_MASK_SEEK_CYL_HD:
		return code != ECKD_RECALIBRATE && code != ECKD_SEEK;
	case ECKD_MASK_SEEK_HEAD:
		return code == ECKD_SEEK_HEAD;
	default:
		return false;
	}
}

static uint8_t seek(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	uint8_t address[6];
	uint32_t track;

	if (cmd->count < sizeof(address))
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (ccw_command_load(cmd, address, sizeof(address)) < 0)
		return ECKD_DONE;
	if (cio_get16(address) || !eckd_parse_track(address + 2, &track))
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	if (cmd->code == ECKD_SEEK_HEAD)
		track = eckd->track / ECKD_HEADS * ECKD_HEADS + track % ECKD_HEADS;
	if (track >= tracks(eckd))
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	/* With an extent any seek within is allowed. */
	if (p->extent ? track < p->first || track > p->last : !seek_allowed(p, cmd->code))
		return eckd_condition(eckd, ECKD_FILE_PROTECTED);
	go_to(eckd, track);
	return ECKD_DONE;
}

static uint8_t recalibrate(struct eckd *eckd)
{
	struct eckd_program *p = &eckd->program;

	if (p->extent ? p->first > 0 : !seek_allowed(p, ECKD_RECALIBRATE))
		return eckd_condition(eckd, ECKD_FILE_PROTECTED);
	go_to(eckd, 0);
	return ECKD_DONE;
}

static uint8_t set_sector(struct eckd *eckd, struct ccw_command *cmd)
{
	uint8_t sector;

	if (cmd->count < 1)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (ccw_command_load(cmd, &sector, 1) < 0)
		return ECKD_DONE;
	if (sector >= SECTORS && sector != NO_SECTOR)
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	/* Where on the track that is, only time would tell. */
	return ECKD_DONE;
}

static uint8_t read_sector(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	struct eckd_track *track;
	unsigned int cells = 0;
	uint8_t sector;
	uint8_t status = eckd_track(eckd, &track);
	unsigned int i;

	if (status)
		return status;
	for (i = 1; i < p->record && i < track->nr; i++)
		cells += eckd_record_cost(eckd_key_len(track->counts[i]),
					  eckd_data_len(track->counts[i]));
	sector = (uint8_t)(p->record ? (49 + cells) / 8 % SECTORS : 0);
	ccw_command_store(cmd, &sector, 1);
	return ECKD_DONE;
}

/* ---- searches ---- */

/* Is what is on the disk what the search asks for: equal, higher, or either? */
static bool satisfies(uint8_t code, int order)
{
	switch (code & 0x60) {
	case 0x20:
		return order == 0;
	case 0x40:
		return order > 0;
	default:
		return order >= 0;
	}
}

static uint8_t search_id(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	struct eckd_track *track;
	uint8_t id[5];
	uint8_t status;
	ssize_t len;

	if (!cmd->count)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	len = ccw_command_load(cmd, id, sizeof(id));
	if (len < 0)
		return ECKD_DONE;
	status = eckd_next_record(eckd, cmd->code, true, &track);
	if (status)
		return status;
	if (!satisfies(cmd->code, memcmp(track->counts[p->record], id, (size_t)len)))
		return ECKD_DONE;
	p->found = (cmd->code & 0x7f) == ECKD_SEARCH_ID_EQ && len == sizeof(id);
	return ECKD_DONE | DEV_STAT_STAT_MOD;
}

static uint8_t search_key(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	uint8_t *data = eckd_disk_data(eckd->disk);
	struct eckd_track *track;
	uint8_t wanted[256];
	unsigned int key_len;
	uint8_t status;
	ssize_t len;
	int err;

	/* Behind a search for an ID: that record's, else the next one's. */
	status = p->at == ECKD_AT_COUNT ? eckd_track(eckd, &track)
					: eckd_next_record(eckd, cmd->code, false, &track);
	if (status)
		return status;
	p->at = ECKD_AT_KEY;
	key_len = eckd_key_len(track->counts[p->record]);
	/* A record without a key has not what is searched for, of any length. */
	len = ccw_command_load(cmd, wanted,
			       key_len || cmd->count > sizeof(wanted) ? key_len : cmd->count);
	if (len < 0 || !key_len)
		return ECKD_DONE;
	err = eckd_record_read(eckd->disk, track, p->record, 0, 0, key_len);
	if (err)
		return eckd_error(eckd, err);
	if (!satisfies(cmd->code, memcmp(data, wanted, (size_t)len)))
		return ECKD_DONE;
	p->found = (cmd->code & 0x7f) == ECKD_SEARCH_KEY_EQ && (unsigned int)len == key_len;
	return ECKD_DONE | DEV_STAT_STAT_MOD;
}

static uint8_t search_ha(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	struct eckd_track *track;
	uint8_t wanted[4];
	uint8_t status = 0;
	ssize_t len;

	if (!cmd->count)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	len = ccw_command_load(cmd, wanted, sizeof(wanted));
	if (len < 0)
		return ECKD_DONE;
	/* Another one behind the first: once around, or to the next track. */
	if (p->at != ECKD_AT_INDEX) {
		if (cmd->code & ECKD_MT)
			status = eckd_next_track(eckd);
		else if (++p->passes >= 2)
			status = failed(eckd_condition(eckd, ECKD_NO_RECORD));
	}
	if (!status)
		status = eckd_track(eckd, &track);
	if (status)
		return status;
	eckd_to_index(eckd);
	p->at = ECKD_AT_HA;
	if (memcmp(track->ha + 1, wanted, (size_t)len) != 0)
		return ECKD_DONE;
	p->ha_found = len == sizeof(wanted);
	return ECKD_DONE | DEV_STAT_STAT_MOD;
}

bool eckd_search_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status)
{
	switch (cmd->code) {
	case ECKD_SEEK:
	case ECKD_SEEK_CYLINDER:
	case ECKD_SEEK_HEAD:
		*status = seek(eckd, cmd);
		return true;
	case ECKD_RECALIBRATE:
		*status = recalibrate(eckd);
		return true;
	case ECKD_SET_SECTOR:
		*status = set_sector(eckd, cmd);
		return true;
	case ECKD_READ_SECTOR:
		*status = read_sector(eckd, cmd);
		return true;
	default:
		break;
	}
	switch (cmd->code & (uint8_t)~ECKD_MT) {
	case ECKD_SEARCH_ID_EQ:
	case ECKD_SEARCH_ID_HI:
	case ECKD_SEARCH_ID_EQ_HI:
		*status = search_id(eckd, cmd);
		return true;
	case ECKD_SEARCH_KEY_EQ:
	case ECKD_SEARCH_KEY_HI:
	case ECKD_SEARCH_KEY_EQ_HI:
		*status = search_key(eckd, cmd);
		return true;
	case ECKD_SEARCH_HA_EQ:
		*status = search_ha(eckd, cmd);
		return true;
	default:
		return false;
	}
}
