/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <umdev/log.h>

#include "model/alloc.h"
#include "vfio/guestmem.h"

/* <linux/magic.h> of Debian 12 lacks these two. */
#define MAGIC_NFS   0x6969
#define MAGIC_CIFS2 0xfe534d42

RB_HEAD(guestmem_tree, guestmem);

static int compare(const struct guestmem *a, const struct guestmem *b)
{
	return a->base < b->base ? -1 : a->base > b->base;
}

RB_PROTOTYPE(guestmem_tree, guestmem, node, compare)
RB_GENERATE(guestmem_tree, guestmem, node, compare)

/*
 * All mappings. The signal's handler needs them too, so the lock is one that it may take: it is
 * held for a few steps in the tree only, never by a thread that touches guest memory meanwhile.
 */
static struct guestmem_tree all_mappings = RB_INITIALIZER(&all_mappings);
static bool mappings_locked; /* atomic */
static unsigned int all_nr;  /* mappings; under the lock */
static uint64_t all_bytes;   /* of them; under the lock */

static struct sigaction old_action; /* who had the signal before us; under the lock */
static pthread_mutex_t handler_lock = PTHREAD_MUTEX_INITIALIZER; /* for installing the handler */
static __thread bool passing_on;

static void lock_mappings(void)
{
	while (__atomic_test_and_set(&mappings_locked, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void unlock_mappings(void)
{
	__atomic_clear(&mappings_locked, __ATOMIC_RELEASE);
}

/* Under the lock. */
static struct guestmem *find_mapping(const uint8_t *addr)
{
	struct guestmem *gm = RB_ROOT(&all_mappings);

	while (gm) {
		if (addr < gm->base)
			gm = RB_LEFT(gm, node);
		else if (addr - gm->base >= (ptrdiff_t)gm->len)
			gm = RB_RIGHT(gm, node);
		else
			break;
	}
	return gm;
}

static bool replace_mapping(const void *addr)
{
	struct guestmem *gm;
	bool done = false;

	lock_mappings();
	gm = find_mapping(addr);
	if (gm && guestmem_lost(gm)) {
		done = true; /* another thread was first */
	} else if (gm) {
		/* The bare call: what sanitizers wrap around mmap() is not for signal handlers. */
		long p = syscall(SYS_mmap, gm->base, gm->len, gm->prot,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0l);

		done = p != -1;
		if (done)
			__atomic_store_n(&gm->lost, true, __ATOMIC_RELEASE);
	}
	unlock_mappings();
	return done;
}

/* Not ours: as if we were not there. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
	struct sigaction old;

	lock_mappings();
	old = old_action;
	unlock_mappings();
	/* One that had the signal before us may have us as the one before it. */
	if (passing_on || (!(old.sa_flags & SA_SIGINFO) &&
			   (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN))) {
		signal(sig, SIG_DFL);
		if (info->si_code <= 0) /* sent by a process: it does not come again by itself */
			raise(sig);
		return;
	}
	passing_on = true;
	if (old.sa_flags & SA_SIGINFO)
		old.sa_sigaction(sig, info, context);
	else
		old.sa_handler(sig);
	passing_on = false;
}

static void sigbus_handler(int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	/* Only what the kernel raises for an access names an address. */
	if (info->si_code <= 0 || !replace_mapping(info->si_addr))
		pass_on(sig, info, context);
	errno = saved;
}

/* See that the signal is ours, also when somebody has taken it since the last time. */
static int install_handler(void)
{
	struct sigaction action = { .sa_sigaction = sigbus_handler,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction now;
	int err = 0;

	pthread_mutex_lock(&handler_lock);
	if (sigaction(SIGBUS, NULL, &now)) {
		err = -errno;
	} else if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != sigbus_handler) {
		lock_mappings();
		old_action = now;
		unlock_mappings();
		sigemptyset(&action.sa_mask);
		if (sigaction(SIGBUS, &action, NULL))
			err = -errno;
	}
	pthread_mutex_unlock(&handler_lock);
	return err;
}

/* ---- mapping ---- */

/* Could a page of this file make us wait for somebody's good will? Else note if pages are huge. */
static int check_file_system(int fd, uint64_t *page)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return -errno;
	switch ((unsigned long)fs.f_type) {
	case FUSE_SUPER_MAGIC:
	case MAGIC_NFS:
	case MAGIC_CIFS2:
	case SMB_SUPER_MAGIC:
	case V9FS_MAGIC:
	case CEPH_SUPER_MAGIC:
	case AFS_FS_MAGIC:
		return -EOPNOTSUPP;
	}
	if ((unsigned long)fs.f_type == HUGETLBFS_MAGIC)
		*page = (uint64_t)fs.f_bsize;
	return 0;
}

/* Take a mapping of @len bytes out of what the user, and all of them, may have. */
static int charge(struct guestmem_pool *pool, uint64_t len)
{
	int err = 0;

	if (pool->nr >= GUESTMEM_USER_MAPPINGS || len > GUESTMEM_USER_BYTES - pool->bytes)
		return -ENOSPC;
	lock_mappings();
	if (all_nr >= GUESTMEM_ALL_MAPPINGS || len > GUESTMEM_ALL_BYTES - all_bytes) {
		err = -ENOSPC;
	} else {
		all_nr++;
		all_bytes += len;
	}
	unlock_mappings();
	if (!err) {
		pool->nr++;
		pool->bytes += len;
	}
	return err;
}

static void uncharge(struct guestmem_pool *pool, uint64_t len)
{
	pool->nr--;
	pool->bytes -= len;
	lock_mappings();
	all_nr--;
	all_bytes -= len;
	unlock_mappings();
}

/* Map [@offset, @offset + @size) of the file, and what shares pages with it. */
static int map_range(struct guestmem_pool *pool, struct guestmem *gm, int fd, uint64_t offset,
		     uint64_t size, uint64_t page)
{
	uint64_t head = offset % page, len;
	void *p;
	int err;

	/* Files of huge pages are mapped by whole ones. */
	if (size > UINT64_MAX - head - page)
		return -ENOSPC;
	len = (size + head + page - 1) / page * page;
	err = charge(pool, len);
	if (err)
		return err;
	errno = ENOMEM;
	p = fault_point() ? MAP_FAILED
			  : mmap(NULL, len, gm->prot, MAP_SHARED | MAP_NORESERVE, fd,
				 (off_t)(offset - head));
	if (p == MAP_FAILED) {
		err = errno == EPERM ? -EACCES : -errno;
		uncharge(pool, len);
		return err;
	}
	/* A guest's memory is not ours to leave in a core file. */
	madvise(p, len, MADV_DONTDUMP);
	gm->base = p;
	gm->len = len;
	gm->offset = offset - head;
	return 0;
}

/* The mapping that has this part of the file already, if there is one. */
static struct guestmem *find_shared(struct guestmem_pool *pool, const struct stat *st,
				    uint64_t offset, uint64_t size, int prot)
{
	struct guestmem *gm;

	list_for_each_entry (gm, &pool->list, list) {
		if (gm->ino == st->st_ino && gm->dev == st->st_dev && gm->prot == prot &&
		    !guestmem_lost(gm) && offset >= gm->offset && offset - gm->offset <= gm->len &&
		    size <= gm->len - (offset - gm->offset))
			return gm;
	}
	return NULL;
}

static int create(struct guestmem_pool *pool, int fd, const struct stat *st, uint64_t offset,
		  uint64_t size, int prot, struct guestmem **out)
{
	struct guestmem *gm;
	uint64_t page = 4096;
	int err = check_file_system(fd, &page);

	if (err)
		return err;
	gm = zalloc(sizeof(*gm));
	if (!gm)
		return -ENOMEM;
	gm->dev = st->st_dev;
	gm->ino = st->st_ino;
	gm->prot = prot;
	/* All of it, because a guest maps its memory in many pieces, and again and again. */
	err = map_range(pool, gm, fd, 0, (uint64_t)st->st_size, page);
	if (err == -ENOSPC || err == -ENOMEM)
		err = map_range(pool, gm, fd, offset, size, page);
	if (err) {
		free(gm);
		return err;
	}
	list_add(&gm->list, &pool->list);
	lock_mappings();
	RB_INSERT(guestmem_tree, &all_mappings, gm);
	unlock_mappings();
	*out = gm;
	return 0;
}

int guestmem_get(struct guestmem_pool *pool, int fd, uint64_t offset, uint64_t size, int prot,
		 struct guestmem **out, void **vaddr)
{
	struct guestmem *gm;
	struct stat st;
	int err = install_handler();

	if (err)
		return err;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EOPNOTSUPP;
	if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
		return -ENXIO;
	gm = find_shared(pool, &st, offset, size, prot);
	if (!gm) {
		err = create(pool, fd, &st, offset, size, prot, &gm);
		if (err)
			return err;
	}
	gm->users++;
	*out = gm;
	*vaddr = gm->base + (offset - gm->offset);
	return 0;
}

void guestmem_put(struct guestmem_pool *pool, struct guestmem *gm)
{
	if (--gm->users)
		return;
	list_del_init(&gm->list);
	lock_mappings();
	RB_REMOVE(guestmem_tree, &all_mappings, gm);
	unlock_mappings();
	munmap(gm->base, gm->len);
	uncharge(pool, gm->len);
	free(gm);
}
