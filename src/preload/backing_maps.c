/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's mappings, as /proc/self/maps tells them. Format: proc(5).
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "preload/backing.h"
#include "preload/next.h"

/* The kernel gives out a page at most at a time, whole lines if they fit. */
#define TEXT_SIZE 4096

/**
 * struct maps - the text, read bit by bit
 * @at, @end: what of @text is still to be looked at
 */
struct maps {
	int fd;
	size_t at, end;
	char text[TEXT_SIZE];
};

/* A line without its name, which is still to be read. */
struct vma {
	uint64_t start, end, offset, ino;
	unsigned int major, minor;
	char perms[4];
};

/* Return: the next character, -1 at the end. */
static int peek(struct maps *maps)
{
	ssize_t n;

	if (maps->at == maps->end) {
		do
			n = NEXT(read)(maps->fd, maps->text, sizeof(maps->text));
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return -1;
		maps->at = 0;
		maps->end = (size_t)n;
	}
	return (unsigned char)maps->text[maps->at];
}

static int digit(int c, unsigned int base)
{
	int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

	return value < (int)base ? value : -1;
}

/* A number and the character behind it, which must be @stop. */
static bool number(struct maps *maps, unsigned int base, char stop, uint64_t *out)
{
	uint64_t value = 0;
	int c, d;

	while ((d = digit(c = peek(maps), base)) >= 0) {
		value = value * base + (unsigned int)d;
		maps->at++;
	}
	if (c != stop)
		return false;
	maps->at++;
	*out = value;
	return true;
}

static bool next_vma(struct maps *maps, struct vma *vma)
{
	uint64_t major, minor;
	int i, c;

	if (!number(maps, 16, '-', &vma->start) || !number(maps, 16, ' ', &vma->end))
		return false;
	for (i = 0; i < 5; i++) {
		c = peek(maps);
		if (c < 0)
			return false;
		if (i < 4)
			vma->perms[i] = (char)c;
		maps->at++;
	}
	if (!number(maps, 16, ' ', &vma->offset) || !number(maps, 16, ':', &major) ||
	    !number(maps, 16, ' ', &minor) || !number(maps, 10, ' ', &vma->ino))
		return false;
	vma->major = (unsigned int)major;
	vma->minor = (unsigned int)minor;
	return true;
}

/* The rest of a line. @name: BACKING_NAME_MAX bytes, or NULL. Return: was there room for it? */
static bool finish_line(struct maps *maps, char *name)
{
	size_t n = 0;
	bool fits = true;
	int c;

	while ((c = peek(maps)) >= 0) {
		maps->at++;
		if (c == '\n')
			break;
		if (!name || (n == 0 && c == ' '))
			continue;
		if (n < BACKING_NAME_MAX - 1)
			name[n++] = (char)c;
		else
			fits = false;
	}
	if (name)
		name[n] = '\0';
	return fits;
}

static bool allows(const struct vma *vma, uint32_t prot)
{
	return vma->ino && vma->perms[3] == 's' &&
	       (!(prot & VFIO_DMA_MAP_FLAG_READ) || vma->perms[0] == 'r') &&
	       (!(prot & VFIO_DMA_MAP_FLAG_WRITE) || vma->perms[1] == 'w');
}

/* The first mapping of the range is @vma. */
static int begin(struct maps *maps, const struct vma *vma, uint64_t vaddr,
		 struct backing_vmas *vmas)
{
	if (vma->start > vaddr)
		return -ENOENT;
	vmas->dev = makedev(vma->major, vma->minor);
	vmas->ino = (ino_t)vma->ino;
	vmas->offset = vma->offset + (vaddr - vma->start);
	vmas->first = vma->start;
	vmas->last = vma->end;
	vmas->pieces = 1;
	return finish_line(maps, vmas->name) ? 0 : -ENOENT;
}

/* @vma comes behind what is known already: does it go on with the file? */
static int go_on(const struct vma *vma, uint64_t vaddr, struct backing_vmas *vmas)
{
	if (vma->start != vmas->last || vma->ino != vmas->ino ||
	    makedev(vma->major, vma->minor) != vmas->dev ||
	    vma->offset != vmas->offset + (vma->start - vaddr))
		return -ENOENT;
	vmas->last = vma->end;
	vmas->pieces++;
	return 0;
}

static int search(struct maps *maps, uint64_t vaddr, uint64_t size, uint32_t prot,
		  struct backing_vmas *vmas)
{
	struct vma vma;
	int err;

	vmas->pieces = 0;
	while (next_vma(maps, &vma)) {
		if (vma.end <= vaddr) {
			finish_line(maps, NULL);
			continue;
		}
		if (!allows(&vma, prot))
			return -ENOENT;
		if (!vmas->pieces) {
			err = begin(maps, &vma, vaddr, vmas);
		} else {
			err = go_on(&vma, vaddr, vmas);
			finish_line(maps, NULL);
		}
		if (err)
			return err;
		if (vmas->last - vaddr >= size)
			return 0;
	}
	return -ENOENT;
}

int backing_vmas_find(uint64_t vaddr, uint64_t size, uint32_t prot, struct backing_vmas *vmas)
{
	struct maps *maps = malloc(sizeof(*maps));
	int err = -ENOENT;

	if (!maps)
		return -ENOENT;
	maps->at = maps->end = 0;
	maps->fd = NEXT(open)("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (maps->fd >= 0) {
		err = search(maps, vaddr, size, prot, vmas);
		NEXT(close)(maps->fd);
	}
	free(maps);
	return err;
}
