/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "umdev ap": which of its commands is meant. */
#include <stdio.h>
#include <string.h>

#include "model/suggest.h"
#include "umdev/ap_command.h"

static const struct ap_command commands[] = {
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

void ap_help(void)
{
	char left[64];
	size_t i;

	puts("Usage: umdev ap [COMMAND [ARGUMENT]...]\n"
	     "Crypto adapters of the simulated machine (module ap).\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].args);
		printf("  %-33s %s\n", left, commands[i].help);
	}
	puts("\n"
	     "      --no-scan           plug, unplug, config, checkstop, domains: leave it to the\n"
	     "                          bus to find what has changed\n"
	     "  -j, --json              print JSON, for programs\n"
	     "  -h, --help              show this help\n"
	     "\n"
	     "REQUEST is random [BYTES], rsa [BITS], or ecdsa [CURVE].\n"
	     "ADAPTER is a number as in card06, QUEUE as in 06.0004: both hexadecimal.\n"
	     "Domains are decimal, or 0x. See umdev(1) and doc/ap.md.");
}

int cmd_ap(const struct cli *cli, int argc, char **argv)
{
	struct cli own = *cli;
	struct suggestion s;
	size_t i;

	while (argc > 1 && argv[1][0] == '-') {
		if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
			ap_help();
			return cli_flush();
		}
		if (strcmp(argv[1], "-j") && strcmp(argv[1], "--json")) {
			cli_fail("ap: no option \"%s\" (see: umdev ap --help)", argv[1]);
			return EXIT_USAGE;
		}
		own.json = true;
		argc--;
		argv++;
	}
	if (argc < 2)
		return ap_list(&own, argc, argv);
	suggestion_init(&s, argv[1]);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, argv[1]) == 0)
			return commands[i].run(&own, argc - 1, argv + 1);
		suggestion_offer(&s, commands[i].name);
	}
	if (s.best)
		cli_fail("no command \"ap %s\" (did you mean \"ap %s\"?)", argv[1], s.best);
	else
		cli_fail("no command \"ap %s\" (see: umdev ap --help)", argv[1]);
	return EXIT_USAGE;
}
