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
#include <umdev/util.h>

/**
 * struct guestmem - one mapping
 * @node: in the tree of all mappings of the process, by address; under its lock
 * @base: where it begins, page aligned as the file's pages are
 * @len:  how long it is
 * @prot: PROT_*
 * @lost: the user has cut it off; atomic
 */
struct guestmem {
	RB_ENTRY(guestmem) node;
	uint8_t *base;
	size_t len;
	int prot;
	bool lost;
};

/**
 * guestmem_map - map a part of the user's file
 * @gm:     storage of the caller's, until guestmem_unmap()
 * @fd:     stays the caller's, who may close it at once
 * @offset: a multiple of 4096
 * @size:   the same, not 0
 * @prot:   PROT_READ and/or PROT_WRITE
 * @vaddr:  filled with where @offset is
 *
 * Return: 0, -EACCES (the rights), -EOPNOTSUPP (not a regular file, or one whose pages another
 * process or host provides, and may withhold), -ENXIO (beyond its end), -ENOMEM, what mmap() says.
 */
int guestmem_map(struct guestmem *gm, int fd, uint64_t offset, uint64_t size, int prot,
		 void **vaddr);
/** guestmem_unmap - the reverse; nobody uses the memory any more. */
void guestmem_unmap(struct guestmem *gm);

/** guestmem_lost - has the user cut it off? What was read since then may be zeroes. */
static inline bool guestmem_lost(const struct guestmem *gm)
{
	return __atomic_load_n(&gm->lost, __ATOMIC_ACQUIRE);
}

#endif
