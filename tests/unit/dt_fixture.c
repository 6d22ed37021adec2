/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cmocka_umdev.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dt_fixture.h"

static int memory_file(const char *name)
{
	int fd = memfd_create(name, 0);

	assert_true(fd >= 0);
	return fd;
}

static void write_source(int fd, const char *body)
{
	assert_true(dprintf(fd, "/dts-v1/;\n%s", body) > 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
}

static void run_dtc(int in, int out, const char *symbols)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		execlp("dtc", "dtc", "-q", "-q", "-f", "-I", "dts", "-O", "dtb", "-o", "-", "-",
		       symbols, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void compile(const char *body, const char *symbols, struct dt_blob *blob)
{
	int in = memory_file("dts"), out = memory_file("dtb");

	write_source(in, body);
	run_dtc(in, out, symbols);
	blob->size = lseek(out, 0, SEEK_END);
	assert_true(blob->size > 0);
	blob->data = malloc(blob->size);
	assert_non_null(blob->data);
	assert_int_equal(pread(out, blob->data, blob->size, 0), blob->size);
	close(in);
	close(out);
}

void dts_compile(const char *body, struct dt_blob *blob)
{
	compile(body, NULL, blob);
}

void dts_compile_overlay(const char *body, struct dt_blob *blob)
{
	compile(body, "-@", blob);
}

const char *blob_path(const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s.dtb", getenv("UMDEV_TEST_BLOBS"), name);
	return path;
}
