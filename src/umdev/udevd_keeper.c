/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "umdev/coldplug.h"
#include "umdev/udevd.h"

/* Where udevd says that it is ready, in the view's own /run/udev. */
#define NOTIFY_PATH "/run/udev/umdev-notify"
/* There as long as udevd has something to do. */
#define QUEUE_PATH "/run/udev/queue"
/* A udevd that has said nothing by then never will. */
#define READY_SECONDS 60
/* How long the rules may take for what is there at the beginning, for udevadm. */
#define SETTLE_TIMEOUT "--timeout=120"
/* As many events as the smallest buffer of a socket holds, with room for others'. */
#define COLDPLUG_BATCH 128
/* One that does not end when it is asked to is killed. */
#define END_SECONDS 5

/* Descriptors in a keeper; there are no others but those of struct keeper. */
enum {
	FD_CONTROL = 3,
	FD_REPORT
};

/**
 * struct keeper - the one udevd, and what it tells
 * @udevd, @coldplug: 0 when it does not run
 * @signals: what has happened to them
 * @notify:  where udevd says that it is ready
 * @log, @log_end: a pipe; what they write to it goes to the daemon
 * @line, @len:    of their log, until it is whole
 * @reported: the caller knows how it went
 */
struct keeper {
	const struct keeper_config *config;
	pid_t udevd;
	pid_t coldplug;
	int signals;
	int notify;
	int log;
	int log_end;
	char line[1024];
	size_t len;
	bool reported;
};

/* ---- what a keeper says ---- */

static void send_to_daemon(struct json_object *obj)
{
	size_t len;
	const char *text = json_object_to_json_string_length(obj, JSON_C_TO_STRING_PLAIN, &len);

	/* If the daemon is gone, this is seen where its connection is watched. */
	if (text && send(FD_CONTROL, text, len, MSG_NOSIGNAL) < 0)
		errno = 0;
	json_object_put(obj);
}

static void report(struct keeper *k, const char *fmt, ...) __umdev_printf(2, 3);

static void report(struct keeper *k, const char *fmt, ...)
{
	char text[400];
	va_list args;
	int len;

	if (k->reported)
		return;
	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	if (len > (int)sizeof(text) - 2)
		len = sizeof(text) - 2;
	text[len] = '\n';
	/* A caller that did not wait has no use for it. */
	if (write(FD_REPORT, text, (size_t)len + 1) < 0)
		errno = 0;
	close(FD_REPORT);
	k->reported = true;
}

static void send_line(struct keeper *k)
{
	struct json_object *obj;
	size_t i;

	if (!k->len)
		return;
	/* JSON is text; who knows what a rule's program prints. */
	for (i = 0; i < k->len; i++)
		if (k->line[i] < ' ' || k->line[i] > '~')
			k->line[i] = '?';
	obj = json_object_new_object();
	json_object_object_add(obj, "log", json_object_new_string_len(k->line, (int)k->len));
	send_to_daemon(obj);
	k->len = 0;
}

static void forward_log(struct keeper *k)
{
	char buf[4096];
	ssize_t n, i;

	while ((n = read(k->log, buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++) {
			if (buf[i] != '\n')
				k->line[k->len++] = buf[i];
			if (buf[i] == '\n' || k->len == sizeof(k->line))
				send_line(k);
		}
	}
}

/* ---- processes ---- */

/* As a daemon's child begins: with its output in our log, and ending when we do. */
static void become_child(const struct keeper *k, pid_t keeper)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != keeper)
		_exit(EXIT_FAILURE);
	dup2(k->log_end, STDOUT_FILENO);
	dup2(k->log_end, STDERR_FILENO);
}

/*
 * Rules load modules for what they see, and those would go into the machine's kernel. What a
 * program inherits it keeps, so the right has to leave all sets.
 */
static int give_up_modules(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	__u32 bit = CAP_TO_MASK(CAP_SYS_MODULE);

	if (syscall(SYS_capget, &head, data))
		return -1;
	data[CAP_TO_INDEX(CAP_SYS_MODULE)].effective &= ~bit;
	data[CAP_TO_INDEX(CAP_SYS_MODULE)].permitted &= ~bit;
	data[CAP_TO_INDEX(CAP_SYS_MODULE)].inheritable &= ~bit;
	if (prctl(PR_CAPBSET_READ, CAP_SYS_MODULE) == 1 && prctl(PR_CAPBSET_DROP, CAP_SYS_MODULE))
		return -1;
	return (int)syscall(SYS_capset, &head, data);
}

static pid_t start_udevd(const struct keeper *k)
{
	pid_t keeper = getpid(), pid = fork();

	if (pid)
		return pid;
	become_child(k, keeper);
	if (give_up_modules()) {
		dprintf(STDERR_FILENO, "can't give up CAP_SYS_MODULE: %s\n", strerror(errno));
		_exit(EXIT_FAILURE);
	}
	if (setenv("NOTIFY_SOCKET", NOTIFY_PATH, 1) || setenv("SYSTEMD_LOG_TARGET", "console", 1))
		_exit(EXIT_FAILURE);
	execl(k->config->udevd, k->config->udevd, (char *)NULL);
	dprintf(STDERR_FILENO, "%s: %s\n", k->config->udevd, strerror(errno));
	_exit(EXIT_FAILURE);
}

static int run_settle(const char *udevadm)
{
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		execl(udevadm, "udevadm", "settle", SETTLE_TIMEOUT, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ETIMEDOUT;
}

/*
 * After the ping, what was sent is in udevd's queue, and while that is not empty there is a file.
 * "udevadm settle" does both, but waits for nothing if somebody else is speaking to udevd.
 */
static int settle(void *data)
{
	const struct keeper_config *config = data;
	int err;

	do {
		err = udevadm_control(config->udevadm, "--ping");
		if (!err)
			err = run_settle(config->udevadm);
	} while (!err && access(QUEUE_PATH, F_OK) == 0);
	return err;
}

static pid_t start_coldplug(const struct keeper *k)
{
	const struct coldplug config = {
		.sys = k->config->tree,
		.batch = COLDPLUG_BATCH,
		.settle = settle,
		.data = (void *)k->config,
	};
	pid_t keeper = getpid(), pid = fork();

	if (pid)
		return pid;
	become_child(k, keeper);
	_exit(-coldplug(&config));
}

/* Wait for the udevd, as long as @seconds. Return: false if it is still there. */
static bool wait_for_end(struct keeper *k, int seconds)
{
	struct pollfd fds[] = { { .fd = k->signals, .events = POLLIN },
				{ .fd = k->log, .events = POLLIN } };
	struct signalfd_siginfo info;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			if (pid == k->udevd)
				k->udevd = 0;
		forward_log(k);
		if (!k->udevd)
			return true;
		if (poll(fds, ARRAY_SIZE(fds), seconds * 1000) == 0)
			return false;
		if (read(k->signals, &info, sizeof(info)) < 0)
			continue;
	}
}

/* What udevd's rules have started and left to itself has come to us. */
static void kill_orphans(void)
{
	char path[64], text[4096], *p, *end;
	ssize_t len;
	long pid;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	while ((fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
		if (len <= 0)
			return;
		text[len] = '\0';
		for (p = text; (pid = strtol(p, &end, 10)) > 0; p = end)
			kill((pid_t)pid, SIGKILL);
		if (waitpid(-1, NULL, 0) < 0)
			return;
	}
}

static void end(struct keeper *k) __attribute__((noreturn));

static void end(struct keeper *k)
{
	if (k->coldplug)
		kill(k->coldplug, SIGKILL);
	if (k->udevd) {
		kill(k->udevd, SIGTERM);
		if (!wait_for_end(k, END_SECONDS))
			kill(k->udevd, SIGKILL);
	}
	kill_orphans();
	forward_log(k);
	send_line(k);
	_exit(EXIT_SUCCESS);
}

/* ---- what happens ---- */

static void on_ready(struct keeper *k)
{
	struct json_object *obj = json_object_new_object();

	json_object_object_add(obj, "ready", json_object_new_boolean(true));
	json_object_object_add(obj, "pid", json_object_new_int(k->udevd));
	send_to_daemon(obj);
	report(k, "%s", "");
}

static void on_coldplug_end(struct keeper *k, int status)
{
	int err = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;

	k->coldplug = 0;
	switch (err) {
	case 0:
		on_ready(k);
		return;
	case EAGAIN:
		report(k, "%s does not answer udevadm (see umdevd's log)", k->config->udevd);
		break;
	case ETIMEDOUT:
		report(k, "the rules take too long for the devices that are there "
			  "(see umdevd's log)");
		break;
	default:
		report(k, "can't tell udevd of the devices that are there: %s", strerror(err));
	}
	end(k);
}

static void on_udevd_end(struct keeper *k, int status)
{
	k->udevd = 0;
	if (WIFSIGNALED(status))
		report(k, "%s was ended by SIG%s (see umdevd's log)", k->config->udevd,
		       sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	else
		report(k, "%s has ended with status %d (see umdevd's log)", k->config->udevd,
		       WEXITSTATUS(status));
	end(k);
}

static void on_signal(struct keeper *k)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(k->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGCHLD) {
		report(k, "the udevd was asked to end");
		end(k);
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == k->udevd)
			on_udevd_end(k, status);
		if (pid == k->coldplug)
			on_coldplug_end(k, status);
	}
}

static void on_notify(struct keeper *k)
{
	char text[1024], *line, *rest = text;
	ssize_t len;

	len = recv(k->notify, text, sizeof(text) - 1, MSG_DONTWAIT);
	if (len <= 0)
		return;
	text[len] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (strcmp(line, "READY=1") == 0 && !k->coldplug && !k->reported) {
			k->coldplug = start_coldplug(k);
			if (k->coldplug < 0) {
				k->coldplug = 0;
				report(k, "can't start a process: %s", strerror(errno));
				end(k);
			}
		}
}

static void on_control(struct keeper *k)
{
	char byte;
	ssize_t len = recv(FD_CONTROL, &byte, 1, MSG_DONTWAIT);

	/* Nothing is said to us, but the end. */
	if (len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	report(k, "umdevd has ended");
	end(k);
}

/* ---- the beginning ---- */

static int open_notify(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX, .sun_path = NOTIFY_PATH };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	unlink(NOTIFY_PATH); /* of a keeper that was killed */
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	close(fd);
	return -1;
}

/*
 * Away from the caller: its terminal, its files, its directory, what it does with signals. Its
 * descriptors go above those that we want first, whatever numbers they have.
 */
static int detach(const struct keeper_config *config, sigset_t *all)
{
	int control = fcntl(config->control, F_DUPFD_CLOEXEC, 10);
	int told = fcntl(config->report, F_DUPFD_CLOEXEC, 10);
	int null = open("/dev/null", O_RDWR), sig;

	if (control < 0 || told < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup3(control, FD_CONTROL, O_CLOEXEC) < 0 || dup3(told, FD_REPORT, O_CLOEXEC) < 0 ||
	    close_range(FD_REPORT + 1, ~0U, 0) || setsid() < 0 || chdir("/"))
		return -1;
	umask(022);
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigfillset(all);
	return sigprocmask(SIG_SETMASK, all, NULL);
}

static int set_up(struct keeper *k)
{
	sigset_t all, heard;
	int pipe_fds[2];

	if (detach(k->config, &all) || pipe2(pipe_fds, O_CLOEXEC))
		return -1;
	k->log = pipe_fds[0];
	k->log_end = pipe_fds[1];
	sigemptyset(&heard);
	sigaddset(&heard, SIGCHLD);
	sigaddset(&heard, SIGTERM);
	sigaddset(&heard, SIGINT);
	sigaddset(&heard, SIGHUP);
	k->signals = signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
	k->notify = open_notify();
	if (k->signals < 0 || k->notify < 0 || fcntl(k->log, F_SETFL, O_NONBLOCK) ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1) || prctl(PR_SET_NAME, "umdev-udevd"))
		return -1;
	k->udevd = start_udevd(k);
	return k->udevd < 0 ? -1 : 0;
}

void keeper_run(const struct keeper_config *config)
{
	struct keeper k = { .config = config };
	struct pollfd fds[4];
	int n;

	if (set_up(&k)) {
		report(&k, "can't start a udevd: %s", strerror(errno));
		_exit(EXIT_FAILURE);
	}
	fds[0] = (struct pollfd) { .fd = k.log, .events = POLLIN };
	fds[1] = (struct pollfd) { .fd = k.notify, .events = POLLIN };
	fds[2] = (struct pollfd) { .fd = k.signals, .events = POLLIN };
	fds[3] = (struct pollfd) { .fd = FD_CONTROL, .events = POLLIN };
	for (;;) {
		n = poll(fds, ARRAY_SIZE(fds),
			 k.coldplug || k.reported ? -1 : READY_SECONDS * 1000);
		if (n == 0) {
			report(&k, "%s is not ready after %d seconds (see umdevd's log)",
			       config->udevd, READY_SECONDS);
			end(&k);
		}
		if (n < 0)
			continue;
		if (fds[0].revents)
			forward_log(&k);
		if (fds[1].revents)
			on_notify(&k);
		if (fds[2].revents)
			on_signal(&k);
		if (fds[3].revents)
			on_control(&k);
	}
}
