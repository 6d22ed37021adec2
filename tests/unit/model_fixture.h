/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the tests of the driver model have in common: devices to play with, a log that is kept, and
 * a model that has to be empty again at the end of each test.
 */
#ifndef UMDEV_TESTS_MODEL_FIXTURE_H
#define UMDEV_TESTS_MODEL_FIXTURE_H

#include <umdev/device.h>

/** fixture_setup - bring the model's roots up, keep the log, see log_taken(). For cmocka. */
int fixture_setup(void **state);

/**
 * fixture_teardown - take the model down again
 *
 * Fails the test if anything is left: a path, a device node, a device that fixture_device() made.
 * For cmocka.
 */
int fixture_teardown(void **state);

/** assert_nodes - these device nodes are there, as tree_snapshot() has them, and nothing else. */
void assert_nodes(const char *expected);

/** fixture_device - an initialised device to device_add(); the last put_device() frees it. */
struct device *fixture_device(struct bus_type *bus, struct device *parent, const char *name);

/** fixture_added - the same, added. */
struct device *fixture_added(struct bus_type *bus, struct device *parent, const char *name);

/**
 * fixture_fail_each_step - make the steps of an operation fail, one after the other
 * @op:   the operation; takes its own part down again when it fails, returns an errno then
 * @undo: takes down what a successful @op has made
 *
 * For each step: it fails with -ENOMEM, no event is heard, the tree is as it was. The last time it
 * succeeds. Return: how many steps were seen to fail.
 */
unsigned int fixture_fail_each_step(int (*op)(void *data), void (*undo)(void *data), void *data);

#endif
