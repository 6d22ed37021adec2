/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Containers (/dev/vfio/vfio): the memory that a program lets its devices use.
 *
 * Behaviour: Linux 6.1 drivers/vfio/{container,vfio_iommu_type1}.c for groups whose devices make
 * their accesses in software (mdevs).
 */
#ifndef UMDEV_PRELOAD_CONTAINER_H
#define UMDEV_PRELOAD_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/client.h"
#include "preload/file.h"

struct container;

/**
 * container_open - open("/dev/vfio/vfio")
 * @fd:    O_PATH descriptor of the node, becomes the file's
 * @flags: as given to open()
 * Return: the descriptor for the program, or -errno (and @fd is closed).
 */
int container_open(int fd, int flags);

/**
 * container_from_file - the container behind an open file
 * Return: NULL if the file is something else. Good as long as the caller has a reference to @file.
 */
struct container *container_from_file(struct file *file);

/*
 * Groups that use a container. After a fork() a group is attached, or not, for all processes that
 * have it; each of them uses the container as long as it knows of that, closed or not.
 */

/**
 * container_attach_group - one more group uses the container, in this process and all others
 * Return: 0, -errno as VFIO_GROUP_SET_CONTAINER's.
 */
int container_attach_group(struct container *container);
/**
 * container_detach_group - the reverse; with the last group the IOMMU and all mappings go. This
 * process no longer uses the container for it.
 */
void container_detach_group(struct container *container);
/**
 * container_id - the same number in all processes that share the container, never 0 and never
 * another container's
 */
uint64_t container_id(struct container *container);
/**
 * container_join_group - another process has attached a group that is this one's, too
 * @id: container_id() there
 * Return: the container, which this process uses for the group from now on; NULL if it does not
 * have it.
 */
struct container *container_join_group(uint64_t id);
/**
 * container_leave_group - this process no longer uses the container for a group: it has closed it,
 * but another one has not, or another one has detached it
 */
void container_leave_group(struct container *container);

/** container_has_iommu - has VFIO_SET_IOMMU been done? */
bool container_has_iommu(struct container *container);

/**
 * struct container_client - a device that sees the mappings of a container
 * @container: which; NULL while it sees none
 * @client:    its connection
 * @next:      the container's
 *
 * Storage is the device's.
 */
struct container_client {
	struct container *container;
	struct client *client;
	struct container_client *next;
};

/**
 * container_add_client - tell a device of all mappings, now and from now on
 *
 * From now on means: what processes map that have the device, by this call or from a parent that
 * made it. A device whose connection ends is left out, and no call of the program's fails for it.
 * One that does not let go of a mapping is cut off (client_shutdown()).
 *
 * Context: waits for servers; not from a callback of the client's.
 * Return: 0, or -errno of the one that the server refused: then it knows none.
 */
int container_add_client(struct container *container, struct container_client *cc,
			 struct client *client);
/**
 * container_remove_client - the reverse. The server is told nothing: the connection ends next.
 * @cc that is not added, or is zeroed: nothing. Context: as above.
 */
void container_remove_client(struct container_client *cc);

/**
 * container_dma_read - a device reads the program's memory; for client_ops
 *
 * Only memory that this process has mapped for reading (VFIO_DMA_MAP_FLAG_READ) and that is still
 * there. Return: 0, -EFAULT.
 */
int container_dma_read(struct container *container, uint64_t iova, void *buf, size_t count);
/** container_dma_write - the same for writing. */
int container_dma_write(struct container *container, uint64_t iova, const void *buf, size_t count);

#endif
