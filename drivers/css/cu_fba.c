// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The disk 9336 on a 6310: blocks of 512 bytes, numbered from 0, in an image.
 *
 * A program says first which blocks it may use (DEFINE EXTENT), then which it wants and what for
 * (LOCATE), and then transfers them (READ, WRITE); several LOCATEs with their transfers may follow
 * each other. Each WRITE is on stable storage before its status is told.
 *
 * Source: what Linux 7.3 drivers/s390/block/dasd_fba.c and VM expect of one; IBM 3370, 9335 and
 * 9336 are described in GA26-1657 and GA33-3143.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw_machine.h"
#include "image.h"

#define BLOCK 512
/* As much is transferred at once. */
#define BUFFER_SIZE (1024 * 1024)

#define STATUS_GOOD (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

/* Commands */
#define FBA_READ_IPL	    0x02
#define FBA_UNCOND_RESERVE  0x14
#define FBA_WRITE	    0x41
#define FBA_READ	    0x42
#define FBA_LOCATE	    0x43
#define FBA_DEFINE_EXTENT   0x63
#define FBA_CHARACTERISTICS 0x64
#define FBA_RELEASE	    0x94
#define FBA_RESET_LOG	    0xa4
#define FBA_RESERVE	    0xb4

/* DEFINE EXTENT's mask */
#define MASK_CONTROL	    0xc0 /* which writes: */
#define MASK_INHIBIT_WRITES 0x40
#define MASK_RESERVED	    0x80
#define MASK_DIAGNOSE	    0x04 /* allowed, and there is no such command */

/* LOCATE's operation; what else there is (replicated data, defective blocks) this disk has not */
#define OPERATION	       0xef
#define OPERATION_WRITE	       0x01
#define OPERATION_WRITE_VERIFY 0x05
#define OPERATION_READ	       0x06

/* Sense, byte 1 */
#define SENSE1_PERMANENT       0x80
#define SENSE1_FILE_PROTECTED  0x04
#define SENSE1_WRITE_INHIBITED 0x02
/* Sense, byte 7: format 0, and the message: what is wrong with the program */
#define MESSAGE_COMMAND	  0x01
#define MESSAGE_SEQUENCE  0x02
#define MESSAGE_COUNT	  0x03
#define MESSAGE_PARAMETER 0x04

#define SENSE_LEN    24
#define RESERVED_LEN 24 /* of what the commands of reservation return */

/**
 * struct fba - a disk
 * @image, @blocks: constant
 * @extent:  this program has defined one: blocks @first to @last, as it calls them, are those of
 *           the disk from @physical on; @mask says what may be done
 * @located: the transfer that comes next is @operation, of @count blocks from @block of the disk on
 * @started: this program had a command already
 * @ipl:     that was READ IPL
 */
struct fba {
	struct cu_device dev;
	struct image *image;
	uint32_t blocks;

	bool extent;
	uint8_t mask;
	uint32_t physical;
	uint32_t first;
	uint32_t last;

	bool located;
	uint8_t operation;
	uint32_t block;
	uint32_t count;

	bool started;
	bool ipl;
};

static struct fba *to_fba(struct cu_device *dev)
{
	return container_of(dev, struct fba, dev);
}

/* ---- sense ---- */

static uint8_t sense(struct fba *fba, uint8_t byte0, uint8_t byte1, uint8_t message)
{
	uint8_t bytes[SENSE_LEN] = { byte0, byte1, [7] = message };

	return cu_device_sense(&fba->dev, bytes, sizeof(bytes));
}

static uint8_t reject(struct fba *fba, uint8_t message)
{
	return sense(fba, SENSE_COMMAND_REJECT, 0, message);
}

/* Storage has failed, with @err. What was stopped has no status. */
static uint8_t storage_failed(struct fba *fba, int err, bool reading)
{
	if (err == -ECANCELED)
		return STATUS_GOOD;
	return sense(fba, reading ? SENSE_DATA_CHECK : SENSE_EQUIPMENT_CHECK, SENSE1_PERMANENT, 0);
}

/* ---- what the disk says of itself ---- */

static uint8_t characteristics(struct fba *fba, struct ccw_command *cmd)
{
	/* Burst mode, data chaining; what there is of movable heads; class and type: a 9336. */
	uint8_t data[32] = { 0x30, 0x08, 0x21, 0x11 };

	cio_put16(data + 4, BLOCK);
	cio_put32(data + 6, 960);  /* blocks of a cycle */
	cio_put32(data + 10, 960); /* and of an access position */
	cio_put32(data + 14, fba->blocks);
	ccw_command_store(cmd, data, sizeof(data));
	return STATUS_GOOD;
}

/* Nobody else has a path to this disk, so reservations are granted. They end a chain of extents. */
static uint8_t reservation(struct fba *fba, struct ccw_command *cmd)
{
	uint8_t data[RESERVED_LEN] = { 0 };

	if (fba->extent || (cmd->code == FBA_UNCOND_RESERVE && fba->started))
		return reject(fba, MESSAGE_SEQUENCE);
	ccw_command_store(cmd, data, sizeof(data));
	return STATUS_GOOD;
}

static uint8_t reset_log(struct ccw_command *cmd)
{
	uint8_t data[SENSE_LEN] = { 0 };

	ccw_command_store(cmd, data, sizeof(data));
	return STATUS_GOOD;
}

/* ---- where ---- */

static uint8_t define_extent(struct fba *fba, struct ccw_command *cmd)
{
	uint32_t physical, first, last;
	uint8_t p[16];
	ssize_t n = ccw_command_load(cmd, p, sizeof(p));

	if (n < 0)
		return STATUS_GOOD;
	if ((size_t)n < sizeof(p))
		return reject(fba, MESSAGE_COUNT);
	if (fba->extent)
		return reject(fba, MESSAGE_SEQUENCE);
	physical = cio_get32(p + 4);
	first = cio_get32(p + 8);
	last = cio_get32(p + 12);
	/* Linux says how long its blocks are, VM does not. */
	if ((p[0] & ~(MASK_CONTROL | MASK_DIAGNOSE)) || (p[0] & MASK_CONTROL) == MASK_RESERVED ||
	    p[1] || (cio_get16(p + 2) && cio_get16(p + 2) != BLOCK) || last < first)
		return reject(fba, MESSAGE_PARAMETER);
	if (physical >= fba->blocks || last - first >= fba->blocks - physical)
		return sense(fba, SENSE_COMMAND_REJECT, SENSE1_FILE_PROTECTED, MESSAGE_PARAMETER);
	fba->mask = p[0];
	fba->physical = physical;
	fba->first = first;
	fba->last = last;
	fba->extent = true;
	return STATUS_GOOD;
}

/* May the extent's user do this? Return: good status, or that of the refusal. */
static uint8_t may(struct fba *fba, uint8_t operation)
{
	if (operation == OPERATION_READ)
		return STATUS_GOOD;
	if (operation != OPERATION_WRITE && operation != OPERATION_WRITE_VERIFY)
		return reject(fba, MESSAGE_PARAMETER);
	if ((fba->mask & MASK_CONTROL) == MASK_INHIBIT_WRITES)
		return sense(fba, SENSE_COMMAND_REJECT, SENSE1_FILE_PROTECTED, MESSAGE_PARAMETER);
	if (image_is_read_only(fba->image))
		return sense(fba, SENSE_COMMAND_REJECT, SENSE1_WRITE_INHIBITED, 0);
	return STATUS_GOOD;
}

static uint8_t locate(struct fba *fba, struct ccw_command *cmd)
{
	uint32_t block, count;
	uint8_t p[8], status;
	ssize_t n = ccw_command_load(cmd, p, sizeof(p));

	if (n < 0)
		return STATUS_GOOD;
	if ((size_t)n < sizeof(p))
		return reject(fba, MESSAGE_COUNT);
	if (!fba->extent)
		return reject(fba, MESSAGE_SEQUENCE);
	status = may(fba, p[0] & OPERATION);
	if (status != STATUS_GOOD)
		return status;
	count = cio_get16(p + 2);
	block = cio_get32(p + 4);
	if (!count)
		return reject(fba, MESSAGE_PARAMETER);
	if (block < fba->first || block > fba->last || count - 1 > fba->last - block)
		return sense(fba, SENSE_COMMAND_REJECT, SENSE1_FILE_PROTECTED, MESSAGE_PARAMETER);
	fba->operation = p[0] & OPERATION;
	fba->block = fba->physical + (block - fba->first);
	fba->count = count;
	fba->located = true;
	return STATUS_GOOD;
}

/* ---- transfers ---- */

/* Give the program @left bytes of the disk from @offset on. */
static uint8_t send(struct fba *fba, struct ccw_command *cmd, uint64_t offset, size_t left)
{
	uint8_t *buf = image_buffer(fba->image);

	while (left) {
		size_t room = cmd->count - cmd->done;
		size_t n = left < BUFFER_SIZE ? left : BUFFER_SIZE;
		int err;

		if (!room) {
			cmd->longer = true;
			break;
		}
		/* Whole blocks, the last of them for a part. */
		if (n > room)
			n = (room + BLOCK - 1) / BLOCK * BLOCK;
		err = image_read(fba->image, buf, n, offset);
		if (err)
			return storage_failed(fba, err, true);
		if (ccw_command_store(cmd, buf, n) != (ssize_t)n)
			break;
		offset += n;
		left -= n;
	}
	return STATUS_GOOD;
}

static uint8_t read_blocks(struct fba *fba, struct ccw_command *cmd)
{
	if (!fba->located || fba->operation != OPERATION_READ)
		return reject(fba, MESSAGE_SEQUENCE);
	fba->located = false;
	return send(fba, cmd, (uint64_t)fba->block * BLOCK, (size_t)fba->count * BLOCK);
}

/* The first block, and an extent that is the whole disk. */
static uint8_t read_ipl(struct fba *fba, struct ccw_command *cmd)
{
	if (fba->started && !fba->ipl)
		return reject(fba, MESSAGE_SEQUENCE);
	fba->ipl = true;
	fba->extent = true;
	fba->mask = 0;
	fba->physical = 0;
	fba->first = 0;
	fba->last = fba->blocks - 1;
	return send(fba, cmd, 0, BLOCK);
}

/* Take @left bytes for the disk from @offset on. Blocks that the program brings nothing for become
 * zeros; by a WRITE without data Linux has blocks discarded. Return: 0, -errno, or 1: the channel
 * has ended the command. */
static int receive(struct fba *fba, struct ccw_command *cmd, uint64_t offset, size_t left)
{
	uint8_t *buf = image_buffer(fba->image);
	int err = image_settle(fba->image);

	while (!err && left) {
		size_t n = left < BUFFER_SIZE ? left : BUFFER_SIZE;
		ssize_t had = ccw_command_load(cmd, buf, n);
		size_t len;

		if (had < 0)
			return 1;
		if (!had)
			break;
		len = ((size_t)had + BLOCK - 1) / BLOCK * BLOCK;
		memset(buf + had, 0, len - (size_t)had);
		err = image_write(fba->image, buf, len, offset);
		offset += len;
		left -= len;
	}
	return err ? err : image_zero(fba->image, offset, left);
}

static uint8_t write_blocks(struct fba *fba, struct ccw_command *cmd)
{
	int err;

	if (!fba->located || fba->operation == OPERATION_READ)
		return reject(fba, MESSAGE_SEQUENCE);
	fba->located = false;
	err = receive(fba, cmd, (uint64_t)fba->block * BLOCK, (size_t)fba->count * BLOCK);
	if (!err)
		err = image_flush(fba->image);
	return err < 0 ? storage_failed(fba, err, false) : STATUS_GOOD;
}

/* ---- the device ---- */

static uint8_t execute(struct fba *fba, struct ccw_command *cmd)
{
	switch (cmd->code) {
	case FBA_READ:
		return read_blocks(fba, cmd);
	case FBA_WRITE:
		return write_blocks(fba, cmd);
	case FBA_LOCATE:
		return locate(fba, cmd);
	case FBA_DEFINE_EXTENT:
		return define_extent(fba, cmd);
	case FBA_CHARACTERISTICS:
		return characteristics(fba, cmd);
	case FBA_READ_IPL:
		return read_ipl(fba, cmd);
	case FBA_RESERVE:
	case FBA_RELEASE:
	case FBA_UNCOND_RESERVE:
		return reservation(fba, cmd);
	case FBA_RESET_LOG:
		return reset_log(cmd);
	default:
		return reject(fba, MESSAGE_COMMAND);
	}
}

static uint8_t fba_command(struct cu_device *dev, struct ccw_command *cmd)
{
	struct fba *fba = to_fba(dev);
	bool transfer = cmd->code == FBA_READ || cmd->code == FBA_WRITE;
	uint8_t status;

	/* A transfer follows its LOCATE at once. */
	if (!transfer)
		fba->located = false;
	if (cmd->code != FBA_READ_IPL)
		fba->ipl = false;
	status = execute(fba, cmd);
	fba->started = true;
	return status;
}

/* What a program has said ends with it. */
static void forget(struct fba *fba)
{
	fba->extent = false;
	fba->located = false;
	fba->started = false;
	fba->ipl = false;
}

static void fba_begin(struct cu_device *dev, uint8_t path)
{
	forget(to_fba(dev));
}

static void fba_destroy(struct cu_device *dev)
{
	struct fba *fba = to_fba(dev);

	image_close(fba->image);
	free(fba);
}

static const struct cu_device_ops fba_ops = {
	.begin = fba_begin,
	.command = fba_command,
	.destroy = fba_destroy,
};

/* ---- making one ---- */

/* SENSE ID: the control unit's type and model, the device's. */
static const uint8_t fba_id[] = { 0xff, 0x63, 0x10, 0x80, 0x93, 0x36, 0x10 };

/* What "size=" and "blocks=" ask for, in bytes; 0: nothing. */
static int asked_size(struct cu_options *options, uint64_t *size)
{
	const uint64_t most = UINT32_MAX;
	uint64_t blocks = 0;
	int by_blocks, by_size;

	*size = 0;
	by_blocks = cu_option_number(options, "blocks", 1, most, &blocks);
	if (by_blocks < 0)
		return by_blocks;
	by_size = cu_option_number(options, "size", BLOCK, most * BLOCK, size);
	if (by_size < 0)
		return by_size;
	if (by_size && by_blocks && *size != blocks * BLOCK) {
		cu_error(options, "size= and blocks=: expected one of them");
		return -EINVAL;
	}
	if (by_blocks)
		*size = blocks * BLOCK;
	if (*size % BLOCK) {
		cu_error(options, "size=%llu: expected a multiple of %d", (unsigned long long)*size,
			 BLOCK);
		return -EINVAL;
	}
	return 0;
}

static int open_image(struct fba *fba, struct cu_options *options)
{
	struct image_params params = { .buffer_size = BUFFER_SIZE, .stop_fd = &fba->dev.stop_fd };
	struct image_error error;
	int err, flag;

	params.path = cu_option_string(options, "file");
	if (!params.path || !*params.path) {
		cu_error(options, "expected file=, the image");
		return -EINVAL;
	}
	err = asked_size(options, &params.size);
	if (err)
		return err;
	flag = cu_option_flag(options, "ro");
	if (flag < 0)
		return flag;
	params.read_only = flag;
	flag = cu_option_flag(options, "unsafe");
	if (flag < 0)
		return flag;
	params.unsafe = flag;
	err = image_open(&fba->image, &params, &error);
	if (err)
		cu_error(options, "%s", error.text);
	return err;
}

static int fba_create(const struct cu_type *type, struct cu_options *options,
		      struct cu_device **out)
{
	struct fba *fba = calloc(1, sizeof(*fba));
	uint64_t size;
	int err;

	if (!fba)
		return -ENOMEM;
	fba->dev.stop_fd = -1;
	fba->dev.ops = &fba_ops;
	memcpy(fba->dev.id, fba_id, sizeof(fba_id));
	fba->dev.id_len = sizeof(fba_id);
	err = open_image(fba, options);
	if (err)
		goto free;
	size = image_size(fba->image);
	if (size % BLOCK || size / BLOCK > UINT32_MAX) {
		cu_error(options, "%s has %llu bytes: expected blocks of %d, up to %u of them",
			 image_path(fba->image), (unsigned long long)size, BLOCK, UINT32_MAX);
		err = -EINVAL;
		goto free;
	}
	fba->blocks = (uint32_t)(size / BLOCK);
	*out = &fba->dev;
	return 0;
free:
	fba_destroy(&fba->dev);
	return err;
}

struct cu_type cu_fba_type = {
	.name = "9336",
	.help = "file=PATH  the image, a file or block device\n"
		"blocks=N   of 512 bytes; a file that is not there is created\n"
		"size=N     the same in bytes\n"
		"ro         can't be written, and others may read the image as well\n"
		"unsafe     writes end before they are on stable storage",
	.create = fba_create,
};
