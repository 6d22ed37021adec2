/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests that umdev(1) makes for AP queues, and what it thinks of the replies, which OpenSSL has
 * to agree with. How they get to a queue is not known here.
 */
#ifndef UMDEV_AP_REQUEST_H
#define UMDEV_AP_REQUEST_H

#include <json-c/json.h>
#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

/* How requests are written by who types them, for usages. */
#define AP_REQUEST_ARGS "random [BYTES]|rsa [BITS]|ecdsa [CURVE]"

/* Enough for any request. */
#define AP_REQUEST_SIZE 4096
/* Enough for any reply. */
#define AP_REPLY_SIZE (64 * 1024)

struct ap_request;

/**
 * struct ap_request_kind - "random" and the like
 * @make:  @arg is what stands behind it, or NULL. Return: 0, else the exit status; it is said why
 * @judge: a reply that says it is OK. Adds to @result. Return: is it right?
 */
struct ap_request_kind {
	const char *name;
	int (*make)(struct ap_request *req, const char *arg);
	bool (*judge)(const struct ap_request *req, const uint8_t *reply, size_t len,
		      struct json_object *result);
};

/**
 * struct ap_request - one of them
 * @msg:    the message, of @len bytes
 * @text:   what it is, for people
 * @size:   bytes, bits, or bits of the curve
 * @digest: what is signed
 * @key:    by whom
 */
struct ap_request {
	const struct ap_request_kind *kind;
	uint8_t msg[AP_REQUEST_SIZE];
	size_t len;
	char text[32];
	unsigned int size;
	uint8_t digest[32];
	EVP_PKEY *key;
};

/**
 * ap_request_make - what is asked for on the command line
 * @argv: "rsa", "2048", of @argc arguments
 * Return: 0; else the exit status, it is said what is wrong, and there is nothing to finish.
 */
int ap_request_make(struct ap_request *req, int argc, char **argv);
/** ap_request_finish - the reverse. */
void ap_request_finish(struct ap_request *req);
/**
 * ap_request_judge - look at the reply
 * @result: gets "request", and "answer" with "verified", or "refused"
 * Return: is it what was asked for?
 */
bool ap_request_judge(const struct ap_request *req, const uint8_t *reply, size_t len,
		      struct json_object *result);

#endif
