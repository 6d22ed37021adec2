/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "puppet.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../unit/cmocka_umdev.h"

struct puppet *puppet;
bool puppet_cut_off;

static struct puppet *to_puppet(struct cu_device *dev)
{
	return container_of(dev, struct puppet, dev);
}

static void end(struct cu_device *dev)
{
	to_puppet(dev)->ended++;
}

static void hold(struct puppet *p, bool deaf)
{
	struct pollfd wait[] = { { .fd = p->go, .events = POLLIN },
				 { .fd = p->dev.stop_fd, .events = POLLIN } };
	uint64_t one;

	poll(wait, deaf ? 1 : 2, -1);
	if (wait[0].revents && read(p->go, &one, sizeof(one)) < 0)
		abort();
}

static void begin(struct cu_device *dev, uint8_t path)
{
	struct puppet *p = to_puppet(dev);

	p->begun++;
	p->path = path;
	if (p->hold_begin)
		hold(p, true);
}

static void stop(struct cu_device *dev)
{
	struct puppet *p = to_puppet(dev);

	__atomic_fetch_add(&p->stops, 1, __ATOMIC_RELAXED);
	if (!p->hold_stop)
		return;
	__atomic_store_n(&p->in_stop, true, __ATOMIC_SEQ_CST);
	hold(p, true);
	__atomic_store_n(&p->in_stop, false, __ATOMIC_SEQ_CST);
}

static void reset(struct cu_device *dev, enum cu_reset why)
{
	struct puppet *p = to_puppet(dev);

	__atomic_fetch_add(&p->resets, 1, __ATOMIC_RELAXED);
	if (why == CU_RESET_SYSTEM)
		__atomic_fetch_add(&p->system_resets, 1, __ATOMIC_RELAXED);
	if (p->hold_reset)
		hold(p, true);
}

static void destroy(struct cu_device *dev)
{
	struct puppet *p = to_puppet(dev);

	puppet_cut_off = __atomic_load_n(&p->in_stop, __ATOMIC_SEQ_CST);
	if (puppet == p)
		puppet = NULL;
	close(p->go);
	free(p);
}

static void store(struct puppet *p, struct ccw_command *cmd, uint32_t from, uint32_t to)
{
	static uint8_t bytes[PUPPET_DATA];

	for (uint32_t i = from; i < to; i++)
		bytes[i - from] = (uint8_t)(i + 1);
	p->result = ccw_command_store(cmd, bytes, to - from);
}

static void load(struct puppet *p, struct ccw_command *cmd, uint32_t len)
{
	p->result = ccw_command_load(cmd, p->data + p->loaded, len);
	if (p->result > 0)
		p->loaded += (uint32_t)p->result;
}

static void transfer(struct puppet *p, struct ccw_command *cmd, const struct act *act)
{
	uint32_t half;

	p->loaded = 0;
	if (act->store || (act->data && CCW_CMD_IS_READ(cmd->code))) {
		half = act->twice ? act->store / 2 : 0;
		if (half)
			store(p, cmd, 0, half);
		store(p, cmd, half, act->store);
	} else if (act->load || act->data) {
		half = act->twice ? act->load / 2 : 0;
		if (half)
			load(p, cmd, half);
		load(p, cmd, act->load - half);
	}
}

static uint8_t command(struct cu_device *dev, struct ccw_command *cmd)
{
	struct puppet *p = to_puppet(dev);
	const struct act *act = &p->act[cmd->code];

	if (p->nr_codes < sizeof(p->codes))
		p->codes[p->nr_codes++] = cmd->code;
	if (act->hold)
		hold(p, act->deaf);
	transfer(p, cmd, act);
	p->cmd = *cmd;
	if (!act->dstat || act->dstat & DEV_STAT_UNIT_CHECK) {
		cu_device_sense(dev,
				act->dstat ? &act->sense : (uint8_t[]) { SENSE_COMMAND_REJECT }, 1);
		return act->dstat ? act->dstat : DSTAT_END | DEV_STAT_UNIT_CHECK;
	}
	return act->dstat;
}

static const struct cu_device_ops ops = {
	.begin = begin,
	.command = command,
	.end = end,
	.stop = stop,
	.reset = reset,
	.destroy = destroy,
};

static int create(const struct cu_type *type, struct cu_options *options, struct cu_device **out)
{
	struct puppet *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->go = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	p->dev.ops = &ops;
	p->dev.id[0] = 0xff;
	p->dev.id_len = 7;
	/* What tests use most: a read and a write of eight bytes, and a control command. */
	p->act[CCW_CMD_READ] = (struct act) { .store = 8, .dstat = DSTAT_END };
	p->act[CCW_CMD_WRITE] = (struct act) { .load = 8, .dstat = DSTAT_END };
	p->act[0x07] = (struct act) { .dstat = DSTAT_END };
	puppet = p;
	*out = &p->dev;
	return 0;
}

static struct cu_type type = { .name = "puppet", .create = create };

void puppet_register(void)
{
	assert_int_equal(cu_type_register(&type), 0);
}

void puppet_unregister(void)
{
	cu_type_unregister(&type);
}

void puppet_go(void)
{
	uint64_t one = 1;

	assert_int_equal(write(puppet->go, &one, sizeof(one)), sizeof(one));
}
