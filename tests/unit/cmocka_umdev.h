/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmocka, with what it needs before it.
 */
#ifndef UMDEV_TESTS_CMOCKA_UMDEV_H
#define UMDEV_TESTS_CMOCKA_UMDEV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#endif
