/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An ECKD disk's image: made, opened, damaged, refused; and what its sense says of that. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "../unit/cmocka_umdev.h"
#include "eckd_programs.h"

#define REJECT SENSE_COMMAND_REJECT

static struct disk d;

static int start(void **state)
{
	disk_start(&d, ",cyls=2");
	return 0;
}

static int finish(void **state)
{
	disk_finish(&d);
	return 0;
}

static void a_read_only_image_is_not_written(void **state)
{
	make_track(&d, 16, 2);
	disk_restart(&d, ",ro");
	extent(&d, 0, 16, 16);
	locate(&d, ECKD_OP_WRITE_DATA, 1, 16, 1, 100);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "x", 1);
	bad(&d, REJECT, 0x02, 0);
	seek(&d, ECKD_SEEK, 16);
	search_id(&d, ECKD_SEARCH_ID_EQ, 16, 1);
	give(&d, ECKD_WRITE_DATA, CCW_FLAG_SLI, "x", 1);
	bad(&d, REJECT, 0x02, 0);
	seek(&d, ECKD_SEEK, 16);
	take(&d, ECKD_READ_DATA, 0, 100);
	good(&d);
}

static void overwrite(uint64_t offset, const void *data, size_t len)
{
	int fd = open(d.path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)offset), (ssize_t)len);
	close(fd);
}

static uint64_t slot(uint32_t track)
{
	return 65536 * (UINT64_C(1) + track);
}

static void a_damaged_track_is_a_data_check(void **state)
{
	make_track(&d, 16, 2);
	make_track(&d, 16, 3);
	make_track(&d, 17, 2);
	overwrite(slot(16) + 20, "x", 1);
	overwrite(slot(16) + 1024 + 20, "x", 1);
	disk_restart(&d, "");
	extent(&d, 0, 16, 17);
	locate(&d, ECKD_OP_READ_DATA, 1, 16, 1, 0);
	take(&d, ECKD_READ_DATA, 0, 100);
	bad(&d, SENSE_DATA_CHECK, 0x80, 0x41);
	extent(&d, 0, 16, 17);
	locate(&d, ECKD_OP_READ_DATA, 1, 17, 1, 0);
	take(&d, ECKD_READ_DATA, 0, 100);
	good(&d);
}

/* What was torn is the later directory: the track is as it was before. */
static void a_torn_directory_leaves_the_one_before(void **state)
{
	uint8_t *b;

	make_track(&d, 16, 2);
	make_track(&d, 16, 3);
	overwrite(slot(16) + 1024 + 300, "x", 1);
	overwrite(slot(16) + 1024 + 40, "x", 1);
	disk_restart(&d, "");
	seek(&d, ECKD_SEEK, 16);
	take(&d, ECKD_READ_COUNT, 0, 8);
	take(&d, ECKD_READ_COUNT, 0, 8);
	b = take(&d, ECKD_READ_COUNT, 0, 8);
	good(&d);
	assert_int_equal(b[4], 1);
}

/* One that belongs to another track is none. */
static void a_misplaced_directory_is_not_taken(void **state)
{
	uint8_t copy[2048];
	int fd;

	make_track(&d, 16, 2);
	make_track(&d, 16, 2);
	fd = open(d.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, copy, sizeof(copy), (off_t)slot(16)), sizeof(copy));
	close(fd);
	overwrite(slot(18), copy, sizeof(copy));
	disk_restart(&d, "");
	seek(&d, ECKD_SEEK, 18);
	take(&d, ECKD_READ_COUNT, 0, 8);
	bad(&d, SENSE_DATA_CHECK, 0x80, 0x41);
}

static void a_file_that_was_cut_is_an_equipment_check(void **state)
{
	make_track(&d, 16, 2);
	assert_int_equal(truncate(d.path, 65536), 0);
	seek(&d, ECKD_SEEK, 17);
	take(&d, ECKD_READ_COUNT, 0, 8);
	bad(&d, SENSE_EQUIPMENT_CHECK, 0x80, 0x10);
}

static void refused(const char *options, int err, const char *why)
{
	struct hw_error error = { "" };
	char spec[160];

	snprintf(spec, sizeof(spec), "0.0.1002:3390,%s", options);
	assert_int_equal(hw_plug(spec, &error), err);
	if (!strstr(error.text, why))
		fail_msg("\"%s\", expected \"%s\"", error.text, why);
}

static void options_are_checked(void **state)
{
	char options[120];

	refused("cyls=3", -EINVAL, "file=");
	refused("file=/nonexistent/x", -ENOENT, "cyls=");
	refused("file=/tmp/x,cyls=0", -EINVAL, "cyls=0");
	refused("file=/tmp/x,cyls=2000000", -EINVAL, "cyls=2000000");
	refused("file=/tmp/x,model=7", -EINVAL, "model=7");
	refused("file=/tmp/x,model=3,cyls=3", -EINVAL, "model=3");
	refused("file=/tmp/x,format=x,cyls=1", -EINVAL, "format=x");
	refused("file=/tmp/x,blksize=600,cyls=1", -EINVAL, "blksize=600");
	refused("file=/tmp/x,serial=ABC-,cyls=1", -EINVAL, "serial=ABC-");
	refused("file=/tmp/x,serial=1234567890123,cyls=1", -EINVAL, "serial=");
	snprintf(options, sizeof(options), "file=%s", d.path);
	refused(options, -EBUSY, d.path);
	unit_finish(&d.u);
	overwrite(0, "X", 1);
	refused(options, -EINVAL, "UMDEVCKD");
	overwrite(0, "U\0", 1);
	overwrite(12, "\0\0\0\3", 4);
	refused(options, -EINVAL, "label");
	overwrite(12, "\0\0\0\2", 4);
	unit_plug(&d.u, &d.m, "0.0.1000:null");
}

/* A file that is as long as it should be, but without a label: a kill while it was made. */
static void an_unfinished_image_is_finished(void **state)
{
	unit_finish(&d.u);
	assert_int_equal(truncate(d.path, 0), 0);
	assert_int_equal(truncate(d.path, (off_t)slot(30)), 0);
	disk_plug(&d, ",cyls=2");
	make_track(&d, 16, 2);
	disk_restart(&d, "");
	seek(&d, ECKD_SEEK, 16);
	take(&d, ECKD_READ_DATA, 0, 100);
	good(&d);
}

static void the_serial_number_stays(void **state)
{
	uint8_t *b;

	disk_renew(&d, ",cyls=1,serial=ab19z");
	disk_restart(&d, "");
	b = take(&d, ECKD_RCD, 0, 256);
	good(&d);
	assert_memory_equal(b + 18, "\xf0\xf0\xf0\xf0\xf0\xf0\xf0\xc1\xc2\xf1\xf9\xe9", 12);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, finish)
	const struct CMUnitTest tests[] = {
		T(a_read_only_image_is_not_written),	      T(a_damaged_track_is_a_data_check),
		T(a_torn_directory_leaves_the_one_before),    T(a_misplaced_directory_is_not_taken),
		T(a_file_that_was_cut_is_an_equipment_check), T(options_are_checked),
		T(an_unfinished_image_is_finished),	      T(the_serial_number_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
