/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#include "hw_crypto.h"

#define LEN_MAX	   48 /* bytes of a number of the longest curve */
#define DIGEST_MAX 64
#define DER_MAX	   (2 * (LEN_MAX + 3) + 3)

/** struct curve - by its number in a message */
struct curve {
	uint32_t bits;
	size_t len;
	int nid;
	const char *name;
};

static const struct curve *curve_of(const struct ap_msg_parsed *in)
{
	static const struct curve curves[] = {
		{ AP_MSG_P256, 32, NID_X9_62_prime256v1, "P-256" },
		{ AP_MSG_P384, 48, NID_secp384r1, "P-384" },
	};

	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].bits == in->param)
			return &curves[i];
	return NULL;
}

/* ---- keys ---- */

static bool in_range(const struct curve *curve, const BIGNUM *n)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(curve->nid);
	bool good = group && !BN_is_zero(n) && BN_cmp(n, EC_GROUP_get0_order(group)) < 0;

	EC_GROUP_free(group);
	return good;
}

/* The private number of a message; NULL: it is none. */
static BIGNUM *private_of(const struct curve *curve, const struct ap_msg_value *value)
{
	BIGNUM *n;

	if (value->len != curve->len)
		return NULL;
	n = BN_bin2bn(value->data, (int)value->len, NULL);
	if (n && !in_range(curve, n)) {
		BN_clear_free(n);
		n = NULL;
	}
	return n;
}

static EVP_PKEY *key_from(const struct curve *curve, OSSL_PARAM_BLD *bld, int selection)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	if (!OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0)) {
		EVP_PKEY_CTX_free(ctx);
		return NULL;
	}
	params = OSSL_PARAM_BLD_to_param(bld);
	if (!ctx || !params || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, selection, params) <= 0)
		key = NULL;
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *private_key(const struct curve *curve, const struct ap_msg_value *value)
{
	BIGNUM *n = private_of(curve, value);
	OSSL_PARAM_BLD *bld = n ? OSSL_PARAM_BLD_new() : NULL;
	EVP_PKEY *key = NULL;

	if (bld && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, n))
		key = key_from(curve, bld, EVP_PKEY_KEYPAIR);
	OSSL_PARAM_BLD_free(bld);
	BN_clear_free(n);
	return key;
}

/* NULL: the point is not on the curve. */
static EVP_PKEY *public_key(const struct curve *curve, const struct ap_msg_value *value)
{
	uint8_t point[1 + 2 * LEN_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	OSSL_PARAM_BLD *bld;
	EVP_PKEY *key = NULL;

	if (value->len != 2 * curve->len)
		return NULL;
	memcpy(point + 1, value->data, value->len);
	bld = OSSL_PARAM_BLD_new();
	if (bld &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + value->len))
		key = key_from(curve, bld, EVP_PKEY_PUBLIC_KEY);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

/* ---- points ---- */

static bool multiply(const struct curve *curve, const EC_GROUP *group, const BIGNUM *n, uint8_t *to)
{
	EC_POINT *point = EC_POINT_new(group);
	BIGNUM *x = BN_new(), *y = BN_new();
	bool done = point && x && y && EC_POINT_mul(group, point, n, NULL, NULL, NULL) &&
		    EC_POINT_get_affine_coordinates(group, point, x, y, NULL) &&
		    BN_bn2binpad(x, to, (int)curve->len) > 0 &&
		    BN_bn2binpad(y, to + curve->len, (int)curve->len) > 0;

	BN_free(x);
	BN_free(y);
	EC_POINT_free(point);
	return done;
}

/* The point of a private number, as a field. */
static enum ap_msg_status add_point(const struct curve *curve, const BIGNUM *n, struct ap_msg *out)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(curve->nid);
	uint8_t *to = ap_msg_room(out, AP_MSG_FIELD_POINT, 2 * curve->len);
	bool done = group && to && multiply(curve, group, n, to);

	EC_GROUP_free(group);
	return done ? AP_MSG_OK : AP_MSG_FAILED;
}

enum ap_msg_status hw_ec_public(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	const struct curve *curve = curve_of(in);
	enum ap_msg_status status = AP_MSG_KEY;
	BIGNUM *n;

	if (!curve)
		return AP_MSG_PARAM;
	n = private_of(curve, &in->field[AP_MSG_FIELD_KEY]);
	if (n)
		status = add_point(curve, n, out);
	BN_clear_free(n);
	return status;
}

enum ap_msg_status hw_ec_generate(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	const struct curve *curve = curve_of(in);
	enum ap_msg_status status = AP_MSG_FAILED;
	EVP_PKEY *key;
	BIGNUM *n = NULL;
	uint8_t *to;

	if (!curve)
		return AP_MSG_PARAM;
	key = EVP_EC_gen(curve->name);
	to = ap_msg_room(out, AP_MSG_FIELD_KEY, curve->len);
	if (key && to && EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &n) &&
	    BN_bn2binpad(n, to, (int)curve->len) > 0)
		status = add_point(curve, n, out);
	BN_clear_free(n);
	EVP_PKEY_free(key);
	return status;
}

/* ---- signatures ---- */

/* From the form that OpenSSL writes to r and s. */
static enum ap_msg_status add_signature(const struct curve *curve, const uint8_t *der, size_t len,
					struct ap_msg *out)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	uint8_t *to = ap_msg_room(out, AP_MSG_FIELD_SIGNATURE, 2 * curve->len);
	bool done = sig && to && BN_bn2binpad(ECDSA_SIG_get0_r(sig), to, (int)curve->len) > 0 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(sig), to + curve->len, (int)curve->len) > 0;

	ECDSA_SIG_free(sig);
	return done ? AP_MSG_OK : AP_MSG_FAILED;
}

/* And back. Return: bytes, or 0. */
static size_t write_signature(const struct curve *curve, const uint8_t *from, uint8_t *der)
{
	BIGNUM *r = BN_bin2bn(from, (int)curve->len, NULL);
	BIGNUM *s = BN_bin2bn(from + curve->len, (int)curve->len, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int len = 0;

	if (r && s && sig && ECDSA_SIG_set0(sig, r, s)) {
		/* They are the signature's now. */
		r = s = NULL;
		len = i2d_ECDSA_SIG(sig, &der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return len > 0 ? (size_t)len : 0;
}

static bool is_digest(const struct ap_msg_value *digest)
{
	return digest->len && digest->len <= DIGEST_MAX;
}

enum ap_msg_status hw_ecdsa_sign(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	const struct ap_msg_value *digest = &in->field[AP_MSG_FIELD_DIGEST];
	const struct curve *curve = curve_of(in);
	enum ap_msg_status status = AP_MSG_FAILED;
	uint8_t der[DER_MAX];
	size_t len = sizeof(der);
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;

	if (!curve)
		return AP_MSG_PARAM;
	if (!is_digest(digest))
		return AP_MSG_DATA;
	key = private_key(curve, &in->field[AP_MSG_FIELD_KEY]);
	if (!key)
		return AP_MSG_KEY;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ctx && EVP_PKEY_sign_init(ctx) > 0 &&
	    EVP_PKEY_sign(ctx, der, &len, digest->data, digest->len) > 0)
		status = add_signature(curve, der, len, out);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return status;
}

enum ap_msg_status hw_ecdsa_verify(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	const struct ap_msg_value *digest = &in->field[AP_MSG_FIELD_DIGEST];
	const struct ap_msg_value *signature = &in->field[AP_MSG_FIELD_SIGNATURE];
	const struct curve *curve = curve_of(in);
	uint8_t der[DER_MAX];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;
	size_t len;
	int good = 0;

	if (!curve)
		return AP_MSG_PARAM;
	if (!is_digest(digest) || signature->len != 2 * curve->len)
		return AP_MSG_DATA;
	key = public_key(curve, &in->field[AP_MSG_FIELD_POINT]);
	if (!key)
		return AP_MSG_KEY;
	len = write_signature(curve, signature->data, der);
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (len && ctx && EVP_PKEY_verify_init(ctx) > 0)
		good = EVP_PKEY_verify(ctx, der, len, digest->data, digest->len);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return good == 1 ? AP_MSG_OK : AP_MSG_BAD_SIGNATURE;
}

/* ---- agreement ---- */

static enum ap_msg_status derive(const struct curve *curve, EVP_PKEY *mine, EVP_PKEY *theirs,
				 struct ap_msg *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
	uint8_t *to = ap_msg_room(out, AP_MSG_FIELD_DATA, curve->len);
	size_t len = curve->len;
	enum ap_msg_status status = AP_MSG_KEY;

	if (ctx && to && EVP_PKEY_derive_init(ctx) > 0 &&
	    EVP_PKEY_derive_set_peer(ctx, theirs) > 0 && EVP_PKEY_derive(ctx, to, &len) > 0 &&
	    len == curve->len)
		status = AP_MSG_OK;
	EVP_PKEY_CTX_free(ctx);
	return status;
}

enum ap_msg_status hw_ecdh(const struct ap_msg_parsed *in, struct ap_msg *out)
{
	const struct curve *curve = curve_of(in);
	enum ap_msg_status status = AP_MSG_KEY;
	EVP_PKEY *mine, *theirs;

	if (!curve)
		return AP_MSG_PARAM;
	mine = private_key(curve, &in->field[AP_MSG_FIELD_KEY]);
	theirs = public_key(curve, &in->field[AP_MSG_FIELD_POINT]);
	if (mine && theirs)
		status = derive(curve, mine, theirs, out);
	EVP_PKEY_free(mine);
	EVP_PKEY_free(theirs);
	return status;
}
