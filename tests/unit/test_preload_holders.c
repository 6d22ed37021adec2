/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is it open in any process? src/preload/holders.c */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "preload/file.h"
#include "preload/holders.h"
#include "support/descriptors.h"

static int holders;

static int setup(void **state)
{
	holders = holders_create();
	return holders < 0;
}

static int teardown(void **state)
{
	hidden_close(holders);
	return 0;
}

static int hold(enum holder_kind kind)
{
	int holder = holder_create(holders, kind);

	assert_true(holder >= 0);
	return holder;
}

static void the_last_one_counts(void **state)
{
	int before = descriptors_count(), first, second;

	assert_false(holders_any(holders, HOLDER_DEVICE));
	first = hold(HOLDER_DEVICE);
	second = hold(HOLDER_DEVICE);
	assert_true(holders_any(holders, HOLDER_DEVICE));
	hidden_close(first);
	assert_true(holders_any(holders, HOLDER_DEVICE));
	hidden_close(second);
	assert_false(holders_any(holders, HOLDER_DEVICE));
	assert_int_equal(descriptors_count(), before);
}

static void each_kind_is_its_own(void **state)
{
	int group = hold(HOLDER_GROUP), device = hold(HOLDER_DEVICE);

	hidden_close(device);
	assert_true(holders_any(holders, HOLDER_GROUP));
	assert_false(holders_any(holders, HOLDER_DEVICE));
	hidden_close(group);
	assert_false(holders_any(holders, HOLDER_GROUP));
}

/* A process that goes on until it is killed, by a signal or by the end of this one. */
static pid_t start_child(bool holds_more)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (holds_more && holder_create(holders, HOLDER_DEVICE) < 0)
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_child_holds_what_it_inherits(void **state)
{
	int holder = hold(HOLDER_DEVICE);
	pid_t pid = start_child(false);

	hidden_close(holder);
	assert_true(holders_any(holders, HOLDER_DEVICE));
	end_child(pid);
	assert_false(holders_any(holders, HOLDER_DEVICE));
}

static void what_a_child_holds_is_seen_here(void **state)
{
	pid_t pid = start_child(true);

	assert_true(holders_any(holders, HOLDER_DEVICE));
	assert_false(holders_any(holders, HOLDER_GROUP));
	end_child(pid);
	assert_false(holders_any(holders, HOLDER_DEVICE));
}

static void a_child_lets_go_for_itself_alone(void **state)
{
	int holder = hold(HOLDER_DEVICE), status;
	pid_t pid = fork();

	if (pid == 0) {
		hidden_close(holder);
		_exit(!holders_any(holders, HOLDER_DEVICE));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(holders_any(holders, HOLDER_DEVICE));
	hidden_close(holder);
	assert_false(holders_any(holders, HOLDER_DEVICE));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_one_counts),
		TEST(each_kind_is_its_own),
		TEST(a_child_holds_what_it_inherits),
		TEST(what_a_child_holds_is_seen_here),
		TEST(a_child_lets_go_for_itself_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
