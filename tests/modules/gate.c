/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Its init() or exit() takes as long as the test likes: until somebody opens a fifo for writing. */
#include <fcntl.h>
#include <unistd.h>

#include "hook.h"

static char *init_fifo;
module_param(init_fifo, charp, 0444);
static char *exit_fifo;
module_param(exit_fifo, charp, 0444);

static void wait_at(const char *fifo)
{
	int fd = fifo ? open(fifo, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0)
		close(fd);
}

static int gate_init(void)
{
	wait_at(init_fifo);
	return hook("init");
}

static void gate_exit(void)
{
	wait_at(exit_fifo);
	hook("exit");
}

module_init(gate_init);
module_exit(gate_exit);
MODULE_LICENSE("LGPL");
