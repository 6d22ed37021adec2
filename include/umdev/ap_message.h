/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What umdev's simulated adapters understand: the bytes of a request and of its reply, for who puts
 * requests on a queue (ap_nqap(), a driver, a guest).
 *
 * Real coprocessors speak CCA or EP11, whose messages only their makers' libraries can write. Here
 * is a small message instead, the same for all adapters, whose numbers are big-endian as all on
 * that machine:
 *
 *   struct ap_msg_header, then fields: tag (2 bytes), length (2 bytes), so many bytes
 *
 * A request has each field that its operation needs once, in any order, and no other. All values
 * are unsigned, the first byte the highest, as long as they like up to the limit.
 *
 *   operation       param    fields of the request                fields of the reply
 *   RANDOM          bytes    -                                    DATA
 *   RSA_MODEXP      -        MODULUS EXPONENT DATA                DATA, as long as MODULUS
 *   RSA_CRT         -        P Q DP DQ QINV DATA                  DATA, as long as P and Q
 *   RSA_SIGN        hash     MODULUS PUBLIC EXPONENT DIGEST       SIGNATURE (PKCS #1 v1.5)
 *   RSA_VERIFY      hash     MODULUS PUBLIC DIGEST SIGNATURE      -
 *   EC_GENERATE     curve    -                                    KEY POINT
 *   EC_PUBLIC       curve    KEY                                  POINT
 *   ECDSA_SIGN      curve    KEY DIGEST                           SIGNATURE: r, s, half of it each
 *   ECDSA_VERIFY    curve    POINT DIGEST SIGNATURE               -
 *   ECDH            curve    KEY POINT                            DATA: x of the product
 *
 * KEY is as long as the curve's order, POINT twice as long: x, y. Accelerators do RSA alone, with
 * this message or with the type 50 that Linux' driver for them sends (mod-expo and CRT, reply type
 * 80). What is neither is answered as adapters do: byte 1 is 0x82, byte 4 says why.
 */
#ifndef UMDEV_AP_MESSAGE_H
#define UMDEV_AP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define AP_MSG_REQUEST 0x55
#define AP_MSG_REPLY   0xd5
#define AP_MSG_ERROR   0x82 /* a reply without a header of ours, of 8 bytes */

#define AP_MSG_HEADER_SIZE 16
#define AP_MSG_FIELD_SIZE  4	/* of a field's tag and length */
#define AP_MSG_REPLY_MIN   2048 /* room for the longest reply, but to RANDOM */

enum ap_msg_op {
	AP_MSG_OP_RANDOM = 1,
	AP_MSG_OP_RSA_MODEXP,
	AP_MSG_OP_RSA_CRT,
	AP_MSG_OP_RSA_SIGN,
	AP_MSG_OP_RSA_VERIFY,
	AP_MSG_OP_EC_GENERATE,
	AP_MSG_OP_EC_PUBLIC,
	AP_MSG_OP_ECDSA_SIGN,
	AP_MSG_OP_ECDSA_VERIFY,
	AP_MSG_OP_ECDH,
};

enum ap_msg_status {
	AP_MSG_OK,
	AP_MSG_MALFORMED,     /* lengths, fields, what is to be zero */
	AP_MSG_UNSUPPORTED,   /* no such operation, or not on this adapter */
	AP_MSG_PARAM,	      /* no such hash or curve, or too many bytes */
	AP_MSG_KEY,	      /* a key that is none, or a point that is not on the curve */
	AP_MSG_DATA,	      /* a value that is too long or too large for the key */
	AP_MSG_BAD_SIGNATURE, /* the answer to a VERIFY: it is not that key's */
	AP_MSG_FAILED,	      /* the adapter could not */
};

enum ap_msg_field {
	AP_MSG_FIELD_DATA = 1,
	AP_MSG_FIELD_MODULUS,
	AP_MSG_FIELD_PUBLIC,
	AP_MSG_FIELD_EXPONENT,
	AP_MSG_FIELD_P,
	AP_MSG_FIELD_Q,
	AP_MSG_FIELD_DP,
	AP_MSG_FIELD_DQ,
	AP_MSG_FIELD_QINV,
	AP_MSG_FIELD_DIGEST,
	AP_MSG_FIELD_SIGNATURE,
	AP_MSG_FIELD_KEY,
	AP_MSG_FIELD_POINT,
	AP_MSG_FIELD_LAST = AP_MSG_FIELD_POINT,
};

/* Hashes by their number of bits, curves too: P-256 and P-384. */
#define AP_MSG_SHA256 256
#define AP_MSG_SHA384 384
#define AP_MSG_SHA512 512
#define AP_MSG_P256   256
#define AP_MSG_P384   384

#define AP_MSG_RSA_MAX 512 /* bytes of a modulus: 4096 bits */

/* AP_MSG_ERROR's byte 4, by the adapters' own numbers. */
#define AP_MSG_ERROR_MACHINE_FAILURE 0x10
#define AP_MSG_ERROR_MESSAGE_TYPE    0x20 /* none that this adapter knows */
#define AP_MSG_ERROR_INVALID_LENGTH  0x23 /* it is not as long as it says */
#define AP_MSG_ERROR_RESERVED_FIELD  0x24 /* what is to be zero is not */
#define AP_MSG_ERROR_FORMAT_FIELD    0x29 /* no such kind of key */
#define AP_MSG_ERROR_OPERAND	     0x82 /* key or data are none */
#define AP_MSG_ERROR_EVEN_MODULUS    0x85

/**
 * struct ap_msg_header - begins a request or reply, as bytes: big-endian, no alignment
 * @zero:   0
 * @type:   AP_MSG_REQUEST, AP_MSG_REPLY
 * @op:     enum ap_msg_op; the same in the reply
 * @length: of the whole message
 * @status: enum ap_msg_status; 0 in a request
 * @param:  see above; 0 in a reply, and where there is none
 */
struct ap_msg_header {
	uint8_t zero;
	uint8_t type;
	uint8_t op[2];
	uint8_t length[4];
	uint8_t status[4];
	uint8_t param[4];
};

/* ---- writing and reading one ---- */

static inline void ap_msg_put(uint8_t *to, unsigned int bytes, uint32_t value)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static inline uint32_t ap_msg_get(const uint8_t *from, unsigned int bytes)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value = value << 8 | from[i];
	return value;
}

/**
 * struct ap_msg - a message that is being written
 * @buf:  the caller's memory, of @size bytes
 * @len:  of the message so far
 * @full: something did not fit, and is not there
 */
struct ap_msg {
	uint8_t *buf;
	size_t size;
	size_t len;
	bool full;
};

/** ap_msg_begin - the header of a request or reply. @size: AP_MSG_HEADER_SIZE at least. */
static inline void ap_msg_begin(struct ap_msg *m, void *buf, size_t size, uint8_t type,
				unsigned int op, uint32_t status, uint32_t param)
{
	struct ap_msg_header *h = (struct ap_msg_header *)buf;

	m->buf = (uint8_t *)buf;
	m->size = size;
	m->len = AP_MSG_HEADER_SIZE;
	m->full = false;
	h->zero = 0;
	h->type = type;
	ap_msg_put(h->op, 2, op);
	ap_msg_put(h->length, 4, AP_MSG_HEADER_SIZE);
	ap_msg_put(h->status, 4, status);
	ap_msg_put(h->param, 4, param);
}

/** ap_msg_room - add a field. Return: where its @len bytes go, or NULL: it does not fit. */
static inline uint8_t *ap_msg_room(struct ap_msg *m, enum ap_msg_field tag, size_t len)
{
	uint8_t *at = m->buf + m->len;

	if (len > 0xffff || m->size - m->len < AP_MSG_FIELD_SIZE + len) {
		m->full = true;
		return NULL;
	}
	ap_msg_put(at, 2, tag);
	ap_msg_put(at + 2, 2, (uint32_t)len);
	m->len += AP_MSG_FIELD_SIZE + len;
	ap_msg_put(((struct ap_msg_header *)m->buf)->length, 4, (uint32_t)m->len);
	return at + AP_MSG_FIELD_SIZE;
}

/** ap_msg_add - add a field with its bytes. */
static inline void ap_msg_add(struct ap_msg *m, enum ap_msg_field tag, const void *data, size_t len)
{
	uint8_t *at = ap_msg_room(m, tag, len);

	if (at && len)
		memcpy(at, data, len);
}

/** struct ap_msg_value - a field of a message, which it points into; not there: NULL */
struct ap_msg_value {
	const uint8_t *data;
	size_t len;
};

/** struct ap_msg_parsed - a message that was read */
struct ap_msg_parsed {
	unsigned int op;
	uint32_t status;
	uint32_t param;
	struct ap_msg_value field[AP_MSG_FIELD_LAST + 1];
};

/**
 * ap_msg_parse - look into a message
 * @type: what it has to be
 *
 * Return: false: it is none, or not whole, or has a field twice or that nobody knows. @op is right
 * even then if there is a header, else 0.
 */
static inline bool ap_msg_parse(struct ap_msg_parsed *p, uint8_t type, const void *msg, size_t len)
{
	const struct ap_msg_header *h = (const struct ap_msg_header *)msg;
	const uint8_t *bytes = (const uint8_t *)msg;
	size_t at = AP_MSG_HEADER_SIZE;

	memset(p, 0, sizeof(*p));
	if (len < AP_MSG_HEADER_SIZE || h->zero || h->type != type)
		return false;
	p->op = ap_msg_get(h->op, 2);
	p->status = ap_msg_get(h->status, 4);
	p->param = ap_msg_get(h->param, 4);
	if (ap_msg_get(h->length, 4) != len)
		return false;
	while (at < len) {
		uint32_t tag, size;

		if (len - at < AP_MSG_FIELD_SIZE)
			return false;
		tag = ap_msg_get(bytes + at, 2);
		size = ap_msg_get(bytes + at + 2, 2);
		at += AP_MSG_FIELD_SIZE;
		if (size > len - at || !tag || tag > AP_MSG_FIELD_LAST || p->field[tag].data)
			return false;
		p->field[tag] = (struct ap_msg_value) { bytes + at, size };
		at += size;
	}
	return true;
}

#endif
