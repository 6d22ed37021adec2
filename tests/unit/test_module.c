/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules: what is loaded, refused, kept and unloaded. UMDEV_TEST_MODULES is the directory with the
 * modules of tests/modules/.
 */
#include "cmocka_umdev.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <umdev/log.h>
#include <umdev/module.h>
#include <umdev/uevent.h>
#include <umdev/umdev.h>
#include <unistd.h>

#include "model/alloc.h"
#include "model/kernfs.h"

static const char *module_dir;

/* ---- what modules do and what is said of them ---- */

UMDEV_API int module_hook(const char *module, const char *what);

static int (*hook_fn)(const char *module, const char *what);
static char trace[1024]; /* of uevents and hooks, under trace_lock */
static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;

static void trace_add(const char *a, const char *b)
{
	size_t len;

	pthread_mutex_lock(&trace_lock);
	len = strlen(trace);
	snprintf(trace + len, sizeof(trace) - len, "%s %s\n", a, b);
	pthread_mutex_unlock(&trace_lock);
}

int module_hook(const char *module, const char *what)
{
	trace_add(what, module);
	return hook_fn ? hook_fn(module, what) : 0;
}

static void on_event(struct uevent_listener *listener, const struct uevent *ev)
{
	/* What is built in adds classes and more when it starts. */
	if (!strcmp(ev->subsystem, "module"))
		trace_add(ev->action, ev->devpath);
}

static struct uevent_listener listener = { .event = on_event };

/* Contents of a file in the tree, "" if it is not there. */
static const char *read_file(const char *path)
{
	static char page[SYSFS_PAGE_SIZE + 1];
	struct kernfs_node *kn = kernfs_get(kernfs_root()), *next;
	char copy[256], *name, *rest = NULL;
	ssize_t len = 0;

	snprintf(copy, sizeof(copy), "%s", path);
	for (name = strtok_r(copy, "/", &rest); name && kn; name = strtok_r(NULL, "/", &rest)) {
		next = kernfs_lookup(kn, name);
		kernfs_put(kn);
		kn = next;
	}
	memset(page, 0, sizeof(page));
	if (kn && kernfs_type(kn) == KERNFS_LINK)
		snprintf(page, sizeof(page), "link");
	else if (kn && kernfs_type(kn) == KERNFS_DIR)
		snprintf(page, sizeof(page), "directory");
	else if (kn && kernfs_get_active(kn)) {
		if (kernfs_file_ops(kn)->read)
			len = kernfs_file_ops(kn)->read(kn, page, SYSFS_PAGE_SIZE, 0);
		kernfs_put_active(kn);
		assert_true(len >= 0);
	}
	kernfs_put(kn);
	return page;
}

static ssize_t write_file(const char *module, const char *param, const char *text)
{
	struct kernfs_node *path[5] = { kernfs_root() };
	const char *names[] = { "module", module, "parameters", param };
	char copy[256];
	ssize_t ret;
	int i;

	for (i = 0; i < 4; i++) {
		path[i + 1] = kernfs_lookup(path[i], names[i]);
		assert_non_null(path[i + 1]);
	}
	snprintf(copy, sizeof(copy), "%s", text);
	assert_true(kernfs_get_active(path[4]));
	ret = kernfs_file_ops(path[4])->write(path[4], copy, strlen(copy), 0);
	kernfs_put_active(path[4]);
	for (i = 1; i <= 4; i++)
		kernfs_put(path[i]);
	return ret;
}

static int count_module(const struct module_state *state, void *data)
{
	if (strcmp(state->state, "builtin"))
		(*(int *)data)++;
	return 0;
}

static int nr_modules(void)
{
	int n = 0;

	assert_int_equal(module_for_each(count_module, &n), 0);
	return n;
}

/* The module's own part, for references. */
static struct module *module_of(const char *name)
{
	struct module *(*entry)(void);
	char path[512];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s.so", module_dir, name);
	handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	assert_non_null(handle);
	entry = (struct module * (*)(void)) dlsym(handle, "umdev_module_entry");
	assert_non_null(entry);
	dlclose(handle);
	return entry();
}

static bool is_mapped(const char *name)
{
	char path[512];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s.so", module_dir, name);
	handle = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
	if (handle)
		dlclose(handle);
	return handle;
}

static void silent(enum log_level level, const char *line)
{
}

static int setup(void **state)
{
	module_dir = getenv("UMDEV_TEST_MODULES");
	assert_non_null(module_dir);
	log_set_sink(silent);
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(module_set_path(module_dir), 0);
	uevent_listener_register(&listener);
	trace[0] = '\0';
	hook_fn = NULL;
	return 0;
}

static int teardown(void **state)
{
	uevent_listener_unregister(&listener);
	umdev_stop();
	return nr_modules();
}

static void assert_refused(const char *name, const char *params, int err, const char *why)
{
	assert_int_equal(module_load(name, params), err);
	if (!strstr(module_error(), why))
		fail_msg("expected \"%s\" in \"%s\"", why, module_error());
	assert_int_equal(nr_modules(), 0);
	assert_string_equal(trace, "");
}

/* ---- loading ---- */

static void events_come_in_the_kernels_order(void **state)
{
	assert_int_equal(module_load("plain", NULL), 0);
	assert_int_equal(module_unload("plain"), 0);
	assert_string_equal(trace, "init plain\nadd /module/plain\n"
				   "exit plain\nremove /module/plain\n");
	assert_false(is_mapped("plain"));
}

static int look_at_initstate(const char *module, const char *what)
{
	assert_string_equal(read_file("module/plain/initstate"),
			    strcmp(what, "init") == 0 ? "coming\n" : "going\n");
	return 0;
}

static void a_loaded_module_is_shown(void **state)
{
	hook_fn = look_at_initstate;
	assert_int_equal(module_load("plain", NULL), 0);
	assert_string_equal(read_file("module/plain/initstate"), "live\n");
	assert_string_equal(read_file("module/plain/refcnt"), "0\n");
	assert_string_equal(read_file("module/plain/version"), "1.2-test\n");
	assert_string_equal(read_file("module/plain/holders"), "directory");
	assert_true(atol(read_file("module/plain/coresize")) > 0);
	assert_string_equal(read_file("module/plain/parameters"), "");
	assert_int_equal(module_unload("plain"), 0);
	assert_string_equal(read_file("module/plain"), "");
}

static void a_module_is_loaded_once(void **state)
{
	assert_int_equal(module_load("plain", NULL), 0);
	assert_int_equal(module_load("plain", NULL), -EEXIST);
	assert_int_equal(request_module("plain"), 0);
	assert_int_equal(nr_modules(), 1);
	assert_int_equal(module_unload("plain"), 0);
	assert_int_equal(module_unload("plain"), -ENOENT);
}

static void dashes_in_names_are_underscores(void **state)
{
	assert_int_equal(module_load("no-exit", NULL), 0);
	assert_string_equal(read_file("module/no_exit/initstate"), "live\n");
	/* It can't be unloaded; what holds for that is in its own test. */
	assert_int_equal(module_unload("no-exit"), -EBUSY);
}

static void a_path_loads_this_file(void **state)
{
	char path[512];

	assert_int_equal(module_set_path("/nonexistent"), 0);
	snprintf(path, sizeof(path), "%s/plain.so", module_dir);
	assert_int_equal(module_load(path, NULL), 0);
	assert_string_equal(read_file("module/plain/initstate"), "live\n");
	assert_int_equal(module_unload("plain"), 0);
}

static void a_path_may_be_loaded_before_anything_else(void **state)
{
	char path[512];

	umdev_stop();
	snprintf(path, sizeof(path), "%s/plain.so", module_dir);
	assert_int_equal(module_load(path, NULL), 0);
	assert_string_equal(read_file("plain"), "");
	assert_string_equal(read_file("module/plain/initstate"), "live\n");
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(module_unload("plain"), 0);
}

static void one_file_under_two_names_is_refused(void **state)
{
	char dir[] = "/tmp/umdev-test-XXXXXX", path[64], target[512];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/other.so", dir);
	snprintf(target, sizeof(target), "%s/plain.so", module_dir);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(module_load("plain", NULL), 0);
	assert_int_equal(module_load(path, NULL), -EEXIST);
	assert_int_equal(module_unload("plain"), 0);
	unlink(path);
	rmdir(dir);
}

/* ---- what is refused leaves nothing ---- */

static void what_is_no_module_is_refused(void **state)
{
	assert_refused("no_init", NULL, -ENOEXEC, "no module_init()");
	assert_refused("no_modinfo", NULL, -ENOEXEC, "no .modinfo");
	assert_refused("no_symbol", NULL, -ENOEXEC, "umdev_test_function_that_nobody_has");
	assert_refused("other_abi", NULL, -ENOEXEC, "another version of umdev");
	assert_refused("plian", NULL, -ENOENT, "did you mean \"plain\"?");
	assert_refused("", NULL, -ENOENT, "empty");
	assert_refused("/", NULL, -ENOENT, "names no file");
	assert_refused("/dev/null", NULL, -ENOEXEC, "not a file");
	assert_refused("/proc/self/exe", NULL, -ENOEXEC, "module");
	assert_refused("orphan", NULL, -ENOENT, "needs \"nowhere\"");
}

static void copy_cut(const char *from, const char *to, size_t len)
{
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	int c;

	assert_non_null(in);
	assert_non_null(out);
	while (len-- && (c = getc(in)) != EOF)
		putc(c, out);
	fclose(in);
	fclose(out);
}

static void a_file_cut_at_any_place_is_refused(void **state)
{
	char dir[] = "/tmp/umdev-test-XXXXXX", path[64], whole[512];
	struct stat st;
	size_t len;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/cut.so", dir);
	snprintf(whole, sizeof(whole), "%s/plain.so", module_dir);
	assert_int_equal(stat(whole, &st), 0);
	for (len = 0; len < (size_t)st.st_size; len += 1 + (size_t)st.st_size / 97) {
		copy_cut(whole, path, len);
		assert_refused(path, NULL, -ENOEXEC, "cut.so is no module");
	}
	unlink(path);
	rmdir(dir);
}

static void an_init_that_fails_leaves_nothing(void **state)
{
	assert_int_equal(module_load("params", "fail=19"), -ENODEV);
	assert_non_null(strstr(module_error(), "init failed: No such device"));
	assert_int_equal(nr_modules(), 0);
	assert_string_equal(read_file("module/params"), "");
	assert_string_equal(trace, "");
	assert_false(is_mapped("params"));
	assert_int_equal(module_load("params", NULL), 0);
	assert_int_equal(module_unload("params"), 0);
}

static void every_step_of_a_load_can_fail(void **state)
{
	int err = -1;
	unsigned long n;

	for (n = 1; err; n++) {
		assert_true(n < 500);
		fault_countdown = n;
		err = module_load("top", NULL);
		fault_countdown = 0;
		if (!err)
			break;
		/* What it depends on may have come up, and stays. */
		assert_string_equal(read_file("module/top"), "");
		assert_false(is_mapped("top"));
		if (module_unload("middle"))
			assert_string_equal(read_file("module/middle"), "");
		if (module_unload("bottom"))
			assert_string_equal(read_file("module/bottom"), "");
		assert_int_equal(nr_modules(), 0);
	}
	assert_true(n > 10);
	assert_int_equal(module_unload("top"), 0);
	assert_int_equal(module_unload("middle"), 0);
	assert_int_equal(module_unload("bottom"), 0);
}

/* ---- what could be loaded ---- */

static int list_claim(const char *name, const char *alias, void *data)
{
	char *text = data;
	size_t used = strlen(text);

	if (strncmp(name, "claims_", 7) == 0 || strcmp(name, "top") == 0)
		snprintf(text + used, 512 - used, "%s:%s ", name, alias ? alias : "");
	assert_string_not_equal(name, "no_modinfo");
	return 0;
}

static int stop_at_once(const char *name, const char *alias, void *data)
{
	(*(int *)data)++;
	return -EINTR;
}

static void all_that_could_be_loaded_is_listed_with_its_aliases(void **state)
{
	const char *expected = "claims_a: claims_a:only-a claims_a:test:v[0-9]d* claims_b: "
			       "claims_b:test:v[1-2]d*-x top: ";
	char text[512] = "", twice[1024];
	int n = 0;

	assert_int_equal(module_for_each_file(list_claim, text), 0);
	assert_string_equal(text, expected);
	/* What stands behind a file of the same name is no other module. */
	snprintf(twice, sizeof(twice), "%s:%s/.", module_dir, module_dir);
	assert_int_equal(module_set_path(twice), 0);
	text[0] = '\0';
	assert_int_equal(module_for_each_file(list_claim, text), 0);
	assert_int_equal(module_set_path(module_dir), 0);
	assert_string_equal(text, expected);
	assert_int_equal(module_for_each_file(stop_at_once, &n), -EINTR);
	assert_int_equal(n, 1);
}

static void every_step_of_a_list_can_fail(void **state)
{
	char text[512] = "";
	unsigned long n;
	int err = -1;

	for (n = 1; err; n++) {
		assert_int_equal(module_set_path(module_dir), 0);
		text[0] = '\0';
		fault_countdown = n;
		err = module_for_each_file(list_claim, text);
		fault_countdown = 0;
		assert_true(n < 1000);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_string_equal(text, "");
		}
	}
	assert_true(n > 10);
	assert_string_equal(text + strlen(text) - strlen(" top: "), " top: ");
}

/* ---- dependencies and references ---- */

static void dependencies_come_first_and_are_held(void **state)
{
	assert_int_equal(module_load("top", NULL), 0);
	assert_string_equal(trace, "init bottom\nadd /module/bottom\ninit middle\n"
				   "add /module/middle\ninit top\nadd /module/top\n");
	assert_string_equal(read_file("module/bottom/refcnt"), "2\n");
	assert_string_equal(read_file("module/bottom/holders/middle"), "link");
	assert_string_equal(read_file("module/bottom/holders/top"), "link");
	assert_string_equal(read_file("module/middle/holders/top"), "link");
	assert_int_equal(module_unload("bottom"), -EBUSY);
	assert_non_null(strstr(module_error(), "used by: middle,top"));
	assert_int_equal(module_unload("top"), 0);
	assert_string_equal(read_file("module/bottom/holders/top"), "");
	assert_string_equal(read_file("module/bottom/refcnt"), "1\n");
	assert_int_equal(module_unload("middle"), 0);
	assert_int_equal(module_unload("bottom"), 0);
}

static void a_dependency_may_be_said_twice_and_is_held_once(void **state)
{
	assert_int_equal(module_load("repeats", NULL), 0);
	assert_string_equal(read_file("module/bottom/refcnt"), "2\n");
	assert_string_equal(read_file("module/bottom/holders/repeats"), "link");
	assert_string_equal(read_file("module/middle/holders/repeats"), "link");
	assert_int_equal(module_unload("bottom"), -EBUSY);
	assert_non_null(strstr(module_error(), "used by: middle,repeats"));
	assert_int_equal(module_unload("repeats"), 0);
	assert_int_equal(module_unload("middle"), 0);
	assert_int_equal(module_unload("bottom"), 0);
}

static void a_circle_of_dependencies_is_refused(void **state)
{
	assert_refused("loop_a", NULL, -ELOOP, "depend on each other");
}

static void a_referenced_module_stays(void **state)
{
	struct module *mod;

	assert_int_equal(module_load("plain", NULL), 0);
	mod = module_of("plain");
	assert_true(try_module_get(mod));
	assert_int_equal(module_refcount(mod), 1);
	assert_string_equal(read_file("module/plain/refcnt"), "1\n");
	assert_int_equal(module_unload("plain"), -EBUSY);
	assert_non_null(strstr(module_error(), "in use (1 reference)"));
	assert_string_equal(read_file("module/plain/initstate"), "live\n");
	module_put(mod);
	assert_int_equal(module_unload("plain"), 0);
	assert_true(try_module_get(NULL));
	module_put(NULL);
}

static int get_while_going(const char *module, const char *what)
{
	if (strcmp(what, "exit") == 0)
		assert_false(try_module_get(module_of("plain")));
	return 0;
}

static void a_module_that_goes_gives_no_references(void **state)
{
	hook_fn = get_while_going;
	assert_int_equal(module_load("plain", NULL), 0);
	assert_int_equal(module_unload("plain"), 0);
	assert_non_null(strstr(trace, "exit plain"));
}

/* ---- aliases ---- */

static void an_alias_loads_all_that_claim_it(void **state)
{
	assert_int_equal(request_module("test:v1d2-x"), 0);
	assert_string_equal(read_file("module/claims_a/initstate"), "live\n");
	assert_string_equal(read_file("module/claims_b/initstate"), "live\n");
	assert_int_equal(module_unload("claims_a"), 0);
	assert_int_equal(module_unload("claims_b"), 0);
	assert_int_equal(request_module("test:v3d-anything"), 0);
	assert_string_equal(read_file("module/claims_b"), "");
	assert_int_equal(request_module("only_a"), 0);
	assert_int_equal(request_module("test:v3"), -ENOENT);
	assert_int_equal(module_unload("claims_a"), 0);
}

static void a_new_file_is_seen(void **state)
{
	char dir[] = "/tmp/umdev-test-XXXXXX", path[64], whole[512];

	assert_non_null(mkdtemp(dir));
	assert_int_equal(module_set_path(dir), 0);
	assert_int_equal(request_module("only-a"), -ENOENT);
	snprintf(path, sizeof(path), "%s/claims-a.so", dir);
	snprintf(whole, sizeof(whole), "%s/claims_a.so", module_dir);
	copy_cut(whole, path, SIZE_MAX);
	assert_int_equal(request_module("only-a"), 0);
	assert_int_equal(module_unload("claims_a"), 0);
	unlink(path);
	rmdir(dir);
}

/* ---- parameters ---- */

static void parameters_are_set_before_init(void **state)
{
	assert_int_equal(module_load("params",
				     "number=-0x10 count=4000000000 flag text=\"two words\" "
				     "with-dash=x nonsense=1 hidden=3"),
			 0);
	assert_string_equal(read_file("module/params/parameters/number"), "-16\n");
	assert_string_equal(read_file("module/params/parameters/count"), "4000000000\n");
	assert_string_equal(read_file("module/params/parameters/flag"), "Y\n");
	assert_string_equal(read_file("module/params/parameters/text"), "two words\n");
	assert_string_equal(read_file("module/params/parameters/with_dash"), "x\n");
	assert_string_equal(read_file("module/params/parameters/hidden"), "");
	assert_int_equal(module_unload("params"), 0);
}

static void parameters_have_first_values_again(void **state)
{
	assert_int_equal(module_load("params", "with_dash=other text=a"), 0);
	assert_int_equal(module_unload("params"), 0);
	assert_int_equal(module_load("params", NULL), 0);
	assert_string_equal(read_file("module/params/parameters/with_dash"), "initial\n");
	assert_string_equal(read_file("module/params/parameters/text"), "(null)\n");
	assert_string_equal(read_file("module/params/parameters/flag"), "N\n");
	assert_int_equal(module_unload("params"), 0);
}

static void bad_parameters_are_refused(void **state)
{
	char longer[sizeof("text=") + 1025] = "text=";

	memset(longer + strlen("text="), 'x', 1025);
	assert_refused("params", "number=abc", -EINVAL, "value \"abc\" is invalid");
	assert_refused("params", "number=1x", -EINVAL, "invalid");
	assert_refused("params", "number=", -EINVAL, "invalid");
	assert_refused("params", "number=\" 1\"", -EINVAL, "invalid");
	assert_refused("params", "number", -EINVAL, "needs a value");
	assert_refused("params", "number=2147483648", -ERANGE, "too large");
	assert_refused("params", "count=-1", -ERANGE, "too large");
	assert_refused("params", "flag=maybe", -EINVAL, "invalid");
	assert_refused("params", "text", -EINVAL, "needs a value");
	assert_refused("params", longer, -ENOSPC, "module \"params\"");
}

static void parameters_can_be_written(void **state)
{
	assert_int_equal(module_load("params", NULL), 0);
	assert_int_equal(write_file("params", "number", "7\n"), 2);
	assert_string_equal(read_file("module/params/parameters/number"), "7\n");
	assert_int_equal(write_file("params", "number", "x\n"), -EINVAL);
	assert_int_equal(write_file("params", "text", "new\n"), 4);
	assert_int_equal(write_file("params", "text", "newer"), 5);
	assert_string_equal(read_file("module/params/parameters/text"), "newer\n");
	assert_int_equal(module_unload("params"), 0);
}

/* ---- several threads ---- */

static sem_t in_hook, go_on;

static int stop_in_hook(const char *module, const char *what)
{
	if (strcmp(what, "init") == 0) {
		sem_post(&in_hook);
		sem_wait(&go_on);
	}
	return 0;
}

static void *load_plain(void *data)
{
	return (void *)(intptr_t)module_load("plain", NULL);
}

static void *request_plain(void *data)
{
	return (void *)(intptr_t)request_module("plain");
}

static void two_loads_of_one_module_are_one(void **state)
{
	pthread_t first, second, third;
	void *a, *b, *c;

	sem_init(&in_hook, 0, 0);
	sem_init(&go_on, 0, 0);
	hook_fn = stop_in_hook;
	pthread_create(&first, NULL, load_plain, NULL);
	sem_wait(&in_hook);
	assert_int_equal(module_unload("plain"), -EBUSY);
	pthread_create(&second, NULL, load_plain, NULL);
	pthread_create(&third, NULL, request_plain, NULL);
	sem_post(&go_on);
	pthread_join(first, &a);
	pthread_join(second, &b);
	pthread_join(third, &c);
	assert_int_equal((intptr_t)a, 0);
	assert_int_equal((intptr_t)b, -EEXIST);
	assert_int_equal((intptr_t)c, 0);
	assert_int_equal(module_unload("plain"), 0);
}

static void *load_and_unload(void *data)
{
	int i, err;

	for (i = 0; i < 100; i++) {
		err = module_load("top", NULL);
		if (err && err != -EEXIST)
			return (void *)(intptr_t)err;
		err = module_unload("top");
		if (err && err != -ENOENT && err != -EBUSY)
			return (void *)(intptr_t)err;
		module_unload("middle");
		module_unload("bottom");
	}
	return NULL;
}

static void loads_and_unloads_may_race(void **state)
{
	pthread_t threads[4];
	void *ret;
	int i;

	uevent_listener_unregister(&listener);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, load_and_unload, NULL);
	for (i = 0; i < 4; i++) {
		pthread_join(threads[i], &ret);
		assert_int_equal((intptr_t)ret, 0);
	}
	uevent_listener_register(&listener);
	module_unload("top");
	module_unload("middle");
	module_unload("bottom");
	assert_int_equal(nr_modules(), 0);
}

static int request_from_init(const char *module, const char *what)
{
	if (strcmp(module, "plain") || strcmp(what, "init"))
		return 0;
	/* Itself, which is coming, and another one, whose init asks back for this one. */
	assert_int_equal(request_module("plain"), 0);
	return request_module("claims_b");
}

static void an_init_may_request_modules(void **state)
{
	hook_fn = request_from_init;
	assert_int_equal(module_load("plain", NULL), 0);
	assert_string_equal(read_file("module/claims_b/initstate"), "live\n");
	assert_int_equal(module_unload("claims_b"), 0);
	assert_int_equal(module_unload("plain"), 0);
}

static int request_each_other(const char *module, const char *what)
{
	if (strcmp(what, "init"))
		return 0;
	sem_post(&in_hook);
	sem_wait(&go_on);
	return request_module(strcmp(module, "plain") == 0 ? "claims_b" : "plain");
}

static void *load_claims_b(void *data)
{
	return (void *)(intptr_t)module_load("claims_b", NULL);
}

static void inits_that_wait_for_each_other_get_on(void **state)
{
	pthread_t first, second;
	void *a, *b;

	sem_init(&in_hook, 0, 0);
	sem_init(&go_on, 0, 0);
	hook_fn = request_each_other;
	pthread_create(&first, NULL, load_plain, NULL);
	pthread_create(&second, NULL, load_claims_b, NULL);
	sem_wait(&in_hook);
	sem_wait(&in_hook);
	sem_post(&go_on);
	sem_post(&go_on);
	pthread_join(first, &a);
	pthread_join(second, &b);
	assert_int_equal((intptr_t)a, 0);
	assert_int_equal((intptr_t)b, 0);
	assert_int_equal(module_unload("claims_b"), 0);
	assert_int_equal(module_unload("plain"), 0);
}

/* ---- the end ---- */

static void stop_unloads_last_loaded_first(void **state)
{
	static const char expected[] = "exit top\nremove /module/top\nexit middle\n"
				       "remove /module/middle\nexit bottom\nremove /module/bottom\n"
				       "exit plain\nremove /module/plain\n";

	assert_int_equal(module_load("plain", NULL), 0);
	assert_int_equal(module_load("top", NULL), 0);
	trace[0] = '\0';
	umdev_stop();
	trace[sizeof(expected) - 1] = '\0'; /* what is built in goes after them */
	assert_string_equal(trace, expected);
	assert_int_equal(umdev_start(), 0);
	assert_int_equal(umdev_start(), -EALREADY);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(events_come_in_the_kernels_order),
		TEST(a_loaded_module_is_shown),
		TEST(a_module_is_loaded_once),
		TEST(a_path_loads_this_file),
		TEST(a_path_may_be_loaded_before_anything_else),
		TEST(one_file_under_two_names_is_refused),
		TEST(what_is_no_module_is_refused),
		TEST(a_file_cut_at_any_place_is_refused),
		TEST(an_init_that_fails_leaves_nothing),
		TEST(every_step_of_a_load_can_fail),
		TEST(all_that_could_be_loaded_is_listed_with_its_aliases),
		TEST(every_step_of_a_list_can_fail),
		TEST(dependencies_come_first_and_are_held),
		TEST(a_dependency_may_be_said_twice_and_is_held_once),
		TEST(a_circle_of_dependencies_is_refused),
		TEST(a_referenced_module_stays),
		TEST(a_module_that_goes_gives_no_references),
		TEST(an_alias_loads_all_that_claim_it),
		TEST(a_new_file_is_seen),
		TEST(parameters_are_set_before_init),
		TEST(parameters_have_first_values_again),
		TEST(bad_parameters_are_refused),
		TEST(parameters_can_be_written),
		TEST(two_loads_of_one_module_are_one),
		TEST(loads_and_unloads_may_race),
		TEST(an_init_may_request_modules),
		TEST(inits_that_wait_for_each_other_get_on),
		TEST(stop_unloads_last_loaded_first),
		/* Leaves a module that nobody can unload. */
		cmocka_unit_test_setup(dashes_in_names_are_underscores, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
