/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "umdev css": which commands there are. */
#include "umdev/css_command.h"

static const struct sub_command commands[] = {
	{ "list", "", "devices, their subchannels, and whose they are", css_list },
	{ "types", "", "what can be plugged, with its options", css_types },
	{ "plug", "DEVICE:TYPE[,OPTION]...", "put devices into the machine", css_plug },
	{ "unplug", "DEVICE...", "take them out", css_unplug },
	{ "attention", "DEVICE [STATUS]", "have a device ask for attention", css_attention },
	{ "chp", "HOW PATH...", "channel paths: on, off, vary-off ... (see below)", css_chp },
};

const struct sub_commands css_commands = {
	.name = "css",
	.about = "Channel I/O of the simulated machine (module css).",
	.commands = commands,
	.nr = ARRAY_SIZE(commands),
	.more = "      --no-wait           unplug: don't wait until users have let go\n"
		"  -j, --json              list, types: print JSON, for programs\n"
		"  -h, --help              show this help\n"
		"\n"
		"HOW is on or off (plug a channel path's cable in, or pull it), configure or\n"
		"deconfigure, vary-on or vary-off. DEVICE is a number as 0.0.1000, PATH one as\n"
		"10, STATUS a device status: hexadecimal. TYPE and OPTION: umdev css types.\n"
		"See umdev(1) and doc/css.md.",
};

int cmd_css(const struct cli *cli, int argc, char **argv)
{
	return sub_run(&css_commands, cli, argc, argv);
}
