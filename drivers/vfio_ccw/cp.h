/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest's channel program: copied once, when it is started, and executed from that copy; so what
 * was checked is what is executed. Data is where the guest has it, and moved when the device does.
 *
 * What is refused, and with which errno, is as in Linux 7.3 drivers/s390/cio/vfio_ccw_cp.c, which
 * translates programs for a real channel; here the channel takes the guest's addresses as they are.
 */
#ifndef UMDEV_VFIO_CCW_CP_H
#define UMDEV_VFIO_CCW_CP_H

#include <umdev/css.h>
#include <umdev/vfio.h>

/* CCWs in one piece of a program, and pieces that TICs lead to. */
#define CCWCHAIN_LEN_MAX   256
#define CCWCHAIN_COUNT_MAX 16

/**
 * struct channel_program - the copy of a program
 * @mem:  what ssch() is given
 * @orb:  as the guest gave it
 *
 * The rest is cp.c's. One lock guards it but for what the channel reads between ssch() and end():
 * that of who embeds it.
 */
struct channel_program;

/** cp_create - room for a program of @vdev's user, empty; allocated once, in the mdev's probe.
 * @end: called when the channel is done with it (channel_memory_ops.end), on its thread. */
struct channel_program *cp_create(struct vfio_device *vdev, void (*end)(struct vfio_device *vdev));
void cp_destroy(struct channel_program *cp);

/**
 * cp_init - copy the program of @orb, with its lists of IDAWs
 * Context: a callback of the device's; may sleep for the user's memory. Nothing of an earlier
 * program is in use. Return: 0, -EINVAL (longer than CCWCHAIN_LEN_MAX, more than
 * CCWCHAIN_COUNT_MAX pieces, MIDAWs), -EOPNOTSUPP (transport mode), what vfio_dma_rw() says:
 * -EFAULT for CCWs, the target of a TIC or a list of IDAWs that are not in mapped memory. After an
 * error it is empty.
 */
int cp_init(struct channel_program *cp, const struct orb *orb);
/** cp_free - empty it. Not while the channel uses it. */
void cp_free(struct channel_program *cp);
/** cp_is_initialized - has it a program? */
bool cp_is_initialized(const struct channel_program *cp);
/** cp_get_orb - the ORB for ssch(), its logical-path mask @lpm if the guest left that 0. */
const struct orb *cp_get_orb(struct channel_program *cp, uint8_t lpm);
/** cp_memory - for ssch(). */
struct channel_memory *cp_memory(struct channel_program *cp);

#endif
