/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Control units: the types of devices that can be plugged, and what all devices do alike.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw_machine.h"

#define STATUS_GOOD (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

/* Under the console's lock. */
static LIST_HEAD(types);

/* ---- types ---- */

const struct cu_type *cu_type_find(const char *name)
{
	const struct cu_type *type;

	list_for_each_entry (type, &types, node)
		if (!strcmp(type->name, name))
			return type;
	return NULL;
}

int cu_type_register(struct cu_type *type)
{
	int err = 0;

	hw_console_lock();
	if (cu_type_find(type->name))
		err = -EEXIST;
	else
		list_add_tail(&type->node, &types);
	hw_console_unlock();
	return err;
}

void cu_type_unregister(struct cu_type *type)
{
	hw_console_lock();
	list_del_init(&type->node);
	hw_console_unlock();
	hw_unplug_type(type);
}

size_t hw_show_types(char *buf, size_t size)
{
	const struct cu_type *type;
	size_t len = 0;
	int n;

	if (!size)
		return 0;
	buf[0] = '\0';
	hw_console_lock();
	list_for_each_entry (type, &types, node) {
		n = snprintf(buf + len, size - len, "%s\n%s%s", type->name,
			     type->help ? type->help : "", type->help ? "\n" : "");
		if (n < 0 || (size_t)n >= size - len)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	hw_console_unlock();
	return len;
}

/* ---- commands ---- */

uint8_t cu_device_sense(struct cu_device *dev, const uint8_t *sense, unsigned int len)
{
	if (len > SENSE_SIZE)
		len = SENSE_SIZE;
	memset(dev->sense, 0, SENSE_SIZE);
	if (len)
		memcpy(dev->sense, sense, len);
	dev->sense_len = len;
	return STATUS_GOOD | DEV_STAT_UNIT_CHECK;
}

/* The sense is told once. */
static uint8_t basic_sense(struct cu_device *dev, struct ccw_command *cmd)
{
	uint8_t sense[SENSE_SIZE] = { 0 };

	memcpy(sense, dev->sense, dev->sense_len);
	if (ccw_command_store(cmd, sense, sizeof(sense)) < 0)
		return STATUS_GOOD;
	dev->sense_len = 0;
	return STATUS_GOOD;
}

uint8_t cu_command(struct cu_device *dev, struct ccw_command *cmd)
{
	if (dev->own_commands)
		return dev->ops->command(dev, cmd);
	switch (cmd->code) {
	case CCW_CMD_BASIC_SENSE:
		return basic_sense(dev, cmd);
	case CCW_CMD_NOOP:
		return STATUS_GOOD;
	case CCW_CMD_SENSE_ID:
		dev->sense_len = 0;
		ccw_command_store(cmd, dev->id, dev->id_len);
		return STATUS_GOOD;
	default:
		/* What the last unit check was about is of no interest any more. */
		dev->sense_len = 0;
		return dev->ops->command(dev, cmd);
	}
}

/* ---- at any time ---- */

void cu_device_unsolicited(struct cu_device *dev, uint8_t dstat, const uint8_t *sense,
			   unsigned int len)
{
	struct hw_sch *hw = __atomic_load_n(&dev->sch, __ATOMIC_ACQUIRE);

	if (!hw)
		return;
	if (len > SENSE_SIZE)
		len = SENSE_SIZE;
	pthread_mutex_lock(&hw->lock);
	hw->unsolicited |= dstat;
	if (dstat & DEV_STAT_UNIT_CHECK) {
		memset(hw->un_sense, 0, SENSE_SIZE);
		if (len)
			memcpy(hw->un_sense, sense, len);
		hw->un_sense_len = len;
	}
	pthread_cond_signal(&hw->wake);
	pthread_mutex_unlock(&hw->lock);
}
