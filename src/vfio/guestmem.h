/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user's memory in our address space, safe against what the user does to it later.
 *
 * Who shares a file may truncate it, and touching what was cut off raises SIGBUS. A handler then
 * puts zeroes in the place of the whole mapping, so that the access, by whomever, goes on and hits
 * nobody's memory.
 */
#ifndef UMDEV_VFIO_GUESTMEM_H
#define UMDEV_VFIO_GUESTMEM_H

#include <bsd/sys/tree.h>
#include <sys/types.h>
#include <umdev/util.h>

/*
 * What one user and all together may take of our address space, in mappings and in bytes, so that
 * none of them leaves nothing for the others. The kernel allows a process 65530 mappings and 128
 * TiB.
 */
#define GUESTMEM_USER_MAPPINGS 1024u
#define GUESTMEM_ALL_MAPPINGS  32768u
#define GUESTMEM_USER_BYTES    (UINT64_C(16) << 40)
#define GUESTMEM_ALL_BYTES     (UINT64_C(96) << 40)

/**
 * struct guestmem - one mapping of a file, usually of all of it, for all that the user maps of it
 * @node:   in the tree of all mappings of the process, by address; under its lock
 * @list:   in its pool
 * @base:   where it begins, page aligned as the file's pages are
 * @len:    how long it is
 * @offset: where in the file it begins
 * @dev, @ino: the file
 * @prot:   PROT_*
 * @users:  how often it was got; the pool's owner's
 * @lost:   the user has cut it off; atomic
 */
struct guestmem {
	RB_ENTRY(guestmem) node;
	struct list_head list;
	uint8_t *base;
	size_t len;
	uint64_t offset;
	dev_t dev;
	ino_t ino;
	int prot;
	unsigned int users;
	bool lost;
};

/**
 * struct guestmem_pool - all mappings of one user; not locked
 * @list:  of them
 * @nr:    how many
 * @bytes: of all of them
 */
struct guestmem_pool {
	struct list_head list;
	unsigned int nr;
	uint64_t bytes;
};

/** guestmem_pool_init - an empty pool; it needs no finishing when all is put back. */
static inline void guestmem_pool_init(struct guestmem_pool *pool)
{
	INIT_LIST_HEAD(&pool->list);
	pool->nr = 0;
	pool->bytes = 0;
}

/**
 * guestmem_get - have a part of the user's file in our address space
 * @fd:     stays the caller's, who may close it at once
 * @offset: a multiple of 4096
 * @size:   the same, not 0
 * @prot:   PROT_READ and/or PROT_WRITE
 * @out:    given back with guestmem_put()
 * @vaddr:  filled with where @offset is
 *
 * Return: 0, -EACCES (the rights), -EOPNOTSUPP (not a regular file, or one whose pages another
 * process or host provides, and may withhold), -ENXIO (beyond its end), -ENOSPC (more than a user
 * may take), -ENOMEM, what mmap() says.
 */
int guestmem_get(struct guestmem_pool *pool, int fd, uint64_t offset, uint64_t size, int prot,
		 struct guestmem **out, void **vaddr);
/** guestmem_put - the reverse; nobody uses the memory any more. */
void guestmem_put(struct guestmem_pool *pool, struct guestmem *gm);

/** guestmem_lost - has the user cut it off? What was read since then may be zeroes. */
static inline bool guestmem_lost(const struct guestmem *gm)
{
	return __atomic_load_n(&gm->lost, __ATOMIC_ACQUIRE);
}

#endif
