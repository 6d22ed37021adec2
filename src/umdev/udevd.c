/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "umdev/client.h"
#include "umdev/udevd.h"

static const char *const udevd_paths[] = {
	"/usr/lib/systemd/systemd-udevd",
	"/lib/systemd/systemd-udevd",
};

static const char *const udevadm_paths[] = {
	"/usr/bin/udevadm",
	"/bin/udevadm",
	"/sbin/udevadm",
};

static const char *find_program(const char *const *paths, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

static const char *find_udevadm(void)
{
	const char *path = find_program(udevadm_paths, ARRAY_SIZE(udevadm_paths));

	if (!path)
		cli_fail("--udev: there is no udevadm on this machine (install the package udev)");
	return path;
}

/* Return: an absolute path to free(); NULL after saying what is missing. */
static char *find_udevd(const char *given)
{
	const char *found = given ? given : find_program(udevd_paths, ARRAY_SIZE(udevd_paths));
	char *here, *path;

	if (!found) {
		cli_fail("--udev: there is no systemd-udevd on this machine (install the package "
			 "udev, or say where it is: --udevd=PATH)");
		return NULL;
	}
	if (access(found, X_OK)) {
		cli_fail("--udevd: %s: %s", found, strerror(errno));
		return NULL;
	}
	here = *found == '/' ? strdup("") : getcwd(NULL, 0);
	if (!here || asprintf(&path, "%s%s%s", here, *found == '/' ? "" : "/", found) < 0)
		path = NULL;
	free(here);
	if (!path)
		cli_fail("--udevd: %s: %s", found, strerror(errno));
	return path;
}

/* ---- the keeper's beginning ---- */

/* A child of nobody's, so that the command which we become does not get to know a strange one. */
static int fork_keeper(const struct keeper_config *config)
{
	pid_t between, pid;
	int status = 0;

	between = fork();
	if (between < 0)
		return -errno;
	if (!between) {
		pid = fork();
		if (!pid)
			keeper_run(config);
		_exit(pid < 0 ? errno : 0);
	}
	while (waitpid(between, &status, 0) < 0)
		if (errno != EINTR)
			return errno == ECHILD ? 0 : -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

static int read_report(int fd)
{
	char text[512];
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < sizeof(text) - 1) || (n < 0 && errno == EINTR));
	text[len] = '\0';
	if (!len)
		return cli_fail("--udev: the process that starts a udevd was ended");
	text[strcspn(text, "\n")] = '\0';
	return *text ? cli_fail("--udev: %s", text) : EXIT_SUCCESS;
}

static int start_keeper(struct keeper_config *config)
{
	int report[2], err, status;

	if (pipe2(report, O_CLOEXEC))
		return cli_fail("--udev: %s", strerror(errno));
	config->report = report[1];
	err = fork_keeper(config);
	close(report[1]);
	status = err ? cli_fail("--udev: can't start a process: %s", strerror(-err))
		     : read_report(report[0]);
	close(report[0]);
	return status;
}

/* ---- one that runs ---- */

/* How often, and how far apart in milliseconds, udevd is spoken to. */
#define CONTROL_TRIES 250
#define CONTROL_PAUSE 20

/* What a try that fails says is of no interest. */
static int try_control(const char *udevadm, const char *what)
{
	int status, null;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		null = open("/dev/null", O_WRONLY);
		if (null < 0 || dup2(null, STDERR_FILENO) < 0)
			_exit(127);
		execl(udevadm, "udevadm", "control", what, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return -ENOENT;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EAGAIN;
}

int udevadm_control(const char *udevadm, const char *what)
{
	int i, err = try_control(udevadm, what);

	for (i = 1; i < CONTROL_TRIES && err == -EAGAIN; i++) {
		poll(NULL, 0, CONTROL_PAUSE);
		err = try_control(udevadm, what);
	}
	return err;
}

/* Afterwards udevd has begun anew, and whatever comes is handled by the rules of now. */
static int reload_rules(const char *udevadm)
{
	int err = udevadm_control(udevadm, "--reload");

	return err ? cli_fail("--udev: the udevd that runs does not take new rules: %s",
			      strerror(-err))
		   : EXIT_SUCCESS;
}

static int ask_daemon(int control, bool *start)
{
	struct json_object *answer, *value;

	answer = client_ask(control, client_request("udevd"));
	if (!answer)
		return EXIT_FAILURE;
	*start = json_object_object_get_ex(answer, "start", &value) &&
		 json_object_get_boolean(value);
	json_object_put(answer);
	return EXIT_SUCCESS;
}

/* Does somebody listen who was started in another way, by hand perhaps? */
static bool is_udevd_there(void)
{
	static const struct sockaddr_un sun = { .sun_family = AF_UNIX,
						.sun_path = "/run/udev/control" };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool there;

	if (fd < 0)
		return false;
	there = connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 || errno == EAGAIN;
	close(fd);
	return there;
}

static int start_or_join(const struct cli *cli, struct keeper_config *config, bool changed)
{
	bool start = false;
	int status;

	config->control = client_open(cli);
	if (config->control < 0)
		return EXIT_FAILURE;
	status = ask_daemon(config->control, &start);
	if (!status && start && !is_udevd_there())
		status = start_keeper(config);
	else if (!status && changed)
		status = reload_rules(config->udevadm);
	close(config->control);
	return status;
}

static int start(const struct cli *cli, const char *runtime_dir, const struct udevd_options *opt)
{
	struct keeper_config config = { .udevadm = find_udevadm() };
	char *udevd, *tree = NULL;
	int status = EXIT_FAILURE;
	bool changed;

	udevd = config.udevadm ? find_udevd(opt->program) : NULL;
	if (!udevd)
		return EXIT_FAILURE;
	config.udevd = udevd;
	if (asprintf(&tree, "%s/sys", runtime_dir) < 0) {
		free(udevd);
		return cli_fail("out of memory");
	}
	config.tree = tree;
	/* Before we know whether it runs: one that begins meanwhile reads them at once. */
	if (!udev_rules_place(&opt->rules, &changed))
		status = start_or_join(cli, &config, changed);
	free(tree);
	free(udevd);
	return status;
}

/* A caller that ignores its children has them vanish before we know how they ended. */
int udevd_start(const struct cli *cli, const char *runtime_dir, const struct udevd_options *opt)
{
	const struct sigaction wanted = { .sa_handler = SIG_DFL };
	struct sigaction callers;
	int status;

	sigaction(SIGCHLD, &wanted, &callers);
	status = start(cli, runtime_dir, opt);
	sigaction(SIGCHLD, &callers, NULL);
	return status;
}
