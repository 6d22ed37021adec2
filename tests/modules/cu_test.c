/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kind of device, "test", that is what a test wants it to be, also later, by the module's
 * parameters. It reads eights, and knows path groups if it is told to.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/control_unit.h>

static unsigned int hang;
module_param(hang, uint, 0644);
MODULE_PARM_DESC(hang, "the code of a command that ends only when it is stopped; 0: none");

static unsigned int dev_type = 0x1234;
module_param(dev_type, uint, 0644);
MODULE_PARM_DESC(dev_type, "what SENSE ID says of devices that are plugged from now on");

static unsigned int sense;
module_param(sense, uint, 0644);
MODULE_PARM_DESC(sense, "the first byte of the sense with which every command but sensing ends");

static bool reserved;
module_param(reserved, bool, 0644);
MODULE_PARM_DESC(reserved, "another system has reserved it, until it is released");

#define CMD_UNCONDITIONAL_RESERVE 0x14
#define CMD_SENSE_PGID		  0x34
#define CMD_RELEASE		  0x94
#define CMD_SET_PGID		  0xaf
#define PGID_SIZE		  12

struct test_device {
	struct cu_device dev;
	bool groups;
	uint8_t pgid[8][PGID_SIZE];
};

static struct test_device *to_test(struct cu_device *dev)
{
	return container_of(dev, struct test_device, dev);
}

#define ENDED (DEV_STAT_CHN_END | DEV_STAT_DEV_END)

static uint8_t end_with_sense(struct cu_device *dev, uint8_t first)
{
	return cu_device_sense(dev, &first, 1);
}

static uint8_t hang_on(struct cu_device *dev)
{
	struct pollfd fd = { .fd = dev->stop_fd, .events = POLLIN };

	poll(&fd, 1, -1);
	return ENDED;
}

static uint8_t sense_pgid(struct test_device *test, struct ccw_command *cmd, unsigned int i)
{
	uint8_t pgid[PGID_SIZE];

	memcpy(pgid, test->pgid[i], sizeof(pgid));
	if (reserved)
		pgid[0] = (uint8_t)((pgid[0] & ~0x30) | 0x20);
	ccw_command_store(cmd, pgid, sizeof(pgid));
	return ENDED;
}

static uint8_t set_pgid(struct test_device *test, struct ccw_command *cmd, unsigned int i)
{
	uint8_t pgid[PGID_SIZE] = { 0 };

	if (ccw_command_load(cmd, pgid, sizeof(pgid)) < 0)
		return 0;
	if ((pgid[0] & 0x60) == 0x20) {
		memset(test->pgid, 0, sizeof(test->pgid));
		return ENDED;
	}
	memcpy(test->pgid[i], pgid, sizeof(pgid));
	test->pgid[i][0] = (uint8_t)((pgid[0] & 0x40 ? 0x80 : 0xc0) | (pgid[0] & 0x80 ? 8 : 0));
	return ENDED;
}

static uint8_t test_command(struct cu_device *dev, struct ccw_command *cmd)
{
	struct test_device *test = to_test(dev);
	unsigned int i = 0;
	uint8_t data[64];

	while (!(cmd->path & 0x80 >> i))
		i++;
	if (hang && hang == cmd->code)
		return hang_on(dev);
	memset(data, 8, sizeof(data));
	switch (cmd->code) {
	case CCW_CMD_SENSE_ID:
		ccw_command_store(cmd, dev->id, dev->id_len);
		return ENDED;
	case CMD_UNCONDITIONAL_RESERVE:
	case CMD_RELEASE:
		reserved = false;
		ccw_command_store(cmd, data, SENSE_SIZE);
		return ENDED;
	}
	if (sense)
		return end_with_sense(dev, (uint8_t)sense);
	switch (cmd->code) {
	case CCW_CMD_NOOP:
		return ENDED;
	case CCW_CMD_READ:
		ccw_command_store(cmd, data, 10);
		return ENDED;
	case CMD_SENSE_PGID:
		return test->groups ? sense_pgid(test, cmd, i)
				    : end_with_sense(dev, SENSE_COMMAND_REJECT);
	case CMD_SET_PGID:
		return test->groups ? set_pgid(test, cmd, i)
				    : end_with_sense(dev, SENSE_COMMAND_REJECT);
	default:
		return end_with_sense(dev, SENSE_COMMAND_REJECT);
	}
}

static void test_destroy(struct cu_device *dev)
{
	free(to_test(dev));
}

static const struct cu_device_ops test_ops = {
	.command = test_command,
	.destroy = test_destroy,
};

static int test_create(const struct cu_type *type, struct cu_options *options,
		       struct cu_device **out)
{
	struct test_device *test;
	int groups = cu_option_flag(options, "groups");

	if (groups < 0)
		return groups;
	test = calloc(1, sizeof(*test));
	if (!test)
		return -ENOMEM;
	test->groups = groups;
	test->dev.ops = &test_ops;
	test->dev.own_commands = true;
	test->dev.id_len = 7;
	test->dev.id[0] = 0xff;
	cio_put16(test->dev.id + 1, 0xabcd);
	test->dev.id[3] = 0x01;
	cio_put16(test->dev.id + 4, (uint16_t)dev_type);
	test->dev.id[6] = 0x02;
	*out = &test->dev;
	return 0;
}

static struct cu_type test_type = {
	.name = "test",
	.help = "groups  it knows path groups",
	.create = test_create,
};

static int cu_test_init(void)
{
	test_type.owner = THIS_MODULE;
	return cu_type_register(&test_type);
}

static void cu_test_exit(void)
{
	cu_type_unregister(&test_type);
}

module_init(cu_test_init);
module_exit(cu_test_exit);
MODULE_LICENSE("LGPL-2.1-or-later");
MODULE_DESCRIPTION("A kind of device behind a subchannel, for tests");
MODULE_DEPENDS("css");
