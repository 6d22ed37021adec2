/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>

#include "model/alloc.h"
#include "recorder.h"
#include "support/outside.h"
#include "support/tree.h"

static void thing_release(struct kobject *kobj)
{
	free(kobj);
}

static const struct kobj_type thing_ktype = { .release = thing_release };

static int filter_result, uevent_result;
static const char *subsystem_name;
static unsigned int extra_vars;

static int filter(struct kobject *kobj)
{
	return filter_result;
}

static const char *name(struct kobject *kobj)
{
	return subsystem_name;
}

static int uevent(struct kobject *kobj, struct kobj_uevent_env *env)
{
	int err;

	err = add_uevent_var(env, "DRIVER=none");
	if (!err)
		err = add_uevent_var(env, "MODALIAS=thing:%s", kobject_name(kobj));
	for (unsigned int i = 0; !err && i < extra_vars; i++)
		err = add_uevent_var(env, "X=%u", i);
	return err ? err : uevent_result;
}

static const struct kset_uevent_ops ops = { .filter = filter, .name = name, .uevent = uevent };

static struct kobject *add_thing(const char *thing_name, const struct kset_uevent_ops *uevent_ops)
{
	struct kobject *kobj = calloc(1, sizeof(*kobj));

	assert_non_null(kobj);
	kobject_init(kobj, &thing_ktype);
	kobj->uevent_ops = uevent_ops;
	assert_int_equal(kobject_add(kobj, NULL, "%s", thing_name), 0);
	return kobj;
}

static int begin(void **state)
{
	log_set_sink(discard_line);
	filter_result = 1;
	uevent_result = 0;
	extra_vars = 0;
	subsystem_name = "sub";
	recorder_start(&rec);
	return 0;
}

static struct uevent last;
static char last_keys[4][32];

static void keep_event(struct uevent_listener *listener, const struct uevent *ev)
{
	last = *ev;
	assert_string_equal(ev->action, "change");
	assert_string_equal(ev->devpath, "/thing");
	assert_string_equal(ev->subsystem, "sub");
	for (size_t i = 0; i < ARRAY_SIZE(last_keys); i++)
		snprintf(last_keys[i], sizeof(last_keys[i]), "%s", ev->envp[i]);
}

static void an_event_has_its_keys_in_the_kernels_order(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);
	struct uevent_listener listener = { .event = keep_event };
	char state_var[] = "MDEV_STATE=registered";
	char *envp[] = { state_var, NULL };

	uevent_listener_register(&listener);
	assert_int_equal(kobject_uevent_env(kobj, KOBJ_CHANGE, envp), 0);
	uevent_listener_unregister(&listener);
	assert_string_equal(last_keys[0], "ACTION=change");
	assert_string_equal(last_keys[1], "DEVPATH=/thing");
	assert_string_equal(last_keys[2], "SUBSYSTEM=sub");
	assert_string_equal(last_keys[3], "MDEV_STATE=registered");
	assert_heard("change@/thing MDEV_STATE=registered DRIVER=none MODALIAS=thing:thing\n");
	kobject_put(kobj);
}

static void an_unbind_has_no_modalias(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);

	extra_vars = 1;
	assert_int_equal(kobject_uevent(kobj, KOBJ_UNBIND), 0);
	assert_heard("unbind@/thing DRIVER=none X=0\n");
	kobject_put(kobj);
}

static void nobody_wants_to_hear_of_some_objects(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops), *mute = add_thing("mute", NULL);

	assert_int_equal(kobject_uevent(mute, KOBJ_ADD), 0);
	filter_result = 0;
	assert_int_equal(kobject_uevent(kobj, KOBJ_ADD), 0);
	filter_result = 1;
	subsystem_name = NULL;
	assert_int_equal(kobject_uevent(kobj, KOBJ_ADD), 0);
	subsystem_name = "sub";
	uevent_result = -EBUSY;
	assert_int_equal(kobject_uevent(kobj, KOBJ_CHANGE), -EBUSY);
	assert_int_equal(kobject_uevent(kobj, (enum kobject_action)99), -EINVAL);
	assert_heard("");
	kobject_put(kobj);
	kobject_put(mute);
}

static void what_was_added_is_removed_once(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);

	assert_int_equal(kobject_uevent(kobj, KOBJ_ADD), 0);
	kobject_del(kobj);
	assert_heard("add@/thing DRIVER=none MODALIAS=thing:thing\n"
		     "remove@/thing DRIVER=none MODALIAS=thing:thing\n");
	kobject_put(kobj);

	kobj = add_thing("thing", &ops);
	kobject_uevent(kobj, KOBJ_ADD);
	kobject_uevent(kobj, KOBJ_REMOVE);
	rec.text[0] = '\0';
	kobject_del(kobj);
	assert_heard("");
	kobject_put(kobj);

	kobj = add_thing("thing", &ops);
	kobject_put(kobj);
	assert_heard("");
}

static void each_life_in_sysfs_has_its_own_events(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);

	kobject_uevent(kobj, KOBJ_ADD);
	kobject_del(kobj);
	rec.text[0] = '\0';
	assert_int_equal(kobject_add(kobj, NULL, NULL), 0);
	kobject_del(kobj);
	assert_heard("");
	assert_int_equal(kobject_add(kobj, NULL, NULL), 0);
	kobject_uevent(kobj, KOBJ_ADD);
	rec.text[0] = '\0';
	kobject_put(kobj);
	assert_heard("remove@/thing DRIVER=none MODALIAS=thing:thing\n");
}

struct finder {
	struct uevent_listener listener;
	bool found;
};

static void find_thing(struct uevent_listener *listener, const struct uevent *ev)
{
	container_of(listener, struct finder, listener)->found = outside_exists("%s", ev->devpath);
}

static void who_hears_of_a_removal_finds_nothing(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);
	struct finder finder = { .listener.event = find_thing };

	uevent_listener_register(&finder.listener);
	kobject_uevent(kobj, KOBJ_ADD);
	assert_true(finder.found);
	kobject_del(kobj);
	assert_false(finder.found);
	uevent_listener_unregister(&finder.listener);
	kobject_put(kobj);
}

static void too_many_or_too_long_variables_drop_the_event(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);
	struct kobj_uevent_env env = { .envp_idx = 0 };
	char *long_envp[] = { NULL, NULL };
	char text[UEVENT_BUFFER_SIZE + 1];

	extra_vars = UEVENT_NUM_ENVP - 6; /* five others, and SEQNUM, which the kernel adds */
	assert_int_equal(kobject_uevent(kobj, KOBJ_CHANGE), 0);
	rec.text[0] = '\0';
	extra_vars++;
	assert_int_equal(kobject_uevent(kobj, KOBJ_CHANGE), -ENOMEM);
	extra_vars = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	long_envp[0] = text;
	assert_int_equal(kobject_uevent_env(kobj, KOBJ_CHANGE, long_envp), -ENOMEM);
	assert_int_equal(add_uevent_var(&env, "%s", text), -ENOMEM);
	assert_int_equal(env.envp_idx, 0);
	text[UEVENT_BUFFER_SIZE - 1] = '\0';
	assert_int_equal(add_uevent_var(&env, "%s", text), 0);
	assert_int_equal(env.buflen, UEVENT_BUFFER_SIZE);
	assert_int_equal(add_uevent_var(&env, "%s", ""), -ENOMEM);
	assert_heard("");
	kobject_put(kobj);
}

#define UUID "fe6d24d9-b5e8-4bc9-9a4b-ad3d5bff3a2c"

static void a_written_action_becomes_an_event(void **state)
{
	const struct {
		const char *text, *heard;
	} cases[] = {
		{ "add", "add@/thing SYNTH_UUID=0" },
		{ "remove\n", "remove@/thing SYNTH_UUID=0" },
		{ "change", "change@/thing SYNTH_UUID=0" },
		{ "move", "move@/thing SYNTH_UUID=0" },
		{ "online", "online@/thing SYNTH_UUID=0" },
		{ "offline", "offline@/thing SYNTH_UUID=0" },
		{ "bind", "bind@/thing SYNTH_UUID=0" },
		{ "add " UUID "\n", "add@/thing SYNTH_UUID=" UUID },
		{ "add " UUID " A=1 Bc2=d3",
		  "add@/thing SYNTH_UUID=" UUID " SYNTH_ARG_A=1 SYNTH_ARG_Bc2=d3" },
	};
	struct kobject *kobj = add_thing("thing", &ops);
	char expected[256];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(kobject_synth_uevent(kobj, cases[i].text, strlen(cases[i].text)),
				 0);
		snprintf(expected, sizeof(expected), "%s DRIVER=none MODALIAS=thing:thing\n",
			 cases[i].heard);
		assert_heard(expected);
	}
	assert_int_equal(kobject_synth_uevent(kobj, "unbind", sizeof("unbind")), 0);
	assert_heard("unbind@/thing SYNTH_UUID=0 DRIVER=none\n");
	/* It is still there and nobody was told otherwise on its own account. */
	assert_true(outside_exists("/thing"));
	kobject_put(kobj);
	assert_heard("");
}

static void anything_else_that_is_written_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"bogus",
		"ADD",
		"ad",
		"addx",
		"add\n\n",
		"add ",
		"add \n",
		" add",
		"add\t" UUID,
		"add 0",
		"add  " UUID,
		"add fe6d24d9-b5e8-4bc9-9a4b-ad3d5bff3a2",
		"add " UUID " ",
		"add " UUID "x",
		"add " UUID " A",
		"add " UUID " A=",
		"add " UUID " =1",
		"add " UUID " A=1 ",
		"add " UUID "  A",
		"add " UUID " A=1=2",
		"add " UUID " A_B=1",
		"add " UUID " A=-1",
		"add fe6d24d9xb5e8-4bc9-9a4b-ad3d5bff3a2c",
		"add ge6d24d9-b5e8-4bc9-9a4b-ad3d5bff3a2c",
	};
	static const char embedded[] = "add\0garbage", late[] = "add " UUID " A=\0";
	struct kobject *kobj = add_thing("thing", &ops);
	char *exact, many[1024] = "add " UUID;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Without a NUL behind it, so that reading on would be noticed. */
		exact = malloc(strlen(bad[i]));
		memcpy(exact, bad[i], strlen(bad[i]));
		assert_int_equal(kobject_synth_uevent(kobj, exact, strlen(bad[i])), -EINVAL);
		free(exact);
	}
	assert_int_equal(kobject_synth_uevent(kobj, embedded, sizeof(embedded)), -EINVAL);
	assert_int_equal(kobject_synth_uevent(kobj, late, sizeof(late)), -EINVAL);
	for (int i = 0; i < UEVENT_NUM_ENVP; i++)
		strcat(many, " A=1");
	assert_int_equal(kobject_synth_uevent(kobj, many, strlen(many)), -EINVAL);
	assert_heard("");
	kobject_put(kobj);
}

/* What an event of "thing" has besides the value of one argument. */
#define SYNTH_BASE                                                         \
	strlen("change@/thing ACTION=change DEVPATH=/thing SUBSYSTEM=sub " \
	       "SYNTH_UUID=" UUID " SYNTH_ARG_A= DRIVER=none MODALIAS=thing:thing ")

static void who_asks_for_an_event_that_is_too_long_is_told(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);
	char text[UEVENT_BUFFER_SIZE * 2] = "change " UUID " A=";
	size_t at = strlen(text), fits = UEVENT_PAYLOAD_MAX - SYNTH_BASE;

	memset(text + at, 'x', sizeof(text) - at);
	assert_int_equal(kobject_synth_uevent(kobj, text, at + fits), 0);
	assert_int_equal(strlen(rec.text),
			 fits + strlen("change@/thing SYNTH_UUID=" UUID " SYNTH_ARG_A= DRIVER=none "
				       "MODALIAS=thing:thing\n"));
	rec.text[0] = '\0';
	assert_int_equal(kobject_synth_uevent(kobj, text, at + fits + 1), -ENOMEM);
	/* Arguments that do not even fit by themselves are EINVAL in the kernel. */
	assert_int_equal(kobject_synth_uevent(kobj, text, sizeof(text)), -EINVAL);
	assert_heard("");
	kobject_put(kobj);
}

static void without_memory_no_event_and_no_leak(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);
	static const char text[] = "change " UUID;
	unsigned long step = 0;
	int err;

	do {
		fault_countdown = ++step;
		err = kobject_synth_uevent(kobj, text, strlen(text));
		assert_true(!err || err == -ENOMEM);
		assert_int_equal(!err, rec.text[0] != '\0');
	} while (err);
	fault_countdown = 0;
	assert_true(step > 3);
	kobject_put(kobj);
}

static void *send_many(void *arg)
{
	for (int i = 0; i < 50; i++)
		kobject_uevent(arg, KOBJ_CHANGE);
	return NULL;
}

static void events_of_many_threads_have_one_order(void **state)
{
	struct kobject *kobj = add_thing("thing", &ops);
	pthread_t threads[4];
	uint64_t first;

	kobject_uevent(kobj, KOBJ_CHANGE);
	first = rec.last_seqnum;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, send_many, kobj);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(rec.last_seqnum, first + 50 * ARRAY_SIZE(threads));
	kobject_put(kobj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, recorder_end)
		TEST(an_event_has_its_keys_in_the_kernels_order),
		TEST(an_unbind_has_no_modalias),
		TEST(nobody_wants_to_hear_of_some_objects),
		TEST(what_was_added_is_removed_once),
		TEST(each_life_in_sysfs_has_its_own_events),
		TEST(who_hears_of_a_removal_finds_nothing),
		TEST(too_many_or_too_long_variables_drop_the_event),
		TEST(a_written_action_becomes_an_event),
		TEST(anything_else_that_is_written_is_refused),
		TEST(who_asks_for_an_event_that_is_too_long_is_told),
		TEST(without_memory_no_event_and_no_leak),
		TEST(events_of_many_threads_have_one_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
