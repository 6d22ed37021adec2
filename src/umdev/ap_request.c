/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <umdev/ap_message.h>

#include "umdev/ap_request.h"
#include "umdev/cli.h"

#define RANDOM_BYTES 32
#define RANDOM_MAX   (AP_REPLY_SIZE - AP_MSG_HEADER_SIZE - AP_MSG_FIELD_SIZE)
#define RSA_BITS     2048
#define RSA_BITS_MIN 512
#define RSA_BITS_MAX (8 * AP_MSG_RSA_MAX)
#define CURVE	     "P-256"

static int say_no_crypto(void)
{
	return cli_fail("OpenSSL can't make a key");
}

static void begin(struct ap_request *req, struct ap_msg *m, unsigned int op, unsigned int param)
{
	ap_msg_begin(m, req->msg, sizeof(req->msg), AP_MSG_REQUEST, op, 0, param);
}

static void end(struct ap_request *req, const struct ap_msg *m)
{
	req->len = m->len;
}

static int parse_size(const char *kind, const char *arg, unsigned int min, unsigned int max,
		      unsigned int *size)
{
	unsigned long value;
	char *rest;

	if (!arg)
		return 0;
	value = strtoul(arg, &rest, 0);
	if (*arg < '0' || *arg > '9' || *rest || value < min || value > max) {
		cli_fail("%s \"%s\": a number from %u to %u is expected", kind, arg, min, max);
		return EXIT_USAGE;
	}
	*size = (unsigned int)value;
	return 0;
}

/* A number of the key's, of @len bytes, as a field of the request. Return: false: there is none. */
static bool add_number(const struct ap_request *req, struct ap_msg *m, enum ap_msg_field tag,
		       const char *name, size_t len)
{
	BIGNUM *bn = NULL;
	uint8_t *at;
	bool ok;

	if (!EVP_PKEY_get_bn_param(req->key, name, &bn))
		return false;
	at = ap_msg_room(m, tag, len ? len : (size_t)BN_num_bytes(bn));
	ok = at && BN_bn2binpad(bn, at, len ? (int)len : BN_num_bytes(bn)) >= 0;
	BN_clear_free(bn);
	return ok;
}

static bool add_digest(struct ap_request *req, struct ap_msg *m)
{
	if (RAND_bytes(req->digest, sizeof(req->digest)) != 1)
		return false;
	ap_msg_add(m, AP_MSG_FIELD_DIGEST, req->digest, sizeof(req->digest));
	return !m->full;
}

static void add_hex(struct json_object *result, const char *key, const struct ap_msg_value *value)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * value->len + 1);

	if (!text)
		return;
	for (size_t i = 0; i < value->len; i++) {
		text[2 * i] = digits[value->data[i] >> 4];
		text[2 * i + 1] = digits[value->data[i] & 15];
	}
	text[2 * value->len] = '\0';
	json_add_text(result, key, text);
	free(text);
}

/* The only field that the reply may have. Return: false: it has none, or others. */
static bool get_answer(const uint8_t *reply, size_t len, enum ap_msg_field tag,
		       struct ap_msg_value *answer)
{
	struct ap_msg_parsed p;
	int nr = 0;

	if (!ap_msg_parse(&p, AP_MSG_REPLY, reply, len))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(p.field); i++)
		nr += p.field[i].data != NULL;
	*answer = p.field[tag];
	return nr == 1 && answer->data;
}

/* ---- random numbers ---- */

static int random_make(struct ap_request *req, const char *arg)
{
	struct ap_msg m;
	int status;

	req->size = RANDOM_BYTES;
	status = parse_size("random", arg, 1, RANDOM_MAX, &req->size);
	if (status)
		return status;
	snprintf(req->text, sizeof(req->text), "random %u", req->size);
	begin(req, &m, AP_MSG_OP_RANDOM, req->size);
	end(req, &m);
	return 0;
}

static bool random_judge(const struct ap_request *req, const uint8_t *reply, size_t len,
			 struct json_object *result)
{
	struct ap_msg_value answer;

	if (!get_answer(reply, len, AP_MSG_FIELD_DATA, &answer))
		return false;
	add_hex(result, "answer", &answer);
	return answer.len == req->size;
}

/* ---- RSA ---- */

static bool rsa_fill(struct ap_request *req, struct ap_msg *m)
{
	return add_number(req, m, AP_MSG_FIELD_MODULUS, OSSL_PKEY_PARAM_RSA_N, 0) &&
	       add_number(req, m, AP_MSG_FIELD_PUBLIC, OSSL_PKEY_PARAM_RSA_E, 0) &&
	       add_number(req, m, AP_MSG_FIELD_EXPONENT, OSSL_PKEY_PARAM_RSA_D, 0) &&
	       add_digest(req, m);
}

static int rsa_make(struct ap_request *req, const char *arg)
{
	struct ap_msg m;
	int status;

	req->size = RSA_BITS;
	status = parse_size("rsa", arg, RSA_BITS_MIN, RSA_BITS_MAX, &req->size);
	if (status)
		return status;
	snprintf(req->text, sizeof(req->text), "rsa %u", req->size);
	req->key = EVP_RSA_gen(req->size);
	begin(req, &m, AP_MSG_OP_RSA_SIGN, AP_MSG_SHA256);
	if (!req->key || !rsa_fill(req, &m))
		return say_no_crypto();
	end(req, &m);
	return 0;
}

static bool verify(const struct ap_request *req, const uint8_t *signature, size_t len, bool is_rsa)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(req->key, NULL);
	bool ok = ctx && EVP_PKEY_verify_init(ctx) == 1;

	if (is_rsa)
		ok = ok && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1;
	ok = ok && EVP_PKEY_verify(ctx, signature, len, req->digest, sizeof(req->digest)) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

static bool rsa_judge(const struct ap_request *req, const uint8_t *reply, size_t len,
		      struct json_object *result)
{
	struct ap_msg_value answer;

	if (!get_answer(reply, len, AP_MSG_FIELD_SIGNATURE, &answer))
		return false;
	add_hex(result, "answer", &answer);
	return verify(req, answer.data, answer.len, true);
}

/* ---- elliptic curves ---- */

static int ecdsa_make(struct ap_request *req, const char *arg)
{
	const char *curve = arg ? arg : CURVE;
	struct ap_msg m;

	if (strcmp(curve, "P-256") && strcmp(curve, "P-384")) {
		cli_fail("ecdsa \"%s\": P-256 or P-384 is expected", curve);
		return EXIT_USAGE;
	}
	req->size = curve[2] == '2' ? AP_MSG_P256 : AP_MSG_P384;
	snprintf(req->text, sizeof(req->text), "ecdsa %s", curve);
	req->key = EVP_EC_gen(curve);
	begin(req, &m, AP_MSG_OP_ECDSA_SIGN, req->size);
	if (!req->key ||
	    !add_number(req, &m, AP_MSG_FIELD_KEY, OSSL_PKEY_PARAM_PRIV_KEY, req->size / 8) ||
	    !add_digest(req, &m))
		return say_no_crypto();
	end(req, &m);
	return 0;
}

/* r and s, half of @value each, as OpenSSL wants them. Return: their length, -1. */
static int encode_signature(const struct ap_msg_value *value, uint8_t **der)
{
	int half = (int)value->len / 2, len = -1;
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(value->data, half, NULL);
	BIGNUM *s = BN_bin2bn(value->data + half, half, NULL);

	*der = NULL;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
		/* They are its own now. */
		r = s = NULL;
		len = i2d_ECDSA_SIG(sig, der);
	}
	BN_free(s);
	BN_free(r);
	ECDSA_SIG_free(sig);
	return len;
}

static bool ecdsa_judge(const struct ap_request *req, const uint8_t *reply, size_t len,
			struct json_object *result)
{
	struct ap_msg_value answer;
	uint8_t *der;
	bool ok;
	int size;

	if (!get_answer(reply, len, AP_MSG_FIELD_SIGNATURE, &answer) ||
	    answer.len != 2 * req->size / 8)
		return false;
	add_hex(result, "answer", &answer);
	size = encode_signature(&answer, &der);
	ok = size > 0 && verify(req, der, (size_t)size, false);
	OPENSSL_free(der);
	return ok;
}

/* ---- all of them ---- */

static const struct ap_request_kind kinds[] = {
	{ "random", random_make, random_judge },
	{ "rsa", rsa_make, rsa_judge },
	{ "ecdsa", ecdsa_make, ecdsa_judge },
};

int ap_request_make(struct ap_request *req, int argc, char **argv)
{
	int status;

	memset(req, 0, sizeof(*req));
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && argc >= 1 && argc <= 2; i++)
		if (strcmp(argv[0], kinds[i].name) == 0)
			req->kind = &kinds[i];
	if (!req->kind) {
		cli_fail("\"" AP_REQUEST_ARGS "\" is expected");
		return EXIT_USAGE;
	}
	status = req->kind->make(req, argc > 1 ? argv[1] : NULL);
	if (status)
		ap_request_finish(req);
	return status;
}

void ap_request_finish(struct ap_request *req)
{
	EVP_PKEY_free(req->key);
	explicit_bzero(req, sizeof(*req));
}

/* Why the hardware did not do it, or NULL: it did. */
static const char *find_refusal(const uint8_t *reply, size_t len)
{
	static const char *const texts[] = {
		[AP_MSG_MALFORMED] = "the request is malformed",
		[AP_MSG_UNSUPPORTED] = "this adapter can't do that",
		[AP_MSG_PARAM] = "no such curve, or more than it can do",
		[AP_MSG_KEY] = "the key is none",
		[AP_MSG_DATA] = "the data don't fit the key",
		[AP_MSG_BAD_SIGNATURE] = "the signature is wrong",
		[AP_MSG_FAILED] = "the adapter has failed",
	};
	struct ap_msg_parsed p;

	if (!ap_msg_parse(&p, AP_MSG_REPLY, reply, len))
		return len > 1 && reply[1] == AP_MSG_ERROR ? "the adapter does not understand it"
							   : "the reply is malformed";
	if (p.status == AP_MSG_OK)
		return NULL;
	return p.status < ARRAY_SIZE(texts) ? texts[p.status] : "it does not say why";
}

bool ap_request_judge(const struct ap_request *req, const uint8_t *reply, size_t len,
		      struct json_object *result)
{
	const char *refusal = find_refusal(reply, len);
	bool ok;

	json_add_text(result, "request", req->text);
	if (refusal) {
		json_add_text(result, "refused", refusal);
		return false;
	}
	ok = req->kind->judge(req, reply, len, result);
	json_object_object_add(result, "verified", json_object_new_boolean(ok));
	return ok;
}
