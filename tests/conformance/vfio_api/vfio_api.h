/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that uses VFIO's own API and prints what it is answered. It knows nothing of umdev, so
 * that the kernel can be asked the same (README.md).
 */
#ifndef TESTS_CONFORMANCE_VFIO_API_H
#define TESTS_CONFORMANCE_VFIO_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vfio.h>

/* Offsets of regions, as every driver of the kernel's chooses them. */
#define REGION(index) ((uint64_t)(index) << 40)
#define CONFIG	      REGION(VFIO_PCI_CONFIG_REGION_INDEX)

/**
 * struct target - a device that is tried
 * @name:  what the group knows it by: an mdev's UUID, a platform device's name
 * @group: path of its group
 */
struct target {
	const char *name;
	char group[32];
};

/**
 * struct user - what one program has open; -1 for what it has not
 */
struct user {
	int container, group, device;
};

extern struct target targets[2];
extern unsigned int nr_targets;

/** say - "what = ok" for @ret >= 0, else "what = E..." by errno; returns @ret. */
long say(long ret, const char *what, ...) __attribute__((format(printf, 2, 3)));
/** heading - begin a part: "## what". */
void heading(const char *what);
/** die - for what must not fail; prints it and exits. */
void die(const char *what) __attribute__((noreturn));

/** target_find - fill @target; the group is by the link iommu_group. Dies if there is none. */
void target_find(struct target *target, const char *name);

/**
 * user_attach - open container and group, attach, set the IOMMU model; dies if that fails
 */
struct user user_attach(const struct target *target, unsigned long iommu);
/** user_open - the same, and open the device. */
struct user user_open(const struct target *target);
/** user_close - close what is open. */
void user_close(struct user *user);

/** reopen_group - "what: group = ok" if the group can be opened now; closes it again. */
void reopen_group(const struct target *target, const char *what);

/* What can be asked for on the command line. */
void section_info(void);
void section_errors(void);
void section_containers(void);
void section_groups(void);
void section_several(void);
void section_lifetimes(void);
void section_forks(void);
void section_descriptors(void);
void section_device_info(void);
void section_set_irqs(void);
void section_access(void);
void section_mmap(void);
void section_interrupts(void);
void section_type1(void);
void section_type1v2(void);
void section_random_type1(void);
void section_random_type1v2(void);
void section_dirty(void);
void section_platform_set_irqs(void);
void section_platform_interrupts(void);
void section_platform_access(void);
void section_platform_mmap(void);
void section_platform_reset(void);

#endif
