// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A guest that writes to its 9336 until it is killed, or loses the disk:
 *
 *     writes_disk vfio UUID | socket PATH  FIRST
 *
 * Its writes are numbered from FIRST on. For each that has ended well it says the number, four
 * bytes. Which blocks a write is of follows from its number, see place().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio_ccw/guest_disk.h"

#define MEMORY (1u << 20)

static void place(uint32_t number, unsigned int *first, unsigned int *nr)
{
	uint32_t x = number * UINT32_C(2654435761);

	*nr = 1 + (x >> 24) % DISK_RUN;
	*first = (x >> 4) % (DISK_BLOCKS - DISK_RUN + 1);
}

int main(int argc, char **argv)
{
	static struct guest_disk disk;
	struct ccw_client client;
	struct irb irb;
	int err;

	if (argc != 4)
		return 2;
	disk.next = (uint32_t)strtoul(argv[3], NULL, 0) - 1;
	err = ccw_open(&client, strcmp(argv[1], "vfio") ? &ccw_socket : &ccw_vfio, argv[2], MEMORY);
	while (!err) {
		unsigned int first, nr;
		struct orb orb;

		place(disk.next + 1, &first, &nr);
		orb = disk_write(&disk, &client, first, nr);
		err = ccw_run(&client, &orb, &irb);
		if (err)
			break;
		if (irb.scsw.dstat != (DEV_STAT_CHN_END | DEV_STAT_DEV_END) || irb.scsw.cstat) {
			fprintf(stderr, "writes_disk: write %u: device status %#x, channel %#x\n",
				disk.next, irb.scsw.dstat, irb.scsw.cstat);
			return 3;
		}
		if (write(1, &disk.next, sizeof(disk.next)) != sizeof(disk.next))
			return 4;
	}
	return 1;
}
