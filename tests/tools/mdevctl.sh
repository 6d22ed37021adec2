#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A session with mdevctl on a tree that has the parent "mtty" (24 ports in all) and no device yet, nothing
# being defined. mdevctl-VERSION.linux-6.1.txt is what it printed on a real Linux 6.1 with the kernel's own
# sample driver.
export LC_ALL=C
U=83b8f4f2-509f-382f-3c1e-e6bfe0fa10
P=mtty
t() {
	echo "\$ $*"
	out=$("$@" 2>&1)
	status=$?
	# what it logs begins with the time
	[ -z "$out" ] || echo "$out" | sed 's/^\[[^ ]* \([A-Z]*\)  *mdevctl\] /\1: /'
	[ $status -eq 0 ] || echo "(exit status $status)"
}
echo "## types"
t mdevctl types
t mdevctl types --parent $P
t mdevctl types --parent nosuch
t mdevctl types --dumpjson
t mdevctl list
t mdevctl list --dumpjson
echo "## define"
t mdevctl define --uuid ${U}01 --parent $P --type mtty-2
t mdevctl define --uuid ${U}01 --parent $P --type mtty-2
t mdevctl define --uuid ${U}02 --parent $P --type mtty-1 --auto
t mdevctl define --uuid ${U}03 --parent nosuch --type mtty-1
t mdevctl define --uuid not-a-uuid --parent $P --type mtty-2
t mdevctl list
t mdevctl list --defined
t mdevctl list --defined --dumpjson
t mdevctl undefine --uuid ${U}03
echo "## start"
t mdevctl start --uuid ${U}01
t mdevctl start --uuid ${U}01
t mdevctl start --uuid ${U}01 --parent $P --type mtty-1
t mdevctl list
t mdevctl list --verbose
t mdevctl list --dumpjson
t mdevctl list --defined
t mdevctl types --dumpjson
t mdevctl start --uuid ${U}04 --parent $P --type mtty-9
t mdevctl start --uuid ${U}04 --parent nosuch --type mtty-2
t mdevctl start --uuid ${U}04
t mdevctl start --uuid ${U}05 --parent $P --type mtty-1
t mdevctl list
echo "## define what runs"
t mdevctl define --uuid ${U}05
t mdevctl list --defined --uuid ${U}05
t mdevctl undefine --uuid ${U}05
echo "## stop"
t mdevctl stop --uuid ${U}05
t mdevctl stop --uuid ${U}05
t mdevctl stop --uuid ${U}01
t mdevctl list
echo "## attributes"
t mdevctl modify --uuid ${U}01 --addattr uevent --value change
t mdevctl modify --uuid ${U}01 --addattr uevent --value add
t mdevctl list --defined --verbose --uuid ${U}01
t mdevctl list --defined --dumpjson --uuid ${U}01
t mdevctl start --uuid ${U}01
t mdevctl list
t mdevctl stop --uuid ${U}01
t mdevctl modify --uuid ${U}01 --delattr --index 0
t mdevctl modify --uuid ${U}01 --addattr uevent --value bogus --index 0
t mdevctl list --defined --verbose --uuid ${U}01
t mdevctl start --uuid ${U}01
t mdevctl list
t mdevctl modify --uuid ${U}01 --delattr --index 0
t mdevctl modify --uuid ${U}01 --delattr --index 0
t mdevctl modify --uuid ${U}01 --addattr nosuch --value 1
t mdevctl start --uuid ${U}01
t mdevctl list
t mdevctl modify --uuid ${U}01 --delattr
t mdevctl modify --uuid ${U}01 --addattr vendor/sample_mdev_dev --value 1
t mdevctl start --uuid ${U}01
t mdevctl modify --uuid ${U}01 --delattr
t mdevctl modify --uuid ${U}01 --type mtty-1 --auto
t mdevctl list --defined --uuid ${U}01
t mdevctl modify --uuid ${U}02 --manual
t mdevctl list --defined
echo "## start-parent-mdevs"
t mdevctl start-parent-mdevs $P
t mdevctl list
t mdevctl start-parent-mdevs $P
t mdevctl start-parent-mdevs nosuch
t mdevctl stop --uuid ${U}01
echo "## a full type"
for i in 10 11 12 13 14 15 16 17 18 19 20 21; do
	t mdevctl start --uuid ${U}$i --parent $P --type mtty-2
done
t mdevctl start --uuid ${U}22 --parent $P --type mtty-2
t mdevctl start --uuid ${U}22 --parent $P --type mtty-1
t mdevctl start --uuid ${U}01
t mdevctl types
for i in 10 11 12 13 14 15 16 17 18 19 20 21; do
	t mdevctl stop --uuid ${U}$i
done
t mdevctl types
echo "## undefine"
t mdevctl undefine --uuid ${U}01
t mdevctl undefine --uuid ${U}01
t mdevctl undefine --uuid ${U}02
t mdevctl list
t mdevctl list --defined
t mdevctl list --dumpjson --defined
