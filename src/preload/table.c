/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "preload/file_pool.h"
#include "preload/fork.h"
#include "preload/next.h"
#include "preload/table.h"

/* Where hidden descriptors are: out of the way of programs that count on low numbers. */
#define HIDDEN_FIRST 4096

_Atomic(table_slot *) table_chunks[TABLE_CHUNKS];

/* One more than the largest number that ever led to something. Under process_lock(). */
static _Atomic(unsigned int) end;

/* Hidden descriptors lead to files of this kind. What they are is in @priv and @pos. */
static const struct file_ops hidden_ops = { .name = "hidden" };

static bool is_hidden(const struct file *file)
{
	return file->ops == &hidden_ops;
}

/* ---- lost ones ---- */

/*
 * A hidden number that was closed behind the library's back is lost until its owner lets go of it.
 * Meanwhile nothing else is hidden under it, because the owner would take that for its own. A bit
 * for each number lies behind the slots of its chunk; under process_lock().
 */
static uint8_t *lost_byte(int fd)
{
	table_slot *chunk = table_chunks[(unsigned int)fd >> TABLE_CHUNK_BITS];

	return (uint8_t *)(chunk + TABLE_CHUNK_SIZE) +
	       ((unsigned int)fd & (TABLE_CHUNK_SIZE - 1)) / 8;
}

static bool is_lost(int fd)
{
	return *lost_byte(fd) & 1u << fd % 8;
}

static void set_lost(int fd, bool lost)
{
	*lost_byte(fd) =
		(uint8_t)((*lost_byte(fd) & ~(1u << fd % 8)) | (unsigned int)lost << fd % 8);
}

/* Under process_lock(). @slot is @fd's. Return: what was there; the reference is the caller's. */
static struct file *exchange(table_slot *slot, int fd, struct file *file)
{
	struct file *old = atomic_exchange(slot, file);

	if (old && is_hidden(old))
		set_lost(fd, true);
	return old;
}

/* ---- looking up ---- */

static bool is_path(int fd)
{
	int saved = errno, flags = NEXT(fcntl)(fd, F_GETFL);

	errno = saved;
	return flags >= 0 && flags & O_PATH;
}

/* The number @fd, whose slot it is, is no longer @file's. */
static void forget(table_slot *slot, int fd, struct file *file)
{
	sigset_t signals;
	bool was;

	if (!process_lock(&signals))
		return;
	was = *slot == file;
	if (was)
		exchange(slot, fd, NULL);
	process_unlock(&signals);
	if (was)
		file_put(file);
}

/* A reference of kind @unit to what @slot holds. */
static struct file *get(table_slot *slot, uint64_t unit)
{
	struct file *file;

	while ((file = *slot)) {
		if (!file_try_get(file, unit))
			continue;
		/* It may be another file's memory by now; it is this one's if it is still here. */
		if (file == *slot)
			return file;
		file_put_unit(file, unit);
	}
	return NULL;
}

static struct file *find(int fd, uint64_t unit)
{
	table_slot *slot = table_slot_of(fd);
	struct file *file = slot ? get(slot, unit) : NULL;

	if (!file)
		return NULL;
	if (!is_hidden(file)) {
		if (is_path(fd))
			return file;
		forget(slot, fd, file);
	}
	file_put_unit(file, unit);
	return NULL;
}

struct file *file_from_fd(int fd)
{
	return find(fd, FILE_REF);
}

struct file *table_enter(int fd)
{
	struct file *file;

	if (!table_has(fd))
		return NULL;
	file_call_begin();
	file = find(fd, FILE_CALL_REF);
	if (!file)
		file_call_end(NULL);
	return file;
}

bool table_is_used(void)
{
	return end > 0;
}

/* ---- putting in ---- */

/* Under process_lock(). */
static table_slot *make_slot(int fd)
{
	unsigned int nr = (unsigned int)fd >> TABLE_CHUNK_BITS;
	void *chunk;

	if (nr >= TABLE_CHUNKS)
		return NULL;
	if (!table_chunks[nr]) {
		chunk = mmap(NULL, TABLE_CHUNK_SIZE * sizeof(table_slot) + TABLE_CHUNK_SIZE / 8,
			     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			     -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		table_chunks[nr] = chunk;
	}
	return table_slot_of(fd);
}

/* Under process_lock(). The table takes over a reference. Return: what was there before. */
static struct file *put_in(table_slot *slot, int fd, struct file *file)
{
	if ((unsigned int)fd >= end)
		end = (unsigned int)fd + 1;
	return exchange(slot, fd, file);
}

static void put_if(struct file *file)
{
	if (file)
		file_put(file);
}

int file_install(struct file *file, int fd)
{
	struct file *old;
	table_slot *slot;
	sigset_t signals;

	if (!process_lock(&signals))
		return -ENOMEM;
	slot = make_slot(fd);
	if (!slot) {
		process_unlock(&signals);
		return -ENOMEM;
	}
	file_get(file);
	old = put_in(slot, fd, file);
	process_unlock(&signals);
	/* A number that was closed behind our back. */
	put_if(old);
	return fd;
}

/* ---- what the program does to descriptors ---- */

/* Under process_lock(). Return: whose reference is the caller's now. */
static struct file *take_out(int fd)
{
	table_slot *slot = table_slot_of(fd);

	return slot ? exchange(slot, fd, NULL) : NULL;
}

static int fail(int err)
{
	errno = err;
	return -1;
}

int table_close(int fd)
{
	struct file *file;
	sigset_t signals;
	int ret, saved;

	if (table_is_hidden(fd))
		return fail(EBADF);
	/* First: when the number is free, it may be another file's at once. */
	if (!process_lock(&signals))
		return NEXT(close)(fd);
	file = take_out(fd);
	process_unlock(&signals);
	ret = NEXT(close)(fd);
	saved = errno;
	put_if(file);
	errno = saved;
	return ret;
}

int table_dup(int fd, int cmd, int min)
{
	struct file *file, *old = NULL;
	table_slot *slot = NULL;
	sigset_t signals;
	int ret;

	if (table_is_hidden(fd))
		return fail(EBADF);
	file = file_from_fd(fd);
	if (!file || !process_lock(&signals)) {
		put_if(file);
		return NEXT(fcntl)(fd, cmd, min);
	}
	ret = NEXT(fcntl)(fd, cmd, min);
	if (ret >= 0) {
		slot = make_slot(ret);
		if (slot)
			old = put_in(slot, ret, file);
	}
	process_unlock(&signals);
	put_if(old);
	if (slot)
		return ret;
	file_put(file);
	if (ret < 0)
		return ret;
	NEXT(close)(ret);
	return fail(ENOMEM);
}

static int replace(int fd, int to, int flags)
{
	return flags < 0 ? NEXT(dup2)(fd, to) : NEXT(dup3)(fd, to, flags);
}

int table_replace(int fd, int to, int flags)
{
	struct file *file, *old = NULL;
	table_slot *slot;
	sigset_t signals;
	int ret;

	if (table_is_hidden(fd) || table_is_hidden(to))
		return fail(EBADF);
	if (fd == to || to < 0)
		return replace(fd, to, flags);
	file = file_from_fd(fd);
	if (!process_lock(&signals)) {
		put_if(file);
		return replace(fd, to, flags);
	}
	slot = file ? make_slot(to) : NULL;
	if (file && !slot) {
		process_unlock(&signals);
		file_put(file);
		return fail(ENOMEM);
	}
	ret = replace(fd, to, flags);
	if (ret >= 0) {
		old = slot ? put_in(slot, to, file) : take_out(to);
		file = NULL;
	}
	process_unlock(&signals);
	put_if(old);
	put_if(file);
	return ret;
}

/* ---- hidden descriptors ---- */

static int hidden_first(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur / 2 > HIDDEN_FIRST)
		return HIDDEN_FIRST;
	return (int)(limit.rlim_cur / 2);
}

/* Under process_lock(). Does the library still know the number by something else? */
static bool is_spoken_for(table_slot *slot, int fd)
{
	struct file *file = *slot;

	return is_lost(fd) || (file && is_hidden(file));
}

/* Under process_lock(). A number for the same file as @fd's, from @first on. */
static int choose(int fd, int first)
{
	table_slot *slot;
	int chosen, err;

	for (;;) {
		chosen = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, first);
		if (chosen < 0)
			return -errno;
		slot = make_slot(chosen);
		if (slot && !is_spoken_for(slot, chosen))
			return chosen;
		err = slot ? 0 : -ENOMEM;
		NEXT(close)(chosen);
		if (err)
			return err;
		first = chosen + 1;
	}
}

/* Another number for the same file, which leads to a file of hidden_ops. */
static int hide(int fd, struct file *file)
{
	struct file *old = NULL;
	sigset_t signals;
	int hidden;

	if (!process_lock(&signals))
		return -EBADF;
	hidden = choose(fd, hidden_first());
	if (hidden == -EMFILE || hidden == -EINVAL)
		hidden = choose(fd, 0);
	if (hidden >= 0) {
		file_get(file);
		old = put_in(table_slot_of(hidden), hidden, file);
	}
	process_unlock(&signals);
	put_if(old);
	return hidden;
}

int hidden_fd(int fd)
{
	struct file *file = NULL;
	struct stat st;
	int ret;

	ret = fstat(fd, &st) ? -errno : file_create(&hidden_ops, NULL, 0, &file);
	if (file) {
		file->priv = (void *)(uintptr_t)st.st_ino;
		file->pos = st.st_dev;
		ret = hide(fd, file);
		file_put(file);
	}
	NEXT(close)(fd);
	return ret;
}

/* Is @fd still what was hidden under this number? */
static bool is_same(const struct file *hidden, int fd)
{
	int saved = errno;
	struct stat st;
	bool same;

	same = !fstat(fd, &st) && (void *)(uintptr_t)st.st_ino == hidden->priv &&
	       st.st_dev == hidden->pos;
	errno = saved;
	return same;
}

bool table_is_hidden(int fd)
{
	table_slot *slot = table_slot_of(fd);
	struct file *file = slot ? get(slot, FILE_REF) : NULL;
	bool hidden;

	if (!file)
		return false;
	hidden = is_hidden(file);
	/* Else it was closed behind our back, and the number is the program's now. */
	if (hidden && !is_same(file, fd)) {
		forget(slot, fd, file);
		hidden = false;
	}
	file_put(file);
	return hidden;
}

void hidden_lose(int fd)
{
	table_slot *slot = table_slot_of(fd);
	struct file *file = slot ? get(slot, FILE_REF) : NULL;

	if (!file)
		return;
	if (is_hidden(file))
		forget(slot, fd, file);
	file_put(file);
}

void hidden_close(int fd)
{
	table_slot *slot = table_slot_of(fd);
	struct file *file = NULL;
	sigset_t signals;

	if (!slot || !process_lock(&signals))
		return;
	if (!is_lost(fd))
		file = take_out(fd);
	/* What was lost, or is found to be, is somebody else's. */
	if (file && is_same(file, fd))
		NEXT(close)(fd);
	set_lost(fd, false);
	process_unlock(&signals);
	put_if(file);
}

/* ---- ranges ---- */

/* Return: the first number from @fd to @last that leads to something, else -1. */
static int next_used(unsigned int fd, unsigned int last)
{
	for (; fd <= last && fd < end; fd++) {
		if (!table_slot_of((int)fd))
			fd |= TABLE_CHUNK_SIZE - 1;
		else if (table_has((int)fd))
			return (int)fd;
	}
	return -1;
}

/* For machines whose kernel has no close_range(). */
static void close_each(unsigned int first, unsigned int last)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		limit.rlim_cur = 1024;
	for (; first <= last && first < limit.rlim_cur; first++)
		NEXT(close)((int)first);
}

static int close_between(unsigned int first, unsigned int last)
{
	if (first > last || !NEXT(close_range)(first, last, 0))
		return 0;
	if (errno != ENOSYS)
		return -1;
	close_each(first, last);
	return 0;
}

/* Under process_lock(): nothing becomes hidden meanwhile. Only hidden ones are left in there. */
static int close_around_hidden(unsigned int first, unsigned int last)
{
	int hidden;

	while ((hidden = next_used(first, last)) >= 0) {
		if (close_between(first, (unsigned int)hidden - 1))
			return -1;
		first = (unsigned int)hidden + 1;
	}
	return close_between(first, last);
}

int table_close_range(unsigned int first, unsigned int last, int flags)
{
	sigset_t signals;
	unsigned int from;
	int fd, ret;

	/*
	 * With flags nothing is closed (CLOSE_RANGE_CLOEXEC), or what is closed is this thread's
	 * own copy of the descriptors (CLOSE_RANGE_UNSHARE), which has no table.
	 */
	if (flags || first > last)
		return NEXT(close_range)(first, last, flags);
	for (from = first; (fd = next_used(from, last)) >= 0; from = (unsigned int)fd + 1)
		if (!table_is_hidden(fd))
			table_close(fd);
	if (!process_lock(&signals))
		return NEXT(close_range)(first, last, flags);
	ret = close_around_hidden(first, last);
	process_unlock(&signals);
	return ret;
}

/* ---- descriptors without a name ---- */

/* The lowest number that is free for @fd, as open() would have given. */
static int lower(int fd)
{
	int low = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, 0);

	if (low < 0)
		return fd;
	NEXT(close)(fd);
	return low;
}

int placeholder_create(void)
{
	char name[sizeof("/proc/self/fd/") + 10];
	int event, fd, saved = errno;

	event = eventfd(0, EFD_CLOEXEC);
	if (event < 0) {
		fd = -errno;
	} else {
		snprintf(name, sizeof(name), "/proc/self/fd/%d", event);
		fd = NEXT(open)(name, O_PATH | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		NEXT(close)(event);
	}
	if (fd >= 0)
		fd = lower(fd);
	errno = saved;
	return fd;
}
