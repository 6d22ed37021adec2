// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading from an ECKD disk: parts of records, records, whole tracks.
 */
#include <string.h>
#include "eckd.h"

/* What Read Track gives behind the last record. */
static const uint8_t end_of_track[ECKD_COUNT_SIZE] = { 0xff, 0xff, 0xff, 0xff,
						       0xff, 0xff, 0xff, 0xff };

static void has_read(struct eckd *eckd, enum eckd_at at)
{
	eckd->program.at = at;
	eckd->program.passes = 0;
	eckd->reads++;
	eckd_domain_count(eckd);
}

/* Store @len bytes of a record's key and data, from @from on, behind its count if it is wanted. */
static uint8_t give(struct eckd *eckd, struct ccw_command *cmd, const struct eckd_track *track,
		    unsigned int nr, size_t from, size_t len, bool count)
{
	uint8_t *data = eckd_disk_data(eckd->disk);
	size_t head = count ? ECKD_COUNT_SIZE : 0;
	int err;

	memcpy(data, track->counts[nr], head);
	err = eckd_record_read(eckd->disk, track, nr, from, head, len);
	if (err)
		return eckd_error(eckd, err);
	ccw_command_store(cmd, data, head + len);
	return 0;
}

/* The current record, or the next one if more of the current one than @at went by. */
static uint8_t record_from(struct eckd *eckd, const struct ccw_command *cmd, enum eckd_at at,
			   struct eckd_track **track)
{
	const struct eckd_program *p = &eckd->program;

	if (p->at >= ECKD_AT_COUNT && p->at <= at)
		return eckd_track(eckd, track);
	return eckd_next_record(eckd, cmd->code, false, track);
}

static uint8_t read_data(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_track *track;
	uint8_t status = record_from(eckd, cmd, ECKD_AT_KEY, &track);
	unsigned int nr = eckd->program.record;

	if (!status)
		status = give(eckd, cmd, track, nr, eckd_key_len(track->counts[nr]),
			      eckd_data_len(track->counts[nr]), false);
	if (status)
		return status;
	has_read(eckd, ECKD_AT_DATA);
	return eckd_transferred(track->counts[nr]);
}

static uint8_t read_kd(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_track *track;
	uint8_t status = record_from(eckd, cmd, ECKD_AT_COUNT, &track);
	unsigned int nr = eckd->program.record;

	if (!status)
		status = give(eckd, cmd, track, nr, 0,
			      eckd_key_len(track->counts[nr]) + eckd_data_len(track->counts[nr]),
			      false);
	if (status)
		return status;
	has_read(eckd, ECKD_AT_DATA);
	return eckd_transferred(track->counts[nr]);
}

static uint8_t read_ckd(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_track *track;
	uint8_t status = eckd_next_record(eckd, cmd->code, false, &track);
	unsigned int nr = eckd->program.record;

	if (!status)
		status = give(eckd, cmd, track, nr, 0,
			      eckd_key_len(track->counts[nr]) + eckd_data_len(track->counts[nr]),
			      true);
	if (status)
		return status;
	has_read(eckd, ECKD_AT_DATA);
	return eckd_transferred(track->counts[nr]);
}

static uint8_t read_count(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_track *track;
	uint8_t status = eckd_next_record(eckd, cmd->code, false, &track);

	if (status)
		return status;
	ccw_command_store(cmd, track->counts[eckd->program.record], ECKD_COUNT_SIZE);
	eckd->reads++;
	/* That index goes by twice is told also if nothing but counts was read. */
	eckd_domain_count(eckd);
	return ECKD_DONE;
}

static uint8_t read_r0(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_track *track;
	uint8_t status = 0;

	if (cmd->code & ECKD_MT && eckd->program.at != ECKD_AT_INDEX &&
	    eckd->program.at != ECKD_AT_HA)
		status = eckd_next_track(eckd);
	if (!status)
		status = eckd_track(eckd, &track);
	if (status)
		return status;
	if (!track->nr)
		return eckd_condition(eckd, ECKD_NO_RECORD);
	eckd_to_index(eckd);
	status = give(eckd, cmd, track, 0, 0,
		      eckd_key_len(track->counts[0]) + eckd_data_len(track->counts[0]), true);
	if (status)
		return status;
	has_read(eckd, ECKD_AT_DATA);
	return ECKD_DONE;
}

static uint8_t read_ha(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_track *track;
	uint8_t status = 0;

	if (cmd->code & ECKD_MT && eckd->program.at != ECKD_AT_INDEX)
		status = eckd_next_track(eckd);
	if (!status)
		status = eckd_track(eckd, &track);
	if (status)
		return status;
	ccw_command_store(cmd, track->ha, sizeof(track->ha));
	eckd_to_index(eckd);
	has_read(eckd, ECKD_AT_HA);
	return ECKD_DONE;
}

/* IPL: record 1 of the first track, as if sought and searched for. */
static uint8_t read_ipl(struct eckd *eckd, struct ccw_command *cmd)
{
	if (eckd->program.extent)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	eckd->track = 0;
	eckd->program.passes = 0;
	eckd_to_index(eckd);
	return read_data(eckd, cmd);
}

/* ---- tracks ---- */

/* In a domain of whole tracks, the one after the last. */
static uint8_t track_of_domain(struct eckd *eckd, struct eckd_track **track)
{
	uint8_t status = 0;

	if (eckd->program.domain && eckd->program.begun)
		status = eckd_next_track(eckd);
	return status ? status : eckd_track(eckd, track);
}

/* From the next record to the end, with counts; Read Track with record 0, and a mark at the end. */
static uint8_t read_records(struct eckd *eckd, struct ccw_command *cmd, bool whole)
{
	struct eckd_program *p = &eckd->program;
	struct eckd_track *track;
	uint8_t status = track_of_domain(eckd, &track);
	unsigned int nr;

	if (status)
		return status;
	nr = whole || p->at < ECKD_AT_COUNT ? !whole : p->record + 1;
	for (; nr < track->nr && !cmd->longer; nr++) {
		status = give(eckd, cmd, track, nr, 0,
			      eckd_key_len(track->counts[nr]) + eckd_data_len(track->counts[nr]),
			      true);
		if (status)
			return status;
		if (ccw_command_stopped(cmd))
			return ECKD_DONE;
	}
	if (whole)
		ccw_command_store(cmd, end_of_track, sizeof(end_of_track));
	p->record = track->nr ? track->nr - 1 : 0;
	has_read(eckd, track->nr ? ECKD_AT_DATA : ECKD_AT_HA);
	return ECKD_DONE;
}

/* The data of all records from the one that was located; of the last track as many bytes as that
 * said. */
static uint8_t read_track_data(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	bool first = !p->begun;
	struct eckd_track *track;
	size_t left = UINT16_MAX;
	uint8_t status;
	unsigned int nr;

	if (!p->domain)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	status = track_of_domain(eckd, &track);
	if (status)
		return status;
	if (p->count == 1 && p->length)
		left = p->length;
	nr = first && p->at >= ECKD_AT_COUNT ? p->record : 1;
	if (nr >= track->nr)
		return eckd_condition(eckd, ECKD_NO_RECORD);
	for (; nr < track->nr && left && !cmd->longer; nr++) {
		size_t len = eckd_data_len(track->counts[nr]);

		len = len < left ? len : left;
		status = give(eckd, cmd, track, nr, eckd_key_len(track->counts[nr]), len, false);
		if (status)
			return status;
		if (ccw_command_stopped(cmd))
			return ECKD_DONE;
		left -= len;
		p->record = nr;
	}
	has_read(eckd, ECKD_AT_DATA);
	return ECKD_DONE;
}

bool eckd_read_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status)
{
	switch (cmd->code) {
	case ECKD_READ_IPL:
		*status = read_ipl(eckd, cmd);
		return true;
	case ECKD_READ_TRACK:
		*status = eckd->program.domain ? read_records(eckd, cmd, true)
					       : eckd_reject(eckd, ECKD_MSG_SEQUENCE);
		return true;
	case ECKD_READ_MULTIPLE_CKD:
		*status = read_records(eckd, cmd, false);
		return true;
	case ECKD_READ_TRACK_DATA:
		*status = read_track_data(eckd, cmd);
		return true;
	default:
		break;
	}
	switch (cmd->code & (uint8_t)~ECKD_MT) {
	case ECKD_READ_DATA:
		*status = read_data(eckd, cmd);
		return true;
	case ECKD_READ_KD:
		*status = read_kd(eckd, cmd);
		return true;
	case ECKD_READ_CKD:
		*status = read_ckd(eckd, cmd);
		return true;
	case ECKD_READ_COUNT:
		*status = read_count(eckd, cmd);
		return true;
	case ECKD_READ_R0:
		*status = read_r0(eckd, cmd);
		return true;
	case ECKD_READ_HA:
		*status = read_ha(eckd, cmd);
		return true;
	default:
		return false;
	}
}
