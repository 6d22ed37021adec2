/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The machine as the module's parameters describe it.
 */
#include <errno.h>
#include <stdlib.h>
#include <umdev/module.h>

#include "hw.h"
#include "hw_machine.h"
#include "hw_sysfs.h"

#define RESET_MS_MAX 60000

static char *cards, *domains, *control_domains;
static bool apxa = true, qci = true, useirq = true, announce = true;
static unsigned int max_adapter = AP_DEVICES - 1, max_domain = AP_DOMAINS - 1, reset_ms = 5;

module_param(cards, charp, 0444);
MODULE_PARM_DESC(cards, "adapters: number:type[:off][:checkstop],..., as 04:CEX8P,05:CEX8A");
module_param(domains, charp, 0444);
MODULE_PARM_DESC(domains, "usage domains, as 4,0x47,10-12");
module_param(control_domains, charp, 0444);
MODULE_PARM_DESC(control_domains, "control domains (default: the usage domains)");
module_param(apxa, bool, 0444);
MODULE_PARM_DESC(apxa, "256 adapters and domains instead of 64 and 16 (default: Y)");
module_param(qci, bool, 0444);
MODULE_PARM_DESC(qci, "the machine can be asked for its configuration (default: Y)");
module_param(max_adapter, uint, 0444);
MODULE_PARM_DESC(max_adapter, "highest number of an adapter (default: 255)");
module_param(max_domain, uint, 0444);
MODULE_PARM_DESC(max_domain, "highest number of a domain (default: 255)");
module_param(useirq, bool, 0444);
MODULE_PARM_DESC(useirq, "queues can interrupt (default: Y)");
module_param(reset_ms, uint, 0444);
MODULE_PARM_DESC(reset_ms, "milliseconds that a reset takes at least (default: 5)");
module_param(announce, bool, 0444);
MODULE_PARM_DESC(announce, "changes are announced, not only found by a scan (default: Y)");

static int check_number(const char *name, unsigned int value, unsigned int max)
{
	if (value <= max)
		return 0;
	module_init_error("ap: %s: %u is too large: expected 0 to %u", name, value, max);
	return -EINVAL;
}

static int describe_limits(struct hw_config *config)
{
	bool extended = apxa && qci;

	/* The defaults are as much as there can be. */
	config->max_adapter = extended || max_adapter < 63 ? max_adapter : 63;
	config->max_domain = extended || max_domain < 15 ? max_domain : 15;
	if (check_number("max_adapter", max_adapter, AP_DEVICES - 1) ||
	    check_number("max_domain", max_domain, AP_DOMAINS - 1) ||
	    check_number("reset_ms", reset_ms, RESET_MS_MAX))
		return -EINVAL;
	config->apxa = apxa;
	config->qci = qci;
	config->useirq = useirq;
	config->announce = announce;
	config->reset_ms = reset_ms;
	return 0;
}

static int describe(struct hw_config *config)
{
	struct hw_error error;
	int err;

	err = describe_limits(config);
	if (err)
		return err;
	err = hw_parse_cards("cards", cards ? cards : "", config, &error);
	if (!err)
		err = hw_parse_domains("domains", domains ? domains : "", config->max_domain,
				       &config->aqm, &error);
	config->adm_given = control_domains;
	if (!err && control_domains)
		err = hw_parse_domains("control_domains", control_domains, config->max_domain,
				       &config->adm, &error);
	if (err)
		module_init_error("ap: %s", error.text);
	return err;
}

int hw_init(void)
{
	struct hw_config *config = calloc(1, sizeof(*config));
	int err;

	if (!config)
		return -ENOMEM;
	err = describe(config);
	if (!err)
		err = hw_machine_init(config);
	free(config);
	if (err)
		return err;
	err = hw_sysfs_init();
	if (err)
		hw_machine_exit();
	return err;
}

void hw_exit(void)
{
	hw_sysfs_exit();
	hw_machine_exit();
}
