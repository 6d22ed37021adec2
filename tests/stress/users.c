/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>

#include <umdev/vfio_file.h>
#include "stress/users.h"
#include "support/inside.h"

static unsigned long visits; /* atomic */

void users_visit(unsigned int *seed)
{
	struct vfio_file *file = inside_open_some(seed);
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t value;
	int i;

	if (!file)
		return;
	vfio_file_get_info(file, &info);
	for (i = rand_r(seed) % 16; i; i--)
		vfio_file_read(file, 0, &value, sizeof(value), 0);
	vfio_file_close(file);
	__atomic_add_fetch(&visits, 1, __ATOMIC_RELAXED);
}

unsigned long users_visits(void)
{
	return __atomic_load_n(&visits, __ATOMIC_RELAXED);
}
