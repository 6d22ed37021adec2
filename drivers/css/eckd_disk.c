// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An ECKD disk's image: the label, and the storage of records.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <umdev/cio.h>
#include "eckd_disk_internal.h"

static const uint8_t label_magic[8] = { 'U', 'M', 'D', 'E', 'V', 'C', 'K', 'D' };

#define LABEL_VERSION 1
#define LABEL_SIZE    36

/* ---- the label ---- */

static void random_serial(uint8_t serial[ECKD_SERIAL_SIZE])
{
	uint64_t n = 0;
	unsigned int i;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		n = (uintptr_t)serial;
	for (i = ECKD_SERIAL_SIZE; i-- > 0; n /= 10)
		serial[i] = (uint8_t)(0xf0 + n % 10);
}

static int write_label(struct eckd_disk *disk, const struct eckd_disk_params *params,
		       struct image_error *error)
{
	uint8_t *b = image_buffer(disk->image);
	int err;

	disk->cyls = params->cyls;
	disk->format = params->format;
	disk->blksize = params->blksize;
	if (params->serial)
		memcpy(disk->serial, params->serial, ECKD_SERIAL_SIZE);
	else
		random_serial(disk->serial);
	memset(b, 0, 512);
	memcpy(b, label_magic, sizeof(label_magic));
	cio_put32(b + 8, LABEL_VERSION);
	cio_put32(b + 12, disk->cyls);
	cio_put16(b + 16, ECKD_HEADS);
	cio_put16(b + 18, (uint16_t)disk->format);
	cio_put16(b + 20, (uint16_t)disk->blksize);
	memcpy(b + 24, disk->serial, ECKD_SERIAL_SIZE);
	err = image_write(disk->image, b, 512, 0);
	if (!err)
		err = image_flush(disk->image);
	if (err)
		snprintf(error->text, sizeof(error->text), "%s: can't be written: %s", params->path,
			 strerror(-err));
	return err;
}

static bool known_format(const struct eckd_disk *disk)
{
	if (disk->format == ECKD_UNFORMATTED)
		return true;
	return disk->format <= ECKD_CDL && disk->blksize >= 512 && disk->blksize <= 4096 &&
	       !(disk->blksize & (disk->blksize - 1));
}

static int refuse(struct image_error *error, const char *path, const char *why)
{
	snprintf(error->text, sizeof(error->text), "%s: %s", path, why);
	return -EINVAL;
}

static int read_label(struct eckd_disk *disk, const struct eckd_disk_params *params,
		      struct image_error *error)
{
	uint8_t *b = image_buffer(disk->image);
	int err;

	if (image_size(disk->image) < 2 * ECKD_SLOT_SIZE)
		return refuse(error, params->path, "not an image of an ECKD disk: too short");
	err = image_read(disk->image, b, 512, 0);
	if (err) {
		snprintf(error->text, sizeof(error->text), "%s: can't be read: %s", params->path,
			 strerror(-err));
		return err;
	}
	/* One that was made, but not finished. */
	if (params->cyls && b[0] == 0 && memcmp(b, b + 1, LABEL_SIZE - 1) == 0)
		return write_label(disk, params, error);
	if (memcmp(b, label_magic, sizeof(label_magic)) != 0)
		return refuse(error, params->path,
			      "not an image of an ECKD disk: it does not begin with UMDEVCKD");
	if (cio_get32(b + 8) != LABEL_VERSION)
		return refuse(error, params->path, "a version of these images that is not known");
	disk->cyls = cio_get32(b + 12);
	disk->format = (enum eckd_format)cio_get16(b + 18);
	disk->blksize = cio_get16(b + 20);
	memcpy(disk->serial, b + 24, ECKD_SERIAL_SIZE);
	if (cio_get16(b + 16) != ECKD_HEADS || !disk->cyls || disk->cyls > ECKD_CYLS_MAX ||
	    image_size(disk->image) != eckd_image_size(disk->cyls) || !known_format(disk))
		return refuse(error, params->path,
			      "its label is damaged, or does not fit its size");
	return 0;
}

uint64_t eckd_image_size(uint32_t cyls)
{
	return (UINT64_C(1) + (uint64_t)cyls * ECKD_HEADS) * ECKD_SLOT_SIZE;
}

int eckd_disk_open(struct eckd_disk **out, const struct eckd_disk_params *params,
		   struct image_error *error)
{
	struct image_params image = { .path = params->path,
				      .size = params->cyls ? eckd_image_size(params->cyls) : 0,
				      .buffer_size = ECKD_DIRECTORY_AREA + ECKD_SLOT_SIZE,
				      .read_only = params->read_only,
				      .unsafe = params->unsafe,
				      .stop_fd = params->stop_fd };
	struct eckd_disk *disk = calloc(1, sizeof(*disk));
	int err;

	if (!disk) {
		refuse(error, params->path, "out of memory");
		return -ENOMEM;
	}
	err = image_open(&disk->image, &image, error);
	if (err)
		goto free;
	if (image_is_new(disk->image))
		err = write_label(disk, params, error);
	else
		err = read_label(disk, params, error);
	if (err)
		goto close;
	*out = disk;
	return 0;
close:
	image_close(disk->image);
free:
	free(disk);
	return err;
}

void eckd_disk_close(struct eckd_disk *disk)
{
	if (!disk)
		return;
	image_close(disk->image);
	free(disk);
}

uint32_t eckd_disk_cyls(const struct eckd_disk *disk)
{
	return disk->cyls;
}

const uint8_t *eckd_disk_serial(const struct eckd_disk *disk)
{
	return disk->serial;
}

const char *eckd_disk_path(const struct eckd_disk *disk)
{
	return image_path(disk->image);
}

bool eckd_disk_read_only(const struct eckd_disk *disk)
{
	return image_is_read_only(disk->image);
}

/* ---- transfers ---- */

int eckd_write(struct eckd_disk *disk, const void *buf, size_t len, uint64_t offset)
{
	disk->written = true;
	return image_write(disk->image, buf, len, offset);
}

int eckd_disk_settle(struct eckd_disk *disk)
{
	return image_settle(disk->image);
}

/* ---- records ---- */

uint8_t *eckd_disk_data(struct eckd_disk *disk)
{
	return image_buffer(disk->image) + ECKD_DIRECTORY_AREA;
}

uint64_t eckd_slot_offset(uint32_t number)
{
	return (UINT64_C(1) + number) * ECKD_SLOT_SIZE;
}

/* Have what was appended without data read as 0. */
int eckd_write_zeros(struct eckd_disk *disk)
{
	uint64_t from = disk->zero_from;
	uint64_t len = disk->zero_to - disk->zero_from;
	int err;

	if (!len)
		return 0;
	disk->written = true;
	err = image_zero(disk->image, from, len);
	if (err)
		return err;
	disk->zero_from = disk->zero_to = 0;
	return 0;
}

int eckd_record_read(struct eckd_disk *disk, const struct eckd_track *track, unsigned int nr,
		     size_t from, size_t at, size_t len)
{
	int err;

	if (!len)
		return 0;
	err = eckd_write_zeros(disk);
	if (err)
		return err;
	return image_read(disk->image, eckd_disk_data(disk) + at, len,
			  eckd_slot_offset(track->number) + track->offset[nr] + from);
}

int eckd_record_write(struct eckd_disk *disk, const struct eckd_track *track, unsigned int nr,
		      size_t from, size_t at, size_t len)
{
	int err;

	if (!len)
		return 0;
	err = eckd_write_zeros(disk);
	if (err)
		return err;
	return eckd_write(disk, eckd_disk_data(disk) + at, len,
			  eckd_slot_offset(track->number) + track->offset[nr] + from);
}

/* ---- stable storage ---- */

int eckd_sync(struct eckd_disk *disk)
{
	int err;

	if (!disk->written)
		return 0;
	err = image_flush(disk->image);
	if (err)
		return err;
	disk->written = false;
	disk->nr_stored = 0;
	return 0;
}

int eckd_disk_flush(struct eckd_disk *disk)
{
	int err = eckd_track_store(disk);

	return err ? err : eckd_sync(disk);
}

bool eckd_disk_dirty(const struct eckd_disk *disk)
{
	return disk->changed || disk->written;
}
