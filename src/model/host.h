/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The numbers that the machine's own kernel has given away: one who looks at its tree and at this
 * one as at a single one must not find a number twice.
 */
#ifndef UMDEV_MODEL_HOST_H
#define UMDEV_MODEL_HOST_H

#include <umdev/util.h>

/* What stands before "/proc" and "/sys" of the machine: "". Only tests change it. */
extern const char *host_root;

/**
 * host_chrdev_majors - which majors of character devices are taken
 * @taken: of each number below @max, set to true if it is; others are left alone
 * Return: 0 (also where there is no /proc), -errno of reading.
 */
int host_chrdev_majors(bool *taken, unsigned int max);

/**
 * host_first_free - one more than the largest number that ends a name in a directory
 * @dir:    of sysfs, as "kernel/iommu_groups"
 * @prefix: what stands before the number
 * Return: 0 also where there is no such directory; -errno of reading.
 */
int host_first_free(const char *dir, const char *prefix);

#endif
