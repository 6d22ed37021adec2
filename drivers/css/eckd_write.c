// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Updating records of an ECKD disk: their keys and data, which keep their lengths.
 */
#include <string.h>
#include "eckd.h"

uint8_t eckd_may_write(struct eckd *eckd, uint8_t needs)
{
	uint8_t mask = eckd->program.mask & ECKD_MASK_WRITE;
	bool may;

	if (eckd_disk_read_only(eckd->disk))
		return eckd_write_inhibited(eckd);
	switch (needs) {
	case ECKD_MASK_UPDATES:
		may = mask != ECKD_MASK_NO_WRITES;
		break;
	case ECKD_MASK_NO_HA_R0:
		may = mask == ECKD_MASK_NO_HA_R0 || mask == ECKD_MASK_ALL_WRITES;
		break;
	default:
		may = mask == ECKD_MASK_ALL_WRITES;
		break;
	}
	return may ? 0 : eckd_reject(eckd, ECKD_MSG_SEQUENCE);
}

/* Have @len bytes of a record, from @from on, be what the program brings, then 0. */
static uint8_t take(struct eckd *eckd, struct ccw_command *cmd, const struct eckd_track *track,
		    unsigned int nr, size_t from, size_t len)
{
	uint8_t *data = eckd_disk_data(eckd->disk);
	ssize_t brought = ccw_command_load(cmd, data, len);
	int err;

	if (brought < 0)
		return ECKD_DONE;
	memset(data + brought, 0, len - (size_t)brought);
	err = eckd_record_write(eckd->disk, track, nr, from, 0, len);
	return err ? eckd_error(eckd, err) : 0;
}

/* The record that was found, or in a domain the next one if more than @at went by. */
static uint8_t record_to_update(struct eckd *eckd, const struct ccw_command *cmd, enum eckd_at at,
				struct eckd_track **track)
{
	const struct eckd_program *p = &eckd->program;
	uint8_t status = eckd_may_write(eckd, ECKD_MASK_UPDATES);

	if (status)
		return status;
	if (p->at >= ECKD_AT_COUNT && p->at <= at && (p->domain || p->found))
		return eckd_track(eckd, track);
	if (!p->domain)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	return eckd_next_record(eckd, cmd->code, false, track);
}

static uint8_t write_data(struct eckd *eckd, struct ccw_command *cmd, bool with_key)
{
	struct eckd_program *p = &eckd->program;
	enum eckd_at at = with_key ? ECKD_AT_COUNT : ECKD_AT_KEY;
	struct eckd_track *track;
	uint8_t status = record_to_update(eckd, cmd, at, &track);
	const uint8_t *count;
	unsigned int key_len;

	if (status)
		return status;
	count = track->counts[p->record];
	key_len = eckd_key_len(count);
	status = take(eckd, cmd, track, p->record, with_key ? 0 : key_len,
		      eckd_data_len(count) + (with_key ? key_len : 0));
	if (status)
		return status;
	p->at = ECKD_AT_DATA;
	p->passes = 0;
	eckd->writes++;
	eckd_domain_count(eckd);
	return eckd_transferred(count);
}

/* The data of the records from the one that was located, then those of each next track. */
static uint8_t write_track_data(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	struct eckd_track *track;
	uint8_t status = 0;
	unsigned int nr;

	if (!p->domain)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (p->begun)
		status = eckd_next_track(eckd);
	if (!status)
		status = eckd_track(eckd, &track);
	if (status)
		return status;
	nr = p->at >= ECKD_AT_COUNT ? p->record : 1;
	if (nr >= track->nr)
		return eckd_condition(eckd, ECKD_NO_RECORD);
	for (; nr < track->nr && cmd->done < cmd->count; nr++) {
		if (eckd_data_len(track->counts[nr]) != p->length)
			return eckd_condition(eckd, ECKD_INVALID_FORMAT);
		status = take(eckd, cmd, track, nr, eckd_key_len(track->counts[nr]), p->length);
		if (status)
			return status;
		p->record = nr;
		p->at = ECKD_AT_DATA;
	}
	p->passes = 0;
	eckd->writes++;
	eckd_domain_count(eckd);
	return ECKD_DONE;
}

bool eckd_write_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status)
{
	if (cmd->code == ECKD_WRITE_TRACK_DATA) {
		*status = write_track_data(eckd, cmd);
		return true;
	}
	switch (cmd->code & (uint8_t)~ECKD_MT) {
	case ECKD_WRITE_DATA:
	case ECKD_WRITE_KD:
		*status = write_data(eckd, cmd, (cmd->code & 0x0f) == ECKD_WRITE_KD);
		return true;
	default:
		return false;
	}
}
