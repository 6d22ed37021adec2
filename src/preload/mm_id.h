/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names for what processes share: numbers that are the same in all of them, and whose memory this
 * is, which the kernel compares by struct mm_struct.
 *
 * A virtual address means something in one address space only. What is written down about one in
 * memory that several processes share (shared.h) needs the space's name with it.
 */
#ifndef UMDEV_PRELOAD_MM_ID_H
#define UMDEV_PRELOAD_MM_ID_H

#include <stdint.h>

/**
 * mm_id_init - get ready; before the first shared memory in which an id is to stand
 * Return: 0, -ENOMEM, -EINVAL (a kernel before 4.14).
 */
int mm_id_init(void);

/**
 * unique_id - a number, not 0, that no other call has returned, in this process, its parents or
 * their children. After mm_id_init().
 */
uint64_t unique_id(void);

/**
 * mm_id - the number of this address space, which no other one has had that shares memory with it
 *
 * Not 0. All threads have the same, a child of fork() has another, however it came to be. After
 * mm_id_init().
 */
uint64_t mm_id(void);

#endif
