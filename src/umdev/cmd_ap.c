/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "umdev ap": which commands there are. */
#include "umdev/ap_command.h"

static const struct sub_command commands[] = {
	{ "list", "", "adapters and queues that are there, and whose they are", ap_list },
	{ "plug", "ADAPTER:TYPE...", "put adapters into the machine: 06:CEX8P", ap_plug },
	{ "unplug", "ADAPTER...", "take them out", ap_unplug },
	{ "config", "ADAPTER on|off", "configure an adapter, or deconfigure it", ap_config },
	{ "checkstop", "ADAPTER|QUEUE on|off", "let it break down, or work again", ap_checkstop },
	{ "domains", "[LIST]", "the machine's usage domains: 4,0x47,10-12", ap_domains },
	{ "control-domains", "[LIST]", "its control domains", ap_domains },
	{ "request", "QUEUE|any REQUEST", "have something done, check it: random, rsa, ecdsa",
	  ap_request },
	{ "guest", "[OPTION]... UUID", "be a guest that has a mediated matrix", ap_guest },
};

const struct sub_commands ap_commands = {
	.name = "ap",
	.about = "Crypto adapters of the simulated machine (module ap).",
	.commands = commands,
	.nr = ARRAY_SIZE(commands),
	.more = "      --no-scan           plug, unplug, config, checkstop, domains: leave it to\n"
		"                          the bus to find what has changed\n"
		"  -j, --json              print JSON, for programs\n"
		"  -h, --help              show this help\n"
		"\n"
		"REQUEST is random [BYTES], rsa [BITS], or ecdsa [CURVE].\n"
		"ADAPTER is a number as in card06, QUEUE as in 06.0004: both hexadecimal.\n"
		"Domains are decimal, or 0x. See umdev(1) and doc/ap.md.",
};

int cmd_ap(const struct cli *cli, int argc, char **argv)
{
	return sub_run(&ap_commands, cli, argc, argv);
}
