/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events on netlink, as those hear them who listen as to a kernel, byte by byte.
 */
#include "cmocka_umdev.h"

#include <errno.h>
#include <fcntl.h>
#include <libudev.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <umdev/log.h>
#include <umdev/sysfs.h>
#include <umdev/uevent.h>
#include "model/alloc.h"
#include "support/netns.h"

#define THREADS	  8
#define ROUNDS	  40
#define NOBODY	  65534
#define PATIENCE  20000 /* milliseconds */
#define STEPS_MAX 50

static struct netns ns;
static struct sysfs_netlink *netlink;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_text[4096];    /* log_lock */
static unsigned int log_lines; /* log_lock */

static void keep_line(enum log_level level, const char *line)
{
	pthread_mutex_lock(&log_lock);
	snprintf(log_text, sizeof(log_text), "%s", line);
	log_lines++;
	pthread_mutex_unlock(&log_lock);
}

static void thing_release(struct kobject *kobj)
{
	free(kobj);
}

static const struct kobj_type thing_ktype = { .release = thing_release };

static const char *thing_subsystem(struct kobject *kobj)
{
	return "things";
}

static int thing_keys(struct kobject *kobj, struct kobj_uevent_env *env)
{
	return add_uevent_var(env, "DRIVER=none");
}

static const struct kset_uevent_ops thing_ops = { .name = thing_subsystem, .uevent = thing_keys };

static struct kobject *thing_add(const char *name)
{
	struct kobject *kobj = calloc(1, sizeof(*kobj));

	assert_non_null(kobj);
	kobject_init(kobj, &thing_ktype);
	kobj->uevent_ops = &thing_ops;
	assert_int_equal(kobject_add(kobj, NULL, "%s", name), 0);
	return kobj;
}

static void thing_remove(struct kobject *kobj)
{
	kobject_del(kobj);
	kobject_put(kobj);
}

static int begin(void **state)
{
	int err = netns_open(&ns);

	if (err)
		fail_msg("no namespaces: %s", strerror(-err));
	log_set_sink(keep_line);
	log_lines = 0;
	assert_int_equal(sysfs_netlink_start(ns.sender, &netlink), 0);
	return 0;
}

static int end(void **state)
{
	sysfs_netlink_stop(netlink);
	close(ns.listener);
	log_set_sink(NULL);
	return 0;
}

static bool is_silent(int listener)
{
	struct pollfd pfd = { .fd = listener, .events = POLLIN };

	return !poll(&pfd, 1, 0);
}

/* What was heard next: its bytes up to SEQNUM, whose value is given back. It is the kernel's. */
static size_t heard(char *buf, size_t size, uint64_t *seqnum)
{
	struct sockaddr_nl from;
	socklen_t from_len = sizeof(from);
	struct pollfd pfd = { .fd = ns.listener, .events = POLLIN };
	size_t at, n = 0;
	ssize_t len;

	assert_int_equal(poll(&pfd, 1, PATIENCE), 1);
	len = recvfrom(ns.listener, buf, size, MSG_TRUNC, (struct sockaddr *)&from, &from_len);
	assert_in_range(len, 1, size);
	assert_int_equal(from.nl_pid, 0);
	assert_int_equal(from.nl_groups, 1);
	assert_int_equal(buf[len - 1], '\0');
	for (at = 0; at < (size_t)len; at += strlen(buf + at) + 1) {
		if (strncmp(buf + at, "SEQNUM=", 7))
			continue;
		assert_int_equal(at + strlen(buf + at) + 1, len);
		*seqnum = strtoull(buf + at + 7, NULL, 10);
		n = at;
	}
	assert_true(n > 0);
	return n;
}

/* The next message is @expected, NULs included. */
static void assert_bytes(const char *expected, size_t len)
{
	static uint64_t last;
	char buf[UEVENT_BUFFER_SIZE + 1];
	uint64_t seqnum;
	size_t n = heard(buf, sizeof(buf), &seqnum);

	assert_int_equal(n, len);
	assert_memory_equal(buf, expected, len);
	assert_true(seqnum > last);
	last = seqnum;
}

#define assert_heard_is(text) assert_bytes(text, sizeof(text) - 1)

static void an_event_arrives_as_the_kernels_own(void **state)
{
	struct kobject *kobj = thing_add("x");
	char one[] = "MDEV_STATE=registered", two[] = "EMPTY=", *envp[] = { one, two, NULL };

	kobject_uevent(kobj, KOBJ_ADD);
	assert_heard_is("add@/x\0ACTION=add\0DEVPATH=/x\0SUBSYSTEM=things\0DRIVER=none\0");
	kobject_uevent_env(kobj, KOBJ_CHANGE, envp);
	assert_heard_is("change@/x\0ACTION=change\0DEVPATH=/x\0SUBSYSTEM=things\0"
			"MDEV_STATE=registered\0EMPTY=\0DRIVER=none\0");
	kobject_synth_uevent(kobj, "add fe6d24d9-b5e8-4bc9-9a4b-ad3d5bff3a2c A=1", 44);
	assert_heard_is("add@/x\0ACTION=add\0DEVPATH=/x\0SUBSYSTEM=things\0"
			"SYNTH_UUID=fe6d24d9-b5e8-4bc9-9a4b-ad3d5bff3a2c\0SYNTH_ARG_A=1\0"
			"DRIVER=none\0");
	thing_remove(kobj);
	assert_heard_is("remove@/x\0ACTION=remove\0DEVPATH=/x\0SUBSYSTEM=things\0DRIVER=none\0");
	assert_true(is_silent(ns.listener));
	assert_int_equal(log_lines, 0);
}

static void an_event_can_be_sent_by_hand(void **state)
{
	char action[] = "ACTION=change", path[] = "DEVPATH=/y", subsystem[] = "SUBSYSTEM=s",
	     key[] = "KEY=a b", *envp[] = { action, path, subsystem, key, NULL },
	     *no_action[] = { path, subsystem, NULL }, *no_path[] = { action, subsystem, NULL },
	     *no_subsystem[] = { action, path, key, NULL }, *nothing[] = { NULL };

	assert_int_equal(sysfs_netlink_send(netlink, no_action), -EINVAL);
	assert_int_equal(sysfs_netlink_send(netlink, no_path), -EINVAL);
	assert_int_equal(sysfs_netlink_send(netlink, no_subsystem), -EINVAL);
	assert_int_equal(sysfs_netlink_send(netlink, nothing), -EINVAL);
	assert_int_equal(sysfs_netlink_send(netlink, envp), 0);
	assert_heard_is("change@/y\0ACTION=change\0DEVPATH=/y\0SUBSYSTEM=s\0KEY=a b\0");
	assert_true(is_silent(ns.listener));
}

/* "change@/z" and the keys that are always there, with their NULs, and PAD=. */
#define LONG_BASE strlen("change@/z ACTION=change DEVPATH=/z SUBSYSTEM=things DRIVER=none PAD= ")

static void the_longest_event_is_heard_whole_and_a_longer_one_not_at_all(void **state)
{
	struct kobject *kobj = thing_add("z");
	char pad[UEVENT_BUFFER_SIZE], *envp[] = { pad, NULL }, buf[UEVENT_BUFFER_SIZE + 1];
	uint64_t seqnum;
	size_t room = UEVENT_PAYLOAD_MAX - LONG_BASE;

	memset(pad, 'x', sizeof(pad));
	memcpy(pad, "PAD=", 4);
	pad[4 + room] = '\0';
	assert_int_equal(kobject_uevent_env(kobj, KOBJ_CHANGE, envp), 0);
	assert_int_equal(heard(buf, sizeof(buf), &seqnum), UEVENT_PAYLOAD_MAX);

	pad[4 + room] = 'x';
	pad[4 + room + 1] = '\0';
	assert_int_equal(kobject_uevent_env(kobj, KOBJ_CHANGE, envp), -ENOMEM);
	assert_true(is_silent(ns.listener));
	thing_remove(kobj);
	assert_int_equal(log_lines, 0);
}

static void too_much_by_hand_is_not_sent_either(void **state)
{
	char action[] = "ACTION=change", path[] = "DEVPATH=/z", subsystem[] = "SUBSYSTEM=things",
	     driver[] = "DRIVER=none", pad[UEVENT_BUFFER_SIZE], long_path[UEVENT_BUFFER_SIZE],
	     *envp[] = { action, path, subsystem, driver, pad, NULL };
	size_t room = UEVENT_PAYLOAD_MAX - LONG_BASE;

	memset(pad, 'x', sizeof(pad));
	memcpy(pad, "PAD=", 4);
	pad[4 + room + 1] = '\0';
	assert_int_equal(sysfs_netlink_send(netlink, envp), -ENOMEM);
	pad[4 + room] = '\0';
	assert_int_equal(sysfs_netlink_send(netlink, envp), 0);
	assert_false(is_silent(ns.listener));

	memset(long_path, '/', sizeof(long_path));
	memcpy(long_path, "DEVPATH=", 8);
	long_path[sizeof(long_path) - 1] = '\0';
	envp[1] = long_path;
	envp[4] = NULL;
	assert_int_equal(sysfs_netlink_send(netlink, envp), -ENOMEM);
}

/* Every event of this process, as its message should be. */
struct expected {
	struct uevent_listener listener;
	FILE *out;
	char *bytes;
	size_t size;
	size_t lengths[THREADS * ROUNDS * 2];
	unsigned int number;
};

static void expect(struct uevent_listener *listener, const struct uevent *ev)
{
	struct expected *e = container_of(listener, struct expected, listener);
	size_t len;

	len = fprintf(e->out, "%s@%s%c", ev->action, ev->devpath, '\0');
	for (char *const *var = ev->envp; *var; var++)
		len += fprintf(e->out, "%s%c", *var, '\0');
	e->lengths[e->number++] = len;
}

static void *add_and_remove(void *arg)
{
	char name[16];

	for (int i = 0; i < ROUNDS; i++) {
		struct kobject *kobj;

		snprintf(name, sizeof(name), "%c%d", (char)('a' + (intptr_t)arg), i);
		kobj = thing_add(name);
		kobject_uevent(kobj, KOBJ_ADD);
		thing_remove(kobj);
	}
	return NULL;
}

static void many_threads_are_heard_in_the_order_of_their_events(void **state)
{
	struct expected expected = { .listener.event = expect };
	pthread_t threads[THREADS];
	size_t at = 0;

	if (geteuid())
		skip(); /* so many events need more room than an ordinary user may ask for */
	expected.out = open_memstream(&expected.bytes, &expected.size);
	uevent_listener_register(&expected.listener);
	for (intptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, add_and_remove, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	uevent_listener_unregister(&expected.listener);
	fclose(expected.out);
	assert_int_equal(expected.number, THREADS * ROUNDS * 2);
	for (unsigned int i = 0; i < expected.number; i++) {
		assert_bytes(expected.bytes + at, expected.lengths[i]);
		at += expected.lengths[i];
	}
	assert_true(is_silent(ns.listener));
	free(expected.bytes);
}

static void nobody_hears_it_elsewhere(void **state)
{
	char action[] = "ACTION=change", path[] = "DEVPATH=/umdev-test/own",
	     subsystem[] = "SUBSYSTEM=s", *envp[] = { action, path, subsystem, NULL },
	     buf[UEVENT_BUFFER_SIZE + 1];
	struct netns sibling;
	int own = uevent_listener_socket();
	ssize_t n;

	assert_true(own >= 0);
	assert_int_equal(netns_open(&sibling), 0);
	assert_int_equal(sysfs_netlink_send(netlink, envp), 0);
	assert_heard_is(
		"change@/umdev-test/own\0ACTION=change\0DEVPATH=/umdev-test/own\0SUBSYSTEM=s\0");
	assert_true(is_silent(sibling.listener));
	/* The machine's own events may come here. */
	while ((n = recv(own, buf, sizeof(buf) - 1, MSG_DONTWAIT)) > 0) {
		buf[n] = '\0';
		assert_null(strstr(buf, "umdev-test"));
	}
	netns_close(&sibling);
	close(own);
}

static void after_stop_nothing_is_sent(void **state)
{
	struct kobject *kobj = thing_add("late");

	sysfs_netlink_stop(netlink);
	netlink = NULL;
	kobject_uevent(kobj, KOBJ_ADD);
	thing_remove(kobj);
	assert_true(is_silent(ns.listener));
	sysfs_netlink_stop(NULL);
}

static void what_cannot_be_sent_is_in_the_log_once(void **state)
{
	struct kobject *kobj = thing_add("lost");

	for (int i = 0; i < 3; i++) {
		/* Its record is made by the first two steps, then it is sent. */
		fault_countdown = 4;
		assert_int_equal(kobject_uevent(kobj, KOBJ_CHANGE), 0);
		assert_int_equal(fault_countdown, 0);
	}
	assert_true(is_silent(ns.listener));
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(log_text, "no memory"));
	assert_non_null(strstr(log_text, "\"change\" of /lost"));

	kobject_uevent(kobj, KOBJ_CHANGE);
	assert_false(is_silent(ns.listener));
	fault_countdown = 4;
	kobject_uevent(kobj, KOBJ_CHANGE);
	assert_int_equal(log_lines, 2);
	fault_countdown = 0;
	thing_remove(kobj);
}

static void only_a_socket_for_events_will_do(void **state)
{
	int pipe_fds[2], route, file = open("/dev/null", O_RDWR);
	struct sysfs_netlink *none = NULL;

	route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(sysfs_netlink_start(-1, &none), -EINVAL);
	assert_int_equal(sysfs_netlink_start(file, &none), -EINVAL);
	assert_int_equal(sysfs_netlink_start(pipe_fds[0], &none), -EINVAL);
	assert_int_equal(sysfs_netlink_start(route, &none), -EINVAL);
	assert_int_equal(sysfs_netlink_start(ns.listener, &none), -EINVAL);
	assert_null(none);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close(route);
	close(file);
}

static void a_failed_start_leaves_the_socket_to_its_owner(void **state)
{
	struct sysfs_netlink *other;
	struct netns elsewhere;
	int steps, err;

	assert_int_equal(netns_open(&elsewhere), 0);
	for (steps = 1; steps < STEPS_MAX; steps++) {
		fault_countdown = steps;
		err = sysfs_netlink_start(elsewhere.sender, &other);
		fault_countdown = 0;
		if (!err)
			break;
		assert_true(fcntl(elsewhere.sender, F_GETFD) >= 0);
	}
	assert_true(steps > 2);
	assert_int_equal(err, 0);
	assert_true(is_silent(elsewhere.listener));
	sysfs_netlink_stop(other);
	close(elsewhere.listener);
}

/* Somebody who is neither root nor made the namespace. */
static int start_as_a_stranger(void)
{
	struct sysfs_netlink *none;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	return sysfs_netlink_start(ns.sender, &none) != -EPERM;
}

/* Somebody who was root when it began. */
static int lose_the_right(void)
{
	struct kobject *kobj = thing_add("lost");

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	for (int i = 0; i < 3; i++)
		if (kobject_uevent(kobj, KOBJ_CHANGE))
			return 2;
	thing_remove(kobj);
	if (log_lines != 1 || !strstr(log_text, "lost CAP_SYS_ADMIN"))
		return 3;
	return 0;
}

/* An ordinary user, in a namespace that this user has made. */
static int send_as_an_ordinary_user(void)
{
	char action[] = "ACTION=change", path[] = "DEVPATH=/y", subsystem[] = "SUBSYSTEM=s",
	     *envp[] = { action, path, subsystem, NULL };
	struct sysfs_netlink *own;
	struct netns mine;

	if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
		return 1;
	prctl(PR_SET_DUMPABLE, 1); /* else its own /proc/self is root's */
	if (netns_open(&mine) || sysfs_netlink_start(mine.sender, &own))
		return 2;
	if (sysfs_netlink_send(own, envp) || is_silent(mine.listener))
		return 3;
	sysfs_netlink_stop(own);
	close(mine.listener);
	return 0;
}

static void assert_child(int (*child)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_stranger_may_not_send(void **state)
{
	if (geteuid())
		skip(); /* nobody to become */
	assert_child(start_as_a_stranger);
	assert_true(is_silent(ns.listener));
}

static void a_right_that_was_lost_is_in_the_log_once(void **state)
{
	if (geteuid())
		skip(); /* nobody to become */
	assert_child(lose_the_right);
	assert_true(is_silent(ns.listener));
}

static void an_ordinary_user_may_send_to_an_own_namespace(void **state)
{
	if (geteuid())
		skip(); /* all other tests are this one */
	assert_child(send_as_an_ordinary_user);
}

/* ---- libudev ---- */

static void print_device(int to, struct udev_device *dev)
{
	struct udev_list_entry *entry;

	dprintf(to, "%s %s %s", udev_device_get_action(dev), udev_device_get_devpath(dev),
		udev_device_get_subsystem(dev));
	udev_list_entry_foreach(
		entry, udev_device_get_properties_list_entry(
			       dev)) if (!strcmp(udev_list_entry_get_name(entry), "DRIVER"))
		dprintf(to, " DRIVER=%s", udev_list_entry_get_value(entry));
	dprintf(to, "%s\n", udev_device_get_seqnum(dev) ? "" : " without SEQNUM");
}

/* Print what comes until it is "offline". */
static int listen_with_libudev(int sender, int to)
{
	struct udev *udev = udev_new();
	struct udev_monitor *monitor = udev_monitor_new_from_netlink(udev, "kernel");
	struct udev_device *dev;
	struct pollfd pfd;
	bool more = true;

	if (!monitor || udev_monitor_enable_receiving(monitor) < 0)
		return 1;
	pfd = (struct pollfd) { .fd = udev_monitor_get_fd(monitor), .events = POLLIN };
	dprintf(to, "ready\n");
	while (more && poll(&pfd, 1, PATIENCE) == 1) {
		dev = udev_monitor_receive_device(monitor);
		if (!dev)
			continue;
		print_device(to, dev);
		more = strcmp(udev_device_get_action(dev), "offline");
		udev_device_unref(dev);
	}
	udev_monitor_unref(monitor);
	udev_unref(udev);
	return more;
}

static void libudev_takes_them_for_the_kernels(void **state)
{
	struct sysfs_netlink *other;
	struct kobject *kobj;
	int sender, from, status;
	char line[256];
	FILE *in;
	pid_t pid;

	pid = netns_spawn(listen_with_libudev, &sender, &from);
	assert_true(pid > 0);
	in = fdopen(from, "r");
	assert_string_equal(fgets(line, sizeof(line), in), "ready\n");
	assert_int_equal(sysfs_netlink_start(sender, &other), 0);
	kobj = thing_add("seen");
	kobject_uevent(kobj, KOBJ_ADD);
	assert_string_equal(fgets(line, sizeof(line), in), "add /seen things DRIVER=none\n");
	kobject_uevent(kobj, KOBJ_BIND);
	assert_string_equal(fgets(line, sizeof(line), in), "bind /seen things DRIVER=none\n");
	kobject_uevent(kobj, KOBJ_OFFLINE);
	assert_string_equal(fgets(line, sizeof(line), in), "offline /seen things DRIVER=none\n");
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fclose(in);
	sysfs_netlink_stop(other);
	thing_remove(kobj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
		TEST(an_event_arrives_as_the_kernels_own),
		TEST(an_event_can_be_sent_by_hand),
		TEST(the_longest_event_is_heard_whole_and_a_longer_one_not_at_all),
		TEST(too_much_by_hand_is_not_sent_either),
		TEST(many_threads_are_heard_in_the_order_of_their_events),
		TEST(nobody_hears_it_elsewhere),
		TEST(after_stop_nothing_is_sent),
		TEST(what_cannot_be_sent_is_in_the_log_once),
		TEST(only_a_socket_for_events_will_do),
		TEST(a_failed_start_leaves_the_socket_to_its_owner),
		TEST(a_stranger_may_not_send),
		TEST(a_right_that_was_lost_is_in_the_log_once),
		TEST(an_ordinary_user_may_send_to_an_own_namespace),
		TEST(libudev_takes_them_for_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
