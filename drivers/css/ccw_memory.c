/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for channel programs of drivers here: a piece of the heap, addressed from 0. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/ccwdev.h>

static struct ccw_memory *to_memory(struct channel_memory *mem)
{
	return container_of(mem, struct ccw_memory, mem);
}

static bool is_inside(const struct ccw_memory *memory, uint64_t addr, size_t len)
{
	return addr <= memory->size && len <= memory->size - addr;
}

static int fetch_ccw(struct channel_memory *mem, uint32_t addr, bool fmt1, struct ccw1 *ccw)
{
	struct ccw_memory *memory = to_memory(mem);

	if (!is_inside(memory, addr, CCW_SIZE))
		return -EFAULT;
	*ccw = ccw_from_bytes(memory->bytes + addr, fmt1);
	return 0;
}

static int fetch_idaw(struct channel_memory *mem, uint64_t addr, bool c64, uint64_t *idaw)
{
	struct ccw_memory *memory = to_memory(mem);

	if (!is_inside(memory, addr, c64 ? 8 : 4))
		return -EFAULT;
	*idaw = c64 ? cio_get64(memory->bytes + addr) : cio_get32(memory->bytes + addr);
	return 0;
}

static int read_memory(struct channel_memory *mem, uint64_t addr, void *buf, size_t len)
{
	struct ccw_memory *memory = to_memory(mem);

	if (!is_inside(memory, addr, len))
		return -EFAULT;
	memcpy(buf, memory->bytes + addr, len);
	return 0;
}

static int write_memory(struct channel_memory *mem, uint64_t addr, const void *buf, size_t len)
{
	struct ccw_memory *memory = to_memory(mem);

	if (!is_inside(memory, addr, len))
		return -EFAULT;
	memcpy(memory->bytes + addr, buf, len);
	return 0;
}

static void end_memory(struct channel_memory *mem)
{
	ccw_memory_put(to_memory(mem));
}

static const struct channel_memory_ops memory_ops = {
	.fetch_ccw = fetch_ccw,
	.fetch_idaw = fetch_idaw,
	.read = read_memory,
	.write = write_memory,
	.end = end_memory,
};

struct ccw_memory *ccw_memory_alloc(size_t size)
{
	struct ccw_memory *memory = NULL;

	if (size <= SIZE_MAX - sizeof(*memory))
		memory = calloc(1, sizeof(*memory) + size);
	if (!memory)
		return NULL;
	memory->mem.ops = &memory_ops;
	memory->users = 1;
	memory->size = size;
	return memory;
}

struct ccw_memory *ccw_memory_get(struct ccw_memory *memory)
{
	__atomic_fetch_add(&memory->users, 1, __ATOMIC_RELAXED);
	return memory;
}

void ccw_memory_put(struct ccw_memory *memory)
{
	if (memory && __atomic_fetch_sub(&memory->users, 1, __ATOMIC_ACQ_REL) == 1)
		free(memory);
}
