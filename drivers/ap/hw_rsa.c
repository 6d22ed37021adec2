/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "hw_crypto.h"

enum ap_msg_status hw_rsa_modexp(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	const struct ap_msg_value *modulus = &in->field[AP_MSG_FIELD_MODULUS];
	uint8_t *to = ap_msg_room(out, AP_MSG_FIELD_DATA, modulus->len);

	/* A modulus that is too long for the reply is too long anyway. */
	if (!to)
		return AP_MSG_KEY;
	return hw_modexp(modulus, &in->field[AP_MSG_FIELD_EXPONENT], &in->field[AP_MSG_FIELD_DATA],
			 to, modulus->len);
}

enum ap_msg_status hw_rsa_crt(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	struct hw_crt key = {
		.p = in->field[AP_MSG_FIELD_P],
		.q = in->field[AP_MSG_FIELD_Q],
		.dp = in->field[AP_MSG_FIELD_DP],
		.dq = in->field[AP_MSG_FIELD_DQ],
		.qinv = in->field[AP_MSG_FIELD_QINV],
	};
	size_t len = key.p.len + key.q.len;
	uint8_t *to = ap_msg_room(out, AP_MSG_FIELD_DATA, len);

	if (!to)
		return AP_MSG_KEY;
	return hw_crt(&key, &in->field[AP_MSG_FIELD_DATA], to, len);
}

/* ---- signatures ---- */

static const EVP_MD *hash_of(const struct ap_msg_parsed *in)
{
	switch (in->param) {
	case AP_MSG_SHA256:
		return EVP_sha256();
	case AP_MSG_SHA384:
		return EVP_sha384();
	case AP_MSG_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

/* Zero cannot be had by this. */
static bool push(OSSL_PARAM_BLD *bld, BIGNUM **n, const char *name,
		 const struct ap_msg_value *value)
{
	*n = BN_bin2bn(value->data, (int)value->len, NULL);
	return *n && !BN_is_zero(*n) && OSSL_PARAM_BLD_push_BN(bld, name, *n);
}

static EVP_PKEY *key_from(OSSL_PARAM_BLD *bld)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *key = NULL;

	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* NULL: it is none. */
static EVP_PKEY *key_of(const struct ap_msg_parsed *in)
{
	const struct ap_msg_value *modulus = &in->field[AP_MSG_FIELD_MODULUS];
	const struct ap_msg_value *public = &in->field[AP_MSG_FIELD_PUBLIC];
	const struct ap_msg_value *private = &in->field[AP_MSG_FIELD_EXPONENT];
	BIGNUM *n = NULL, *e = NULL, *d = NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM_BLD *bld;

	if (modulus->len > AP_MSG_RSA_MAX || public->len > AP_MSG_RSA_MAX ||
	    private->len > AP_MSG_RSA_MAX)
		return NULL;
	bld = OSSL_PARAM_BLD_new();
	/* There is no key with an even number in it. */
	if (bld && push(bld, &n, OSSL_PKEY_PARAM_RSA_N, modulus) && BN_is_odd(n) && !BN_is_one(n) &&
	    push(bld, &e, OSSL_PKEY_PARAM_RSA_E, public) && BN_is_odd(e) &&
	    (!private->data || (push(bld, &d, OSSL_PKEY_PARAM_RSA_D, private) && BN_is_odd(d))))
		key = key_from(bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	BN_clear_free(d);
	return key;
}

static EVP_PKEY_CTX *ready(EVP_PKEY *key, const EVP_MD *hash, int (*init)(EVP_PKEY_CTX *ctx))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

	if (ctx && init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, hash) > 0)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static enum ap_msg_status sign(EVP_PKEY *key, const EVP_MD *hash, const struct ap_msg_value *digest,
			       struct ap_msg *out)
{
	EVP_PKEY_CTX *ctx = ready(key, hash, EVP_PKEY_sign_init);
	uint8_t signature[AP_MSG_RSA_MAX];
	size_t len = sizeof(signature);
	int done = ctx ? EVP_PKEY_sign(ctx, signature, &len, digest->data, digest->len) : 0;

	EVP_PKEY_CTX_free(ctx);
	/* All that can be wrong is left to the key: it is too short, or its numbers are none. */
	if (done <= 0)
		return AP_MSG_KEY;
	ap_msg_add(out, AP_MSG_FIELD_SIGNATURE, signature, len);
	return AP_MSG_OK;
}

static enum ap_msg_status verify(EVP_PKEY *key, const EVP_MD *hash,
				 const struct ap_msg_value *digest,
				 const struct ap_msg_value *signature)
{
	EVP_PKEY_CTX *ctx = ready(key, hash, EVP_PKEY_verify_init);
	int good;

	if (!ctx)
		return AP_MSG_KEY;
	good = EVP_PKEY_verify(ctx, signature->data, signature->len, digest->data, digest->len);
	EVP_PKEY_CTX_free(ctx);
	return good == 1 ? AP_MSG_OK : AP_MSG_BAD_SIGNATURE;
}

static enum ap_msg_status with_key(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	const struct ap_msg_value *digest = &in->field[AP_MSG_FIELD_DIGEST];
	const EVP_MD *hash = hash_of(in);
	enum ap_msg_status status;
	EVP_PKEY *key;

	if (!hash)
		return AP_MSG_PARAM;
	if (digest->len != (size_t)EVP_MD_get_size(hash))
		return AP_MSG_DATA;
	key = key_of(in);
	if (!key)
		status = AP_MSG_KEY;
	else if (in->op == AP_MSG_OP_RSA_SIGN)
		status = sign(key, hash, digest, out);
	else
		status = verify(key, hash, digest, &in->field[AP_MSG_FIELD_SIGNATURE]);
	EVP_PKEY_free(key);
	return status;
}

enum ap_msg_status hw_rsa_sign(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	return with_key(in, out);
}

enum ap_msg_status hw_rsa_verify(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	return with_key(in, out);
}
