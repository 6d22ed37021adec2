/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* State that a process shares with its children: src/preload/shared.c. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "preload/shared.h"

#define ROUNDS 50000

struct counted {
	struct shared_mutex lock;
	unsigned long count;
};

static struct counted *make_counted(void)
{
	struct counted *counted = shared_alloc(sizeof(*counted));

	assert_non_null(counted);
	assert_int_equal(counted->count, 0);
	shared_mutex_init(&counted->lock);
	return counted;
}

static void count(struct counted *counted)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		shared_mutex_lock(&counted->lock);
		counted->count++;
		shared_mutex_unlock(&counted->lock);
	}
}

static void a_lock_holds_between_processes(void **state)
{
	struct counted *counted = make_counted();
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		count(counted);
		_exit(0);
	}
	count(counted);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(counted->count, 2 * ROUNDS);
	shared_free(counted, sizeof(*counted));
}

static void a_lock_outlives_its_holder(void **state)
{
	struct counted *counted = make_counted();
	int status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		shared_mutex_lock(&counted->lock);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(shared_mutex_lock(&counted->lock), -EOWNERDEAD);
	shared_mutex_unlock(&counted->lock);
	/* And it is as good as before. */
	assert_int_equal(shared_mutex_lock(&counted->lock), 0);
	pid = fork();
	if (pid == 0)
		_exit(shared_mutex_trylock(&counted->lock) == -EBUSY ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	shared_mutex_unlock(&counted->lock);
	shared_free(counted, sizeof(*counted));
}

static void nothing_is_freed_quietly(void **state)
{
	shared_free(NULL, 4096);
	assert_null(shared_alloc((size_t)1 << 62));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lock_holds_between_processes),
		cmocka_unit_test(a_lock_outlives_its_holder),
		cmocka_unit_test(nothing_is_freed_quietly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
