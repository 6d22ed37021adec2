/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Registers that are memory. A descriptor of it that was given away can't be taken back, nor can a
 * mapping; so what is given to a user is left to that user, and the next one gets another file.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "private.h"

static int make_file(const char *name, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err;

	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, (off_t)size))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int platform_hw_memory_create(struct platform_hw_memory *mem, const char *name, size_t size)
{
	void *addr;
	int fd, err;

	if (!size || size % (size_t)sysconf(_SC_PAGESIZE))
		return -EINVAL;
	fd = make_file(name, size);
	if (fd < 0)
		return fd;
	addr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		err = -errno;
		close(fd);
		return err;
	}
	mem->addr = addr;
	mem->size = size;
	mem->fd = fd;
	return 0;
}

void platform_hw_memory_destroy(struct platform_hw_memory *mem)
{
	munmap(mem->addr, mem->size);
	close(mem->fd);
}

static int write_all(int fd, const char *from, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, from + done, size - done, (off_t)done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* The mapping is replaced in one step, so the hardware may go on meanwhile. */
static int renew(struct platform_hw_memory *mem)
{
	int fd = make_file("registers", mem->size);
	int err;

	if (fd < 0)
		return fd;
	err = write_all(fd, mem->addr, mem->size);
	if (err)
		goto close;
	if (mmap(mem->addr, mem->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED) {
		err = -errno;
		goto close;
	}
	close(mem->fd);
	mem->fd = fd;
	return 0;

close:
	close(fd);
	return err;
}

int platform_renew_memory(struct platform_device *pdev)
{
	struct platform_hw *hw = platform_hw_of_device(pdev);
	struct platform_hw_memory *last = NULL;
	unsigned int i;
	int err = 0;

	for (i = 0; hw && hw->ops->get_map && i < pdev->num_regions && !err; i++) {
		struct platform_hw_map map = { 0 };

		if (hw->ops->get_map(hw, i, &map) || map.memory == last)
			continue;
		err = renew(map.memory);
		last = map.memory;
	}
	return err;
}
