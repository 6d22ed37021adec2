/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory of the program that may not be there: src/preload/usercopy.c. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "preload/usercopy.h"

/* Two pages, of which the second has only @prot. */
static char *two_pages(size_t page, int prot)
{
	char *mem =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	assert_int_equal(mprotect(mem + page, page, prot), 0);
	return mem;
}

static void what_is_there_is_copied(void **state)
{
	char from[10000], to[sizeof(from)] = { 0 }, back[sizeof(from)] = { 0 };
	size_t i;

	for (i = 0; i < sizeof(from); i++)
		from[i] = (char)(i * 7);
	assert_int_equal(copy_from_user(to, from, sizeof(from)), 0);
	assert_memory_equal(to, from, sizeof(from));
	assert_int_equal(copy_to_user(back, to, sizeof(to)), 0);
	assert_memory_equal(back, from, sizeof(from));
	assert_int_equal(copy_to_user(NULL, to, 0), 0);
}

static void what_is_not_there_is_efault(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mem = two_pages(page, PROT_NONE), buf[64] = { 0 };

	errno = 77;
	assert_int_equal(copy_from_user(buf, NULL, 1), -EFAULT);
	assert_int_equal(copy_to_user(NULL, buf, 1), -EFAULT);
	assert_int_equal(copy_from_user(buf, mem + page - 32, 64), -EFAULT);
	assert_int_equal(copy_to_user(mem + page - 32, buf, 64), -EFAULT);
	assert_int_equal(copy_from_user(buf, (void *)-64L, 64), -EFAULT);
	assert_int_equal(copy_from_user(buf, mem + page - 32, 32), 0);
	assert_int_equal(errno, 77);
	munmap(mem, 2 * page);
}

static void what_is_read_only_is_not_written(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *mem = two_pages(page, PROT_READ), buf[64] = { 1 };

	assert_int_equal(copy_from_user(buf, mem + page - 32, 64), 0);
	buf[0] = 1;
	assert_int_equal(copy_to_user(mem + page, buf, 64), -EFAULT);
	assert_int_equal(mem[page], 0);
	munmap(mem, 2 * page);
}

static void a_child_copies_its_own_memory(void **state)
{
	static int value = 1;
	int seen = 0, status;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		value = 2;
		_exit(copy_from_user(&seen, &value, sizeof(seen)) ? 100 : seen);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_copied),
		cmocka_unit_test(what_is_not_there_is_efault),
		cmocka_unit_test(what_is_read_only_is_not_written),
		cmocka_unit_test(a_child_copies_its_own_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
