// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Formatting tracks of an ECKD disk: what is written makes a new record, and ends what was behind
 * it on its track.
 */
#include <errno.h>
#include <string.h>
#include "eckd.h"

#define HA_SIZE	  5
#define DATA_ROOM 65536 /* of eckd_disk_data() */

static void has_formatted(struct eckd *eckd, enum eckd_at at, unsigned int record)
{
	struct eckd_program *p = &eckd->program;

	p->at = at;
	p->record = record;
	p->passes = 0;
	p->found = false;
	p->ha_found = at == ECKD_AT_HA;
	p->wrote = true;
	eckd->writes++;
	eckd_domain_count(eckd);
}

static uint8_t format_error(struct eckd *eckd, int err)
{
	return err == -ENOSPC ? eckd_condition(eckd, ECKD_INVALID_FORMAT) : eckd_error(eckd, err);
}

/* Take a record's key and data, as far as the program brings them; it becomes the @nr th one, and
 * the last. */
static uint8_t append(struct eckd *eckd, struct ccw_command *cmd, struct eckd_track *track,
		      unsigned int nr, const uint8_t count[ECKD_COUNT_SIZE])
{
	uint8_t *data = eckd_disk_data(eckd->disk);
	size_t len = eckd_key_len(count) + eckd_data_len(count);
	ssize_t brought = 0;
	int err;

	if (len > DATA_ROOM)
		return eckd_condition(eckd, ECKD_INVALID_FORMAT);
	if (len)
		brought = ccw_command_load(cmd, data, len);
	if (brought < 0)
		return ECKD_DONE;
	eckd_track_cut(eckd->disk, track, nr);
	err = eckd_track_append(eckd->disk, track, count, brought == 0);
	if (!err && brought) {
		memset(data + brought, 0, len - (size_t)brought);
		err = eckd_record_write(eckd->disk, track, nr, 0, 0, len);
	}
	return err ? format_error(eckd, err) : 0;
}

/* A count: 8 bytes. */
static uint8_t load_count(struct eckd *eckd, struct ccw_command *cmd,
			  uint8_t count[ECKD_COUNT_SIZE])
{
	if (cmd->count < ECKD_COUNT_SIZE)
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	return ccw_command_load(cmd, count, ECKD_COUNT_SIZE) < 0 ? ECKD_DONE : 0;
}

/*
 * The place of Write CKD and Erase: behind the record that was found, or written. In a domain, what
 * formats over tracks goes on behind the next one's record 0.
 */
static uint8_t place(struct eckd *eckd, uint8_t code, struct eckd_track **track)
{
	struct eckd_program *p = &eckd->program;
	uint8_t status = eckd_may_write(eckd, ECKD_MASK_NO_HA_R0);

	if (status)
		return status;
	if (p->at < ECKD_AT_COUNT || !(p->domain || p->found || p->wrote) ||
	    (code & ECKD_MT && !p->domain))
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (code & ECKD_MT && p->begun && p->record > 0) {
		status = eckd_next_track(eckd);
		if (status)
			return status;
		p->at = ECKD_AT_DATA;
	}
	status = eckd_track(eckd, track);
	if (status)
		return status;
	return p->record < (*track)->nr ? 0 : eckd_condition(eckd, ECKD_INVALID_FORMAT);
}

static uint8_t write_ckd(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	uint8_t count[ECKD_COUNT_SIZE] = { 0 };
	struct eckd_track *track;
	uint8_t status = place(eckd, cmd->code, &track);

	if (!status)
		status = load_count(eckd, cmd, count);
	if (status)
		return status;
	status = append(eckd, cmd, track, p->record + 1, count);
	if (status)
		return status;
	has_formatted(eckd, ECKD_AT_DATA, p->record + 1);
	return ECKD_DONE;
}

static uint8_t erase(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_track *track;
	uint8_t status = place(eckd, cmd->code, &track);

	if (status)
		return status;
	/* What it brings would be a record's; nobody sees it. */
	if (ccw_command_load(cmd, eckd_disk_data(eckd->disk),
			     cmd->count < DATA_ROOM ? cmd->count : DATA_ROOM) < 0)
		return ECKD_DONE;
	eckd_track_cut(eckd->disk, track, eckd->program.record + 1);
	has_formatted(eckd, ECKD_AT_DATA, eckd->program.record);
	return ECKD_DONE;
}

static uint8_t write_r0(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	uint8_t count[ECKD_COUNT_SIZE] = { 0 };
	struct eckd_track *track;
	uint8_t status = eckd_may_write(eckd, ECKD_MASK_ALL_WRITES);

	if (status)
		return status;
	if (!p->ha_found && !p->domain)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	/* In a domain, behind other records: the next track's. */
	if (p->at >= ECKD_AT_COUNT && p->begun)
		status = eckd_next_track(eckd);
	if (!status)
		status = eckd_track(eckd, &track);
	if (!status)
		status = load_count(eckd, cmd, count);
	if (status)
		return status;
	status = append(eckd, cmd, track, 0, count);
	if (status)
		return status;
	has_formatted(eckd, ECKD_AT_DATA, 0);
	return ECKD_DONE;
}

static uint8_t write_ha(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	uint8_t ha[HA_SIZE];
	struct eckd_track *track;
	uint8_t status = eckd_may_write(eckd, ECKD_MASK_ALL_WRITES);

	if (!status)
		status = eckd_track(eckd, &track);
	if (status)
		return status;
	if (p->at > ECKD_AT_HA)
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (cmd->count < sizeof(ha))
		return eckd_reject(eckd, ECKD_MSG_COUNT);
	if (ccw_command_load(cmd, ha, sizeof(ha)) < 0)
		return ECKD_DONE;
	/* There are neither defective nor alternate tracks, and each is where it is. */
	if (ha[0] || memcmp(ha + 1, track->ha + 1, 4) != 0)
		return eckd_reject(eckd, ECKD_MSG_PARAMETER);
	eckd_track_set_ha(eckd->disk, track, ha);
	has_formatted(eckd, ECKD_AT_HA, 0);
	return ECKD_DONE;
}

/* The next track that Write Full Track was told of. */
static uint8_t next_full_track(struct eckd *eckd, struct eckd_track **track)
{
	struct eckd_program *p = &eckd->program;
	uint8_t status = 0;

	if (p->begun)
		do {
			p->tracks = (uint16_t)(p->tracks << 1);
			status = eckd_next_track(eckd);
		} while (!status && !(p->tracks & 0x8000));
	return status ? status : eckd_track(eckd, track);
}

/* Record 0 and all others, with counts; a count of ones is behind the last. */
static uint8_t write_full_track(struct eckd *eckd, struct ccw_command *cmd)
{
	static const uint8_t end[ECKD_COUNT_SIZE] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
	};
	uint8_t count[ECKD_COUNT_SIZE] = { 0 };
	struct eckd_track *track;
	uint8_t status = next_full_track(eckd, &track);

	if (status)
		return status;
	eckd_track_cut(eckd->disk, track, 0);
	for (;;) {
		ssize_t len = ccw_command_load(cmd, count, sizeof(count));

		if (len < 0)
			return ECKD_DONE;
		if (len < ECKD_COUNT_SIZE || (!track->nr && count[4]))
			return eckd_condition(eckd, ECKD_INVALID_FORMAT);
		if (memcmp(count, end, sizeof(end)) == 0)
			break;
		status = append(eckd, cmd, track, track->nr, count);
		if (status)
			return status;
	}
	has_formatted(eckd, ECKD_AT_DATA, track->nr - 1);
	return ECKD_DONE;
}

bool eckd_format_command(struct eckd *eckd, struct ccw_command *cmd, uint8_t *status)
{
	switch (cmd->code) {
	case ECKD_WRITE_CKD:
	case ECKD_WRITE_CKD | ECKD_MT:
		*status = write_ckd(eckd, cmd);
		return true;
	case ECKD_ERASE:
		*status = erase(eckd, cmd);
		return true;
	case ECKD_WRITE_R0:
		*status = write_r0(eckd, cmd);
		return true;
	case ECKD_WRITE_HA:
		*status = write_ha(eckd, cmd);
		return true;
	case ECKD_WRITE_FULL_TRACK:
		*status = eckd->program.domain ? write_full_track(eckd, cmd)
					       : eckd_reject(eckd, ECKD_MSG_SEQUENCE);
		return true;
	default:
		return false;
	}
}
