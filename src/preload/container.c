/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdlib.h>

#include "preload/container_private.h"
#include "preload/mm_id.h"
#include "preload/next.h"
#include "preload/usercopy.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static int init_err;
static struct container *containers; /* of this process; under fork_guard() */

void fork_guard(void)
{
	pthread_mutex_lock(&guard);
}

void fork_unguard(void)
{
	pthread_mutex_unlock(&guard);
}

static void init(void)
{
	init_err = mm_id_init();
	if (!init_err)
		init_err = -pthread_atfork(fork_guard, fork_unguard, fork_unguard);
}

void container_lock(struct container *container)
{
	struct container_shared *shared = container->shared;

	if (shared_mutex_lock(&shared->calls) == -EOWNERDEAD)
		type1_recover(container);
	type1_forget_parts(container);
}

void container_unlock(struct container *container)
{
	shared_mutex_unlock(&container->shared->calls);
}

/* ---- beginning and end ---- */

static struct container *create(void)
{
	struct container *container = calloc(1, sizeof(*container));

	if (!container)
		return NULL;
	container->shared = shared_alloc(sizeof(*container->shared));
	/* Slots that are never used cost nothing: the memory comes zeroed from the kernel. */
	container->parts = calloc(DMA_TABLE_MAX, sizeof(*container->parts));
	if (!container->shared || !container->parts) {
		shared_free(container->shared, sizeof(*container->shared));
		free(container->parts);
		free(container);
		return NULL;
	}
	shared_mutex_init(&container->shared->calls);
	shared_mutex_init(&container->shared->maps_lock);
	container->refs = 1;
	container->id = unique_id();
	fork_guard();
	container->next = containers;
	containers = container;
	fork_unguard();
	return container;
}

/* Nobody else in this process knows it any more; in others it may go on. */
static void destroy(struct container *container)
{
	uint32_t i;

	for (i = 0; container->backing.files && i < DMA_TABLE_MAX; i++)
		backing_put(&container->backing, &container->parts[i].part);
	shared_free(container->shared, sizeof(*container->shared));
	free(container->parts);
	free(container);
}

static void put(struct container *container)
{
	struct container **at;

	fork_guard();
	if (--container->refs) {
		fork_unguard();
		return;
	}
	for (at = &containers; *at != container;)
		at = &(*at)->next;
	*at = container->next;
	fork_unguard();
	destroy(container);
}

static void get(struct container *container)
{
	fork_guard();
	container->refs++;
	fork_unguard();
}

/* ---- groups ---- */

int container_attach_group(struct container *container)
{
	container_lock(container);
	container->shared->nr_groups++;
	container_unlock(container);
	get(container);
	return 0;
}

void container_detach_group(struct container *container)
{
	struct container_shared *shared = container->shared;

	container_lock(container);
	if (!--shared->nr_groups) {
		type1_clear(container);
		shared->iommu = 0;
		shared->tracking = false;
	}
	container_unlock(container);
	put(container);
}

uint64_t container_id(struct container *container)
{
	return container->id;
}

struct container *container_join_group(uint64_t id)
{
	struct container *container;

	fork_guard();
	for (container = containers; container && container->id != id;)
		container = container->next;
	if (container)
		container->refs++;
	fork_unguard();
	return container;
}

void container_leave_group(struct container *container)
{
	put(container);
}

bool container_has_iommu(struct container *container)
{
	return container->shared->iommu;
}

/* ---- devices ---- */

int container_add_client(struct container *container, struct container_client *cc,
			 struct client *client)
{
	int err;

	container_lock(container);
	err = devices_join(container, client);
	if (!err) {
		cc->client = client;
		cc->container = container;
		fork_guard();
		cc->next = container->clients;
		container->clients = cc;
		fork_unguard();
	}
	container_unlock(container);
	return err;
}

void container_remove_client(struct container_client *cc)
{
	struct container *container = cc->container;
	struct container_client **at;

	if (!container)
		return;
	container_lock(container);
	fork_guard();
	for (at = &container->clients; *at != cc;)
		at = &(*at)->next;
	*at = cc->next;
	cc->container = NULL;
	fork_unguard();
	container_unlock(container);
}

/* ---- the devices' requests ---- */

/* One mapping's share of a request. Under maps_lock. */
static int copy_piece(struct dma_table *maps, uint64_t iova, uint8_t *buf, size_t count,
		      uint32_t prot, size_t *done)
{
	struct dma_map *map = dma_table_covering(maps, iova);
	uint64_t room;
	uint8_t *user;

	if (!map || !(map->prot & prot) || map->mm != mm_id())
		return -EFAULT;
	room = dma_map_last(map) - iova;
	*done = count - 1 < room ? count : (size_t)room + 1;
	user = (uint8_t *)(uintptr_t)(map->vaddr + (iova - map->iova));
	return prot == VFIO_DMA_MAP_FLAG_WRITE ? copy_to_user(user, buf, *done)
					       : copy_from_user(buf, user, *done);
}

static int copy(struct container *container, uint64_t iova, uint8_t *buf, size_t count,
		uint32_t prot)
{
	struct container_shared *shared = container->shared;
	size_t done;
	int err = 0;

	if (shared_mutex_lock(&shared->maps_lock) == -EOWNERDEAD)
		dma_table_recover(&shared->maps);
	while (count && !err) {
		err = copy_piece(&shared->maps, iova, buf, count, prot, &done);
		if (!err) {
			iova += done;
			buf += done;
			count -= done;
		}
	}
	shared_mutex_unlock(&shared->maps_lock);
	return err;
}

int container_dma_read(struct container *container, uint64_t iova, void *buf, size_t count)
{
	return copy(container, iova, buf, count, VFIO_DMA_MAP_FLAG_READ);
}

int container_dma_write(struct container *container, uint64_t iova, const void *buf, size_t count)
{
	return copy(container, iova, (uint8_t *)buf, count, VFIO_DMA_MAP_FLAG_WRITE);
}

/* ---- the file ---- */

static long check_extension(struct container *container, unsigned long extension)
{
	return type1_supports(container_has_iommu(container) ? container : NULL, extension);
}

/*
 * Whatever is a supported extension is asked for as an IOMMU: then it is "invalid" if it is none,
 * and else there is "no such device".
 */
static long set_iommu(struct container *container, unsigned long iommu)
{
	struct container_shared *shared = container->shared;
	long err = 0;

	container_lock(container);
	if (!shared->nr_groups || shared->iommu)
		err = -EINVAL;
	else if (!type1_supports(NULL, iommu))
		err = -ENODEV;
	else if (iommu != VFIO_TYPE1_IOMMU && iommu != VFIO_TYPE1v2_IOMMU &&
		 iommu != VFIO_TYPE1_NESTING_IOMMU)
		err = -EINVAL;
	else
		shared->iommu = (uint32_t)iommu;
	container_unlock(container);
	return err;
}

static long container_ioctl(struct file *file, unsigned long cmd, void *arg)
{
	struct container *container = file->priv;

	/* The kernel's is an unsigned int. */
	switch ((unsigned int)cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return check_extension(container, (unsigned long)arg);
	case VFIO_SET_IOMMU:
		return set_iommu(container, (unsigned long)arg);
	default:
		if (!container_has_iommu(container))
			return -EINVAL;
		return type1_ioctl(container, (unsigned int)cmd, arg);
	}
}

static void container_release(struct file *file)
{
	put(file->priv);
}

static const struct file_ops container_ops = {
	.name = "vfio-container",
	.ioctl = container_ioctl,
	.release = container_release,
};

int container_open(int fd, int flags)
{
	struct container *container;
	struct file *file;
	int err;

	pthread_once(&once, init);
	err = init_err;
	if (err)
		goto close;
	err = -ENOMEM;
	container = create();
	if (!container)
		goto close;
	err = file_create(&container_ops, container, flags, &file);
	if (err) {
		put(container);
		goto close;
	}
	err = file_install(file, fd);
	/* The descriptor's reference is enough, or else the file goes now. */
	file_put(file);
	if (err >= 0)
		return err;
close:
	NEXT(close)(fd);
	return err;
}

struct container *container_from_file(struct file *file)
{
	return file->ops == &container_ops ? file->priv : NULL;
}
