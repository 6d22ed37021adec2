/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors and the files that they lead to: src/preload/table.c, file.c, fork.c. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "preload/file_pool.h"
#include "preload/table.h"
#include "support/descriptors.h"
#include "support/vforked.h"

#define THREADS 4
#define ROUNDS	3000
#define LOOKUPS 500000

/* ---- files that count ---- */

static _Atomic(int) live;

static void count_release(struct file *file)
{
	live--;
}

static const struct file_ops ops = { .name = "counted", .release = count_release };

/* Return: a descriptor of a new file. */
static int open_counted(const void *priv)
{
	struct file *file;
	int fd;

	fd = placeholder_create();
	assert_true(fd >= 0);
	assert_int_equal(file_create(&ops, (void *)priv, O_RDWR, &file), 0);
	live++;
	assert_int_equal(file_install(file, fd), fd);
	file_put(file);
	return fd;
}

/* Return: the owner's pointer of the file that @fd leads to; NULL: none. */
static void *priv_of(int fd)
{
	struct file *file = file_from_fd(fd);
	void *priv = file ? file->priv : NULL;

	if (file)
		file_put(file);
	return priv;
}

/* Return: what a child says that does @work. */
static int in_child(pid_t pid, int (*work)(int fd), int fd)
{
	int status;

	if (pid == 0)
		_exit(work(fd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- one process ---- */

static void a_descriptor_leads_to_its_file(void **state)
{
	int one, two, before = descriptors_count();

	one = open_counted("one");
	two = open_counted("two");
	assert_string_equal(priv_of(one), "one");
	assert_string_equal(priv_of(two), "two");
	assert_null(priv_of(0));
	assert_null(priv_of(-1));
	assert_null(priv_of(INT32_MAX));
	assert_true(table_has(one));
	assert_false(table_has(0));
	assert_int_equal(table_close(one), 0);
	assert_null(priv_of(one));
	assert_int_equal(live, 1);
	assert_int_equal(table_close(two), 0);
	assert_int_equal(live, 0);
	assert_int_equal(descriptors_count(), before);
}

static void the_last_duplicate_releases(void **state)
{
	int fd, dups[3], i;

	fd = open_counted("many");
	dups[0] = table_dup(fd, F_DUPFD, 100);
	dups[1] = table_dup(fd, F_DUPFD_CLOEXEC, 0);
	dups[2] = table_replace(fd, 200, O_CLOEXEC);
	assert_true(dups[0] >= 100);
	assert_int_equal(fcntl(dups[0], F_GETFD), 0);
	assert_int_equal(fcntl(dups[1], F_GETFD), FD_CLOEXEC);
	assert_int_equal(dups[2], 200);
	assert_int_equal(table_close(fd), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(live, 1);
		assert_string_equal(priv_of(dups[i]), "many");
		assert_int_equal(table_close(dups[i]), 0);
	}
	assert_int_equal(live, 0);
}

static void a_replaced_descriptor_leads_elsewhere(void **state)
{
	int one = open_counted("one"), two = open_counted("two"), other = eventfd(0, 0);

	assert_int_equal(table_replace(one, two, -1), two);
	assert_int_equal(live, 1);
	assert_string_equal(priv_of(two), "one");
	assert_int_equal(table_replace(two, two, -1), two);
	assert_int_equal(table_replace(two, two, 0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(table_replace(one, -1, -1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(table_replace(other, two, -1), two);
	assert_null(priv_of(two));
	assert_int_equal(table_replace(other, one, -1), one);
	assert_int_equal(live, 0);
	assert_int_equal(eventfd_write(one, 1), 0);
	close(one);
	close(two);
	close(other);
}

static void a_number_that_was_closed_unseen_is_nobodys(void **state)
{
	int fd = open_counted("gone"), other;

	close(fd);
	other = eventfd(0, 0);
	assert_int_equal(other, fd);
	assert_null(file_from_fd(fd));
	assert_int_equal(live, 0);
	assert_false(table_has(fd));
	close(other);

	fd = open_counted("gone too");
	close(fd);
	assert_int_equal(open_counted("new"), fd);
	assert_int_equal(live, 1);
	assert_string_equal(priv_of(fd), "new");
	assert_int_equal(table_close(fd), 0);
	assert_int_equal(live, 0);
}

static void a_placeholder_is_of_no_type(void **state)
{
	int fd = placeholder_create();
	struct stat st;
	char byte;

	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & S_IFMT, 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), -1);
	assert_int_equal(errno, EBADF);
	close(fd);
}

/* ---- hidden descriptors ---- */

static void a_hidden_descriptor_is_out_of_reach(void **state)
{
	int before = descriptors_count(), fd = eventfd(0, 0), hidden = hidden_fd(fd);

	assert_true(hidden > 100);
	assert_int_equal(descriptors_count(), before + 1);
	assert_int_equal(fcntl(hidden, F_GETFD), FD_CLOEXEC);
	assert_true(table_is_hidden(hidden));
	assert_null(file_from_fd(hidden));
	errno = 0;
	assert_int_equal(table_close(hidden), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(table_dup(hidden, F_DUPFD, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(table_replace(0, hidden, -1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(table_replace(hidden, 100, 0), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(eventfd_write(hidden, 1), 0);
	hidden_close(hidden);
	hidden_close(-1);
	assert_int_equal(fcntl(hidden, F_GETFD), -1);
	assert_int_equal(descriptors_count(), before);
	assert_int_equal(hidden_fd(-1), -EBADF);
}

static void a_hidden_number_that_was_closed_unseen_is_the_programs(void **state)
{
	int hidden = hidden_fd(eventfd(0, 0)), pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(dup2(pair[0], hidden), hidden);
	hidden_close(hidden);
	assert_true(fcntl(hidden, F_GETFD) >= 0);
	assert_false(table_is_hidden(hidden));
	assert_int_equal(table_close(hidden), 0);
	close(pair[0]);
	close(pair[1]);
}

/* Anonymous inodes are all one. */
static void what_looks_like_the_hidden_one_is_left_alone_by_who_knows(void **state)
{
	int hidden = hidden_fd(eventfd(0, 0)), other = eventfd(0, 0);

	assert_int_equal(dup2(other, hidden), hidden);
	assert_true(table_is_hidden(hidden));
	hidden_lose(hidden);
	assert_false(table_is_hidden(hidden));
	hidden_close(hidden);
	assert_int_equal(table_close(hidden), 0);
	close(other);
	/* Nothing of ours. */
	hidden_lose(other);
	hidden_lose(-1);
}

/* Its owner would take for its own what is hidden there next. */
static void a_number_that_is_lost_is_not_hidden_again_before_its_owner_knows(void **state)
{
	int before = descriptors_count(), lost = hidden_fd(eventfd(0, 0)), next[2], own;

	close(lost);
	next[0] = hidden_fd(eventfd(0, 0));
	assert_true(next[0] >= 0 && next[0] != lost);
	/* A file of the program's may come and go there meanwhile. */
	own = open_counted("there");
	assert_int_equal(table_replace(own, lost, 0), lost);
	assert_string_equal(priv_of(lost), "there");
	assert_int_equal(table_close(lost), 0);
	assert_int_equal(table_close(own), 0);
	next[1] = hidden_fd(eventfd(0, 0));
	assert_true(next[1] >= 0 && next[1] != lost);

	hidden_close(lost);
	assert_true(table_is_hidden(next[0]));
	assert_true(table_is_hidden(next[1]));
	hidden_close(next[0]);
	hidden_close(next[1]);
	assert_int_equal(descriptors_count(), before);
	next[0] = hidden_fd(eventfd(0, 0));
	assert_int_equal(next[0], lost);
	hidden_close(lost);
}

static void a_range_is_closed_around_hidden_ones(void **state)
{
	int hidden[2], first, before, others[3];

	before = descriptors_count();
	hidden[0] = hidden_fd(eventfd(0, 0));
	first = hidden[0] - 1;
	others[0] = fcntl(0, F_DUPFD, first);
	others[1] = fcntl(0, F_DUPFD, hidden[0] + 1);
	hidden[1] = hidden_fd(eventfd(0, 0));
	others[2] = open_counted("in the range");
	assert_int_equal(table_replace(others[2], hidden[1] + 1, 0), hidden[1] + 1);
	table_close(others[2]);

	assert_int_equal(table_close_range((unsigned int)first, ~0u, 0), 0);
	assert_int_equal(live, 0);
	assert_int_equal(fcntl(others[0], F_GETFD), -1);
	assert_int_equal(fcntl(others[1], F_GETFD), -1);
	assert_int_equal(fcntl(hidden[0], F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(hidden[1], F_GETFD), FD_CLOEXEC);
	assert_int_equal(table_close_range(2, 1, 0), -1);
	assert_int_equal(errno, EINVAL);
	hidden_close(hidden[0]);
	hidden_close(hidden[1]);
	assert_int_equal(descriptors_count(), before);
}

/* ---- children ---- */

static int close_and_count(int fd)
{
	return table_close(fd) ? 100 : live;
}

static void a_child_has_its_own_copies(void **state)
{
	int fd = open_counted("shared"), hidden = hidden_fd(eventfd(0, 0));

	assert_int_equal(in_child(fork(), close_and_count, fd), 0);
	/* fork() without the C library knowing of it. */
	assert_int_equal(
		in_child((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0), close_and_count, fd), 0);
	assert_int_equal(live, 1);
	assert_string_equal(priv_of(fd), "shared");
	hidden_close(hidden);
	assert_int_equal(table_close(fd), 0);
}

struct numbers {
	int fd, other, hidden;
};

static int close_all_of_them(void *data)
{
	const struct numbers *nrs = data;

	if (table_close(nrs->fd) || table_replace(0, nrs->other, -1) != nrs->other ||
	    table_close_range(3, ~0u, 0))
		return 1;
	return fcntl(nrs->hidden, F_GETFD) == -1 ? 0 : 2;
}

static void a_child_in_our_memory_changes_nothing(void **state)
{
	struct numbers nrs = { .fd = open_counted("kept"), .other = open_counted("kept too") };

	nrs.hidden = hidden_fd(eventfd(0, 0));
	assert_int_equal(vforked(close_all_of_them, &nrs), 0);
	assert_string_equal(priv_of(nrs.fd), "kept");
	assert_string_equal(priv_of(nrs.other), "kept too");
	assert_true(table_is_hidden(nrs.hidden));
	hidden_close(nrs.hidden);
	table_close(nrs.fd);
	table_close(nrs.other);
	assert_int_equal(live, 0);
}

/* A thread that stays in a call until it is told to leave. */
struct call {
	int fd;
	_Atomic(int) in, leave;
};

static void *stay_in_call(void *data)
{
	struct call *call = data;
	struct file *file = table_enter(call->fd);

	call->in = 1;
	while (!call->leave)
		sched_yield();
	file_call_end(file);
	return NULL;
}

static void begin_call(struct call *call, pthread_t *thread)
{
	assert_int_equal(pthread_create(thread, NULL, stay_in_call, call), 0);
	while (!call->in)
		sched_yield();
}

static void a_call_keeps_the_file(void **state)
{
	struct call call = { .fd = open_counted("busy") };
	pthread_t thread;

	begin_call(&call, &thread);
	assert_int_equal(table_close(call.fd), 0);
	assert_int_equal(live, 1);
	call.leave = 1;
	pthread_join(thread, NULL);
	assert_int_equal(live, 0);
}

static void a_child_has_no_part_in_calls_of_its_parent(void **state)
{
	struct call call = { .fd = open_counted("busy") };
	pthread_t thread;

	begin_call(&call, &thread);
	assert_int_equal(in_child(fork(), close_and_count, call.fd), 0);
	assert_string_equal(priv_of(call.fd), "busy");
	call.leave = 1;
	pthread_join(thread, NULL);
	assert_int_equal(live, 1);
	assert_int_equal(table_close(call.fd), 0);
	assert_int_equal(live, 0);
}

static int count_after_a_call(int fd)
{
	table_close(open_counted("another"));
	return live;
}

static void a_file_that_only_a_call_of_the_parent_had_is_released(void **state)
{
	struct call call = { .fd = open_counted("busy") };
	pthread_t thread;

	begin_call(&call, &thread);
	assert_int_equal(table_close(call.fd), 0);
	assert_int_equal(in_child(fork(), count_after_a_call, -1), 0);
	call.leave = 1;
	pthread_join(thread, NULL);
	assert_int_equal(live, 0);
}

/* ---- many threads ---- */

/* Numbers that lead to files of their own, over and over again. */
static const int numbers[] = { 100, 101 };
static _Atomic(int) stop;

/* A new file at @numbers[@i], in memory that another number's may have had before. */
static void open_at(size_t i)
{
	int fd = placeholder_create();
	struct file *file;

	assert_int_equal(dup2(fd, numbers[i]), numbers[i]);
	close(fd);
	assert_int_equal(file_create(&ops, (void *)&numbers[i], O_RDWR, &file), 0);
	live++;
	assert_int_equal(file_install(file, numbers[i]), numbers[i]);
	file_put(file);
}

static void *look_up(void *data)
{
	struct file *file;
	size_t i = 0;

	while (!stop) {
		i = !i;
		file = file_from_fd(numbers[i]);
		if (!file)
			continue;
		if (file->ops != &ops || file->priv != &numbers[i])
			abort();
		file_put(file);
	}
	return NULL;
}

static void lookups_race_with_closing(void **state)
{
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up, NULL), 0);
	for (i = 0; i < ROUNDS; i++) {
		open_at(0);
		open_at(1);
		assert_int_equal(table_close(numbers[0]), 0);
		assert_int_equal(table_close(numbers[1]), 0);
	}
	stop = 1;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(live, 0);
}

/* Both numbers' files in the memory that the other's had. Also called by a signal handler. */
static void swap(int signal)
{
	if (table_close(numbers[0]) || table_close(numbers[1]))
		abort();
	open_at(0);
	open_at(1);
}

static void a_lookup_may_be_interrupted(void **state)
{
	struct sigaction old, action = { .sa_handler = swap, .sa_flags = SA_RESTART };
	struct itimerval soon = { 0 };
	int i;

	open_at(0);
	open_at(1);
	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	for (i = 0; i < LOOKUPS; i++) {
		/* Once, so that handlers that take longer do not keep this from going on. */
		soon.it_value.tv_usec = 1 + i % 17;
		if (i % 128 == 0)
			assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
		assert_ptr_equal(priv_of(numbers[i % 2]), &numbers[i % 2]);
	}
	soon.it_value.tv_usec = 0;
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	assert_int_equal(live, 2);
	table_close(numbers[0]);
	table_close(numbers[1]);
	assert_int_equal(live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_descriptor_leads_to_its_file),
		cmocka_unit_test(the_last_duplicate_releases),
		cmocka_unit_test(a_replaced_descriptor_leads_elsewhere),
		cmocka_unit_test(a_number_that_was_closed_unseen_is_nobodys),
		cmocka_unit_test(a_placeholder_is_of_no_type),
		cmocka_unit_test(a_hidden_descriptor_is_out_of_reach),
		cmocka_unit_test(a_hidden_number_that_was_closed_unseen_is_the_programs),
		cmocka_unit_test(what_looks_like_the_hidden_one_is_left_alone_by_who_knows),
		cmocka_unit_test(a_number_that_is_lost_is_not_hidden_again_before_its_owner_knows),
		cmocka_unit_test(a_range_is_closed_around_hidden_ones),
		cmocka_unit_test(a_child_has_its_own_copies),
		cmocka_unit_test(a_child_in_our_memory_changes_nothing),
		cmocka_unit_test(a_call_keeps_the_file),
		cmocka_unit_test(a_child_has_no_part_in_calls_of_its_parent),
		cmocka_unit_test(a_file_that_only_a_call_of_the_parent_had_is_released),
		cmocka_unit_test(lookups_race_with_closing),
		cmocka_unit_test(a_lookup_may_be_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
