/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers of the device of mover.c, for it and for its user.
 */
#ifndef UMDEV_TESTS_MODULES_MOVER_H
#define UMDEV_TESTS_MODULES_MOVER_H

#include <stdint.h>

#define MOVER_BUFFER 65536u

/* Regions: registers; what is read and written; memory of the device's that can be mapped. */
enum {
	MOVER_REGISTERS,
	MOVER_DATA,
	MOVER_MEMORY,
	MOVER_NR_REGIONS,
};

/**
 * struct mover_registers - what to do
 * @iova, @count: with which of the user's memory
 * @other:   where the device reads while pinned memory is taken from it
 * @command: MOVER_...; writing it does it
 * @status:  what it came to, 0 or more or -errno
 */
struct mover_registers {
	uint64_t iova;
	uint64_t other;
	uint32_t count;
	uint32_t command;
	int32_t status;
	uint32_t reserved;
};

enum {
	MOVER_READ = 1, /* the user's memory into the buffer */
	MOVER_WRITE,	/* the buffer into the user's memory */
	MOVER_WHERE,	/* is the memory reached by a descriptor or by messages? */
	MOVER_PIN,	/* until the user takes it back */
};

enum {
	MOVER_BY_MESSAGE,
	MOVER_BY_DESCRIPTOR,
};

#endif
