/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Backing: which file, and what part of it, is behind a range of the program's memory, with a
 * descriptor that a server can be given.
 *
 * What is shared and behind which there is a regular file has one (memfds, files, hugetlbfs, memory
 * of devices' regions); all other memory is reached by messages. The program's mappings are read
 * anew for each question, because they change behind everybody's back. Descriptors are the
 * library's own: of a description that is not the program's, with no more rights than devices get.
 */
#ifndef UMDEV_PRELOAD_BACKING_H
#define UMDEV_PRELOAD_BACKING_H

#include <stdint.h>
#include <sys/types.h>

/**
 * struct backing_file - a file that mappings use
 * @next:  the backing's
 * @dev, @ino: which
 * @prot:  VFIO_DMA_MAP_FLAG_READ alone: for reading; else for both
 * @fd:    hidden
 * @users: how many mappings
 * @name:  as /proc shows it
 */
struct backing_file {
	struct backing_file *next;
	dev_t dev;
	ino_t ino;
	uint32_t prot;
	int fd;
	unsigned int users;
	char name[];
};

/**
 * struct backing - the files of a container's mappings; zeroed is empty
 *
 * Each process has its own, and a child of fork() goes on with a copy. Calls are serialized by the
 * owner; the list changes under fork_guard() of container_private.h.
 */
struct backing {
	struct backing_file *files;
};

/**
 * struct backing_part - what is behind a mapping
 * @file:   NULL: nothing that has a descriptor
 * @offset: where in it the mapping begins, in bytes; a multiple of a page's size
 */
struct backing_part {
	struct backing_file *file;
	uint64_t offset;
};

/**
 * backing_get - find what is behind [@vaddr, @vaddr + @size)
 * @prot: what devices may do: the program must be able to do it there, too
 *
 * All of the range must be one piece of one file. It does not wrap. @part is given back with
 * backing_put().
 */
void backing_get(struct backing *backing, uint64_t vaddr, uint64_t size, uint32_t prot,
		 struct backing_part *part);
/** backing_put - the reverse; the descriptor is closed with the last part of the file. */
void backing_put(struct backing *backing, struct backing_part *part);

/* ---- for backing.c: backing_maps.c ---- */

#define BACKING_NAME_MAX 4096

/**
 * struct backing_vmas - the part of a file that is mapped somewhere
 * @dev, @ino, @offset: which
 * @first, @last: where the first and the last of the mappings that are behind the range begin and
 *          end; one if there is one only
 * @pieces: how many these are
 * @name:   of the file, as /proc/self/maps has it
 */
struct backing_vmas {
	dev_t dev;
	ino_t ino;
	uint64_t offset;
	uint64_t first, last;
	unsigned int pieces;
	char name[BACKING_NAME_MAX];
};

/**
 * backing_vmas_find - look a range up in /proc/self/maps
 * Return: 0, -ENOENT: not one piece of one file that is shared and allows @prot.
 */
int backing_vmas_find(uint64_t vaddr, uint64_t size, uint32_t prot, struct backing_vmas *vmas);

#endif
