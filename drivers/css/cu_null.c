/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device "null": reads give zeros, writes and controls swallow what they are given. It knows
 * commands that end in each way a command can, so that a program finds out how they look; and it
 * shows how a control unit is written.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hw_machine.h"

#define STATUS_GOOD (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

/* Read and write act on so many bytes at once. */
#define PIECE 4096

/**
 * struct null_device - one of them
 * @delay_us: how long each command takes, at least
 * @hold:     a command ends when it is stopped
 * @length:   bytes it has for a read, and wants of a write; or as many as there is room for
 */
struct null_device {
	struct cu_device dev;
	uint64_t delay_us;
	bool hold;
	uint64_t length;
};

static struct null_device *to_null(struct cu_device *dev)
{
	return container_of(dev, struct null_device, dev);
}

/* Wait, but no longer than the channel wants. */
static void take_time(struct null_device *null)
{
	struct pollfd stop = { .fd = null->dev.stop_fd, .events = POLLIN };
	struct timespec t = { .tv_sec = (time_t)(null->delay_us / 1000000),
			      .tv_nsec = (long)(null->delay_us % 1000000) * 1000 };

	if (null->hold || null->delay_us)
		ppoll(&stop, 1, null->hold ? NULL : &t, NULL);
}

static void transfer(struct ccw_command *cmd, uint64_t length, bool input)
{
	uint8_t piece[PIECE] = { 0 };
	size_t n;

	for (; length; length -= n) {
		n = length < PIECE ? (size_t)length : PIECE;
		if ((input ? ccw_command_store(cmd, piece, n) : ccw_command_load(cmd, piece, n)) !=
		    (ssize_t)n)
			break;
	}
}

static uint8_t null_command(struct cu_device *dev, struct ccw_command *cmd)
{
	static const uint8_t reject[] = { SENSE_COMMAND_REJECT };
	struct null_device *null = to_null(dev);
	uint64_t length = null->length < cmd->count ? null->length : cmd->count;

	take_time(null);
	if (null->length != UINT64_MAX && null->length > cmd->count)
		length = (uint64_t)cmd->count + 1;
	if (CCW_CMD_IS_READ(cmd->code))
		transfer(cmd, length, true);
	else if (CCW_CMD_IS_WRITE(cmd->code))
		transfer(cmd, length, false);
	else if (!CCW_CMD_IS_CONTROL(cmd->code))
		return cu_device_sense(dev, reject, sizeof(reject));
	return STATUS_GOOD;
}

static void null_destroy(struct cu_device *dev)
{
	free(to_null(dev));
}

static const struct cu_device_ops null_ops = {
	.command = null_command,
	.destroy = null_destroy,
};

/* SENSE ID: a control unit and a device that nobody knows. */
static const uint8_t null_id[] = { 0xff, 0x00, 0x00, 0x01, 0x00, 0x00, 0x01 };

static int null_create(const struct cu_type *type, struct cu_options *options,
		       struct cu_device **out)
{
	struct null_device *null = calloc(1, sizeof(*null));
	int err, hold;

	if (!null)
		return -ENOMEM;
	null->length = UINT64_MAX;
	err = cu_option_number(options, "delay_us", 0, 60000000, &null->delay_us);
	if (err >= 0)
		err = cu_option_number(options, "length", 0, UINT32_MAX, &null->length);
	hold = err < 0 ? err : cu_option_flag(options, "hold");
	if (hold < 0) {
		free(null);
		return hold;
	}
	null->hold = hold;
	null->dev.ops = &null_ops;
	memcpy(null->dev.id, null_id, sizeof(null_id));
	null->dev.id_len = sizeof(null_id);
	*out = &null->dev;
	return 0;
}

struct cu_type cu_null_type = {
	.name = "null",
	.help = "delay_us=N  how long each command takes, at least\n"
		"length=N    bytes of a block that is read or written, whatever the program has\n"
		"hold        a command ends when it is halted or cleared",
	.create = null_create,
};
