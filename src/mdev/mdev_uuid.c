/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The UUIDs in use, by hash. A UUID is taken from before its device can be seen until after the
 * last of it is gone, so that no two devices ever answer to one name.
 */
#include <errno.h>
#include <uuid/uuid.h>

#include "model/alloc.h"

/*
 * UUIDs that people make up by counting differ in a few bits only: spread these over the whole
 * hash. The multiplier is 2^64 divided by the golden ratio.
 */
static uint32_t uuid_hash(const uint8_t *uuid)
{
	uint64_t half[2];

	memcpy(half, uuid, sizeof(half));
	half[0] = (half[0] ^ (half[0] >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	half[1] = (half[1] + (half[0] ^ (half[0] >> 29))) * UINT64_C(0x9e3779b97f4a7c15);
	return (half[1] ^ (half[1] >> 32)) >> 16;
}

#define HASH_FUNCTION(key, len, hash) ((hash) = uuid_hash(key))

/* No memory for a bucket is an error like any other, and one that tests can cause. */
#define HASH_NONFATAL_OOM 1
#define uthash_malloc(sz) (fault_point() ? NULL : malloc(sz))

#include "mdev/mdev_private.h"

#define UUID_TEXT_LEN (UUID_STR_LEN - 1)

static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mdev_device_private *table; /* under table_lock */

int mdev_uuid_parse(const char *buf, size_t count, uint8_t uuid[16])
{
	char text[UUID_STR_LEN] = { 0 };

	/* One character behind it is let through unseen, as the kernel does: usually a newline. */
	if (count != UUID_TEXT_LEN && count != UUID_TEXT_LEN + 1)
		return -EINVAL;
	memcpy(text, buf, UUID_TEXT_LEN);
	return uuid_parse(text, uuid) ? -EINVAL : 0;
}

int mdev_uuid_reserve(struct mdev_device *mdev)
{
	struct mdev_device_private *priv = mdev->p, *other;
	int err = 0;

	pthread_mutex_lock(&table_lock);
	HASH_FIND(hh, table, mdev->uuid, sizeof(mdev->uuid), other);
	if (other) {
		err = -EEXIST;
	} else {
		HASH_ADD_KEYPTR(hh, table, mdev->uuid, sizeof(mdev->uuid), priv);
		if (!priv->hh.tbl)
			err = -ENOMEM;
	}
	pthread_mutex_unlock(&table_lock);
	return err;
}

void mdev_uuid_release(struct mdev_device *mdev)
{
	pthread_mutex_lock(&table_lock);
	HASH_DEL(table, mdev->p);
	pthread_mutex_unlock(&table_lock);
}

struct mdev_device *mdev_find(const uint8_t uuid[16])
{
	struct mdev_device *mdev = NULL;
	struct mdev_device_private *priv;
	bool live;

	pthread_mutex_lock(&table_lock);
	HASH_FIND(hh, table, uuid, sizeof(mdev->uuid), priv);
	if (priv) {
		mdev = &priv->mdev;
		get_device(&mdev->dev);
	}
	pthread_mutex_unlock(&table_lock);
	if (!mdev)
		return NULL;

	pthread_mutex_lock(&priv->parent->lock);
	live = priv->state == MDEV_LIVE;
	pthread_mutex_unlock(&priv->parent->lock);
	if (!live) {
		put_device(&mdev->dev);
		return NULL;
	}
	return mdev;
}
