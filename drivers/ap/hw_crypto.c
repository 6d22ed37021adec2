/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers: random ones, and powers modulo something. */
#include <openssl/bn.h>
#include <openssl/rand.h>

#include "hw_crypto.h"

#define PRIME_MAX (AP_MSG_RSA_MAX / 2)

enum ap_msg_status hw_random(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	uint8_t *to;

	if (!in->param)
		return AP_MSG_PARAM;
	to = ap_msg_room(out, AP_MSG_FIELD_DATA, in->param);
	if (!to)
		return AP_MSG_PARAM;
	return RAND_bytes(to, (int)in->param) == 1 ? AP_MSG_OK : AP_MSG_FAILED;
}

/* A number of the context's, which ends with it. */
static BIGNUM *number(BN_CTX *ctx, const struct ap_msg_value *value)
{
	BIGNUM *n = BN_CTX_get(ctx);

	return n ? BN_bin2bn(value->data, (int)value->len, n) : NULL;
}

static bool is_modulus(const BIGNUM *n)
{
	return BN_is_odd(n) && !BN_is_one(n);
}

static enum ap_msg_status modexp(BN_CTX *ctx, const struct ap_msg_value *modulus,
				 const struct ap_msg_value *exponent,
				 const struct ap_msg_value *data, uint8_t *out, size_t len)
{
	BIGNUM *n = number(ctx, modulus), *e = number(ctx, exponent), *x = number(ctx, data);
	BIGNUM *y = BN_CTX_get(ctx);

	if (!n || !e || !x || !y)
		return AP_MSG_FAILED;
	if (!is_modulus(n))
		return AP_MSG_KEY;
	if (BN_cmp(x, n) >= 0)
		return AP_MSG_DATA;
	if (!BN_mod_exp_mont_consttime(y, x, e, n, ctx, NULL))
		return AP_MSG_FAILED;
	return BN_bn2binpad(y, out, (int)len) < 0 ? AP_MSG_FAILED : AP_MSG_OK;
}

enum ap_msg_status hw_modexp(const struct ap_msg_value *modulus,
			     const struct ap_msg_value *exponent, const struct ap_msg_value *data,
			     uint8_t *out, size_t len)
{
	enum ap_msg_status status;
	BN_CTX *ctx;

	if (modulus->len > AP_MSG_RSA_MAX || exponent->len > AP_MSG_RSA_MAX)
		return AP_MSG_KEY;
	if (data->len > AP_MSG_RSA_MAX)
		return AP_MSG_DATA;
	/* Its numbers are wiped when it goes. */
	ctx = BN_CTX_secure_new();
	if (!ctx)
		return AP_MSG_FAILED;
	BN_CTX_start(ctx);
	status = modexp(ctx, modulus, exponent, data, out, len);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return status;
}

/* x to the power of d modulo the prime. */
static BIGNUM *half(BN_CTX *ctx, const BIGNUM *x, const BIGNUM *d, const BIGNUM *prime)
{
	BIGNUM *rest = BN_CTX_get(ctx), *y = BN_CTX_get(ctx);

	if (!y || !BN_nnmod(rest, x, prime, ctx) ||
	    !BN_mod_exp_mont_consttime(y, rest, d, prime, ctx, NULL))
		return NULL;
	return y;
}

/* From the two halves to the whole: m2 + q * ((m1 - m2) * qinv mod p). */
static BIGNUM *join(BN_CTX *ctx, const BIGNUM *m1, const BIGNUM *m2, const BIGNUM *p,
		    const BIGNUM *q, const BIGNUM *qinv)
{
	BIGNUM *h = BN_CTX_get(ctx), *y = BN_CTX_get(ctx);

	if (!y || !BN_mod_sub(h, m1, m2, p, ctx) || !BN_mod_mul(h, h, qinv, p, ctx) ||
	    !BN_mul(y, h, q, ctx) || !BN_add(y, y, m2))
		return NULL;
	return y;
}

static enum ap_msg_status crt(BN_CTX *ctx, const struct hw_crt *key,
			      const struct ap_msg_value *data, uint8_t *out, size_t len)
{
	BIGNUM *p = number(ctx, &key->p), *q = number(ctx, &key->q), *dp = number(ctx, &key->dp);
	BIGNUM *dq = number(ctx, &key->dq), *qinv = number(ctx, &key->qinv);
	BIGNUM *x = number(ctx, data), *n = BN_CTX_get(ctx), *m1, *m2, *y;

	if (!p || !q || !dp || !dq || !qinv || !x || !n || !BN_mul(n, p, q, ctx))
		return AP_MSG_FAILED;
	if (!is_modulus(p) || !is_modulus(q))
		return AP_MSG_KEY;
	if (BN_cmp(x, n) >= 0)
		return AP_MSG_DATA;
	m1 = half(ctx, x, dp, p);
	m2 = half(ctx, x, dq, q);
	y = m1 && m2 ? join(ctx, m1, m2, p, q, qinv) : NULL;
	return y && BN_bn2binpad(y, out, (int)len) >= 0 ? AP_MSG_OK : AP_MSG_FAILED;
}

enum ap_msg_status hw_crt(const struct hw_crt *key, const struct ap_msg_value *data, uint8_t *out,
			  size_t len)
{
	enum ap_msg_status status;
	BN_CTX *ctx;

	if (key->p.len > PRIME_MAX || key->q.len > PRIME_MAX || key->dp.len > PRIME_MAX ||
	    key->dq.len > PRIME_MAX || key->qinv.len > PRIME_MAX)
		return AP_MSG_KEY;
	if (data->len > AP_MSG_RSA_MAX)
		return AP_MSG_DATA;
	ctx = BN_CTX_secure_new();
	if (!ctx)
		return AP_MSG_FAILED;
	BN_CTX_start(ctx);
	status = crt(ctx, key, data, out, len);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return status;
}
