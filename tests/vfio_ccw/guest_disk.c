/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "vfio_ccw/guest_disk.h"

#define CPA    0x1000u
#define PARAMS 0x2000u
#define LIST   0x3000u
#define DATA   0x10000u

#define DEFINE_EXTENT 0x63
#define LOCATE	      0x43
#define READ	      0x42
#define WRITE	      0x41

#define OPERATION_WRITE 5
#define OPERATION_READ	6

/* The words of a block are all the same: its number and its write's. */
static uint64_t stamp(unsigned int block, uint32_t write)
{
	return write ? (uint64_t)block << 32 | write : 0;
}

/* Its data is in 4 KiB blocks of a list, as Linux has it. */
static struct orb make(struct ccw_client *client, uint8_t command, uint8_t operation,
		       unsigned int first, unsigned int nr)
{
	uint8_t *define = client->memory + PARAMS, *locate = define + 16;
	uint32_t at = CPA, list = LIST, offset;

	memset(define, 0, 24);
	cio_put16(define + 2, DISK_BLOCK);
	cio_put32(define + 4, first);
	cio_put32(define + 12, nr - 1);
	locate[0] = operation;
	cio_put16(locate + 2, (uint16_t)nr);
	for (offset = 0; offset < nr * DISK_BLOCK; offset += 4096)
		list = ccw_put_idaw(client, list, true, DATA + offset);
	at = ccw_put(client, at, true, (struct ccw1) { DEFINE_EXTENT, CCW_FLAG_CC, 16, PARAMS });
	at = ccw_put(client, at, true, (struct ccw1) { LOCATE, CCW_FLAG_CC, 8, PARAMS + 16 });
	ccw_put(client, at, true,
		(struct ccw1) { command, CCW_FLAG_IDA, (uint16_t)(nr * DISK_BLOCK), LIST });
	return (struct orb) { .word1 = ORB_FMT | ORB_PFCH | ORB_C64, .cpa = CPA };
}

struct orb disk_write(struct guest_disk *disk, struct ccw_client *client, unsigned int first,
		      unsigned int nr)
{
	unsigned int i, word;

	disk->next++;
	for (i = 0; i < nr; i++) {
		disk->last[first + i] = disk->next;
		for (word = 0; word < DISK_BLOCK; word += 8)
			cio_put64(client->memory + DATA + i * DISK_BLOCK + word,
				  stamp(first + i, disk->next));
	}
	return make(client, WRITE, OPERATION_WRITE, first, nr);
}

void disk_written(struct guest_disk *disk, unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++)
		disk->known[i] = disk->last[i];
}

struct orb disk_read(struct ccw_client *client, unsigned int first, unsigned int nr)
{
	memset(client->memory + DATA, 0xee, (size_t)nr * DISK_BLOCK);
	return make(client, READ, OPERATION_READ, first, nr);
}

const char *disk_check(struct guest_disk *disk, const uint8_t *block, unsigned int nr)
{
	uint64_t first = cio_get64(block);
	uint32_t write = (uint32_t)first;
	unsigned int word;

	for (word = 8; word < DISK_BLOCK; word += 8) {
		if (cio_get64(block + word) != first)
			return "a block is torn";
	}
	if (first != stamp(nr, write))
		return "a block is that of another place";
	if (write < disk->known[nr])
		return "a block is older than what was written";
	if (write > disk->last[nr])
		return "a block is newer than anything that was written";
	/* What was left undone does not come later. */
	disk->known[nr] = disk->last[nr] = write;
	return NULL;
}

const char *disk_check_read(struct guest_disk *disk, const struct ccw_client *client,
			    unsigned int first, unsigned int nr)
{
	const char *wrong = NULL;
	unsigned int i;

	for (i = 0; !wrong && i < nr; i++)
		wrong = disk_check(disk, client->memory + DATA + i * DISK_BLOCK, first + i);
	return wrong;
}
