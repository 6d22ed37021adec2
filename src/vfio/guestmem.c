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

/* Could a page of this file make us wait for somebody's good will? */
static int check_file(int fd, uint64_t offset, uint64_t size, uint64_t *page)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) || fstatfs(fd, &fs))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EOPNOTSUPP;
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
	if (offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset)
		return -ENXIO;
	*page = (unsigned long)fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : 4096;
	return 0;
}

int guestmem_map(struct guestmem *gm, int fd, uint64_t offset, uint64_t size, int prot,
		 void **vaddr)
{
	uint64_t page, head;
	void *p;
	int err;

	err = install_handler();
	if (err)
		return err;
	err = check_file(fd, offset, size, &page);
	if (err)
		return err;
	/* Files of huge pages are mapped by whole ones. */
	head = offset % page;
	size = (size + head + page - 1) / page * page;
	if (fault_point())
		return -ENOMEM;
	p = mmap(NULL, size, prot, MAP_SHARED | MAP_NORESERVE, fd, (off_t)(offset - head));
	if (p == MAP_FAILED)
		return errno == EPERM ? -EACCES : -errno;
	/* A guest's memory is not ours to leave in a core file. */
	madvise(p, size, MADV_DONTDUMP);
	gm->base = p;
	gm->len = size;
	gm->prot = prot;
	gm->lost = false;
	lock_mappings();
	RB_INSERT(guestmem_tree, &all_mappings, gm);
	unlock_mappings();
	*vaddr = gm->base + head;
	return 0;
}

void guestmem_unmap(struct guestmem *gm)
{
	lock_mappings();
	RB_REMOVE(guestmem_tree, &all_mappings, gm);
	unlock_mappings();
	munmap(gm->base, gm->len);
}
