/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's own thread.
 *
 * What is watched is the thread's alone: others hand it a task and wait, so nothing that it calls
 * can be running when a task is. Whether there is a thread is said in a page that fork() empties,
 * so a child knows that it has none, however it was made.
 *
 * The program may close the thread's descriptors by system calls that nobody here sees, and use
 * their numbers for something else. The thread finds out before it calls anybody, and ends. If it
 * sleeps for good, because nothing that could wake it is left, the next who needs it finds out and
 * ends it, and either way starts another one: as in a child of fork(), nothing is watched then.
 */
#include "preload/service.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "preload/bell.h"
#include "preload/file.h"
#include "preload/fork.h"
#include "preload/table.h"

/* Copies are all that the thread does; programs with much thread-local data get the usual size. */
#define STACK_SIZE (256u << 10)

/* How often who waits for a task looks whether there still is a thread. */
#define LOOK_SECONDS 1

/* A descriptor that is watched; the thread's own. */
struct watch {
	struct watch *next;
	int fd;
	void (*fn)(void *data, uint32_t events);
	void *data;
};

/* What somebody waits for, on his stack. */
struct task {
	struct task *next;
	void (*fn)(void *data);
	void *data;
	sem_t done;
};

/*
 * @lock guards all but @tasks and @watches; @queue, inside of it, guards @tasks. Both are held over
 * fork(), so a child finds them free. The thread takes @queue alone: it is waited for under @lock.
 * @last:   the newest instance
 * @thread: to be joined if page.joinable
 * @torn:   something stays watched that is not to be; the thread's own
 */
static struct {
	pthread_mutex_t lock, queue;
	uint64_t last;
	pthread_t thread;
	int epoll, bell;
	struct task *tasks, **tail;
	struct watch *watches;
	bool torn;
} service = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.queue = PTHREAD_MUTEX_INITIALIZER,
	.epoll = -1,
	.bell = -1,
};

/*
 * What fork() empties.
 * @instance: which thread runs
 * @is_ours:  what is in @service is this process's, and not its parent's
 * @joinable: there is a thread, that may have ended
 */
struct page {
	_Atomic(uint64_t) instance;
	bool is_ours;
	bool joinable;
};

/* NULL before the first thread. */
static _Atomic(struct page *) page;

static __thread bool is_service_thread;

uint64_t service_instance(void)
{
	struct page *p = atomic_load_explicit(&page, memory_order_acquire);

	return p ? atomic_load_explicit(&p->instance, memory_order_acquire) : 0;
}

static void set_instance(uint64_t instance)
{
	atomic_store_explicit(&atomic_load(&page)->instance, instance, memory_order_release);
}

/* Are these descriptors still the thread's? No other epoll has the bell in it. */
static bool is_whole(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return table_is_hidden(service.bell) && table_is_hidden(service.epoll) &&
	       !epoll_ctl(service.epoll, EPOLL_CTL_MOD, service.bell, &ev);
}

/* ---- the thread ---- */

static void run_tasks(void)
{
	struct task *task;

	pthread_mutex_lock(&service.queue);
	/* What a thread that is about to end watches nobody would hear of. */
	while (!service.torn && (task = service.tasks)) {
		service.tasks = task->next;
		if (!service.tasks)
			service.tail = &service.tasks;
		pthread_mutex_unlock(&service.queue);
		task->fn(task->data);
		sem_post(&task->done);
		pthread_mutex_lock(&service.queue);
	}
	pthread_mutex_unlock(&service.queue);
}

/* Wait for one thing, and do it. Return: false: there is nothing left to wait with. */
static bool serve(void)
{
	struct epoll_event ev;
	struct watch *w;
	int n;

	/* The only place where the thread can be ended. */
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	/* One at a time: what is called may unwatch the next. */
	n = epoll_wait(service.epoll, &ev, 1, -1);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (n < 0 && errno == EINTR)
		return true;
	if (n != 1 || !is_whole())
		return false;
	w = ev.data.ptr;
	if (!w) {
		bell_clear(service.bell);
		run_tasks();
	} else if (table_is_hidden(w->fd)) {
		w->fn(w->data, ev.events);
	} else {
		return false;
	}
	return !service.torn;
}

static void *service_main(void *arg)
{
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	is_service_thread = true;
	/* Those of a thread that is no more. */
	run_tasks();
	while (serve())
		;
	set_instance(0);
	return NULL;
}

/* ---- starting and ending it; lock held ---- */

static void before_fork(void)
{
	pthread_mutex_lock(&service.lock);
	pthread_mutex_lock(&service.queue);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&service.queue);
	pthread_mutex_unlock(&service.lock);
}

static int make_page(void)
{
	size_t size = sysconf(_SC_PAGESIZE);
	sigset_t signals;
	void *mem;

	if (atomic_load(&page))
		return 0;
	/* That one has to have asked to be called at a fork before this does. */
	if (process_lock(&signals))
		process_unlock(&signals);
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return -ENOMEM;
	if (madvise(mem, size, MADV_WIPEONFORK) ||
	    pthread_atfork(before_fork, after_fork, after_fork)) {
		munmap(mem, size);
		return -ENOMEM;
	}
	atomic_store_explicit(&page, mem, memory_order_release);
	return 0;
}

/* The parent's, or what is left of them. */
static void close_descriptors(void)
{
	/* Without the bell in it that may be one of the program's, which looks the same. */
	if (!is_whole())
		hidden_lose(service.epoll);
	hidden_close(service.epoll);
	hidden_close(service.bell);
	service.epoll = service.bell = -1;
}

static int make_descriptors(void)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int epoll, bell;

	epoll = hidden_fd(epoll_create1(EPOLL_CLOEXEC));
	if (epoll < 0)
		return -EMFILE;
	bell = bell_create();
	if (bell < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, bell, &ev)) {
		hidden_close(bell);
		hidden_close(epoll);
		return bell < 0 ? -EMFILE : -ENOMEM;
	}
	service.epoll = epoll;
	service.bell = bell;
	return 0;
}

static int make_thread(void)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	if (pthread_attr_init(&attr))
		return -ENOMEM;
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* Signals are the program's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&service.thread, &attr, service_main, NULL);
	if (err == EINVAL)
		err = pthread_create(&service.thread, NULL, service_main, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		pthread_setname_np(service.thread, "umdev-vfio");
	return -err;
}

/* Of a thread of this process or its parent, which links and unlinks one by one. */
static void forget_watches(void)
{
	struct watch *w;

	while ((w = service.watches)) {
		service.watches = w->next;
		free(w);
	}
	service.torn = false;
}

/*
 * The thread has lost what it waits with, or has found out itself and ended. When this returns the
 * kernel has given free what it held of the locks that processes share (client_private.h).
 */
static void end_thread(struct page *p)
{
	if (!p->joinable)
		return;
	/* It may sleep for good. Nothing but this wakes it. */
	if (service_instance())
		pthread_cancel(service.thread);
	pthread_join(service.thread, NULL);
	p->joinable = false;
	set_instance(0);
}

static int start(void)
{
	struct page *p;
	int err = make_page();

	if (err)
		return err;
	p = atomic_load(&page);
	if (!p->is_ours) {
		service.tasks = NULL;
		service.tail = &service.tasks;
		p->is_ours = true;
	}
	if (service_instance() && is_whole())
		return 0;
	end_thread(p);
	forget_watches();
	close_descriptors();
	err = make_descriptors();
	if (err)
		return err;
	set_instance(++service.last);
	err = make_thread();
	if (err)
		set_instance(0);
	p->joinable = !err;
	return err;
}

/* ---- tasks ---- */

/* Return: 0, -errno: it is not done. */
static int hand_over(struct task *task)
{
	int err;

	pthread_mutex_lock(&service.lock);
	err = start();
	if (!err) {
		pthread_mutex_lock(&service.queue);
		*service.tail = task;
		service.tail = &task->next;
		pthread_mutex_unlock(&service.queue);
		bell_ring(service.bell);
	}
	pthread_mutex_unlock(&service.lock);
	return err;
}

/* Return: false: nobody has begun with it, and nobody will. */
static bool take_back(struct task *task)
{
	struct task **at = &service.tasks;

	pthread_mutex_lock(&service.queue);
	while (*at && *at != task)
		at = &(*at)->next;
	if (*at) {
		*at = task->next;
		if (service.tail == &task->next)
			service.tail = at;
		at = NULL;
	}
	pthread_mutex_unlock(&service.queue);
	return at;
}

/* It takes long. If there is no thread another one goes on. Return: 0, -errno: it is not done. */
static int look_after(struct task *task)
{
	int err;

	pthread_mutex_lock(&service.lock);
	err = start();
	if (err && take_back(task))
		err = 0;
	pthread_mutex_unlock(&service.lock);
	return err;
}

static bool wait_for(struct task *task)
{
	struct timespec until;
	int ret;

	/* A clock that is set makes nothing but a look earlier or later. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOOK_SECONDS;
	do
		ret = sem_timedwait(&task->done, &until);
	while (ret && errno == EINTR);
	return !ret;
}

int service_run(void (*fn)(void *data), void *data)
{
	struct task task = { .fn = fn, .data = data };
	int err;

	if (is_service_thread) {
		fn(data);
		return 0;
	}
	sem_init(&task.done, 0, 0);
	err = hand_over(&task);
	while (!err && !wait_for(&task))
		err = look_after(&task);
	sem_destroy(&task.done);
	return err;
}

/* ---- watching ---- */

struct watch_task {
	int fd;
	uint32_t events;
	void (*fn)(void *data, uint32_t events);
	void *data;
	int err;
};

static struct watch **find(int fd)
{
	struct watch **at = &service.watches;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	return at;
}

static void do_watch(void *data)
{
	struct watch_task *task = data;
	struct epoll_event ev = { .events = task->events };
	struct watch *w;

	task->err = -EBADF;
	if (!table_is_hidden(task->fd))
		return;
	task->err = -EEXIST;
	if (*find(task->fd))
		return;
	task->err = -ENOMEM;
	w = malloc(sizeof(*w));
	if (!w)
		return;
	*w = (struct watch) { service.watches, task->fd, task->fn, task->data };
	ev.data.ptr = w;
	task->err = epoll_ctl(service.epoll, EPOLL_CTL_ADD, task->fd, &ev) ? -errno : 0;
	if (task->err)
		free(w);
	else
		service.watches = w;
}

static void do_unwatch(void *data)
{
	struct watch_task *task = data;
	struct watch **at = find(task->fd), *w = *at;

	if (!w)
		return;
	/* A number that is lost names nothing to take out, and what it was may still be there. */
	if (!table_is_hidden(w->fd))
		service.torn = true;
	else
		epoll_ctl(service.epoll, EPOLL_CTL_DEL, w->fd, NULL);
	*at = w->next;
	free(w);
}

int service_watch(int fd, uint32_t events, void (*fn)(void *data, uint32_t events), void *data)
{
	struct watch_task task = { fd, events, fn, data };
	int err = service_run(do_watch, &task);

	return err ? err : task.err;
}

int service_rewatch(int fd, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = *find(fd) };

	if (!ev.data.ptr)
		return -ENOENT;
	return epoll_ctl(service.epoll, EPOLL_CTL_MOD, fd, &ev) ? -errno : 0;
}

void service_unwatch(int fd)
{
	struct watch_task task = { .fd = fd };

	if (service_instance())
		service_run(do_unwatch, &task);
}
