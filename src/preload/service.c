/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's own thread.
 *
 * What is watched is the thread's alone: others hand it a task and wait, so nothing that it calls
 * can be running when a task is. Whether there is a thread is said in a page that fork() empties,
 * so a child knows that it has none, however it was made.
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
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/file.h"

/* Copies are all that the thread does; programs with much thread-local data get the usual size. */
#define STACK_SIZE (256u << 10)

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
 * @lock guards all but @watches; held over fork(), so a child finds it free.
 * @last: the newest instance
 * @epoll, @wake: in a child that has no thread yet these are the parent's
 */
static struct {
	pthread_mutex_t lock;
	uint64_t last;
	int epoll, wake;
	struct task *tasks, **tail;
	struct watch *watches;
} service = { .lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1, .wake = -1 };

/* In the page that is emptied by fork(): the instance that runs. NULL before the first. */
static _Atomic(_Atomic(uint64_t) *) running;

static __thread bool is_service_thread;

uint64_t service_instance(void)
{
	_Atomic(uint64_t) *page = atomic_load_explicit(&running, memory_order_acquire);

	return page ? atomic_load_explicit(page, memory_order_acquire) : 0;
}

/* ---- the thread ---- */

static void run_tasks(void)
{
	struct task *task;
	eventfd_t n;

	eventfd_read(service.wake, &n);
	pthread_mutex_lock(&service.lock);
	while ((task = service.tasks)) {
		service.tasks = task->next;
		if (!service.tasks)
			service.tail = &service.tasks;
		pthread_mutex_unlock(&service.lock);
		task->fn(task->data);
		sem_post(&task->done);
		pthread_mutex_lock(&service.lock);
	}
	pthread_mutex_unlock(&service.lock);
}

static void *service_main(void *arg)
{
	int epoll = service.epoll;

	is_service_thread = true;
	for (;;) {
		struct epoll_event ev;
		struct watch *w;

		/* One at a time: what is called may unwatch the next. */
		if (epoll_wait(epoll, &ev, 1, -1) != 1)
			continue;
		w = ev.data.ptr;
		if (w)
			w->fn(w->data, ev.events);
		else
			run_tasks();
	}
	return NULL;
}

/* ---- starting it ---- */

static void before_fork(void)
{
	pthread_mutex_lock(&service.lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&service.lock);
}

static int make_page(void)
{
	size_t size = sysconf(_SC_PAGESIZE);
	void *page;

	if (atomic_load(&running))
		return 0;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -ENOMEM;
	if (madvise(page, size, MADV_WIPEONFORK) ||
	    pthread_atfork(before_fork, after_fork, after_fork)) {
		munmap(page, size);
		return -ENOMEM;
	}
	atomic_store_explicit(&running, page, memory_order_release);
	return 0;
}

static int make_descriptors(void)
{
	struct epoll_event ev = { .events = EPOLLIN };

	/* The parent's. */
	hidden_close(service.epoll);
	hidden_close(service.wake);
	service.epoll = service.wake = -1;
	service.epoll = hidden_fd(epoll_create1(EPOLL_CLOEXEC));
	if (service.epoll < 0)
		return -EMFILE;
	service.wake = hidden_fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (service.wake < 0)
		return -EMFILE;
	return epoll_ctl(service.epoll, EPOLL_CTL_ADD, service.wake, &ev) ? -ENOMEM : 0;
}

static int make_thread(void)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	if (pthread_attr_init(&attr))
		return -ENOMEM;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	/* Signals are the program's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&thread, &attr, service_main, NULL);
	if (err == EINVAL) {
		pthread_attr_destroy(&attr);
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		err = pthread_create(&thread, &attr, service_main, NULL);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!err)
		pthread_setname_np(thread, "umdev-vfio");
	return -err;
}

/* Those of the parent's thread, which links and unlinks them one by one. */
static void forget_watches(void)
{
	struct watch *w;

	while ((w = service.watches)) {
		service.watches = w->next;
		free(w);
	}
}

/* Lock held. */
static int start(void)
{
	int err;

	if (service_instance())
		return 0;
	service.tasks = NULL;
	service.tail = &service.tasks;
	forget_watches();
	/* Hiding one has had process_lock() before make_page() asks to be called at a fork. */
	err = make_descriptors();
	if (!err)
		err = make_page();
	if (!err)
		err = make_thread();
	if (!err)
		atomic_store(atomic_load(&running), ++service.last);
	return err;
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
	pthread_mutex_lock(&service.lock);
	err = start();
	if (!err) {
		*service.tail = &task;
		service.tail = &task.next;
		eventfd_write(service.wake, 1);
	}
	pthread_mutex_unlock(&service.lock);
	while (!err && sem_wait(&task.done))
		;
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
