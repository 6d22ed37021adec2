/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a directory into memory that is never there: the kernel holds the directory's lock until
 * this is killed. Prints a line before it does. Exit status 77: this machine does not let it.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE	 65536
#define EXIT_NOT 77

/* Return: memory that is absent, or NULL. */
static void *withheld_memory(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	void *memory;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return NULL;
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	range.range.start = (unsigned long)memory;
	range.range.len = SIZE;
	return ioctl(fd, UFFDIO_REGISTER, &range) ? NULL : memory;
}

int main(int argc, char **argv)
{
	void *memory = withheld_memory();
	int dir;

	if (!memory || argc != 2)
		return EXIT_NOT;
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return EXIT_FAILURE;
	puts("reading");
	fflush(stdout);
	return syscall(SYS_getdents64, dir, memory, SIZE) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
