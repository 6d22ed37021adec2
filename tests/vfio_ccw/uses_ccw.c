/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A user of a vfio-ccw device that does what it is told:
 *
 *     uses_ccw vfio UUID | socket PATH [BYTES OF MEMORY]
 *
 * It says "ok" when it has opened the device, then reads commands, one in a line, and answers each
 * with a line: the name of an error number, or "ok" and what was asked for. Numbers are in C's
 * notation, bytes in hexadecimal.
 *
 *     put ADDR BYTES              into guest memory
 *     get ADDR SIZE               from there
 *     fill ADDR SIZE BYTE         all the same
 *     ssch INTPARM WORD1 CPA      start a program
 *     run INTPARM WORD1 CPA       the same, and wait for its end: the IRB
 *     hsch, csch, command NUMBER
 *     irb, schib, crw             what the regions have; of a report word its two halves
 *     wait INDEX MILLISECONDS     for an interrupt: how often it was signalled
 *     read REGION OFFSET SIZE, write REGION OFFSET BYTES
 *     map IOVA SIZE ADDR PROT, unmap IOVA SIZE
 *     arm INDEX 0|1
 *     reset
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio_ccw/ccw_client.h"

#define MEMORY	  (16u << 20)
#define BYTES_MAX (1u << 20)

static struct ccw_client client;
static uint8_t bytes[BYTES_MAX];

/* ---- words of a line ---- */

static uint64_t number(char **line)
{
	char *word = strsep(line, " ");

	if (!word || !*word) {
		fprintf(stderr, "uses_ccw: a number is missing\n");
		exit(2);
	}
	return strtoull(word, NULL, 0);
}

/* Into bytes[]. Return: how many. */
static size_t number_of_bytes(char **line)
{
	const char *word = strsep(line, " ");
	size_t n;

	for (n = 0; word && word[2 * n] && n < sizeof(bytes); n++) {
		const char pair[] = { word[2 * n], word[2 * n + 1], '\0' };

		bytes[n] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static void answer(long ret)
{
	if (ret < 0)
		printf("%s", strerrorname_np((int)-ret));
	else
		printf("ok");
}

static void answer_bytes(long ret, const uint8_t *what, size_t size)
{
	size_t i;

	answer(ret);
	if (ret < 0)
		return;
	printf(" ");
	for (i = 0; i < size; i++)
		printf("%02x", what[i]);
}

static void answer_irb(long ret, const struct irb *irb)
{
	uint8_t b[IRB_SIZE];

	if (ret >= 0)
		irb_to_bytes(irb, b);
	answer_bytes(ret, b, sizeof(b));
}

/* ---- commands ---- */

/* Where @size bytes of guest memory are. */
static uint8_t *memory(uint64_t addr, uint64_t size)
{
	if (addr > client.size || size > client.size - addr) {
		fprintf(stderr, "uses_ccw: there is no memory at %#llx\n",
			(unsigned long long)addr);
		exit(2);
	}
	return client.memory + addr;
}

static void put(char *args)
{
	uint64_t addr = number(&args);
	size_t size = number_of_bytes(&args);

	memcpy(memory(addr, size), bytes, size);
	answer(0);
}

static void get(char *args)
{
	uint64_t addr = number(&args), size = number(&args);

	answer_bytes(0, memory(addr, size), size);
}

static void fill(char *args)
{
	uint64_t addr = number(&args), size = number(&args);

	memset(memory(addr, size), (int)number(&args), size);
	answer(0);
}

static struct orb get_orb(char *args)
{
	struct orb orb = { .intparm = (uint32_t)number(&args) };

	orb.word1 = (uint32_t)number(&args);
	orb.cpa = (uint32_t)number(&args);
	return orb;
}

static void ssch(char *args)
{
	struct orb orb = get_orb(args);

	answer(ccw_ssch(&client, &orb));
}

static void run(char *args)
{
	struct orb orb = get_orb(args);
	struct irb irb;

	answer_irb(ccw_run(&client, &orb, &irb), &irb);
}

static void hsch(char *args)
{
	answer(ccw_command(&client, VFIO_CCW_ASYNC_CMD_HSCH));
}

static void csch(char *args)
{
	answer(ccw_command(&client, VFIO_CCW_ASYNC_CMD_CSCH));
}

static void command(char *args)
{
	answer(ccw_command(&client, (uint32_t)number(&args)));
}

static void irb(char *args)
{
	struct irb irb;

	answer_irb(ccw_irb(&client, &irb), &irb);
}

static void schib(char *args)
{
	uint8_t b[SCHIB_SIZE];

	answer_bytes(ccw_schib(&client, b), b, sizeof(b));
}

static void crw(char *args)
{
	struct crw crw;
	int err = ccw_crw(&client, &crw);

	answer(err);
	if (!err)
		printf(" %#06x %#06x", crw.flags, crw.rsid);
}

static void wait_for(char *args)
{
	unsigned int index = (unsigned int)number(&args);
	int n = index < CCW_NUM_IRQS ? ccw_wait(&client, index, (int)number(&args)) : -EINVAL;

	answer(n);
	if (n >= 0)
		printf(" %d", n);
}

static void read_region(char *args)
{
	unsigned int index = (unsigned int)number(&args) % CCW_NUM_REGIONS;
	uint64_t offset = number(&args), size = number(&args);

	if (size > sizeof(bytes))
		size = sizeof(bytes);
	answer_bytes(client.transport->read(&client, index, bytes, size, offset), bytes, size);
}

static void write_region(char *args)
{
	unsigned int index = (unsigned int)number(&args) % CCW_NUM_REGIONS;
	uint64_t offset = number(&args);
	size_t size = number_of_bytes(&args);

	answer(client.transport->write(&client, index, bytes, size, offset));
}

static void map(char *args)
{
	uint64_t iova = number(&args), size = number(&args), addr = number(&args);

	answer(client.transport->map(&client, iova, size, addr, (uint32_t)number(&args)));
}

static void unmap(char *args)
{
	uint64_t iova = number(&args);

	answer(client.transport->unmap(&client, iova, number(&args)));
}

static void arm(char *args)
{
	unsigned int index = (unsigned int)number(&args) % CCW_NUM_IRQS;
	bool on = number(&args);

	answer(client.transport->arm(&client, index, on ? client.events[index] : -1));
}

static void reset(char *args)
{
	answer(client.transport->reset(&client));
}

static const struct {
	const char *name;
	void (*fn)(char *args);
} commands[] = {
	{ "put", put },		 { "get", get },
	{ "fill", fill },	 { "ssch", ssch },
	{ "run", run },		 { "hsch", hsch },
	{ "csch", csch },	 { "command", command },
	{ "irb", irb },		 { "schib", schib },
	{ "crw", crw },		 { "wait", wait_for },
	{ "read", read_region }, { "write", write_region },
	{ "map", map },		 { "unmap", unmap },
	{ "arm", arm },		 { "reset", reset },
};

static int execute(char *line)
{
	const char *name;
	unsigned int i;

	line[strcspn(line, "\n")] = '\0';
	name = strsep(&line, " ");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name))
			continue;
		commands[i].fn(line);
		printf("\n");
		return 0;
	}
	fprintf(stderr, "uses_ccw: %s: there is no such command\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	const struct ccw_transport *transport = &ccw_vfio;
	size_t room = 0;
	char *line = NULL;
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3 || argc > 4 || (strcmp(argv[1], "vfio") && strcmp(argv[1], "socket"))) {
		fprintf(stderr, "usage: uses_ccw vfio UUID | socket PATH [BYTES OF MEMORY]\n");
		return 2;
	}
	if (!strcmp(argv[1], "socket"))
		transport = &ccw_socket;
	err = ccw_open(&client, transport, argv[2], argc > 3 ? strtoull(argv[3], NULL, 0) : MEMORY);
	answer(err);
	printf("\n");
	if (err)
		return 1;
	while (!err && getline(&line, &room, stdin) > 0)
		err = execute(line);
	free(line);
	ccw_close(&client);
	return err;
}
