/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dmac_hw.h"
#include "hardware.h"
#include "hw_host.h"
#include "pl011_hw.h"
#include "pl031_hw.h"

static const struct platform_hw_ops *const kinds[] = { &pl011_hw_ops, &pl031_hw_ops, &dmac_hw_ops };

/* The first @count of them. */
static void unregister_kinds(unsigned int count)
{
	while (count--)
		platform_hw_unregister(kinds[count]);
}

int hardware_init(void)
{
	unsigned int i;
	int err;

	err = hw_host_start();
	if (err)
		return err;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		err = platform_hw_register(kinds[i]);
		if (err)
			goto unregister;
	}
	return 0;

unregister:
	unregister_kinds(i);
	hw_host_stop();
	return err;
}

void hardware_exit(void)
{
	unregister_kinds(ARRAY_SIZE(kinds));
	hw_host_stop();
}
