/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/huge_pages.h"

#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"

static char allowed_before[32];
static int allowed = -1; /* OVERCOMMIT, locked, while more are allowed */

static void allow(void)
{
	ssize_t n;

	allowed = open(OVERCOMMIT, O_RDWR | O_CLOEXEC);
	if (allowed < 0)
		return;
	flock(allowed, LOCK_EX);
	n = read(allowed, allowed_before, sizeof(allowed_before) - 1);
	if (n > 0 && pwrite(allowed, "8\n", 2, 0) == 2)
		return;
	close(allowed);
	allowed = -1;
}

static void forbid(void)
{
	if (allowed < 0)
		return;
	if (pwrite(allowed, allowed_before, strlen(allowed_before), 0) < 0)
		abort();
	close(allowed);
	allowed = -1;
}

uint8_t *huge_memory(int *fd)
{
	void *mem = MAP_FAILED;

	allow();
	*fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
	if (*fd >= 0 && !ftruncate(*fd, HUGE_PAGE))
		mem = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (mem != MAP_FAILED)
		return mem;
	if (*fd >= 0)
		close(*fd);
	forbid();
	return NULL;
}

void huge_memory_free(uint8_t *mem, int fd)
{
	munmap(mem, HUGE_PAGE);
	close(fd);
	forbid();
}
