/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device trees for tests: from source by dtc, or from the files that the build has made.
 */
#ifndef TESTS_UNIT_DT_FIXTURE_H
#define TESTS_UNIT_DT_FIXTURE_H

#include "../../drivers/platform/dt.h"

/**
 * dts_compile - a blob from source, as dtc makes it whatever it thinks of it; fails the test if
 * it cannot
 * @body: without "/dts-v1/;"
 */
void dts_compile(const char *body, struct dt_blob *blob);
/** dts_compile_overlay - the same, of an overlay: with fixups for labels that are not in it. */
void dts_compile_overlay(const char *body, struct dt_blob *blob);

/** blob_path - the path of a blob that the build has made of tests/platform/NAME.dts; static. */
const char *blob_path(const char *name);

#endif
