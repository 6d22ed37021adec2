/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the design's rules have in common. */
#ifndef TESTS_UNIT_RULES_RULE_H
#define TESTS_UNIT_RULES_RULE_H

#include "unit/cmocka_umdev.h"

#include <errno.h>
#include <pthread.h>

#include <umdev/umdev.h>
#include "model/alloc.h"
#include "support/events.h"
#include "support/gate.h"
#include "support/tree.h"
#include "support/vendor.h"

#define PARENT	"/devices/virtual/acme/acme"
#define TYPES	PARENT "/mdev_supported_types"
#define DEVICES "/bus/mdev/devices"
#define DRIVER	"/bus/mdev/drivers/acme"

/* The vendor of a test, and what was heard since it is there. */
extern struct vendor acme;
extern struct events heard;

/* Run @fn in a thread of its own and wait for it: what somebody else would see at this moment. */
void as_outsider(void *(*fn)(void *), void *data);

/* The tree, and the contents of all that can be read below the parent. To free(). */
char *everything(void);

void assert_list(const char *path, const char *expected);
void assert_contents(const char *path, const char *expected);
/* Are two results of everything() the same? Fails with the first line that is not. */
void assert_same(const char *is, const char *was);
/* What was heard since the last time. */
void assert_heard(const char *expected);

/*
 * Setup and teardown of a group (the model) and of a test (the vendor acme; *@state is its vfio).
 */
int start_model(void **state);
int stop_model(void **state);
int start_acme(void **state);
int stop_acme(void **state);

#define WITH_ACME(test) cmocka_unit_test_setup_teardown(test, start_acme, stop_acme)
#define WITH_ACME_VFIO(test) \
	cmocka_unit_test_prestate_setup_teardown(test, start_acme, stop_acme, (void *)&vendor_vfio)

#endif
