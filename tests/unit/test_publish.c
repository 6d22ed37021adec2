/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <pthread.h>
#include <stdatomic.h>

#include <umdev/publish.h>

#include "recorder.h"
#include "support/outside.h"
#include "support/tree.h"

static void thing_release(struct kobject *kobj)
{
	free(kobj);
}

static const struct kobj_type thing_ktype = { .release = thing_release };

static const char *subsystem_name(struct kobject *kobj)
{
	return "sub";
}

static const struct kset_uevent_ops ops = { .name = subsystem_name };

static struct kobject *add_thing(const char *name, struct kobject *parent)
{
	struct kobject *kobj = calloc(1, sizeof(*kobj));

	assert_non_null(kobj);
	kobject_init(kobj, &thing_ktype);
	kobj->uevent_ops = &ops;
	assert_int_equal(kobject_add(kobj, parent, "%s", name), 0);
	return kobj;
}

static void del_thing(struct kobject *kobj)
{
	kobject_del(kobj);
	kobject_put(kobj);
}

static int begin(void **state)
{
	log_set_sink(discard_line);
	recorder_start(&rec);
	return 0;
}

static void nothing_is_seen_or_heard_before_the_commit(void **state)
{
	struct kobject *parent = add_thing("parent", NULL), *child;

	publish_begin();
	child = add_thing("child", parent);
	assert_int_equal(sysfs_create_link(NULL, child, "link"), 0);
	kobject_uevent(child, KOBJ_ADD);
	kobject_uevent(child, KOBJ_BIND);
	assert_false(outside_exists("/parent/child"));
	assert_false(outside_exists("/link"));
	assert_heard("");
	publish_commit();
	assert_true(outside_exists("/parent/child"));
	assert_true(outside_exists("/link"));
	assert_heard("add@/parent/child\nbind@/parent/child\n");

	sysfs_remove_link(NULL, "link");
	del_thing(child);
	del_thing(parent);
}

static void only_the_outermost_commit_shows(void **state)
{
	struct kobject *a, *b;

	publish_begin();
	a = add_thing("a", NULL);
	publish_begin();
	b = add_thing("b", NULL);
	kobject_uevent(b, KOBJ_ADD);
	publish_commit();
	kobject_uevent(a, KOBJ_ADD);
	assert_false(outside_exists("/a") || outside_exists("/b"));
	assert_heard("");
	publish_commit();
	assert_true(outside_exists("/a") && outside_exists("/b"));
	assert_heard("add@/b\nadd@/a\n");
	del_thing(a);
	del_thing(b);
}

static void an_inner_abort_forgets_its_own_events_only(void **state)
{
	struct kobject *a, *b, *c;

	publish_begin();
	a = add_thing("a", NULL);
	kobject_uevent(a, KOBJ_ADD);
	publish_begin();
	b = add_thing("b", NULL);
	kobject_uevent(b, KOBJ_ADD);
	publish_begin();
	c = add_thing("c", NULL);
	kobject_uevent(c, KOBJ_ADD);
	publish_commit();
	del_thing(c);
	del_thing(b);
	publish_abort();
	kobject_uevent(a, KOBJ_CHANGE);
	publish_commit();
	assert_heard("add@/a\nchange@/a\n");
	assert_true(outside_exists("/a"));
	assert_false(outside_exists("/b") || outside_exists("/c"));
	del_thing(a);
}

static void after_an_abort_nobody_ever_knew(void **state)
{
	struct kobject *kobj;

	publish_begin();
	kobj = add_thing("thing", NULL);
	kobject_uevent(kobj, KOBJ_ADD);
	del_thing(kobj);
	publish_abort();
	assert_heard("");
	assert_false(outside_exists("/thing"));

	publish_begin();
	kobj = add_thing("thing", NULL);
	publish_abort();
	assert_true(outside_exists("/thing"));
	del_thing(kobj);
}

static void an_end_without_a_begin_does_nothing(void **state)
{
	struct kobject *kobj;

	publish_commit();
	publish_abort();
	kobj = add_thing("thing", NULL);
	assert_true(outside_exists("/thing"));
	del_thing(kobj);
}

static void *change(void *arg)
{
	kobject_uevent(arg, KOBJ_CHANGE);
	return NULL;
}

static void an_event_of_another_thread_waits_for_its_object(void **state)
{
	struct kobject *thing, *other = add_thing("other", NULL);
	pthread_t thread;

	publish_begin();
	thing = add_thing("thing", NULL);
	kobject_uevent(thing, KOBJ_ADD);
	pthread_create(&thread, NULL, change, thing);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, change, other);
	pthread_join(thread, NULL);
	assert_heard("change@/other\n");
	publish_commit();
	assert_heard("add@/thing\nchange@/thing\n");
	del_thing(thing);
	rec.text[0] = '\0';

	/* And is forgotten with it. */
	publish_begin();
	thing = add_thing("thing", NULL);
	kobject_uevent(thing, KOBJ_ADD);
	pthread_create(&thread, NULL, change, thing);
	pthread_join(thread, NULL);
	del_thing(thing);
	publish_abort();
	assert_heard("");
	del_thing(other);
}

struct witness {
	struct uevent_listener listener;
	unsigned int heard, incomplete;
};

/* At its "add" all of an object is there. */
static void look(struct uevent_listener *listener, const struct uevent *ev)
{
	struct witness *w = container_of(listener, struct witness, listener);
	char path[64];

	if (strcmp(ev->action, "add"))
		return;
	w->heard++;
	snprintf(path, sizeof(path), "%s/child/grandchild", ev->devpath);
	w->incomplete += !outside_exists("%s", path);
}

static atomic_bool stop;

static void *look_on(void *arg)
{
	struct kernfs_node *dir, *child, *grandchild;
	intptr_t incomplete = 0;

	while (!atomic_load(&stop)) {
		dir = tree_find_itself("/thing0");
		if (!dir)
			continue;
		/* Removal takes from below; at the moment it is first seen all must be there. */
		child = kernfs_find_and_get(dir, "child");
		grandchild = child ? kernfs_lookup(child, "grandchild") : NULL;
		if (!grandchild && kernfs_get_active(dir)) {
			incomplete++;
			kernfs_put_active(dir);
		}
		kernfs_put(grandchild);
		kernfs_put(child);
		kernfs_put(dir);
	}
	return (void *)incomplete;
}

static void *publish_many(void *arg)
{
	struct kobject *top, *child, *grandchild;

	for (int i = 0; i < 200; i++) {
		publish_begin();
		top = add_thing(arg, NULL);
		child = add_thing("child", top);
		grandchild = add_thing("grandchild", child);
		kobject_uevent(top, KOBJ_ADD);
		publish_commit();
		/* As a whole: what is below a directory goes at the moment that it goes. */
		kobject_del(top);
		kobject_del(child);
		kobject_del(grandchild);
		kobject_put(grandchild);
		kobject_put(child);
		kobject_put(top);
	}
	return NULL;
}

static void all_who_look_see_all_of_it(void **state)
{
	struct witness w = { .listener.event = look };
	char names[2][8] = { "thing0", "thing1" };
	pthread_t publishers[2], looker;
	void *incomplete;

	recorder_stop(&rec);
	atomic_store(&stop, false);
	uevent_listener_register(&w.listener);
	pthread_create(&looker, NULL, look_on, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(publishers); i++)
		pthread_create(&publishers[i], NULL, publish_many, names[i]);
	for (size_t i = 0; i < ARRAY_SIZE(publishers); i++)
		pthread_join(publishers[i], NULL);
	atomic_store(&stop, true);
	pthread_join(looker, &incomplete);
	uevent_listener_unregister(&w.listener);
	recorder_start(&rec);
	assert_null(incomplete);
	assert_int_equal(w.incomplete, 0);
	assert_int_equal(w.heard, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, recorder_end)
		TEST(nothing_is_seen_or_heard_before_the_commit),
		TEST(only_the_outermost_commit_shows),
		TEST(an_inner_abort_forgets_its_own_events_only),
		TEST(after_an_abort_nobody_ever_knew),
		TEST(an_end_without_a_begin_does_nothing),
		TEST(an_event_of_another_thread_waits_for_its_object),
		TEST(all_who_look_see_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
