/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What adapters answer, with OpenSSL's own high-level functions as the judge: keys come from
 * there, and signatures and secrets go back.
 */
#include "cmocka_umdev.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <umdev/ap_message.h>

#include "../../drivers/ap/hw_machine.h"

#define ROOM 12288

/** struct talk - a request and what came of it; @fac: of the adapter */
static struct {
	uint32_t fac;
	uint8_t request[ROOM];
	struct ap_msg msg;
	uint8_t reply[ROOM];
	size_t len;
	struct ap_msg_parsed parsed;
} talk;

static void begin(unsigned int op, uint32_t param)
{
	talk.fac = AP_FAC_CCA;
	ap_msg_begin(&talk.msg, talk.request, ROOM, AP_MSG_REQUEST, op, 0, param);
}

static void field(enum ap_msg_field tag, const void *data, size_t len)
{
	ap_msg_add(&talk.msg, tag, data, len);
	assert_false(talk.msg.full);
}

static enum ap_msg_status ask(void)
{
	talk.len = hw_message(talk.fac, talk.request, talk.msg.len, talk.reply, ROOM);
	assert_true(ap_msg_parse(&talk.parsed, AP_MSG_REPLY, talk.reply, talk.len));
	assert_int_equal(talk.parsed.op, ap_msg_get(talk.request + 2, 2));
	if (talk.parsed.status)
		assert_int_equal(talk.len, AP_MSG_HEADER_SIZE);
	return talk.parsed.status;
}

static const struct ap_msg_value *got(enum ap_msg_field tag)
{
	assert_non_null(talk.parsed.field[tag].data);
	return &talk.parsed.field[tag];
}

/* ---- RSA ---- */

/** struct rsa - a key made by OpenSSL, its numbers padded as they are in messages */
static struct rsa {
	EVP_PKEY *key;
	size_t len;
	uint8_t n[AP_MSG_RSA_MAX], d[AP_MSG_RSA_MAX], e[4];
	uint8_t part[5][AP_MSG_RSA_MAX / 2]; /* p, q, dp, dq, 1 / q */
} rsa;

static void get_number(EVP_PKEY *key, const char *name, uint8_t *to, size_t len)
{
	BIGNUM *n = NULL;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	assert_int_equal(BN_bn2binpad(n, to, (int)len), len);
	BN_clear_free(n);
}

static void make_rsa(unsigned int bits)
{
	static const char *const names[] = {
		OSSL_PKEY_PARAM_RSA_FACTOR1,	  OSSL_PKEY_PARAM_RSA_FACTOR2,
		OSSL_PKEY_PARAM_RSA_EXPONENT1,	  OSSL_PKEY_PARAM_RSA_EXPONENT2,
		OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
	};

	rsa.key = EVP_RSA_gen(bits);
	assert_non_null(rsa.key);
	rsa.len = bits / 8;
	get_number(rsa.key, OSSL_PKEY_PARAM_RSA_N, rsa.n, rsa.len);
	get_number(rsa.key, OSSL_PKEY_PARAM_RSA_D, rsa.d, rsa.len);
	get_number(rsa.key, OSSL_PKEY_PARAM_RSA_E, rsa.e, sizeof(rsa.e));
	for (unsigned int i = 0; i < 5; i++)
		get_number(rsa.key, names[i], rsa.part[i], rsa.len / 2);
}

static int drop_rsa(void **state)
{
	EVP_PKEY_free(rsa.key);
	rsa.key = NULL;
	return 0;
}

/* Encrypt without padding, by the judge. */
static void encrypt(const uint8_t *plain, uint8_t *secret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa.key, NULL);
	size_t len = rsa.len;

	assert_int_equal(EVP_PKEY_encrypt_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING), 1);
	assert_int_equal(EVP_PKEY_encrypt(ctx, secret, &len, plain, rsa.len), 1);
	EVP_PKEY_CTX_free(ctx);
}

static void fill(uint8_t *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)(i * 7 + 1);
}

static void modexp_is_rsa(void **state)
{
	uint8_t plain[AP_MSG_RSA_MAX], secret[AP_MSG_RSA_MAX];

	make_rsa(1024);
	fill(plain, rsa.len);
	encrypt(plain, secret);
	begin(AP_MSG_OP_RSA_MODEXP, 0);
	talk.fac = AP_FAC_ACCEL;
	field(AP_MSG_FIELD_DATA, secret, rsa.len);
	field(AP_MSG_FIELD_MODULUS, rsa.n, rsa.len);
	field(AP_MSG_FIELD_EXPONENT, rsa.d, rsa.len);
	assert_int_equal(ask(), AP_MSG_OK);
	assert_int_equal(got(AP_MSG_FIELD_DATA)->len, rsa.len);
	assert_memory_equal(got(AP_MSG_FIELD_DATA)->data, plain, rsa.len);
}

static void crt_is_the_same(void **state)
{
	uint8_t plain[AP_MSG_RSA_MAX], secret[AP_MSG_RSA_MAX];

	make_rsa(2048);
	fill(plain, rsa.len);
	encrypt(plain, secret);
	begin(AP_MSG_OP_RSA_CRT, 0);
	for (unsigned int i = 0; i < 5; i++)
		field(AP_MSG_FIELD_P + i, rsa.part[i], rsa.len / 2);
	field(AP_MSG_FIELD_DATA, secret, rsa.len);
	assert_int_equal(ask(), AP_MSG_OK);
	assert_memory_equal(got(AP_MSG_FIELD_DATA)->data, plain, rsa.len);
}

static int judge_rsa(const EVP_MD *hash, const uint8_t *digest, const struct ap_msg_value *sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(rsa.key, NULL);
	int good;

	EVP_PKEY_verify_init(ctx);
	EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
	EVP_PKEY_CTX_set_signature_md(ctx, hash);
	good = EVP_PKEY_verify(ctx, sig->data, sig->len, digest, (size_t)EVP_MD_get_size(hash));
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static enum ap_msg_status ask_verify(uint8_t *digest, size_t size, uint8_t *sig, size_t len)
{
	begin(AP_MSG_OP_RSA_VERIFY, (uint32_t)size * 8);
	field(AP_MSG_FIELD_MODULUS, rsa.n, rsa.len);
	field(AP_MSG_FIELD_PUBLIC, rsa.e, sizeof(rsa.e));
	field(AP_MSG_FIELD_DIGEST, digest, size);
	field(AP_MSG_FIELD_SIGNATURE, sig, len);
	return ask();
}

static void rsa_signature_is_that_of_the_key(void **state)
{
	uint8_t digest[64], sig[AP_MSG_RSA_MAX];
	size_t len;

	make_rsa(1024);
	for (size_t size = 32; size <= 64; size += 16) {
		fill(digest, size);
		begin(AP_MSG_OP_RSA_SIGN, (uint32_t)size * 8);
		talk.fac = AP_FAC_ACCEL;
		field(AP_MSG_FIELD_MODULUS, rsa.n, rsa.len);
		field(AP_MSG_FIELD_PUBLIC, rsa.e, sizeof(rsa.e));
		field(AP_MSG_FIELD_EXPONENT, rsa.d, rsa.len);
		field(AP_MSG_FIELD_DIGEST, digest, size);
		assert_int_equal(ask(), AP_MSG_OK);
		len = got(AP_MSG_FIELD_SIGNATURE)->len;
		assert_int_equal(judge_rsa(size == 32	? EVP_sha256()
					   : size == 48 ? EVP_sha384()
							: EVP_sha512(),
					   digest, got(AP_MSG_FIELD_SIGNATURE)),
				 1);
		memcpy(sig, got(AP_MSG_FIELD_SIGNATURE)->data, len);
		assert_int_equal(ask_verify(digest, size, sig, len), AP_MSG_OK);
		sig[len - 1] ^= 1;
		assert_int_equal(ask_verify(digest, size, sig, len), AP_MSG_BAD_SIGNATURE);
		sig[len - 1] ^= 1;
		digest[0] ^= 1;
		assert_int_equal(ask_verify(digest, size, sig, len), AP_MSG_BAD_SIGNATURE);
		assert_int_equal(ask_verify(digest, size, sig, 0), AP_MSG_BAD_SIGNATURE);
	}
}

static enum ap_msg_status modexp(const char *n, size_t nlen, const char *e, size_t elen,
				 const char *x, size_t xlen)
{
	begin(AP_MSG_OP_RSA_MODEXP, 0);
	field(AP_MSG_FIELD_MODULUS, n, nlen);
	field(AP_MSG_FIELD_EXPONENT, e, elen);
	field(AP_MSG_FIELD_DATA, x, xlen);
	return ask();
}

static void numbers_that_make_no_key_are_refused(void **state)
{
	static const char zeros[AP_MSG_RSA_MAX + 1];

	assert_int_equal(modexp("\x0f", 1, "\3", 1, "\2", 1), AP_MSG_OK);
	assert_int_equal(got(AP_MSG_FIELD_DATA)->data[0], 8);
	assert_int_equal(modexp("\0\0\x0f", 3, "", 0, "\2", 1), AP_MSG_OK);
	assert_memory_equal(got(AP_MSG_FIELD_DATA)->data, "\0\0\1", 3);
	assert_int_equal(modexp("", 0, "\3", 1, "\2", 1), AP_MSG_KEY);
	assert_int_equal(modexp("\1", 1, "\3", 1, "", 0), AP_MSG_KEY);
	assert_int_equal(modexp("\x10", 1, "\3", 1, "\2", 1), AP_MSG_KEY);
	assert_int_equal(modexp("\x0f", 1, "\3", 1, "\x0f", 1), AP_MSG_DATA);
	assert_int_equal(modexp(zeros, sizeof(zeros), "\3", 1, "\2", 1), AP_MSG_KEY);
	assert_int_equal(modexp("\x0f", 1, zeros, sizeof(zeros), "\2", 1), AP_MSG_KEY);
	assert_int_equal(modexp("\x0f", 1, "\3", 1, zeros, sizeof(zeros)), AP_MSG_DATA);
}

/* ---- elliptic curves ---- */

static EVP_PKEY *judge_point(const char *group, const struct ap_msg_value *point)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t encoded[97] = { 4 };
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)group, strlen(group)),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, point->len + 1),
		OSSL_PARAM_END,
	};
	EVP_PKEY *key = NULL;

	memcpy(encoded + 1, point->data, point->len);
	EVP_PKEY_fromdata_init(ctx);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static int judge_ecdsa(EVP_PKEY *key, const uint8_t *digest, size_t size,
		       const struct ap_msg_value *sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	ECDSA_SIG *pair = ECDSA_SIG_new();
	int half = (int)sig->len / 2, len, good;
	unsigned char *der = NULL;

	ECDSA_SIG_set0(pair, BN_bin2bn(sig->data, half, NULL),
		       BN_bin2bn(sig->data + half, half, NULL));
	len = i2d_ECDSA_SIG(pair, &der);
	EVP_PKEY_verify_init(ctx);
	good = EVP_PKEY_verify(ctx, der, (size_t)len, digest, size);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static const struct {
	uint32_t bits;
	const char *group;
} curves[] = { { AP_MSG_P256, "P-256" }, { AP_MSG_P384, "P-384" } };

static void ecdsa_signature_is_that_of_the_key(void **state)
{
	uint8_t key[48], point[96], digest[32], sig[96];
	size_t len;

	for (unsigned int i = 0; i < 2; i++) {
		EVP_PKEY *judge;

		len = curves[i].bits / 8;
		begin(AP_MSG_OP_EC_GENERATE, curves[i].bits);
		assert_int_equal(ask(), AP_MSG_OK);
		assert_int_equal(got(AP_MSG_FIELD_KEY)->len, len);
		memcpy(key, got(AP_MSG_FIELD_KEY)->data, len);
		memcpy(point, got(AP_MSG_FIELD_POINT)->data, 2 * len);
		judge = judge_point(curves[i].group, got(AP_MSG_FIELD_POINT));
		fill(digest, sizeof(digest));
		begin(AP_MSG_OP_ECDSA_SIGN, curves[i].bits);
		talk.fac = AP_FAC_EP11;
		field(AP_MSG_FIELD_KEY, key, len);
		field(AP_MSG_FIELD_DIGEST, digest, sizeof(digest));
		assert_int_equal(ask(), AP_MSG_OK);
		assert_int_equal(got(AP_MSG_FIELD_SIGNATURE)->len, 2 * len);
		assert_int_equal(
			judge_ecdsa(judge, digest, sizeof(digest), got(AP_MSG_FIELD_SIGNATURE)), 1);
		EVP_PKEY_free(judge);
		memcpy(sig, got(AP_MSG_FIELD_SIGNATURE)->data, 2 * len);
		for (unsigned int wrong = 0; wrong < 2; wrong++) {
			digest[5] ^= wrong;
			begin(AP_MSG_OP_ECDSA_VERIFY, curves[i].bits);
			field(AP_MSG_FIELD_POINT, point, 2 * len);
			field(AP_MSG_FIELD_DIGEST, digest, sizeof(digest));
			field(AP_MSG_FIELD_SIGNATURE, sig, 2 * len);
			assert_int_equal(ask(), wrong ? AP_MSG_BAD_SIGNATURE : AP_MSG_OK);
		}
	}
}

static void ecdh_agrees(void **state)
{
	for (unsigned int i = 0; i < 2; i++) {
		size_t len = curves[i].bits / 8, secret_len = len;
		EVP_PKEY *mine = EVP_EC_gen(curves[i].group), *theirs;
		uint8_t key[48], point[96], secret[48];
		EVP_PKEY_CTX *ctx;

		get_number(mine, OSSL_PKEY_PARAM_PRIV_KEY, key, len);
		begin(AP_MSG_OP_EC_PUBLIC, curves[i].bits);
		field(AP_MSG_FIELD_KEY, key, len);
		assert_int_equal(ask(), AP_MSG_OK);
		get_number(mine, OSSL_PKEY_PARAM_EC_PUB_X, point, len);
		get_number(mine, OSSL_PKEY_PARAM_EC_PUB_Y, point + len, len);
		assert_memory_equal(got(AP_MSG_FIELD_POINT)->data, point, 2 * len);
		begin(AP_MSG_OP_EC_GENERATE, curves[i].bits);
		assert_int_equal(ask(), AP_MSG_OK);
		theirs = judge_point(curves[i].group, got(AP_MSG_FIELD_POINT));
		ctx = EVP_PKEY_CTX_new(mine, NULL);
		EVP_PKEY_derive_init(ctx);
		assert_int_equal(EVP_PKEY_derive_set_peer(ctx, theirs), 1);
		assert_int_equal(EVP_PKEY_derive(ctx, secret, &secret_len), 1);
		EVP_PKEY_CTX_free(ctx);
		memcpy(key, got(AP_MSG_FIELD_KEY)->data, len);
		begin(AP_MSG_OP_ECDH, curves[i].bits);
		field(AP_MSG_FIELD_KEY, key, len);
		field(AP_MSG_FIELD_POINT, point, 2 * len);
		assert_int_equal(ask(), AP_MSG_OK);
		assert_int_equal(got(AP_MSG_FIELD_DATA)->len, len);
		assert_memory_equal(got(AP_MSG_FIELD_DATA)->data, secret, len);
		EVP_PKEY_free(mine);
		EVP_PKEY_free(theirs);
	}
}

static void points_and_numbers_off_the_curve_are_refused(void **state)
{
	uint8_t key[32] = { [31] = 5 }, zeros[64] = { 0 }, ones[64];

	memset(ones, 0xff, sizeof(ones));
	begin(AP_MSG_OP_ECDH, AP_MSG_P256);
	field(AP_MSG_FIELD_KEY, key, 32);
	field(AP_MSG_FIELD_POINT, zeros, 64);
	assert_int_equal(ask(), AP_MSG_KEY);
	begin(AP_MSG_OP_ECDH, AP_MSG_P256);
	field(AP_MSG_FIELD_KEY, key, 32);
	field(AP_MSG_FIELD_POINT, ones, 64);
	assert_int_equal(ask(), AP_MSG_KEY);
	begin(AP_MSG_OP_ECDSA_SIGN, AP_MSG_P256);
	field(AP_MSG_FIELD_KEY, zeros, 32);
	field(AP_MSG_FIELD_DIGEST, ones, 32);
	assert_int_equal(ask(), AP_MSG_KEY);
	begin(AP_MSG_OP_EC_PUBLIC, AP_MSG_P256);
	field(AP_MSG_FIELD_KEY, ones, 32);
	assert_int_equal(ask(), AP_MSG_KEY);
	begin(AP_MSG_OP_EC_PUBLIC, AP_MSG_P256);
	field(AP_MSG_FIELD_KEY, ones, 31);
	assert_int_equal(ask(), AP_MSG_KEY);
	begin(AP_MSG_OP_EC_PUBLIC, 521);
	field(AP_MSG_FIELD_KEY, ones, 31);
	assert_int_equal(ask(), AP_MSG_PARAM);
}

/* ---- what is no request ---- */

static void assert_error(size_t len, uint8_t code)
{
	talk.len = hw_message(talk.fac, talk.request, len, talk.reply, ROOM);
	assert_int_equal(talk.len, 8);
	assert_int_equal(talk.reply[1], AP_MSG_ERROR);
	assert_int_equal(talk.reply[4], code);
}

static void accelerator_does_rsa_alone(void **state)
{
	begin(AP_MSG_OP_RANDOM, 8);
	talk.fac = AP_FAC_ACCEL;
	assert_int_equal(ask(), AP_MSG_UNSUPPORTED);
	begin(AP_MSG_OP_EC_GENERATE, AP_MSG_P256);
	talk.fac = AP_FAC_ACCEL;
	assert_int_equal(ask(), AP_MSG_UNSUPPORTED);
	begin(AP_MSG_OP_ECDH + 1, 0);
	assert_int_equal(ask(), AP_MSG_UNSUPPORTED);
	begin(0xffff, 0);
	assert_int_equal(ask(), AP_MSG_UNSUPPORTED);
}

static void fields_have_to_be_those_of_the_operation(void **state)
{
	begin(AP_MSG_OP_RANDOM, 8);
	field(AP_MSG_FIELD_DATA, "", 0);
	assert_int_equal(ask(), AP_MSG_MALFORMED);
	begin(AP_MSG_OP_EC_PUBLIC, AP_MSG_P256);
	assert_int_equal(ask(), AP_MSG_MALFORMED);
	begin(AP_MSG_OP_EC_PUBLIC, AP_MSG_P256);
	field(AP_MSG_FIELD_KEY, "1", 1);
	field(AP_MSG_FIELD_KEY, "1", 1);
	assert_int_equal(ask(), AP_MSG_MALFORMED);
	begin(AP_MSG_OP_RANDOM, 8);
	field(AP_MSG_FIELD_LAST + 1, "", 0);
	assert_int_equal(ask(), AP_MSG_MALFORMED);
	begin(AP_MSG_OP_RANDOM, 8);
	talk.request[11] = 1; /* its status */
	assert_int_equal(ask(), AP_MSG_MALFORMED);
	begin(AP_MSG_OP_RANDOM, 8);
	talk.request[7]++; /* its length */
	assert_int_equal(ask(), AP_MSG_MALFORMED);
	begin(AP_MSG_OP_EC_PUBLIC, AP_MSG_P256);
	field(AP_MSG_FIELD_KEY, "1", 1);
	talk.request[AP_MSG_HEADER_SIZE + 3] = 2; /* the field's length */
	assert_int_equal(ask(), AP_MSG_MALFORMED);
}

static void random_fits_or_is_refused(void **state)
{
	size_t most = ROOM - AP_MSG_HEADER_SIZE - AP_MSG_FIELD_SIZE;

	begin(AP_MSG_OP_RANDOM, (uint32_t)most);
	assert_int_equal(ask(), AP_MSG_OK);
	assert_int_equal(got(AP_MSG_FIELD_DATA)->len, most);
	begin(AP_MSG_OP_RANDOM, (uint32_t)most + 1);
	assert_int_equal(ask(), AP_MSG_PARAM);
	begin(AP_MSG_OP_RANDOM, 0);
	assert_int_equal(ask(), AP_MSG_PARAM);
	begin(AP_MSG_OP_RANDOM, 0xffffffff);
	assert_int_equal(ask(), AP_MSG_PARAM);
}

static void unknown_bytes_are_answered_as_adapters_do(void **state)
{
	begin(AP_MSG_OP_RANDOM, 8);
	assert_error(15, AP_MSG_ERROR_MESSAGE_TYPE);
	assert_error(0, AP_MSG_ERROR_MESSAGE_TYPE);
	talk.request[1] = 6;
	assert_error(16, AP_MSG_ERROR_MESSAGE_TYPE);
	talk.request[1] = 0x50;
	assert_error(16, AP_MSG_ERROR_MESSAGE_TYPE);
}

/* ---- type 50 ---- */

static uint8_t *begin_type50(unsigned int kind, size_t len)
{
	memset(talk.request, 0, ROOM);
	talk.fac = AP_FAC_ACCEL | AP_FAC_MEX4K | AP_FAC_CRT4K;
	talk.request[1] = 0x50;
	ap_msg_put(talk.request + 2, 2, (uint32_t)len);
	ap_msg_put(talk.request + 8, 2, kind);
	talk.msg.len = len;
	return talk.request + 16;
}

/* An operand at the end of its field. Return: the next field. */
static uint8_t *operand(uint8_t *to, size_t room, const uint8_t *data, size_t len)
{
	memcpy(to + room - len, data, len);
	return to + room;
}

static void assert_type80(size_t size, const uint8_t *plain, size_t len)
{
	talk.len = hw_message(talk.fac, talk.request, talk.msg.len, talk.reply, ROOM);
	assert_int_equal(talk.len, 16 + size);
	assert_memory_equal(talk.reply, "\0\x80", 2);
	assert_int_equal(ap_msg_get(talk.reply + 2, 2), 16 + size);
	assert_int_equal(talk.reply[4], 0);
	assert_memory_equal(talk.reply + 16 + size - len, plain, len);
}

/* Each kind of key block with the longest key for it, and one that is shorter. */
static void type50_is_rsa(void **state)
{
	static const unsigned int bits[] = { 1024, 768, 2048, 4096 }, kinds[] = { 1, 1, 2, 3 };
	uint8_t plain[AP_MSG_RSA_MAX], secret[AP_MSG_RSA_MAX], *to;

	for (unsigned int i = 0; i < ARRAY_SIZE(bits); i++) {
		size_t size = (size_t)64 << kinds[i];

		make_rsa(bits[i]);
		fill(plain, rsa.len);
		plain[0] = 0;
		encrypt(plain, secret);
		to = begin_type50(kinds[i], 16 + 3 * size);
		to = operand(to, size, rsa.d, rsa.len);
		to = operand(to, size, rsa.n, rsa.len);
		operand(to, size, secret, rsa.len);
		assert_type80(size, plain, rsa.len);
		to = begin_type50(kinds[i] | 0x10, 16 + 5 * size / 2 + size);
		for (unsigned int j = 0; j < 5; j++)
			to = operand(to, size / 2, rsa.part[j], rsa.len / 2);
		operand(to, size, secret, rsa.len);
		assert_type80(size, plain, rsa.len);
		drop_rsa(NULL);
	}
}

static void wrong_type50_is_an_error(void **state)
{
	uint8_t *to = begin_type50(1, 16 + 384);

	assert_error(16 + 384, AP_MSG_ERROR_EVEN_MODULUS);
	to[255] = 15;
	to[383] = 15;
	assert_error(16 + 384, AP_MSG_ERROR_OPERAND);
	to[383] = 14;
	talk.len = hw_message(talk.fac, talk.request, talk.msg.len, talk.reply, ROOM);
	assert_int_equal(talk.len, 16 + 128);
	assert_error(16 + 383, AP_MSG_ERROR_INVALID_LENGTH);
	assert_error(2, AP_MSG_ERROR_INVALID_LENGTH);
	talk.request[9] = 2;
	assert_error(16 + 384, AP_MSG_ERROR_INVALID_LENGTH);
	talk.request[9] = 4;
	assert_error(16 + 384, AP_MSG_ERROR_FORMAT_FIELD);
	talk.request[9] = 0x10;
	assert_error(16 + 384, AP_MSG_ERROR_FORMAT_FIELD);
	talk.request[9] = 1;
	talk.request[14] = 1;
	assert_error(16 + 384, AP_MSG_ERROR_RESERVED_FIELD);
	begin_type50(3, 16 + 1536);
	talk.fac = AP_FAC_ACCEL;
	assert_error(16 + 1536, AP_MSG_ERROR_FORMAT_FIELD);
	talk.fac = AP_FAC_CCA;
	assert_error(16 + 1536, AP_MSG_ERROR_MESSAGE_TYPE);
}

#define T(name) cmocka_unit_test_teardown(name, drop_rsa)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(modexp_is_rsa),
		T(crt_is_the_same),
		T(rsa_signature_is_that_of_the_key),
		T(numbers_that_make_no_key_are_refused),
		T(ecdsa_signature_is_that_of_the_key),
		T(ecdh_agrees),
		T(points_and_numbers_off_the_curve_are_refused),
		T(accelerator_does_rsa_alone),
		T(fields_have_to_be_those_of_the_operation),
		T(random_fits_or_is_refused),
		T(unknown_bytes_are_answered_as_adapters_do),
		T(type50_is_rsa),
		T(wrong_type50_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
