/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>

#include "preload/file_pool.h"
#include "preload/fork.h"

#define BLOCK_FILES 64

/* What a struct file lies in. @next: of the free ones, or of the orphans. */
struct pooled {
	struct file file;
	struct pooled *next;
};

struct block {
	struct block *next;
	struct pooled files[BLOCK_FILES];
};

/* Both under process_lock(). */
static struct block *blocks;
static struct pooled *free_files;
/* Files that fork() has left to this process with one reference, nobody's. */
static _Atomic(struct pooled *) orphans;
/* How many calls this thread is in: more than one if a signal handler makes one. */
static __thread unsigned int calls;

static unsigned int count_refs(uint64_t refs)
{
	return (unsigned int)refs;
}

static unsigned int count_calls(uint64_t refs)
{
	return (unsigned int)(refs >> 32);
}

/* ---- memory ---- */

/* Under process_lock(). */
static int add_block(void)
{
	struct block *block;
	size_t i;

	block = mmap(NULL, sizeof(*block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (block == MAP_FAILED)
		return -ENOMEM;
	for (i = 0; i < BLOCK_FILES; i++) {
		block->files[i].next = free_files;
		free_files = &block->files[i];
	}
	block->next = blocks;
	blocks = block;
	return 0;
}

int file_create(const struct file_ops *ops, void *priv, int flags, struct file **out)
{
	struct pooled *pooled;
	sigset_t signals;

	if (!process_lock(&signals))
		return -ENOMEM;
	if (!free_files && add_block()) {
		process_unlock(&signals);
		return -ENOMEM;
	}
	pooled = free_files;
	free_files = pooled->next;
	process_unlock(&signals);

	pooled->file.ops = ops;
	pooled->file.priv = priv;
	pooled->file.flags = flags;
	pooled->file.pos = 0;
	/* Last: who comes late with a pointer of the file that was here takes it by this. */
	pooled->file.refs = FILE_REF;
	*out = &pooled->file;
	return 0;
}

static void release(struct file *file)
{
	struct pooled *pooled = (struct pooled *)file;
	sigset_t signals;

	if (file->ops->release)
		file->ops->release(file);
	if (!process_lock(&signals))
		return;
	pooled->next = free_files;
	free_files = pooled;
	process_unlock(&signals);
}

/* ---- references ---- */

bool file_try_get(struct file *file, uint64_t unit)
{
	uint64_t refs = file->refs;

	do {
		if (!count_refs(refs))
			return false;
	} while (!atomic_compare_exchange_weak(&file->refs, &refs, refs + unit));
	return true;
}

void file_get(struct file *file)
{
	file->refs += FILE_REF;
}

static void put(struct file *file, uint64_t unit)
{
	if (count_refs(atomic_fetch_sub(&file->refs, unit)) == 1)
		release(file);
}

static void put_orphans(void)
{
	struct pooled *orphan = atomic_exchange(&orphans, NULL), *next;

	for (; orphan; orphan = next) {
		next = orphan->next;
		put(&orphan->file, FILE_REF);
	}
}

void file_put_unit(struct file *file, uint64_t unit)
{
	put(file, unit);
	if (orphans)
		put_orphans();
}

void file_put(struct file *file)
{
	file_put_unit(file, FILE_REF);
}

void file_call_begin(void)
{
	calls++;
}

void file_call_end(struct file *file)
{
	calls--;
	if (file)
		file_put_unit(file, FILE_CALL_REF);
}

/* ---- fork ---- */

static void forget_calls(struct pooled *pooled)
{
	uint64_t refs = pooled->file.refs;
	unsigned int left = count_refs(refs) - count_calls(refs);

	if (!count_calls(refs))
		return;
	pooled->file.refs = left ? left : FILE_REF;
	if (!left) {
		pooled->next = orphans;
		orphans = pooled;
	}
}

void file_pool_forked(void)
{
	struct block *block;
	size_t i;

	/* A handler forks that has interrupted a call, which goes on here, too. */
	if (calls)
		return;
	for (block = blocks; block; block = block->next)
		for (i = 0; i < BLOCK_FILES; i++)
			forget_calls(&block->files[i]);
}
