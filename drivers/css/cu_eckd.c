// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The device "3390": an ECKD disk on a 3990 storage control, on an image.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "eckd.h"
#include "hw_machine.h"

/* ---- programs ---- */

static void eckd_begin(struct cu_device *dev, uint8_t path)
{
	struct eckd *eckd = to_eckd(dev);

	eckd->program = (struct eckd_program) { .suborder = -1 };
	eckd->path = path ? (unsigned int)__builtin_clz(path) - 24 : 0;
}

static uint8_t execute(struct eckd *eckd, struct ccw_command *cmd)
{
	struct eckd_program *p = &eckd->program;
	uint8_t status;
	int err = eckd_disk_settle(eckd->disk);

	if (err)
		return eckd_error(eckd, err);
	p->commands++;
	if (p->domain && !eckd_domain_allows(eckd, cmd->code))
		return eckd_reject(eckd, ECKD_MSG_SEQUENCE);
	if (eckd_config_command(eckd, cmd, &status) || eckd_extent_command(eckd, cmd, &status) ||
	    eckd_search_command(eckd, cmd, &status) || eckd_read_command(eckd, cmd, &status) ||
	    eckd_write_command(eckd, cmd, &status) || eckd_format_command(eckd, cmd, &status))
		return status;
	return eckd_reject(eckd, ECKD_MSG_COMMAND);
}

static uint8_t eckd_command(struct cu_device *dev, struct ccw_command *cmd)
{
	struct eckd *eckd = to_eckd(dev);
	uint8_t status = execute(eckd, cmd);
	bool last = !cmd->chained || status & (DEV_STAT_UNIT_CHECK | DEV_STAT_UNIT_EXCEP);
	int err;

	/* What is told as written is stable. */
	if (!last || !eckd_disk_dirty(eckd->disk))
		return status;
	err = eckd_disk_flush(eckd->disk);
	return err && !(status & DEV_STAT_UNIT_CHECK) ? eckd_error(eckd, err) : status;
}

/* The channel may have ended it behind a command that was chained. */
static void eckd_end(struct cu_device *dev)
{
	struct eckd *eckd = to_eckd(dev);

	if (eckd_disk_dirty(eckd->disk))
		eckd_disk_flush(eckd->disk);
}

static void eckd_reset(struct cu_device *dev, enum cu_reset why)
{
	struct eckd *eckd = to_eckd(dev);

	if (why != CU_RESET_SYSTEM)
		return;
	eckd->reserved = false;
	memset(eckd->paths, 0, sizeof(eckd->paths));
}

static void eckd_destroy(struct cu_device *dev)
{
	struct eckd *eckd = to_eckd(dev);

	eckd_disk_close(eckd->disk);
	free(eckd);
}

static const struct cu_device_ops eckd_ops = {
	.begin = eckd_begin,
	.command = eckd_command,
	.end = eckd_end,
	.reset = eckd_reset,
	.destroy = eckd_destroy,
};

/* ---- what it is made from ---- */

/* struct eckd_model - a 3390 as it was sold */
struct eckd_model {
	const char *name;
	uint32_t cyls;
	uint8_t code; /* of Sense ID */
};

static const struct eckd_model models[] = {
	{ "1", 1113, 0x02 },  { "2", 2226, 0x06 },   { "3", 3339, 0x0a },
	{ "9", 10017, 0x0c }, { "27", 32760, 0x0c }, { "54", 65520, 0x0c },
};

#define MODEL_OTHER 0x0c

static uint8_t model_code(uint32_t cyls)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(models); i++)
		if (cyls <= models[i].cyls)
			return models[i].code;
	return MODEL_OTHER;
}

static int take_size(struct cu_options *options, struct eckd_disk_params *params)
{
	const char *model = cu_option_string(options, "model");
	uint64_t cyls = 0;
	int given = cu_option_number(options, "cyls", 1, ECKD_CYLS_MAX, &cyls);
	size_t i;

	if (given < 0)
		return given;
	params->cyls = (uint32_t)cyls;
	if (!model)
		return 0;
	for (i = 0; i < ARRAY_SIZE(models); i++)
		if (strcmp(model, models[i].name) == 0)
			break;
	if (given || i == ARRAY_SIZE(models)) {
		cu_error(options, "model=%s: 1, 2, 3, 9, 27 or 54 was expected, or cyls= alone",
			 model);
		return -EINVAL;
	}
	params->cyls = models[i].cyls;
	return 0;
}

static int take_format(struct cu_options *options, struct eckd_disk_params *params)
{
	const char *format = cu_option_string(options, "format");
	uint64_t blksize = 4096;
	int given = cu_option_number(options, "blksize", 512, 4096, &blksize);

	if (given < 0)
		return given;
	if (blksize & (blksize - 1)) {
		cu_error(options, "blksize=%u: 512, 1024, 2048 or 4096 was expected",
			 (unsigned int)blksize);
		return -EINVAL;
	}
	params->blksize = (unsigned int)blksize;
	if (!format || strcmp(format, "none") == 0) {
		params->format = ECKD_UNFORMATTED;
	} else if (strcmp(format, "ldl") == 0) {
		params->format = ECKD_LDL;
	} else if (strcmp(format, "cdl") == 0) {
		params->format = ECKD_CDL;
	} else {
		cu_error(options, "format=%s: none, ldl or cdl was expected", format);
		return -EINVAL;
	}
	return 0;
}

/* Digits and letters, as on a type plate; filled up with zeros on the left. */
static int take_serial(struct cu_options *options, uint8_t serial[ECKD_SERIAL_SIZE],
		       struct eckd_disk_params *params)
{
	const char *text = cu_option_string(options, "serial");
	size_t len = text ? strlen(text) : 0;
	size_t i;

	if (!text)
		return 0;
	memset(serial, 0xf0, ECKD_SERIAL_SIZE);
	for (i = 0; i < len && len <= ECKD_SERIAL_SIZE; i++) {
		uint8_t *b = &serial[ECKD_SERIAL_SIZE - len + i];
		int c = toupper((unsigned char)text[i]);

		if (c >= '0' && c <= '9')
			*b = (uint8_t)(0xf0 + (c - '0'));
		else if (c >= 'A' && c <= 'I')
			*b = (uint8_t)(0xc1 + (c - 'A'));
		else if (c >= 'J' && c <= 'R')
			*b = (uint8_t)(0xd1 + (c - 'J'));
		else if (c >= 'S' && c <= 'Z')
			*b = (uint8_t)(0xe2 + (c - 'S'));
		else
			break;
	}
	if (!len || i < len) {
		cu_error(options, "serial=%s: 1 to %d letters and digits were expected", text,
			 ECKD_SERIAL_SIZE);
		return -EINVAL;
	}
	params->serial = serial;
	return 0;
}

static int take_flag(struct cu_options *options, const char *name, bool *value)
{
	int err = cu_option_flag(options, name);

	*value = err > 0;
	return err < 0 ? err : 0;
}

static void identify(struct eckd *eckd)
{
	/* 3990-E9, 3390; Read Configuration Data is command FA, of 256 bytes. */
	static const uint8_t id[] = { 0xff, 0x39, 0x90, 0xe9, 0x33, 0x90,
				      0x00, 0x00, 0x40, 0xfa, 0x01, 0x00 };

	memcpy(eckd->cu.id, id, sizeof(id));
	eckd->cu.id[6] = model_code(eckd_disk_cyls(eckd->disk));
	eckd->cu.id_len = sizeof(id);
}

static int eckd_create(const struct cu_type *type, struct cu_options *options,
		       struct cu_device **out)
{
	struct eckd *eckd = calloc(1, sizeof(*eckd));
	struct eckd_disk_params params = { .path = cu_option_string(options, "file") };
	uint8_t serial[ECKD_SERIAL_SIZE];
	struct image_error error = { "" };
	int err;

	if (!eckd)
		return -ENOMEM;
	eckd->cu.ops = &eckd_ops;
	eckd->cu.stop_fd = -1;
	params.stop_fd = &eckd->cu.stop_fd;
	err = take_size(options, &params);
	if (!err)
		err = take_format(options, &params);
	if (!err)
		err = take_serial(options, serial, &params);
	if (!err)
		err = take_flag(options, "ro", &params.read_only);
	if (!err)
		err = take_flag(options, "unsafe", &params.unsafe);
	if (!err && !params.path) {
		cu_error(options, "file= is missing: the image");
		err = -EINVAL;
	}
	if (err)
		goto free;
	err = eckd_disk_open(&eckd->disk, &params, &error);
	if (err) {
		cu_error(options, "%s%s", error.text,
			 err == -ENOENT && !params.cyls ? " (to make one, say cyls= or model=)"
							: "");
		goto free;
	}
	identify(eckd);
	*out = &eckd->cu;
	return 0;
free:
	free(eckd);
	return err;
}

struct cu_type cu_eckd_type = {
	.name = "3390",
	.help = "file=PATH   the image; made if it is not there\n"
		"cyls=N      cylinders of 15 tracks; needed to make one\n"
		"model=M     the same by name: 1, 2, 3, 9, 27 or 54\n"
		"format=F    what a new one looks like: none (the default: for dasdfmt), ldl, cdl\n"
		"blksize=N   its blocks, if formatted: 512, 1024, 2048 or 4096 (the default)\n"
		"serial=S    its number: up to 12 letters and digits; random without\n"
		"ro          only to be read\n"
		"unsafe      don't wait for stable storage",
	.create = eckd_create,
};
