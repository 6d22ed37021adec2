/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program with a connection to a vfio-user server, for tests: client_driver FD
 *
 * Reads commands from standard input, one in each line, and answers each with a line: what it
 * gave, or the name of its error. FD is a connected socket. All numbers are C's.
 *
 *   timeout MS                 what a server may take; before create
 *   create                     MAX_XFER MAX_FDS TWIN
 *   read REGION OFFSET COUNT [bad|half]
 *                              the data; bad: into memory that is not there, half: half of it is
 *   write REGION OFFSET BYTES [bad|half]
 *   call COMMAND BYTES ROOM FDS TAKE
 *                              any request, with FDS descriptors (eventfds); TAKE 1: some may come.
 *                              PAYLOAD NUMBER-OF-FDS
 *   poke ADDRESS BYTES         of the memory that the server may ask for
 *   peek ADDRESS COUNT
 *   start COMMAND ...          in a thread
 *   join                       what that gave
 *   waiting                    when the thread is asleep in its call
 *   serving                    how many requests of the server's were answered here
 *   descriptors                how many are open
 *   shutdown
 *   destroy
 *   fork                       the child goes on with the commands; the parent waits and passes on
 *                              its end
 *   orphan                     the same, and the parent dies at once
 *   child COMMAND ...          a child of fork() does it
 *   doomed COMMAND ...         a child begins it and is killed when it is asleep in its call
 *   storm THREADS CALLS        reads and writes of region 2, each thread its own part
 *   part [COMMAND ...]         the child makes a read, then the parent does the command, destroys
 *                              its connection and stays; the child goes on with the commands
 *   signal                     interrupts the thread
 *   watch                      has the service watch a pipe: when it is written to, that is counted
 *   ring                       writes to it, and waits until that was counted
 *   unwatch
 *   lose WHAT HOW WHERE        as lose.h says; WHERE: here, or service: in the service's thread
 *   found                      lose_end(): untouched or touched
 *   spins                      is a thread busy while nothing is asked for? yes or no
 *
 * BYTES is hexadecimal digits, "-" for none, or N*XX for the byte XX N times.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <dirent.h>
#include <unistd.h>

#include "preload/client_private.h"
#include "preload/file.h"
#include "preload/service.h"
#include "lose.h"

#define LINE_MAX_SIZE (5u << 20)
#define MEMORY_SIZE   (4u << 20)
#define BAD_SIZE      (4u << 20)
#define PAUSE_NS      200000000
#define PAUSE_USE_NS  100000000

static struct client *client;
static int server_fd;
static char *memory;
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(unsigned int) answered;

static void die(const char *what)
{
	fprintf(stderr, "client_driver: %s: %s\n", what, strerror(errno));
	abort();
}

/* ---- what the server may ask for: addresses from 0 to MEMORY_SIZE ---- */

static bool in_memory(uint64_t address, size_t count)
{
	return address <= MEMORY_SIZE && count <= MEMORY_SIZE - address;
}

static int dma_read(void *data, uint64_t iova, void *buf, size_t count)
{
	answered++;
	if (!in_memory(iova, count))
		return -EFAULT;
	pthread_mutex_lock(&memory_lock);
	memcpy(buf, memory + iova, count);
	pthread_mutex_unlock(&memory_lock);
	return 0;
}

static int dma_write(void *data, uint64_t iova, const void *buf, size_t count)
{
	answered++;
	if (!in_memory(iova, count))
		return -EFAULT;
	pthread_mutex_lock(&memory_lock);
	memcpy(memory + iova, buf, count);
	pthread_mutex_unlock(&memory_lock);
	return 0;
}

static const struct client_ops ops = { dma_read, dma_write };

/* ---- words and answers ---- */

static char *word(char **at)
{
	static char none[1];
	char *w = strsep(at, " \n");

	return w ? w : none;
}

static uint64_t number(char **at)
{
	return strtoull(word(at), NULL, 0);
}

/* Return: bytes that the caller frees. */
static uint8_t *bytes(char **at, size_t *size)
{
	char *text = word(at), *star = strchr(text, '*');
	uint8_t *data;

	if (star) {
		*size = strtoull(text, NULL, 0);
		data = malloc(*size + 1);
		memset(data, (int)strtoul(star + 1, NULL, 16), *size);
		return data;
	}
	*size = strcmp(text, "-") ? strlen(text) / 2 : 0;
	data = malloc(*size + 1);
	for (size_t i = 0; i < *size; i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1] };

		data[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return data;
}

static char *hex(const uint8_t *data, size_t size)
{
	char *text = malloc(2 * size + 64);

	strcpy(text, size ? "" : "-");
	for (size_t i = 0; i < size; i++)
		sprintf(text + 2 * i, "%02x", data[i]);
	return text;
}

static char *say(const char *fmt, unsigned long a, unsigned long b, unsigned long c)
{
	char *text = NULL;

	if (asprintf(&text, fmt, a, b, c) < 0)
		die("asprintf");
	return text;
}

static char *result(int err)
{
	return strdup(err ? strerrorname_np(-err) : "ok");
}

/*
 * Memory as a program may give it: "bad" is not there at all, of "half" only the first half is.
 */
static uint8_t *program_memory(const char *kind, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t there = strcmp(kind, "bad") ? strcmp(kind, "half") ? size : size / 2 : 0;
	size_t pages = (there + page - 1) / page * page;
	uint8_t *area;

	area = mmap(NULL, BAD_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED || mprotect(area, pages, PROT_READ | PROT_WRITE))
		die("mmap");
	/* What is there ends with a page. */
	return area + pages - there;
}

static void program_memory_free(uint8_t *at, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	munmap((void *)((uintptr_t)at & ~(page - 1)), BAD_SIZE);
}

/* ---- requests ---- */

static char *do_read(char *at)
{
	struct vfio_user_region_access access = { .region = number(&at) }, got = { 0 };
	struct client_call call = { .command = VFIO_USER_REGION_READ, .nr_out = 1, .nr_in = 2 };
	uint8_t *data;
	char *kind, *ret;
	int err;

	access.offset = number(&at);
	access.count = number(&at);
	kind = word(&at);
	data = program_memory(kind, access.count);
	call.out[0] = (struct iovec) { &access, sizeof(access) };
	call.in[0] = (struct iovec) { &got, sizeof(got) };
	call.in[1] = (struct iovec) { data, access.count };
	err = client_call(client, &call);
	if (!err &&
	    (call.in_size != sizeof(got) + access.count || memcmp(&got, &access, sizeof(got))))
		ret = strdup("strange");
	else
		ret = err ? result(err) : hex(data, access.count);
	program_memory_free(data, access.count);
	return ret;
}

static char *do_write(char *at)
{
	struct vfio_user_region_access access = { .region = number(&at) }, got;
	struct client_call call = { .command = VFIO_USER_REGION_WRITE, .nr_out = 2, .nr_in = 1 };
	uint8_t *data, *from;
	char *kind, *ret;
	size_t size;

	access.offset = number(&at);
	data = bytes(&at, &size);
	kind = word(&at);
	access.count = size;
	from = program_memory(kind, size);
	if (!*kind)
		memcpy(from, data, size);
	call.out[0] = (struct iovec) { &access, sizeof(access) };
	call.out[1] = (struct iovec) { from, size };
	call.in[0] = (struct iovec) { &got, sizeof(got) };
	ret = result(client_call(client, &call));
	program_memory_free(from, size);
	free(data);
	return ret;
}

static char *do_call(char *at)
{
	struct client_call call = { .command = number(&at), .nr_out = 1, .nr_in = 1 };
	int fds[64], in_fds[CLIENT_MAX_FDS], err;
	uint8_t *out, *in;
	char *data, *ret;
	size_t size, room;

	out = bytes(&at, &size);
	room = number(&at);
	in = calloc(1, room + 1);
	call.out[0] = (struct iovec) { out, size };
	call.in[0] = (struct iovec) { in, room };
	call.nr_fds = number(&at);
	for (unsigned int i = 0; i < call.nr_fds; i++)
		fds[i] = eventfd(0, EFD_CLOEXEC);
	call.fds = fds;
	call.in_fds = number(&at) ? in_fds : NULL;
	err = client_call(client, &call);
	for (unsigned int i = 0; i < call.nr_fds; i++)
		close(fds[i]);
	for (unsigned int i = 0; i < call.nr_in_fds; i++)
		close(in_fds[i]);
	data = hex(in, call.in_size);
	if (err && (call.in_size || call.nr_in_fds))
		ret = strdup("strange");
	else if (err)
		ret = result(err);
	else if (asprintf(&ret, "%s %u", data, call.nr_in_fds) < 0)
		die("asprintf");
	free(data);
	free(in);
	free(out);
	return ret;
}

static char *do_create(char *at)
{
	int err = client_create(server_fd, &ops, NULL, &client);

	if (err)
		return result(err);
	return say("%lu %lu %lu", client_max_xfer(client), client_max_fds(client),
		   client->twin >= 0);
}

static char *do_poke(char *at)
{
	uint64_t address = number(&at);
	size_t size;
	uint8_t *data = bytes(&at, &size);

	pthread_mutex_lock(&memory_lock);
	memcpy(memory + address, data, size);
	pthread_mutex_unlock(&memory_lock);
	free(data);
	return strdup("ok");
}

static char *do_peek(char *at)
{
	uint64_t address = number(&at);
	char *ret;

	pthread_mutex_lock(&memory_lock);
	ret = hex((uint8_t *)memory + address, number(&at));
	pthread_mutex_unlock(&memory_lock);
	return ret;
}

static char *do_timeout(char *at)
{
	client_timeout_ms = number(&at);
	return strdup("ok");
}

static char *do_serving(char *at)
{
	return say("%lu", answered, 0, 0);
}

static char *do_descriptors(char *at)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned long n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return say("%lu", n, 0, 0);
}

static char *do_shutdown(char *at)
{
	client_shutdown(client);
	return strdup("ok");
}

static char *do_destroy(char *at)
{
	client_destroy(client);
	client = NULL;
	return strdup("ok");
}

/* ---- threads ---- */

static char *run(char *line);

static pthread_t thread;
static _Atomic(pid_t) thread_id;

static void *thread_main(void *line)
{
	char *ret;

	thread_id = gettid();
	ret = run(line);
	free(line);
	return ret;
}

static char *do_start(char *at)
{
	thread_id = 0;
	if (pthread_create(&thread, NULL, thread_main, strdup(at)))
		die("pthread_create");
	return strdup("ok");
}

static char *do_join(char *at)
{
	void *ret;

	if (pthread_join(thread, &ret))
		die("pthread_join");
	return ret;
}

/* Does the thread of any process wait in a call? */
static bool is_asleep(pid_t pid, pid_t tid)
{
	char path[64], text[64] = "";
	long number;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	/* Else "running". */
	number = text[0] >= '0' && text[0] <= '9' ? strtol(text, NULL, 10) : -1;
	return number == SYS_recvmsg || number == SYS_sendmsg || number == SYS_poll;
}

static char *do_waiting(char *at)
{
	while (!thread_id || !is_asleep(getpid(), thread_id))
		usleep(1000);
	return strdup("ok");
}

struct storm {
	pthread_t thread;
	unsigned int number, calls;
	char *ret;
};

#define PART 512

static void *storm_main(void *arg)
{
	struct storm *s = arg;
	char line[64 + 2 * PART], *ret;
	uint8_t data[PART];
	char *text;

	for (unsigned int i = 0; i < s->calls && !s->ret; i++) {
		size_t size = 1 + (i * 37 + s->number) % PART;

		for (size_t k = 0; k < size; k++)
			data[k] = (uint8_t)(i + k * 7 + s->number);
		text = hex(data, size);
		snprintf(line, sizeof(line), "write 2 %u %s", s->number * PART, text);
		ret = run(line);
		if (strcmp(ret, "ok"))
			s->ret = strdup(ret);
		free(ret);
		snprintf(line, sizeof(line), "read 2 %u %zu", s->number * PART, size);
		ret = run(line);
		if (strcmp(ret, text) && !s->ret)
			s->ret = strdup(ret);
		free(ret);
		free(text);
	}
	return NULL;
}

static char *do_storm(char *at)
{
	struct storm storms[64] = { 0 };
	unsigned int n = number(&at), calls = number(&at);
	char *ret = NULL;

	for (unsigned int i = 0; i < n; i++) {
		storms[i].number = i;
		storms[i].calls = calls;
		if (pthread_create(&storms[i].thread, NULL, storm_main, &storms[i]))
			die("pthread_create");
	}
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(storms[i].thread, NULL);
		if (storms[i].ret && !ret)
			ret = storms[i].ret;
		else
			free(storms[i].ret);
	}
	return ret ? ret : strdup("ok");
}

/* ---- processes ---- */

static char *do_fork(char *at)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		return say("%lu", 0, 0, 0);
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

static char *do_orphan(char *at)
{
	pid_t parent = getpid();

	if (fork())
		_exit(0);
	while (getppid() == parent)
		usleep(1000);
	return strdup("ok");
}

static char *do_child(char *at)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		char *ret = run(at);

		puts(ret);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? NULL : strdup("crashed");
}

static char *do_doomed(char *at)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(at);
		_exit(0);
	}
	while (!is_asleep(pid, pid)) {
		if (waitpid(pid, NULL, WNOHANG))
			return strdup("ended");
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return strdup("ok");
}

static char *do_part(char *at)
{
	char text[] = "read 2 0 8", c = 0, *ret;
	int ready[2], gone[2], status;
	pid_t pid;

	if (pipe(ready) || pipe(gone))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		ret = run(text);
		if (write(ready[1], &c, 1) != 1 || read(gone[0], &c, 1) != 1)
			die("pipe");
	} else {
		if (read(ready[0], &c, 1) != 1)
			die("read");
		if (strlen(at) > 1)
			free(run(at));
		client_destroy(client);
		if (write(gone[1], &c, 1) != 1)
			die("write");
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	}
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(gone[i]);
	}
	return ret;
}

static void on_signal(int number)
{
}

static char *do_signal(char *at)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	pthread_kill(thread, SIGUSR1);
	return strdup("ok");
}

/* ---- the service ---- */

static int bell[2] = { -1, -1 };
static sem_t rung;

static void ringing(void *data, uint32_t events)
{
	char c;

	if (read(bell[0], &c, 1) == 1)
		sem_post(&rung);
}

static char *do_watch(char *at)
{
	sem_init(&rung, 0, 0);
	if (pipe(bell))
		die("pipe");
	bell[0] = hidden_fd(bell[0]);
	return result(service_watch(bell[0], EPOLLIN, ringing, NULL));
}

static char *do_ring(char *at)
{
	if (write(bell[1], "x", 1) != 1)
		die("write");
	while (sem_wait(&rung))
		;
	return strdup("ok");
}

static char *do_unwatch(char *at)
{
	service_unwatch(bell[0]);
	hidden_close(bell[0]);
	close(bell[1]);
	return strdup("ok");
}

/* ---- what is lost ---- */

static void lose_some(void *data)
{
	char *at = data, *what = word(&at), *how = word(&at);

	lose(what, how, client);
}

static char *do_lose(char *at)
{
	char *where = strrchr(at, ' ');

	if (where && !strncmp(where, " service", 8))
		return result(service_run(lose_some, at));
	lose_some(at);
	return strdup("ok");
}

static char *do_found(char *at)
{
	return strdup(lose_end() ? "untouched" : "touched");
}

static uint64_t cpu_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static char *do_spins(char *at)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t before = cpu_time();

	nanosleep(&pause, NULL);
	return strdup(cpu_time() - before > PAUSE_USE_NS ? "yes" : "no");
}

/* ---- */

static const struct {
	const char *name;
	char *(*run)(char *at);
} commands[] = {
	{ "timeout", do_timeout },   { "create", do_create },	{ "read", do_read },
	{ "write", do_write },	     { "call", do_call },	{ "poke", do_poke },
	{ "peek", do_peek },	     { "start", do_start },	{ "join", do_join },
	{ "waiting", do_waiting },   { "serving", do_serving }, { "descriptors", do_descriptors },
	{ "shutdown", do_shutdown }, { "destroy", do_destroy }, { "fork", do_fork },
	{ "orphan", do_orphan },     { "child", do_child },	{ "doomed", do_doomed },
	{ "storm", do_storm },	     { "part", do_part },	{ "signal", do_signal },
	{ "watch", do_watch },	     { "ring", do_ring },	{ "unwatch", do_unwatch },
	{ "lose", do_lose },	     { "found", do_found },	{ "spins", do_spins },
};

/* Return: the answer, which the caller frees; NULL: somebody has given it already. */
static char *run(char *line)
{
	char *name = word(&line);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			return commands[i].run(line);
	return strdup("what?");
}

int main(int argc, char **argv)
{
	char *line = malloc(LINE_MAX_SIZE);

	if (argc != 2)
		return 2;
	server_fd = atoi(argv[1]);
	memory = calloc(1, MEMORY_SIZE);
	setvbuf(stdin, NULL, _IONBF, 0);
	while (fgets(line, LINE_MAX_SIZE, stdin)) {
		char *ret = run(line);

		if (ret)
			puts(ret);
		fflush(stdout);
		free(ret);
	}
	if (client)
		client_destroy(client);
	free(memory);
	free(line);
	return 0;
}
