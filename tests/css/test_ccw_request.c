/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* I/O of io_subchannel's own: what it makes of each way in which a device may answer, or not. */
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

#define CMD 0x42

static int down(void **state)
{
	fake_down();
	return 0;
}

static int run(uint8_t lpm, bool singlepath, bool any_status)
{
	struct ccw_request req = {
		.cmd = { CMD }, .lpm = lpm, .singlepath = singlepath, .any_status = any_status
	};

	return ccw_request_run(&fake_ios, &req);
}

/* ---- one answer ---- */

static struct fake_answer good(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
			       size_t len)
{
	assert_int_equal(cmd, CMD);
	if (len) {
		assert_int_equal(data[0], 7);
		data[0] = 8;
	}
	return answer_good(0);
}

static void a_good_answer_brings_its_data(void **state)
{
	const struct fake_device device = { good };
	uint8_t data[4] = { 7 };
	struct ccw_request req = { .cmd = { CMD }, .buf = data, .len = 4, .lpm = 0x80 };

	fake_up(0x80, &device);
	assert_int_equal(ccw_request_run(&fake_ios, &req), 0);
	assert_int_equal(data[0], 8);
	assert_int_equal(fake_starts(), 1);
	assert_null(fake_ios.req);
}

static struct fake_answer rejected(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				   size_t len)
{
	return answer_sense(SENSE_COMMAND_REJECT);
}

static void a_rejected_command_is_not_tried_again(void **state)
{
	const struct fake_device device = { rejected };

	fake_up(0xc0, &device);
	assert_int_equal(run(0xc0, true, false), -EOPNOTSUPP);
	assert_int_equal(fake_starts(), 1);
}

static struct fake_answer pieces(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				 size_t len)
{
	struct fake_answer answer = answer_good(3);

	answer.pieces = true;
	answer.stray = true;
	return answer;
}

static void status_in_pieces_is_one(void **state)
{
	const struct fake_device device = { pieces };
	uint8_t data[4] = { 0 };
	struct ccw_request req = { .cmd = { CMD }, .buf = data, .len = 4, .lpm = 0x80 };

	fake_up(0x80, &device);
	assert_int_equal(ccw_request_run(&fake_ios, &req), 0);
	assert_int_equal(req.irb.scsw.count, 3);
	assert_int_equal(req.irb.scsw.dstat, DEV_STAT_CHN_END | DEV_STAT_DEV_END);
	assert_int_equal(fake_starts(), 1);
}

/* ---- again, and elsewhere ---- */

static struct fake_answer checks(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				 size_t len)
{
	return nr < 300 ? answer_sense(0x10) : answer_good(0);
}

static void a_unit_check_is_tried_again_then_on_the_next_path(void **state)
{
	const struct fake_device device = { checks };

	fake_up(0xc0, &device);
	assert_int_equal(run(0xc0, true, false), 0);
	assert_int_equal(fake_starts(), 301);
	assert_int_equal(fake_path(255), 0x80);
	assert_int_equal(fake_path(256), 0x40);
}

static void what_the_device_says_may_be_no_matter(void **state)
{
	const struct fake_device device = { checks };

	fake_up(0x80, &device);
	assert_int_equal(run(0x80, true, true), 0);
	assert_int_equal(fake_starts(), 1);
}

static struct fake_answer channel_checks(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
					 size_t len)
{
	return nr ? answer_good(0) : answer_status(0, 0, SCHN_STAT_INTF_CTRL);
}

static void what_the_subchannel_says_is(void **state)
{
	const struct fake_device device = { channel_checks };

	fake_up(0x80, &device);
	assert_int_equal(run(0x80, true, true), 0);
	assert_int_equal(fake_starts(), 2);
}

static struct fake_answer only_40(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				  size_t len)
{
	if (path == 0x40)
		return answer_good(0);
	return nr ? answer_cc(3) : answer_status(SCSW_FLAGS_PNO | SCSW_FLAGS_CC, 0, 0);
}

static void a_path_that_is_not_operational_is_left(void **state)
{
	const struct fake_device device = { only_40 };

	fake_up(0xc0, &device);
	assert_int_equal(run(0xc0, true, false), 0);
	assert_int_equal(fake_starts(), 2);
	assert_int_equal(fake_path(1), 0x40);
}

static struct fake_answer none(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
			       size_t len)
{
	return answer_status(SCSW_FLAGS_PNO, 0, 0);
}

static void each_path_alone_is_tried_twice(void **state)
{
	const struct fake_device device = { none };

	fake_up(0xa0, &device);
	assert_int_equal(run(0xa0, true, false), -EACCES);
	assert_int_equal(fake_starts(), 4);
	assert_int_equal(fake_path(2), 0x80);
	assert_int_equal(fake_path(3), 0x20);
}

static void all_at_once_are_tried_once(void **state)
{
	const struct fake_device device = { none };

	fake_up(0xa0, &device);
	assert_int_equal(run(0xa0, false, false), -EACCES);
	assert_int_equal(fake_starts(), 1);
}

static void without_path_nothing_is_tried(void **state)
{
	const struct fake_device device = { none };

	fake_up(0x80, &device);
	assert_int_equal(run(0, true, false), -EACCES);
	assert_int_equal(fake_starts(), 0);
}

/* ---- subchannels that are busy, silent, gone ---- */

static struct fake_answer busy(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
			       size_t len)
{
	return nr ? answer_good(0) : answer_cc(1);
}

static void pending_status_is_cleared_and_the_start_tried_again(void **state)
{
	const struct fake_device device = { busy };

	fake_up(0x80, &device);
	assert_int_equal(run(0x80, false, false), 0);
	assert_int_equal(fake_starts(), 2);
	assert_int_equal(fake_clears(), 1);
}

static struct fake_answer silent(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				 size_t len)
{
	struct fake_answer answer = answer_good(0);

	answer.silent = path != 0x20;
	return answer;
}

static int run_impatiently(uint8_t lpm)
{
	int err;

	ccw_request_timeout = 50;
	err = run(lpm, true, false);
	ccw_request_timeout = 60000;
	return err;
}

static void no_answer_on_any_path_is_etime(void **state)
{
	const struct fake_device device = { silent };

	fake_up(0xc0, &device);
	assert_int_equal(run_impatiently(0xc0), -ETIME);
	assert_int_equal(fake_starts(), 4);
	assert_int_equal(fake_clears(), 4);
}

static void no_answer_on_one_path_leads_to_the_next(void **state)
{
	const struct fake_device device = { silent };

	fake_up(0xa0, &device);
	assert_int_equal(run_impatiently(0xa0), 0);
	assert_int_equal(fake_path(1), 0x20);
}

static struct fake_answer goes(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
			       size_t len)
{
	fake_gone();
	return answer_cc(0);
}

static void a_subchannel_that_goes_is_enodev(void **state)
{
	const struct fake_device device = { goes };

	fake_up(0x80, &device);
	assert_int_equal(run(0x80, false, false), -ENODEV);
}

static struct fake_answer cancelled(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				    size_t len)
{
	struct fake_answer answer = answer_good(0);

	fake_ios.cancel = true;
	answer.silent = true;
	return answer;
}

static void a_request_that_is_cancelled_leaves_the_subchannel_clear(void **state)
{
	const struct fake_device device = { cancelled };

	fake_up(0x80, &device);
	assert_int_equal(run(0x80, false, false), -EIO);
	assert_int_equal(fake_clears(), 1);
}

static struct fake_answer halted(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				 size_t len)
{
	struct fake_answer answer = answer_good(0);

	if (!nr)
		answer.irb.scsw.ctrl |= SCSW_FCTL_CLEAR;
	return answer;
}

static void a_start_that_somebody_cleared_is_tried_again(void **state)
{
	const struct fake_device device = { halted };

	fake_up(0x80, &device);
	assert_int_equal(run(0x80, false, false), 0);
	assert_int_equal(fake_starts(), 2);
}

/* ---- SENSE ID ---- */

static size_t id_len;
static uint8_t id_data[12];
static unsigned int id_bad;

static struct fake_answer tell_id(unsigned int nr, uint8_t path, uint8_t cmd, uint8_t *data,
				  size_t len)
{
	assert_int_equal(cmd, CCW_CMD_SENSE_ID);
	if (nr < id_bad) {
		data[0] = 0xff;
		return answer_good((uint16_t)(len - 1));
	}
	memcpy(data, id_data, id_len);
	return answer_good((uint16_t)(len - id_len));
}

static int sense_id(size_t len, const uint8_t *data, struct ccw_device_id *id)
{
	static const struct fake_device device = { tell_id };

	id_len = len;
	memcpy(id_data, data, len);
	fake_up(0x80, &device);
	return ccw_sense_id(&fake_ios, id);
}

static void sense_id_tells_unit_and_device(void **state)
{
	const uint8_t data[] = { 0xff, 0x39, 0x90, 0xe9, 0x33, 0x90, 0x0a, 0 };
	struct ccw_device_id id;

	id_bad = 2;
	assert_int_equal(sense_id(sizeof(data), data, &id), 0);
	assert_int_equal(id.cu_type, 0x3990);
	assert_int_equal(id.cu_model, 0xe9);
	assert_int_equal(id.dev_type, 0x3390);
	assert_int_equal(id.dev_model, 0x0a);
	assert_int_equal(fake_starts(), 3);
}

static void sense_id_of_four_bytes_tells_no_device(void **state)
{
	const uint8_t data[] = { 0xff, 0x38, 0x32, 0x02 };
	struct ccw_device_id id;

	id_bad = 0;
	assert_int_equal(sense_id(sizeof(data), data, &id), 0);
	assert_int_equal(id.cu_type, 0x3832);
	assert_int_equal(id.cu_model, 2);
	assert_int_equal(id.dev_type, 0);
}

static void sense_id_of_another_kind_is_not_understood(void **state)
{
	const uint8_t data[] = { 0x00, 0x38, 0x32, 0x02, 0, 0, 0 };
	struct ccw_device_id id;

	id_bad = 0;
	assert_int_equal(sense_id(sizeof(data), data, &id), -EOPNOTSUPP);
}

static void sense_id_that_is_never_whole_ends(void **state)
{
	const uint8_t data[] = { 0xff, 0x38, 0x32 };
	struct ccw_device_id id;

	id_bad = 0;
	assert_int_equal(sense_id(sizeof(data), data, &id), -EACCES);
	assert_int_equal(fake_starts(), 256);
}

/* ---- memory ---- */

static void memory_ends_where_it_ends(void **state)
{
	struct ccw_memory *memory = ccw_memory_alloc(16);
	struct channel_memory *mem = &memory->mem;
	struct ccw1 ccw;
	uint64_t idaw;
	uint8_t buf[16] = { 0 };

	fake_up(0, NULL);
	assert_int_equal(mem->ops->write(mem, 8, "\x01\x02\x03\x04\x05\x06\x07\x08", 8), 0);
	assert_int_equal(mem->ops->fetch_ccw(mem, 8, true, &ccw), 0);
	assert_int_equal(ccw.count, 0x0304);
	assert_int_equal(mem->ops->fetch_ccw(mem, 9, true, &ccw), -EFAULT);
	assert_int_equal(mem->ops->fetch_idaw(mem, 8, true, &idaw), 0);
	assert_true(idaw == UINT64_C(0x0102030405060708));
	assert_int_equal(mem->ops->fetch_idaw(mem, 12, false, &idaw), 0);
	assert_true(idaw == 0x05060708);
	assert_int_equal(mem->ops->fetch_idaw(mem, 12, true, &idaw), -EFAULT);
	assert_int_equal(mem->ops->read(mem, 0, buf, 16), 0);
	assert_int_equal(mem->ops->read(mem, 1, buf, 16), -EFAULT);
	assert_int_equal(mem->ops->write(mem, UINT64_MAX, buf, 2), -EFAULT);
	assert_int_equal(mem->ops->write(mem, 16, buf, 0), 0);
	assert_int_equal(mem->ops->write(mem, 17, buf, 0), -EFAULT);
	mem->ops->end(mem);
	assert_null(ccw_memory_alloc(SIZE_MAX));
}

#define TEST(name) cmocka_unit_test_teardown(name, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_answer_brings_its_data),
		TEST(a_rejected_command_is_not_tried_again),
		TEST(status_in_pieces_is_one),
		TEST(a_unit_check_is_tried_again_then_on_the_next_path),
		TEST(what_the_device_says_may_be_no_matter),
		TEST(what_the_subchannel_says_is),
		TEST(a_path_that_is_not_operational_is_left),
		TEST(each_path_alone_is_tried_twice),
		TEST(all_at_once_are_tried_once),
		TEST(without_path_nothing_is_tried),
		TEST(pending_status_is_cleared_and_the_start_tried_again),
		TEST(no_answer_on_any_path_is_etime),
		TEST(no_answer_on_one_path_leads_to_the_next),
		TEST(a_subchannel_that_goes_is_enodev),
		TEST(a_request_that_is_cancelled_leaves_the_subchannel_clear),
		TEST(a_start_that_somebody_cleared_is_tried_again),
		TEST(sense_id_tells_unit_and_device),
		TEST(sense_id_of_four_bytes_tells_no_device),
		TEST(sense_id_of_another_kind_is_not_understood),
		TEST(sense_id_that_is_never_whole_ends),
		TEST(memory_ends_where_it_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
