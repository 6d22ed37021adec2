/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is plugged, by texts of a person: what they say, and what is said to a wrong one. */
#include <errno.h>
#include <stdio.h>

#include "../unit/cmocka_umdev.h"
#include "machine.h"

static struct machine m;

static int start(void **state)
{
	machine_start(&m);
	return 0;
}

static int stop(void **state)
{
	machine_stop(&m);
	return 0;
}

static void plug(const char *spec)
{
	struct hw_error error;

	if (hw_plug(spec, &error))
		fail_msg("%s: %s", spec, error.text);
}

static void refuse(const char *spec, int err, const char *text)
{
	struct hw_error error = { "" };
	int got = hw_plug(spec, &error);

	if (got != err || !strstr(error.text, text))
		fail_msg("%s: %d, \"%s\"; expected %d, \"%s\"", spec, got, error.text, err, text);
}

static void there_is(const char *text)
{
	char buf[16384];

	assert_true(hw_show(buf, sizeof(buf)) == strlen(buf));
	if (strcmp(buf, text))
		fail_msg("there is\n%s\nexpected\n%s", buf, text);
}

static void devices_are_shown_as_they_are_plugged(void **state)
{
	plug("1000:null");
	plug("0.0.1001:null,delay_us=5,chpids=10.2a");
	plug("0.3.abcd:null,sch=3.ffff,hold");
	plug("0.0.2:null,sch=0.0.0005");
	there_is("0.0.1000:null,sch=0.0000,chpids=10 disabled\n"
		 "0.0.1001:null,sch=0.0001,chpids=10.2a,delay_us=5 disabled\n"
		 "0.0.0002:null,sch=0.0005,chpids=10 disabled\n"
		 "0.3.abcd:null,sch=3.ffff,chpids=10,hold disabled\n");
}

static void what_is_shown_can_be_plugged(void **state)
{
	struct hw_error error;
	char buf[1024];

	plug("0.0.1000:null,length=5,chpids=1.2.3.4.5.6.7.8");
	hw_show(buf, sizeof(buf));
	*strchr(buf, ' ') = '\0';
	assert_int_equal(hw_unplug("0.0.1000", &error), 0);
	there_is("");
	plug(buf);
	there_is("0.0.1000:null,sch=0.0000,chpids=01.02.03.04.05.06.07.08,length=5 disabled\n");
}

static void a_page_that_is_too_small_is_cut(void **state)
{
	char buf[64];

	plug("1000:null");
	plug("1001:null");
	assert_int_equal(hw_show(buf, sizeof(buf)), sizeof(buf) - 1);
	assert_int_equal(strlen(buf), sizeof(buf) - 1);
	assert_int_equal(hw_show(buf, 0), 0);
	assert_int_equal(hw_show_types(buf, 3), 0);
	assert_string_equal(buf, "");
}

static void texts_that_are_refused(void **state)
{
	char longest[5000] = "1000:null,length=";

	plug("1000:null,sch=0.0007");
	refuse("", -EINVAL, "number of a device");
	refuse("1000", -EINVAL, "number of a device");
	refuse("1001:", -EINVAL, "a type");
	refuse("12345:null", -EINVAL, "number of a device");
	refuse("0.4.1000:null", -EINVAL, "number of a device");
	refuse("1.0.1000:null", -EINVAL, "number of a device");
	refuse("0.0.:null", -EINVAL, "number of a device");
	refuse("x:null", -EINVAL, "number of a device");
	refuse("1001:nul", -EINVAL, "nul: expected a type");
	refuse("1001:null,", -EINVAL, "an option");
	refuse("1001:null,,hold", -EINVAL, "an option");
	refuse("1001:null,fold", -EINVAL, "fold: no option of null");
	refuse("1001:null,hold=2", -EINVAL, "hold=2: expected");
	refuse("1001:null,hold,hold", -EINVAL, "hold=: expected once");
	refuse("1001:null,length=", -EINVAL, "length=: expected a number, 0 to");
	refuse("1001:null,length", -EINVAL, "length=: expected");
	refuse("1001:null,length=-1", -EINVAL, "length=-1: expected");
	refuse("1001:null,length=1x", -EINVAL, "length=1x: expected");
	refuse("1001:null,length=4294967296", -EINVAL, "expected");
	refuse("1001:null,chpids=", -EINVAL, "chpids=: expected");
	refuse("1001:null,chpids=100", -EINVAL, "expected");
	refuse("1001:null,chpids=10.10", -EINVAL, "different");
	refuse("1001:null,chpids=10.", -EINVAL, "expected");
	refuse("1001:null,chpids=1.2.3.4.5.6.7.8.9", -EINVAL, "expected");
	refuse("1001:null,sch=x", -EINVAL, "expected set and number");
	refuse("1001:null,sch=0.10000", -EINVAL, "expected set and number");
	refuse("1001:null,sch=1.0001", -EINVAL, "subchannel set, 0");
	refuse("1001:null\x07", -EINVAL, "control characters");
	refuse("0.0.1000:null", -EEXIST, "0.0.1000: there is a device of that number");
	refuse("1001:null,sch=0.0007", -EEXIST, "sch=0.0007: there is a device");
	memset(longest + 17, '1', sizeof(longest) - 18);
	refuse(longest, -EINVAL, "characters");
	/* The same number in another set is another device. */
	plug("0.1.1000:null,sch=1.0007");
	there_is("0.0.1000:null,sch=0.0007,chpids=10 disabled\n"
		 "0.1.1000:null,sch=1.0007,chpids=10 disabled\n");
}

static void too_many_options(void **state)
{
	char text[1024] = "1000:null";

	for (unsigned int i = 0; i < 33; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ",o%u=1", i);
	refuse(text, -EINVAL, "at most 32 options");
}

static void devices_that_are_not_there(void **state)
{
	struct hw_error error;

	plug("1000:null");
	assert_int_equal(hw_unplug("0.0.1001", &error), -ENODEV);
	assert_int_equal(hw_unplug("0.1.1000", &error), -ENODEV);
	assert_int_equal(hw_unplug("foo", &error), -EINVAL);
	assert_int_equal(hw_unplug("", &error), -EINVAL);
	assert_int_equal(hw_attention("0.0.1001", DEV_STAT_ATTENTION, &error), -ENODEV);
	assert_int_equal(hw_attention("0.0.1000", 0, &error), -EINVAL);
	assert_int_equal(hw_attention("0.0.1000", DEV_STAT_ATTENTION, &error), 0);
}

static void news_are_reported(void **state)
{
	struct hw_error error;

	plug("0.2.1000:null,sch=2.1234");
	assert_int_equal(hw_unplug("0.2.1000", &error), 0);
	assert_int_equal(m.nr_crws, 2);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(CRW_RSC(m.crw[i].flags), CRW_RSC_SCH);
		assert_int_equal(CRW_ERC(m.crw[i].flags), CRW_ERC_IPARM);
		assert_int_equal(m.crw[i].rsid, 0x1234);
		assert_int_equal(m.crw_ssid[i], 2);
	}
}

static void scans_find_all(void **state)
{
	static const uint16_t numbers[] = { 0, 1, 0x100, 0xffff };
	struct hw_sch *hw;
	uint32_t next = 0;
	char text[64];

	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++) {
		snprintf(text, sizeof(text), "%x:null,sch=0.%04x", 0x1000 + i, numbers[i]);
		plug(text);
	}
	plug("0.2.1:null,sch=2.0005");
	for (unsigned int i = 0; i < ARRAY_SIZE(numbers); i++) {
		hw = hw_sch_next(0, next);
		assert_non_null(hw);
		assert_int_equal(hw_sch_id(hw).sch_no, numbers[i]);
		next = numbers[i] + 1u;
		hw_sch_put(hw);
	}
	/* The last number of a set is followed by the next set. */
	hw = hw_sch_next(0, next);
	assert_int_equal(hw_sch_id(hw).ssid, 2);
	hw_sch_put(hw);
	assert_null(hw_sch_next(2, 6));
	assert_null(hw_sch_next(3, 0x10000));
	assert_null(hw_sch_next(4, 0));
	assert_null(hw_sch_get(0, 2));
	assert_null(hw_sch_get(4, 0));
	hw = hw_sch_get(2, 5);
	assert_non_null(hw);
	hw_sch_put(hw);
}

/* ---- types ---- */

static unsigned int destroyed;

static void destroy(struct cu_device *dev)
{
	destroyed++;
	free(dev);
}

static const struct cu_device_ops ops = { .destroy = destroy };

static int create(const struct cu_type *type, struct cu_options *options, struct cu_device **out)
{
	const char *fail = cu_option_string(options, "fail");

	if (fail && *fail)
		return -EACCES;
	if (fail) {
		cu_error(options, "fail: as you wish\n");
		return -EIO;
	}
	cu_option_string(options, "text");
	*out = calloc(1, sizeof(**out));
	(*out)->ops = &ops;
	return 0;
}

static int show(struct cu_device *dev, char *buf, size_t size)
{
	return snprintf(buf, size, "shown=1");
}

static struct cu_type type = { .name = "test",
			       .help = "fail    don't\ntext=T  any\nidle    never",
			       .create = create };

static void types_come_and_go(void **state)
{
	struct cu_type other = { .name = "test" };
	struct hw_sch *hw;
	struct schib schib;
	char buf[4096];

	refuse("1000:test", -EINVAL, "a type");
	assert_int_equal(cu_type_register(&type), 0);
	assert_int_equal(cu_type_register(&other), -EEXIST);
	hw_show_types(buf, sizeof(buf));
	assert_non_null(strstr(buf, "null\ndelay_us="));
	assert_non_null(strstr(buf, "test\nfail    don't\n"));
	plug("1000:test");
	plug("1001:null");
	plug("1002:test");
	m.nr_crws = 0;
	hw = hw_sch_get(0, 2);
	destroyed = 0;
	cu_type_unregister(&type);
	assert_int_equal(destroyed, 2);
	assert_int_equal(m.nr_crws, 2);
	assert_int_equal(hw_stsch(hw, &schib), 3);
	hw_sch_put(hw);
	there_is("0.0.1001:null,sch=0.0001,chpids=10 disabled\n");
}

static void a_type_says_why_not(void **state)
{
	assert_int_equal(cu_type_register(&type), 0);
	destroyed = 0;
	refuse("1000:test,fail", -EIO, "fail: as you wish?");
	refuse("1000:test,fail=now", -EACCES, "test: Permission denied");
	assert_int_equal(destroyed, 0);
	/* What its help says is known before; what it does not ask for all the same, afterwards. */
	refuse("1000:test,other", -EINVAL, "other: no option of test");
	refuse("1000:test,tex", -EINVAL, "tex: no option of test");
	refuse("1000:test,T", -EINVAL, "T: no option of test");
	assert_int_equal(destroyed, 0);
	refuse("1000:test,idle", -EINVAL, "idle: no option of test");
	assert_int_equal(destroyed, 1);
	cu_type_unregister(&type);
}

static void any_text_can_be_a_value(void **state)
{
	char buf[1024];

	assert_int_equal(cu_type_register(&type), 0);
	plug("1000:test,text=a\\,b\\=c\\\\d\\ e\\;f=g");
	there_is("0.0.1000:test,sch=0.0000,chpids=10,text=a\\,b\\=c\\\\d\\ e\\;f\\=g disabled\n");
	type.show = show;
	hw_show(buf, sizeof(buf));
	assert_string_equal(buf, "0.0.1000:test,sch=0.0000,chpids=10,shown=1 disabled\n");
	type.show = NULL;
	cu_type_unregister(&type);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(devices_are_shown_as_they_are_plugged),
		T(what_is_shown_can_be_plugged),
		T(a_page_that_is_too_small_is_cut),
		T(texts_that_are_refused),
		T(too_many_options),
		T(devices_that_are_not_there),
		T(news_are_reported),
		T(scans_find_all),
		T(types_come_and_go),
		T(a_type_says_why_not),
		T(any_text_can_be_a_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
