#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Run the stress through a mount: mounted.sh STRESS MODULE. Skipped where nothing can be mounted.
[ -w /dev/fuse ] || exit 77
dir=$(mktemp -d) || exit 1
"$1" --rounds 60 --mount "$dir" "$2"
status=$?
rmdir "$dir"
exit $status
