/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Path verification, and path groups: a device whose paths are in all the states there are. */
#include "../unit/cmocka_umdev.h"

#include <errno.h>
#include <umdev/control_unit.h>

#include "fake_channel.h"

/* What the linked files ask of those that are not here. */
void ccw_device_unregister(struct ccw_device_private *priv)
{
	fail();
}
void ccw_device_rebind(struct ccw_device_private *priv)
{
	fail();
}
void ccw_device_verify(struct ccw_device_private *priv)
{
	fail();
}
void ccw_device_timeout(struct ccw_device_private *priv)
{
	fail();
}
void io_subchannel_evaluate(struct io_subchannel *ios)
{
	fail();
}

#define CMD_SNID 0x34
#define CMD_SPID 0xaf

/* The device: what each path is, and what it can. */
static struct {
	uint8_t pgid[8][PGID_SIZE]; /* as SENSE PATH GROUP ID tells it */
	bool dead[8];
	bool without_groups;
	bool single_only;
	unsigned int set; /* how many SET PATH GROUP ID it has carried out */
	uint8_t last_function;
} dev;

static struct ccw_device_private priv;

static unsigned int number(uint8_t path)
{
	unsigned int i = 0;

	while (!(path & 0x80 >> i))
		i++;
	return i;
}

static struct fake_answer set_group(unsigned int i, const uint8_t *data)
{
	uint8_t function = data[0] & 0x60;
	bool multi = data[0] & 0x80;

	if (multi && dev.single_only)
		return answer_sense(SENSE_COMMAND_REJECT);
	dev.set++;
	dev.last_function = data[0];
	if (function == 0x20) {
		memset(dev.pgid, 0, sizeof(dev.pgid));
		return answer_good(0);
	}
	memcpy(dev.pgid[i], data, PGID_SIZE);
	dev.pgid[i][0] = (uint8_t)((function == 0x40 ? 2 << 6 : 3 << 6) | (multi ? 8 : 0));
	return answer_good(0);
}

static struct fake_answer answer(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				 size_t len)
{
	unsigned int i = number(path);

	if (dev.dead[i])
		return answer_status(SCSW_FLAGS_PNO, 0, 0);
	if (cmd == CCW_CMD_NOOP)
		return answer_good(0);
	if (dev.without_groups)
		return answer_sense(SENSE_COMMAND_REJECT);
	if (cmd == CMD_SNID) {
		memcpy(data, dev.pgid[i], PGID_SIZE);
		return answer_good(0);
	}
	assert_int_equal(cmd, CMD_SPID);
	assert_int_equal(len, PGID_SIZE);
	return set_group(i, data);
}

static const struct fake_device device = { answer };

static int up(void **state)
{
	memset(&dev, 0, sizeof(dev));
	memset(&priv, 0, sizeof(priv));
	priv.ios = &fake_ios;
	fake_up(0xe0, &device);
	return 0;
}

static int down(void **state)
{
	fake_down();
	return 0;
}

static int verify(unsigned long options)
{
	priv.options = options;
	return ccw_path_verify(&priv);
}

#define GROUP (CCWDEV_DO_PATHGROUP)
#define MULTI (CCWDEV_DO_PATHGROUP | CCWDEV_DO_MULTIPATH)

/* ---- without groups ---- */

static void paths_that_answer_are_verified(void **state)
{
	dev.dead[1] = true;
	assert_int_equal(verify(0), 0);
	assert_int_equal(fake_ios.vpm, 0xa0);
	assert_false(priv.pgroup);
}

static void paths_that_are_varied_off_are_left_alone(void **state)
{
	fake_sch.opm = 0x7f;
	assert_int_equal(verify(0), 0);
	assert_int_equal(fake_ios.vpm, 0x60);
	assert_int_equal(fake_path(0), 0x40);
}

static void without_a_path_that_answers_there_is_no_device(void **state)
{
	dev.dead[0] = dev.dead[1] = dev.dead[2] = true;
	assert_int_equal(verify(0), -EACCES);
	assert_int_equal(fake_ios.vpm, 0);
}

static void a_device_that_knows_no_groups_has_none(void **state)
{
	dev.without_groups = true;
	assert_int_equal(verify(MULTI), 0);
	assert_int_equal(fake_ios.vpm, 0xe0);
	assert_false(priv.pgroup);
	assert_false(priv.mpath);
	assert_false(fake_sch.schib.pmcw.flags & PMCW_MP);
}

/* ---- with groups ---- */

static void all_paths_get_the_same_group(void **state)
{
	assert_int_equal(verify(MULTI), 0);
	assert_int_equal(fake_ios.vpm, 0xe0);
	assert_true(priv.pgroup && priv.mpath);
	assert_int_equal(dev.set, 3);
	assert_memory_equal(dev.pgid[0] + 1, dev.pgid[2] + 1, PGID_SIZE - 1);
	assert_int_equal(dev.pgid[1][0], 0xc8);
	assert_int_equal(priv.pgid_reset_mask, 0xe0);
	assert_true(fake_sch.schib.pmcw.flags & PMCW_MP);
}

static void a_group_that_is_there_is_kept(void **state)
{
	assert_int_equal(verify(GROUP), 0);
	dev.set = 0;
	assert_int_equal(verify(GROUP), 0);
	assert_int_equal(dev.set, 0);
	assert_int_equal(fake_ios.vpm, 0xe0);
}

static void a_path_that_comes_back_joins_the_group(void **state)
{
	uint8_t name[PGID_SIZE];

	assert_int_equal(verify(GROUP), 0);
	memcpy(name, dev.pgid[0], PGID_SIZE);
	memset(dev.pgid[2], 0, PGID_SIZE);
	dev.set = 0;
	priv.pgid_reset_mask = 0;
	assert_int_equal(verify(GROUP), 0);
	assert_int_equal(dev.set, 1);
	assert_memory_equal(dev.pgid[2] + 1, name + 1, PGID_SIZE - 1);
	assert_int_equal(priv.pgid_reset_mask, 0x20);
}

static void a_path_that_is_varied_off_leaves_the_group(void **state)
{
	assert_int_equal(verify(GROUP), 0);
	fake_sch.opm = 0xdf;
	assert_int_equal(verify(GROUP), 0);
	assert_int_equal(fake_ios.vpm, 0xc0);
	assert_int_equal(dev.pgid[2][0] >> 6, 2);
}

static void without_multipath_it_is_a_group_of_single_paths(void **state)
{
	dev.single_only = true;
	assert_int_equal(verify(MULTI), 0);
	assert_true(priv.pgroup);
	assert_false(priv.mpath);
	assert_int_equal(dev.pgid[0][0], 0xc0);
	assert_false(fake_sch.schib.pmcw.flags & PMCW_MP);
}

static void a_device_that_another_system_has_reserved_is_eusers(void **state)
{
	dev.pgid[0][0] = dev.pgid[1][0] = dev.pgid[2][0] = 2 << 4;
	assert_int_equal(verify(GROUP), -EUSERS);
}

static void paths_in_two_groups_are_used_without_one(void **state)
{
	dev.pgid[0][5] = 1;
	dev.pgid[1][5] = 2;
	assert_int_equal(verify(GROUP), 0);
	assert_int_equal(dev.set, 0);
	assert_false(priv.pgroup);
	assert_int_equal(fake_ios.vpm, 0xe0);
}

static void a_dead_path_is_no_part_of_the_group(void **state)
{
	dev.dead[0] = true;
	assert_int_equal(verify(GROUP), 0);
	assert_int_equal(fake_ios.vpm, 0x60);
}

static void disbanding_ends_the_group_and_the_mode(void **state)
{
	assert_int_equal(verify(MULTI), 0);
	assert_int_equal(ccw_pgid_disband(&priv), 0);
	assert_int_equal(dev.last_function, 0xa0);
	assert_int_equal(dev.pgid[0][0], 0);
	assert_false(fake_sch.schib.pmcw.flags & PMCW_MP);
}

static void a_device_that_goes_meanwhile_is_enodev(void **state)
{
	fake_gone();
	assert_int_equal(verify(MULTI), -ENODEV);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(paths_that_answer_are_verified),
		TEST(paths_that_are_varied_off_are_left_alone),
		TEST(without_a_path_that_answers_there_is_no_device),
		TEST(a_device_that_knows_no_groups_has_none),
		TEST(all_paths_get_the_same_group),
		TEST(a_group_that_is_there_is_kept),
		TEST(a_path_that_comes_back_joins_the_group),
		TEST(a_path_that_is_varied_off_leaves_the_group),
		TEST(without_multipath_it_is_a_group_of_single_paths),
		TEST(a_device_that_another_system_has_reserved_is_eusers),
		TEST(paths_in_two_groups_are_used_without_one),
		TEST(a_dead_path_is_no_part_of_the_group),
		TEST(disbanding_ends_the_group_and_the_mode),
		TEST(a_device_that_goes_meanwhile_is_enodev),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
