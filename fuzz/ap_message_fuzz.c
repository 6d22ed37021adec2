/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random requests to crypto adapters: ap_message_fuzz [SECONDS [SEED]]
 *
 * A request of each operation and each form of type 50 that is well, in which bytes, lengths, tags
 * and numbers are changed, fields are left out, doubled or swapped, or the end is cut; and bytes
 * that are nothing. Request and reply lie in memory that ends where they do.
 *
 * What must hold: no crash, nothing that a sanitizer reports, and one well-formed reply within the
 * room for it: umdev's message with the same operation, without fields if it is an error; type 80
 * as long as it says; or the short one that says what was wrong.
 */
#include <errno.h>
#include <openssl/bn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <umdev/ap_message.h>
#include <unistd.h>

#include "../drivers/ap/hw_machine.h"

#define ROOM	 12288
#define NR_SEEDS 32

static struct seed {
	uint8_t data[ROOM];
	size_t len;
} seeds[NR_SEEDS];

static unsigned int nr_seeds;
static uint64_t seed, random_state;
static unsigned long inputs, done, refused, errors, type80;
static uint8_t *request_end, *reply_end; /* nobody may touch what is there */

static void die(const char *what)
{
	fprintf(stderr, "ap_message_fuzz: seed %llu, input %lu: %s\n", (unsigned long long)seed,
		inputs, what);
	abort();
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t draw(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint32_t below(uint32_t n)
{
	return (uint32_t)(draw() % n);
}

/* ---- seeds ---- */

/** struct key - of RSA, with two primes that are known: 2^521 - 1 and 2^607 - 1 */
static struct key {
	BIGNUM *n, *e, *d, *p, *q, *dp, *dq, *qinv;
} key;

static void make_key(void)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *p1 = BN_new(), *q1 = BN_new(), *phi = BN_new();

	key = (struct key) { BN_new(), BN_new(), BN_new(), BN_new(),
			     BN_new(), BN_new(), BN_new(), BN_new() };
	BN_set_bit(key.q, 521);
	BN_sub_word(key.q, 1);
	BN_set_bit(key.p, 607);
	BN_sub_word(key.p, 1);
	BN_set_word(key.e, 65537);
	BN_mul(key.n, key.p, key.q, ctx);
	BN_sub(p1, key.p, BN_value_one());
	BN_sub(q1, key.q, BN_value_one());
	BN_mul(phi, p1, q1, ctx);
	if (!BN_mod_inverse(key.d, key.e, phi, ctx) || !BN_mod(key.dp, key.d, p1, ctx) ||
	    !BN_mod(key.dq, key.d, q1, ctx) || !BN_mod_inverse(key.qinv, key.q, key.p, ctx))
		die("no key");
	BN_free(p1);
	BN_free(q1);
	BN_free(phi);
	BN_CTX_free(ctx);
}

static struct ap_msg msg;

static void begin(unsigned int op, uint32_t param)
{
	ap_msg_begin(&msg, seeds[nr_seeds].data, ROOM, AP_MSG_REQUEST, op, 0, param);
}

static void number(enum ap_msg_field tag, const BIGNUM *n)
{
	int len = BN_num_bytes(n);

	if (BN_bn2binpad(n, ap_msg_room(&msg, tag, (size_t)len), len) != len)
		die("a number that does not fit");
}

static void bytes(enum ap_msg_field tag, const uint8_t *data, size_t len)
{
	ap_msg_add(&msg, tag, data, len);
}

static void end(void)
{
	seeds[nr_seeds++].len = msg.len;
}

/* What comes of the last seed, as a seed of @tag for others. Return: its length. */
static size_t result(enum ap_msg_field tag, uint8_t *to)
{
	static uint8_t reply[ROOM];
	const struct seed *s = &seeds[nr_seeds - 1];
	size_t len = hw_message(AP_FAC_CCA, s->data, s->len, reply, ROOM);
	struct ap_msg_parsed p;

	if (!ap_msg_parse(&p, AP_MSG_REPLY, reply, len) || p.status || !p.field[tag].data)
		die("a seed is not well");
	memcpy(to, p.field[tag].data, p.field[tag].len);
	return p.field[tag].len;
}

static const uint8_t digest[64] = { 1, 2, 3 };

static void make_rsa(void)
{
	uint8_t buf[AP_MSG_RSA_MAX];
	size_t len;

	begin(AP_MSG_OP_RSA_MODEXP, 0);
	number(AP_MSG_FIELD_MODULUS, key.n);
	number(AP_MSG_FIELD_EXPONENT, key.d);
	bytes(AP_MSG_FIELD_DATA, digest, sizeof(digest));
	end();
	begin(AP_MSG_OP_RSA_CRT, 0);
	number(AP_MSG_FIELD_P, key.p);
	number(AP_MSG_FIELD_Q, key.q);
	number(AP_MSG_FIELD_DP, key.dp);
	number(AP_MSG_FIELD_DQ, key.dq);
	number(AP_MSG_FIELD_QINV, key.qinv);
	bytes(AP_MSG_FIELD_DATA, digest, sizeof(digest));
	end();
	begin(AP_MSG_OP_RSA_SIGN, AP_MSG_SHA256);
	number(AP_MSG_FIELD_MODULUS, key.n);
	number(AP_MSG_FIELD_PUBLIC, key.e);
	number(AP_MSG_FIELD_EXPONENT, key.d);
	bytes(AP_MSG_FIELD_DIGEST, digest, 32);
	end();
	len = result(AP_MSG_FIELD_SIGNATURE, buf);
	begin(AP_MSG_OP_RSA_VERIFY, AP_MSG_SHA256);
	number(AP_MSG_FIELD_MODULUS, key.n);
	number(AP_MSG_FIELD_PUBLIC, key.e);
	bytes(AP_MSG_FIELD_DIGEST, digest, 32);
	bytes(AP_MSG_FIELD_SIGNATURE, buf, len);
	end();
}

static void make_ec(uint32_t bits)
{
	uint8_t scalar[48] = { 0 }, point[96], signature[96];
	size_t len = bits / 8;

	scalar[len - 1] = 5;
	begin(AP_MSG_OP_EC_GENERATE, bits);
	end();
	begin(AP_MSG_OP_EC_PUBLIC, bits);
	bytes(AP_MSG_FIELD_KEY, scalar, len);
	end();
	result(AP_MSG_FIELD_POINT, point);
	begin(AP_MSG_OP_ECDH, bits);
	bytes(AP_MSG_FIELD_KEY, scalar, len);
	bytes(AP_MSG_FIELD_POINT, point, 2 * len);
	end();
	begin(AP_MSG_OP_ECDSA_SIGN, bits);
	bytes(AP_MSG_FIELD_KEY, scalar, len);
	bytes(AP_MSG_FIELD_DIGEST, digest, 32);
	end();
	result(AP_MSG_FIELD_SIGNATURE, signature);
	begin(AP_MSG_OP_ECDSA_VERIFY, bits);
	bytes(AP_MSG_FIELD_POINT, point, 2 * len);
	bytes(AP_MSG_FIELD_DIGEST, digest, 32);
	bytes(AP_MSG_FIELD_SIGNATURE, signature, 2 * len);
	end();
}

static void make_type50(unsigned int kind, size_t size, unsigned int nr, const BIGNUM *const *n)
{
	struct seed *s = &seeds[nr_seeds++];
	uint8_t *to = s->data + 16;

	for (unsigned int i = 0; i < nr; i++) {
		if (BN_bn2binpad(n[i], to, (int)size) < 0)
			die("an operand that does not fit");
		to += size;
	}
	to += kind & 0x10 ? 2 * size : size;
	to[-1] = 9;
	s->len = (size_t)(to - s->data);
	s->data[1] = 0x50;
	ap_msg_put(s->data + 2, 2, (uint32_t)s->len);
	ap_msg_put(s->data + 8, 2, kind);
}

static void make_seeds(void)
{
	const BIGNUM *me[] = { key.d, key.n };
	const BIGNUM *crt[] = { key.p, key.q, key.dp, key.dq, key.qinv };

	begin(AP_MSG_OP_RANDOM, 100);
	end();
	make_rsa();
	make_ec(AP_MSG_P256);
	make_ec(AP_MSG_P384);
	make_type50(2, 256, 2, me);
	make_type50(3, 512, 2, me);
	make_type50(0x12, 128, 5, crt);
	make_type50(0x13, 256, 5, crt);
}

/* ---- changing ---- */

/* Where the fields of a message begin; it may be anything by now. */
static unsigned int find_fields(const struct seed *s, size_t *at, unsigned int max)
{
	size_t pos = AP_MSG_HEADER_SIZE;
	unsigned int nr = 0;

	if (s->len < AP_MSG_HEADER_SIZE || s->data[1] != AP_MSG_REQUEST)
		return 0;
	while (nr < max && s->len - pos >= AP_MSG_FIELD_SIZE) {
		size_t size = AP_MSG_FIELD_SIZE + ap_msg_get(s->data + pos + 2, 2);

		if (size > s->len - pos)
			break;
		at[nr++] = pos;
		pos += size;
	}
	at[nr] = pos;
	return nr;
}

/* Leave a field out, double it, or change how long it is with what is in it. */
static void change_field(struct seed *s)
{
	static uint8_t piece[ROOM];
	size_t at[33], size, less;
	unsigned int nr = find_fields(s, at, 32), i;

	if (!nr)
		return;
	i = below(nr);
	size = at[i + 1] - at[i];
	switch (below(4)) {
	case 0:
		memmove(s->data + at[i], s->data + at[i + 1], s->len - at[i + 1]);
		s->len -= size;
		break;
	case 1:
		if (s->len + size > ROOM)
			return;
		memcpy(piece, s->data + at[i], size);
		memcpy(s->data + s->len, piece, size);
		s->len += size;
		if (below(2))
			ap_msg_put(s->data + s->len - size, 2, below(AP_MSG_FIELD_LAST + 2));
		break;
	case 2: /* shorter: without its first bytes, or its last */
		less = below((uint32_t)size - AP_MSG_FIELD_SIZE + 1);
		memmove(s->data + at[i + 1] - less, s->data + at[i + 1], s->len - at[i + 1]);
		ap_msg_put(s->data + at[i] + 2, 2, (uint32_t)(size - AP_MSG_FIELD_SIZE - less));
		s->len -= less;
		break;
	default: /* its number: nothing, all ones, one more or less */
		if (below(2))
			memset(s->data + at[i] + AP_MSG_FIELD_SIZE, below(2) ? 0 : 0xff,
			       size - AP_MSG_FIELD_SIZE);
		else
			s->data[at[i + 1] - 1] += below(3) - 1;
	}
	ap_msg_put(s->data + 4, 4, (uint32_t)s->len);
}

static void change(struct seed *s)
{
	static const uint32_t params[] = { 0,	1,    256,   384,    512,	 521,
					   160, 8188, 12268, 0xffff, 0x7fffffff, 0xffffffff };

	switch (below(8)) {
	case 0:
		if (s->len)
			s->data[below((uint32_t)s->len)] ^= 1 << below(8);
		break;
	case 1:
		if (s->len)
			s->data[below((uint32_t)s->len)] = below(2) ? 0xff : 0;
		break;
	case 2:
		s->len = below((uint32_t)s->len + 1);
		if (below(2))
			ap_msg_put(s->data + 4, 4, (uint32_t)s->len);
		break;
	case 3:
		ap_msg_put(s->data + 12, 4, params[below(sizeof(params) / sizeof(params[0]))]);
		break;
	case 4:
		if (s->data[1] == AP_MSG_REQUEST)
			ap_msg_put(s->data + 2, 2, below(12));
		break;
	default:
		change_field(s);
	}
}

/* ---- checking ---- */

static void check_reply(const uint8_t *msg_sent, const uint8_t *reply, size_t len, size_t size)
{
	struct ap_msg_parsed p;

	if (!len || len > size)
		die("a reply of no length, or longer than there is room");
	if (len >= 8 && reply[1] == AP_MSG_ERROR) {
		if (len != 8 || !reply[4])
			die("an error that is none");
		errors++;
	} else if (len >= 16 && reply[1] == 0x80) {
		if (ap_msg_get(reply + 2, 2) != len || reply[4] || msg_sent[1] != 0x50)
			die("a reply of type 80 that is none");
		type80++;
	} else {
		if (!ap_msg_parse(&p, AP_MSG_REPLY, reply, len))
			die("a reply that is no message");
		if (p.op != ap_msg_get(msg_sent + 2, 2) || p.param)
			die("a reply to something else");
		if (p.status > AP_MSG_FAILED || (p.status && len != AP_MSG_HEADER_SIZE))
			die("an error with something in it");
		if (p.status)
			refused++;
		else
			done++;
	}
}

static void one_input(void)
{
	static const uint32_t modes[] = { AP_FAC_ACCEL | AP_FAC_MEX4K | AP_FAC_CRT4K, AP_FAC_ACCEL,
					  AP_FAC_CCA, AP_FAC_EP11, 0 };
	static struct seed changed;
	size_t size = below(3) ? ROOM : AP_MSG_REPLY_MIN + below(512), len;
	uint8_t *msg_sent;

	inputs++;
	changed = seeds[below(nr_seeds)];
	for (uint32_t n = below(4); n; n--)
		change(&changed);
	if (!below(50))
		for (size_t i = 0; i < changed.len; i++)
			changed.data[i] = (uint8_t)draw();
	msg_sent = request_end - changed.len;
	memcpy(msg_sent, changed.data, changed.len);
	len = hw_message(modes[below(changed.data[1] == 0x50 ? 3 : 5)], msg_sent, changed.len,
			 reply_end - size, size);
	check_reply(changed.data, reply_end - size, len, size);
}

static uint8_t *make_guard(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *room =
		mmap(NULL, ROOM + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED || mprotect(room + ROOM, page, PROT_NONE))
		die("no memory");
	return room + ROOM;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 10, end_at;

	seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	random_state = seed * 0x9e3779b97f4a7c15 + 1;
	printf("ap_message_fuzz: seed %llu, %.0f seconds\n", (unsigned long long)seed, seconds);
	fflush(stdout);
	request_end = make_guard();
	reply_end = make_guard();
	make_key();
	make_seeds();
	end_at = now() + seconds;
	while (now() < end_at)
		for (unsigned int i = 0; i < 20; i++)
			one_input();
	printf("ap_message_fuzz: %lu inputs: %lu done, %lu refused, %lu of type 80, %lu errors\n",
	       inputs, done, refused, type80, errors);
	if (!done || !refused || !errors || !type80)
		die("not all was tried");
	return 0;
}
