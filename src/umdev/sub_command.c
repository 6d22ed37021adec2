/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "model/suggest.h"
#include "umdev/sub_command.h"

int sub_help(const struct sub_commands *all)
{
	char left[64];
	size_t i;

	printf("Usage: umdev %s [COMMAND [ARGUMENT]...]\n%s\n\n", all->name, all->about);
	for (i = 0; i < all->nr; i++) {
		snprintf(left, sizeof(left), "%s %s", all->commands[i].name, all->commands[i].args);
		printf("  %-33s %s\n", left, all->commands[i].help);
	}
	printf("\n%s\n", all->more);
	return cli_flush();
}

static int say_unknown(const struct sub_commands *all, const char *name)
{
	struct suggestion s;
	size_t i;

	suggestion_init(&s, name);
	for (i = 0; i < all->nr; i++)
		suggestion_offer(&s, all->commands[i].name);
	if (s.best)
		cli_fail("no command \"%s %s\" (did you mean \"%s %s\"?)", all->name, name,
			 all->name, s.best);
	else
		cli_fail("no command \"%s %s\" (see: umdev %s --help)", all->name, name, all->name);
	return EXIT_USAGE;
}

int sub_run(const struct sub_commands *all, const struct cli *cli, int argc, char **argv)
{
	struct cli own = *cli;
	size_t i;

	while (argc > 1 && argv[1][0] == '-') {
		if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
			return sub_help(all);
		if (strcmp(argv[1], "-j") && strcmp(argv[1], "--json")) {
			cli_fail("%s: no option \"%s\" (see: umdev %s --help)", all->name, argv[1],
				 all->name);
			return EXIT_USAGE;
		}
		own.json = true;
		argc--;
		argv++;
	}
	if (argc < 2)
		return all->commands[0].run(&own, argc, argv);
	for (i = 0; i < all->nr; i++)
		if (strcmp(all->commands[i].name, argv[1]) == 0)
			return all->commands[i].run(&own, argc - 1, argv + 1);
	return say_unknown(all, argv[1]);
}

/* Options of getopt_long(): a value that is no letter stands for those that have none. */
static void make_options(const struct sub_option *options, struct option *long_options,
			 char *letters)
{
	size_t i;

	for (i = 0; options[i].long_name; i++) {
		long_options[i] =
			(struct option) { options[i].long_name, no_argument, NULL, 256 + (int)i };
		if (options[i].letter)
			*letters++ = options[i].letter;
	}
	long_options[i] = (struct option) { "help", no_argument, NULL, 'h' };
	*letters++ = 'h';
	*letters = '\0';
}

static const struct sub_option *find_option(const struct sub_option *options, int c)
{
	if (c >= 256)
		return &options[c - 256];
	while (options->letter != c)
		options++;
	return options;
}

int sub_options(const struct sub_commands *all, const struct sub_option *options, int *argc,
		char **argv)
{
	struct option long_options[SUB_OPTIONS + 2] = { { NULL, 0, NULL, 0 } };
	char letters[SUB_OPTIONS + 2];
	const char *command = argv[0];
	int c;

	make_options(options, long_options, letters);
	argv[0] = program_invocation_name;
	optind = 0;
	while ((c = getopt_long(*argc, argv, letters, long_options, NULL)) != -1) {
		if (c == 'h')
			return sub_help(all);
		if (c == '?') {
			fprintf(stderr, "Try 'umdev %s --help'.\n", all->name);
			return EXIT_USAGE;
		}
		*find_option(options, c)->set = true;
	}
	argv[0] = (char *)command;
	memmove(argv + 1, argv + optind, sizeof(*argv) * (size_t)(*argc - optind + 1));
	*argc -= optind - 1;
	return -1;
}

int sub_usage(const struct sub_commands *all, const char *command)
{
	const char *args = "";
	size_t i;

	for (i = 0; i < all->nr; i++)
		if (strcmp(all->commands[i].name, command) == 0)
			args = all->commands[i].args;
	cli_fail("%s %s: an argument is missing, or there are too many (usage: umdev %s %s%s%s)",
		 all->name, command, all->name, command, *args ? " " : "", args);
	return EXIT_USAGE;
}
