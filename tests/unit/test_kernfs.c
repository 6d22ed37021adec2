/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "model/alloc.h"
#include "model/kernfs_internal.h"

static const struct kernfs_ops no_ops;

static struct kernfs_node *make_dir(struct kernfs_node *parent, const char *name)
{
	struct kernfs_node *kn = NULL;

	assert_int_equal(kernfs_create_dir(parent, name, 0755, NULL, &kn), 0);
	assert_non_null(kn);
	return kn;
}

static struct kernfs_node *make_file(struct kernfs_node *parent, const char *name)
{
	struct kernfs_node *kn = NULL;

	assert_int_equal(kernfs_create_file(parent, name, 0644, 4096, &no_ops, NULL, &kn), 0);
	assert_non_null(kn);
	return kn;
}

static bool is_seen(struct kernfs_node *parent, const char *name)
{
	struct kernfs_node *kn = kernfs_lookup(parent, name);

	kernfs_put(kn);
	return kn;
}

static void assert_link_text(struct kernfs_node *link, const char *expected)
{
	char text[PATH_MAX];

	assert_int_equal(kernfs_link_text(link, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void a_node_is_found_until_it_is_removed(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir"), *found;

	make_file(dir, "file");
	found = kernfs_lookup(dir, "file");
	assert_non_null(found);
	assert_string_equal(kernfs_name(found), "file");
	assert_int_equal(kernfs_type(found), KERNFS_FILE);

	assert_int_equal(kernfs_remove_by_name(dir, "file"), 0);
	assert_false(is_seen(dir, "file"));
	assert_false(kernfs_get_active(found));
	assert_int_equal(kernfs_remove_by_name(dir, "file"), -ENOENT);
	kernfs_put(found);

	kernfs_remove(dir);
	assert_false(is_seen(kernfs_root(), "dir"));
}

static void a_bad_place_or_name_is_refused(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = make_file(dir, "file"), *out = dir;
	const char *bad[] = { "", "a/b", "/", ".", ".." };
	char longest[NAME_MAX + 2];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(kernfs_create_dir(dir, bad[i], 0755, NULL, &out), -EINVAL);
	assert_null(out);
	memset(longest, 'n', sizeof(longest) - 1);
	longest[NAME_MAX + 1] = '\0';
	assert_int_equal(kernfs_create_dir(dir, longest, 0755, NULL, NULL), -EINVAL);
	longest[NAME_MAX] = '\0';
	assert_int_equal(kernfs_create_dir(dir, longest, 0755, NULL, NULL), 0);

	assert_int_equal(kernfs_create_dir(dir, "file", 0755, NULL, NULL), -EEXIST);
	assert_int_equal(kernfs_create_dir(file, "below", 0755, NULL, NULL), -EINVAL);

	kernfs_get(dir);
	kernfs_remove(dir);
	assert_int_equal(kernfs_create_dir(dir, "late", 0755, NULL, NULL), -ENOENT);
	kernfs_put(dir);
}

static void links_show_relative_paths(void **state)
{
	struct kernfs_node *bus = make_dir(kernfs_root(), "bus");
	struct kernfs_node *devices = make_dir(kernfs_root(), "devices");
	struct kernfs_node *virt = make_dir(devices, "virtual");
	struct kernfs_node *mtty = make_dir(virt, "mtty");
	struct kernfs_node *link;
	char text[8];

	assert_int_equal(kernfs_create_link(bus, "mtty", mtty, &link), 0);
	assert_link_text(link, "../devices/virtual/mtty");
	assert_int_equal(kernfs_create_link(mtty, "parent", virt, &link), 0);
	assert_link_text(link, "../../virtual");
	assert_int_equal(kernfs_create_link(mtty, "self", mtty, &link), 0);
	assert_link_text(link, "../mtty");
	assert_int_equal(kernfs_create_link(mtty, "subsystem", bus, &link), 0);
	assert_link_text(link, "../../../bus");
	assert_int_equal(kernfs_create_link(devices, "child", mtty, &link), 0);
	assert_link_text(link, "virtual/mtty");
	assert_int_equal(kernfs_create_link(kernfs_root(), "top", mtty, &link), 0);
	assert_link_text(link, "devices/virtual/mtty");
	assert_int_equal(kernfs_link_text(link, text, sizeof(text)), -ENAMETOOLONG);

	kernfs_remove(link);
	kernfs_remove(bus);
	kernfs_remove(devices);
}

static void a_path_is_the_names_from_the_root(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = make_file(dir, "file");
	char path[32];

	assert_int_equal(kernfs_path(kernfs_root(), path, sizeof(path)), 1);
	assert_string_equal(path, "/");
	assert_int_equal(kernfs_path(file, path, sizeof(path)), 9);
	assert_string_equal(path, "/dir/file");
	assert_int_equal(kernfs_path(file, path, 9), 9);
	assert_string_equal(path, "");
	kernfs_remove(dir);
}

static int append_name(struct kernfs_node *kn, void *data)
{
	strcat(strcat(data, kernfs_name(kn)), " ");
	return strcmp(kernfs_name(kn), "stop") ? 0 : 7;
}

static int count_node(struct kernfs_node *kn, void *data)
{
	++*(int *)data;
	return 0;
}

static void a_directory_lists_by_name(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	char names[64] = "";

	make_file(dir, "b");
	make_dir(dir, "c");
	make_file(dir, "a");
	assert_int_equal(kernfs_readdir(dir, append_name, names), 0);
	assert_string_equal(names, "a b c ");

	make_file(dir, "stop");
	make_file(dir, "y");
	names[0] = '\0';
	assert_int_equal(kernfs_readdir(dir, append_name, names), 7);
	assert_string_equal(names, "a b c stop ");

	kernfs_get(dir);
	kernfs_remove(dir);
	assert_int_equal(kernfs_readdir(dir, append_name, names), -ENODEV);
	kernfs_put(dir);
}

/* Far more than what is a list, then few again: names are found whatever holds them. */
static void a_directory_may_grow_and_shrink(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	char name[16];
	int n = 0;

	for (int i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make_file(dir, name);
		assert_int_equal(kernfs_create_dir(dir, name, 0755, NULL, NULL), -EEXIST);
	}
	assert_int_equal(kernfs_readdir(dir, count_node, &n), 0);
	assert_int_equal(n, 2000);
	for (int i = 0; i < 1995; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_true(is_seen(dir, name));
		assert_int_equal(kernfs_remove_by_name(dir, name), 0);
		assert_false(is_seen(dir, name));
	}
	for (int i = 1995; i < 2000; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_true(is_seen(dir, name));
	}
	kernfs_remove(dir);
}

static void stat_shows_type_mode_size_and_links(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = make_file(dir, "file"), *link;
	struct stat st;

	make_dir(dir, "sub1");
	make_dir(dir, "sub2");
	assert_int_equal(kernfs_create_link(dir, "link", file, &link), 0);

	kernfs_getattr(dir, &st);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(st.st_nlink, 4);
	assert_int_equal(st.st_size, 0);
	kernfs_getattr(file, &st);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_size, 4096);
	kernfs_getattr(link, &st);
	assert_int_equal(st.st_mode, S_IFLNK | 0777);
	assert_int_equal(st.st_size, 0);

	kernfs_remove_by_name(dir, "sub1");
	kernfs_getattr(dir, &st);
	assert_int_equal(st.st_nlink, 3);
	kernfs_remove(dir);
}

static void what_was_set_is_kept(void **state)
{
	struct kernfs_node *file = make_file(kernfs_root(), "file");
	struct stat set = { .st_mode = 0600, .st_uid = 12, .st_gid = 34 }, st;
	time_t born;

	kernfs_getattr(file, &st);
	born = st.st_mtim.tv_sec;
	set.st_mtim.tv_sec = 99;
	set.st_atim.tv_sec = 77;
	assert_int_equal(kernfs_setattr(file, &set, KERNFS_SET_MODE | KERNFS_SET_UID), 0);
	kernfs_getattr(file, &st);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, 12);
	assert_int_not_equal(st.st_gid, 34);
	assert_int_equal(st.st_mtim.tv_sec, born);

	assert_int_equal(
		kernfs_setattr(file, &set, KERNFS_SET_GID | KERNFS_SET_MTIME | KERNFS_SET_ATIME),
		0);
	kernfs_getattr(file, &st);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_mtim.tv_sec, 99);
	assert_int_equal(st.st_atim.tv_sec, 77);
	kernfs_remove(file);
}

static void a_removed_node_can_still_be_looked_at(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = kernfs_get(make_file(dir, "file"));
	char path[32];
	struct stat st;

	kernfs_remove(dir);
	kernfs_getattr(file, &st);
	assert_int_equal(st.st_size, 4096);
	kernfs_path(file, path, sizeof(path));
	assert_string_equal(path, "/dir/file");
	kernfs_put(file);
}

static void inode_numbers_are_never_used_twice(void **state)
{
	struct kernfs_node *first = make_file(kernfs_root(), "file");
	uint64_t ino = kernfs_ino(first);

	assert_int_equal(kernfs_ino(kernfs_root()), 1);
	kernfs_remove(first);
	assert_true(kernfs_ino(make_file(kernfs_root(), "file")) > ino);
	assert_int_equal(kernfs_remove_by_name(kernfs_root(), "file"), 0);
}

struct worker {
	pthread_t thread;
	struct kernfs_node *kn;
	sem_t *begun, *go_on;
	atomic_int *order;
	int position;
	bool won;
};

static void *remove_node(void *arg)
{
	struct worker *w = arg;

	sem_post(w->begun);
	kernfs_remove(w->kn);
	w->position = atomic_fetch_add(w->order, 1);
	return NULL;
}

/*
 * Whether the removal of @kn has begun can be seen in that no active reference is given any more.
 */
static void wait_until_deactivated(struct kernfs_node *kn)
{
	while (kernfs_get_active(kn)) {
		kernfs_put_active(kn);
		sched_yield();
	}
}

static void removal_waits_for_active_references(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = kernfs_get(make_file(dir, "file"));
	atomic_int order = 0;
	sem_t begun;
	struct worker w = { .kn = dir, .begun = &begun, .order = &order };

	sem_init(&begun, 0, 0);
	assert_true(kernfs_get_active(file));
	pthread_create(&w.thread, NULL, remove_node, &w);
	sem_wait(&begun);
	wait_until_deactivated(dir);
	assert_false(is_seen(kernfs_root(), "dir"));
	assert_null(kernfs_find_and_get(kernfs_root(), "dir"));
	assert_int_equal(kernfs_create_dir(dir, "late", 0755, NULL, NULL), -ENOENT);

	assert_int_equal(atomic_fetch_add(&order, 1), 0);
	kernfs_put_active(file);
	pthread_join(w.thread, NULL);
	assert_int_equal(w.position, 1);
	kernfs_put(file);
	sem_destroy(&begun);
}

static void every_remover_waits(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = kernfs_get(make_file(dir, "file"));
	atomic_int order = 0;
	sem_t begun;
	struct worker w[3];

	sem_init(&begun, 0, 0);
	assert_true(kernfs_get_active(file));
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		w[i] = (struct worker) { .kn = i ? file : dir, .begun = &begun, .order = &order };
		pthread_create(&w[i].thread, NULL, remove_node, &w[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		sem_wait(&begun);
	wait_until_deactivated(dir);
	assert_int_equal(atomic_fetch_add(&order, 1), 0);
	kernfs_put_active(file);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		pthread_join(w[i].thread, NULL);
		assert_true(w[i].position > 0);
	}
	kernfs_put(file);
	sem_destroy(&begun);
}

struct by_name {
	pthread_t thread;
	struct kernfs_node *dir;
	atomic_bool over;
	int ret;
};

static void *remove_by_name(void *arg)
{
	struct by_name *b = arg;

	b->ret = kernfs_remove_by_name(b->dir, "file");
	atomic_store(&b->over, true);
	return NULL;
}

static void removal_by_name_waits_for_one_that_is_under_way(void **state)
{
	struct kernfs_node *dir = kernfs_get(make_dir(kernfs_root(), "dir"));
	struct kernfs_node *file = kernfs_get(make_file(dir, "file"));
	atomic_int order = 0;
	sem_t begun;
	struct worker w = { .kn = dir, .begun = &begun, .order = &order };
	struct by_name b = { .dir = dir };
	int count;

	sem_init(&begun, 0, 0);
	assert_true(kernfs_get_active(file));
	pthread_create(&w.thread, NULL, remove_node, &w);
	/* A removal that waits has a reference: on top of this test's and the tree's. */
	while (atomic_load(&file->count) < 3)
		sched_yield();
	count = atomic_load(&file->count);
	pthread_create(&b.thread, NULL, remove_by_name, &b);
	while (atomic_load(&file->count) == count && !atomic_load(&b.over))
		sched_yield();
	assert_false(atomic_load(&b.over));
	kernfs_put_active(file);
	pthread_join(w.thread, NULL);
	pthread_join(b.thread, NULL);
	assert_int_equal(b.ret, 0);
	kernfs_put(file);
	kernfs_put(dir);
	sem_destroy(&begun);
}

/* A method of @kn that removes it, and, when it wins, the directory that it is in. */
static void *remove_self(void *arg)
{
	struct worker *w = arg;
	struct kernfs_node *dir = NULL;

	sem_post(w->begun);
	sem_wait(w->go_on);
	w->won = kernfs_remove_self(w->kn);
	if (w->won) {
		dir = kernfs_lookup(kernfs_root(), "dir");
		kernfs_remove(dir);
		kernfs_put(dir);
	}
	w->position = atomic_fetch_add(w->order, 1);
	kernfs_put_active(w->kn);
	kernfs_put(w->kn);
	return NULL;
}

static void of_those_who_remove_themselves_one_wins(void **state)
{
	for (int round = 0; round < 50; round++) {
		struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
		struct kernfs_node *file = make_file(dir, "remove");
		atomic_int order = 0;
		sem_t begun, go_on;
		struct worker w[4];
		int winners = 0;

		sem_init(&begun, 0, 0);
		sem_init(&go_on, 0, 0);
		for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
			w[i] = (struct worker) { .kn = kernfs_get(file),
						 .begun = &begun,
						 .go_on = &go_on,
						 .order = &order };
			assert_true(kernfs_get_active(file));
			pthread_create(&w[i].thread, NULL, remove_self, &w[i]);
		}
		for (size_t i = 0; i < ARRAY_SIZE(w); i++)
			sem_wait(&begun);
		for (size_t i = 0; i < ARRAY_SIZE(w); i++)
			sem_post(&go_on);
		for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
			pthread_join(w[i].thread, NULL);
			winners += w[i].won;
			/* The others return when the winner's method is over, not before. */
			assert_int_equal(w[i].won, w[i].position == 0);
		}
		assert_int_equal(winners, 1);
		assert_false(is_seen(kernfs_root(), "dir"));
		sem_destroy(&begun);
		sem_destroy(&go_on);
	}
}

static void self_removal_loses_against_a_removal_from_above(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = kernfs_get(make_file(dir, "remove"));
	atomic_int order = 0;
	sem_t begun;
	struct worker w = { .kn = dir, .begun = &begun, .order = &order };

	sem_init(&begun, 0, 0);
	assert_true(kernfs_get_active(file));
	pthread_create(&w.thread, NULL, remove_node, &w);
	sem_wait(&begun);
	wait_until_deactivated(dir);
	assert_false(kernfs_remove_self(file));
	pthread_join(w.thread, NULL);
	kernfs_put_active(file);
	kernfs_put(file);
	sem_destroy(&begun);
}

#define MANY 40

struct observer {
	pthread_t thread;
	atomic_bool stop;
	atomic_ulong seen;
	unsigned long incomplete;
};

static void *look_at_dir(void *arg)
{
	struct observer *o = arg;
	struct kernfs_node *dir, *link;
	int n;

	while (!atomic_load(&o->stop)) {
		link = kernfs_lookup(kernfs_root(), "link");
		dir = kernfs_lookup(kernfs_root(), "dir");
		/* The link goes first: while it is there its target is. */
		if (link && !dir && kernfs_get_active(link)) {
			o->incomplete++;
			kernfs_put_active(link);
		}
		kernfs_put(link);
		if (!dir)
			continue;
		n = 0;
		if (!kernfs_readdir(dir, count_node, &n)) {
			o->seen++;
			if (n != MANY)
				o->incomplete++;
		}
		kernfs_put(dir);
	}
	return NULL;
}

static void what_was_hidden_is_seen_whole(void **state)
{
	struct kernfs_hidden hidden = { .nodes = NULL };
	struct kernfs_node *dir;
	struct observer o = { .stop = false };
	unsigned long rounds = 0;
	struct stat st;
	char name[16];

	pthread_create(&o.thread, NULL, look_at_dir, &o);
	for (; rounds < 200 || atomic_load(&o.seen) < 20; rounds++) {
		kernfs_set_hiding(&hidden);
		dir = make_dir(kernfs_root(), "dir");
		assert_int_equal(kernfs_create_link(kernfs_root(), "link", dir, NULL), 0);
		for (int i = 0; i < MANY; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			make_file(dir, name);
		}
		kernfs_set_hiding(NULL);
		assert_false(is_seen(kernfs_root(), "dir"));
		kernfs_show_hidden(&hidden);
		assert_true(is_seen(kernfs_root(), "dir"));
		kernfs_remove_by_name(kernfs_root(), "link");
		kernfs_remove(dir);
	}
	atomic_store(&o.stop, true);
	pthread_join(o.thread, NULL);
	assert_int_equal(o.incomplete, 0);
	kernfs_getattr(kernfs_root(), &st);
	assert_int_equal(st.st_nlink, 2);
}

static void hidden_nodes_do_not_show_in_any_way(void **state)
{
	struct kernfs_hidden hidden = { .nodes = NULL };
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir"), *sub, *found;
	char names[32] = "";
	struct stat st;

	kernfs_set_hiding(&hidden);
	sub = make_dir(dir, "sub");
	make_dir(dir, "gone");
	kernfs_set_hiding(NULL);
	assert_int_equal(kernfs_readdir(dir, append_name, names), 0);
	assert_string_equal(names, "");
	kernfs_getattr(dir, &st);
	assert_int_equal(st.st_nlink, 2);
	assert_false(is_seen(dir, "sub"));
	found = kernfs_find_and_get(dir, "sub");
	assert_ptr_equal(found, sub);
	kernfs_put(found);

	assert_int_equal(kernfs_remove_by_name(dir, "gone"), 0);
	kernfs_getattr(dir, &st);
	assert_int_equal(st.st_nlink, 2);
	kernfs_show_hidden(&hidden);
	assert_int_equal(hidden.count, 0);
	assert_true(is_seen(dir, "sub"));
	assert_false(is_seen(dir, "gone"));
	kernfs_getattr(dir, &st);
	assert_int_equal(st.st_nlink, 3);
	kernfs_remove(dir);
}

struct counting_watch {
	struct kernfs_watch watch;
	const struct kernfs_node *last;
	unsigned int count;
};

static void count_notification(struct kernfs_watch *watch, struct kernfs_node *kn)
{
	struct counting_watch *cw = container_of(watch, struct counting_watch, watch);

	cw->last = kn;
	cw->count++;
}

static void a_watched_file_tells_of_notification_and_removal(void **state)
{
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir");
	struct kernfs_node *file = kernfs_get(make_file(dir, "file"));
	struct counting_watch cw = { .watch.notified = count_notification };
	unsigned int seen;

	make_file(dir, "other");
	kernfs_watch_add(&cw.watch);
	seen = kernfs_event(file);
	kernfs_notify(file);
	assert_int_equal(cw.count, 1);
	assert_ptr_equal(cw.last, file);
	assert_int_not_equal(kernfs_event(file), seen);

	kernfs_remove(dir);
	assert_int_equal(cw.count, 2);
	assert_ptr_equal(cw.last, file);
	kernfs_watch_remove(&cw.watch);
	kernfs_notify(file);
	assert_int_equal(cw.count, 2);
	kernfs_put(file);
}

static void a_create_without_memory_leaves_nothing(void **state)
{
	struct kernfs_hidden hidden = { .nodes = NULL };
	struct kernfs_node *dir = make_dir(kernfs_root(), "dir"), *out = dir;
	struct stat st = { .st_mode = 0600 };

	fault_countdown = 1;
	assert_int_equal(kernfs_create_dir(dir, "x", 0755, NULL, &out), -ENOMEM);
	fault_countdown = 1;
	assert_int_equal(kernfs_create_file(dir, "x", 0644, 0, &no_ops, NULL, &out), -ENOMEM);
	fault_countdown = 1;
	assert_int_equal(kernfs_create_link(dir, "x", dir, &out), -ENOMEM);
	fault_countdown = 2;
	assert_int_equal(kernfs_create_dir(dir, "x", 0755, NULL, &out), -ENOMEM);
	assert_null(out);
	kernfs_set_hiding(&hidden);
	fault_countdown = 3;
	assert_int_equal(kernfs_create_dir(dir, "x", 0755, NULL, &out), -ENOMEM);
	kernfs_set_hiding(NULL);
	assert_null(out);
	fault_countdown = 1;
	assert_int_equal(kernfs_setattr(dir, &st, KERNFS_SET_MODE), -ENOMEM);
	assert_int_equal(fault_countdown, 0);
	assert_null(kernfs_find_and_get(dir, "x"));
	kernfs_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_node_is_found_until_it_is_removed),
		cmocka_unit_test(a_bad_place_or_name_is_refused),
		cmocka_unit_test(links_show_relative_paths),
		cmocka_unit_test(a_path_is_the_names_from_the_root),
		cmocka_unit_test(a_directory_lists_by_name),
		cmocka_unit_test(a_directory_may_grow_and_shrink),
		cmocka_unit_test(stat_shows_type_mode_size_and_links),
		cmocka_unit_test(what_was_set_is_kept),
		cmocka_unit_test(a_removed_node_can_still_be_looked_at),
		cmocka_unit_test(inode_numbers_are_never_used_twice),
		cmocka_unit_test(removal_waits_for_active_references),
		cmocka_unit_test(every_remover_waits),
		cmocka_unit_test(removal_by_name_waits_for_one_that_is_under_way),
		cmocka_unit_test(of_those_who_remove_themselves_one_wins),
		cmocka_unit_test(self_removal_loses_against_a_removal_from_above),
		cmocka_unit_test(what_was_hidden_is_seen_whole),
		cmocka_unit_test(hidden_nodes_do_not_show_in_any_way),
		cmocka_unit_test(a_watched_file_tells_of_notification_and_removal),
		cmocka_unit_test(a_create_without_memory_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
