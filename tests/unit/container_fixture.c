/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmocka_umdev.h"
#include "container_fixture.h"
#include "preload/table.h"

int open_container(void)
{
	int fd = container_open(open("/dev/null", O_PATH | O_CLOEXEC), O_RDWR);

	assert_true(fd >= 0);
	return fd;
}

void close_container(int fd)
{
	assert_int_equal(table_close(fd), 0);
}

struct container *container_of_fd(int fd)
{
	struct file *file = file_from_fd(fd);
	struct container *container;

	assert_non_null(file);
	container = container_from_file(file);
	assert_non_null(container);
	file_put(file);
	return container;
}

int open_with_iommu(unsigned long iommu)
{
	int fd = open_container();

	assert_int_equal(container_attach_group(container_of_fd(fd)), 0);
	assert_int_equal(call(fd, VFIO_SET_IOMMU, (void *)iommu), 0);
	return fd;
}

void close_with_iommu(int fd)
{
	container_detach_group(container_of_fd(fd));
	close_container(fd);
}

long call(int fd, unsigned long cmd, const void *arg)
{
	struct file *file = file_from_fd(fd);
	long ret;

	assert_non_null(file);
	ret = file->ops->ioctl(file, cmd, (void *)arg);
	file_put(file);
	return ret;
}

long map(int fd, uint64_t iova, const void *vaddr, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.vaddr = (uintptr_t)vaddr,
		.iova = iova,
		.size = size,
	};

	return call(fd, VFIO_IOMMU_MAP_DMA, &arg);
}

long long unmap(int fd, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg),
						  .iova = iova,
						  .size = size };
	long err = call(fd, VFIO_IOMMU_UNMAP_DMA, &arg);

	return err ? err : (long long)arg.size;
}

uint8_t *memory(uint64_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	return mem;
}

uint8_t *shared_memory(uint64_t size, int *fd)
{
	void *mem;

	*fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_true(*fd >= 0);
	assert_int_equal(ftruncate(*fd, (off_t)size), 0);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_ptr_not_equal(mem, MAP_FAILED);
	return mem;
}
