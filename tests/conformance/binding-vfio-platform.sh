# SPDX-License-Identifier: LGPL-2.1-or-later
# How devices come to vfio-platform: 9030000.vfio-test, for which there is a reset; 4100000.no-reset, for which there is none;
# 4200000.bus, a simple-bus; the device reg-dummy, which no device tree describes.
B=/sys/bus/platform
D=9030000.vfio-test
t() { echo "\$ $*"; eval "$@" 2>&1 | sed 's/^[^:]*: eval: line [0-9]*: //; s/^[^:]*: line [0-9]*: //; s/^sh: //'; }
drv() { t "readlink $B/devices/$1/driver | sed 's#.*/##'"; }
free() { [ ! -e $B/devices/$1/driver ] || echo $1 > $B/devices/$1/driver/unbind; }
bind() { t "echo $1 > $B/drivers/vfio-platform/bind"; }

echo "# the driver"
load vfio-platform
t "ls $B/drivers/vfio-platform"
t "cat /sys/module/vfio_platform/parameters/reset_required"
drv $D
echo "# without driver_override"
bind $D
drv $D
free $D
t "echo $D > $B/drivers_probe"
drv $D
echo "# with it"
t "echo other > $B/devices/$D/driver_override"
bind $D
t "echo vfio-platform > $B/devices/$D/driver_override"
drv $D
bind $D
drv $D
bind $D
t "ls $B/devices/$D | grep -vx of_node"
t "ls $B/devices/$D/iommu_group/devices"
t "echo $D > $B/drivers/vfio-platform/unbind"
drv $D
t "echo $D > $B/drivers_probe"
drv $D
t "echo > $B/devices/$D/driver_override; echo $D > $B/drivers/vfio-platform/unbind"
echo "# what it does not take"
for d in 4100000.no-reset 4200000.bus reg-dummy; do
	t "echo vfio-platform > $B/devices/$d/driver_override"
	free $d
	bind $d
	drv $d
	t "echo > $B/devices/$d/driver_override"
done
echo "# when it comes"
unload vfio-platform
t "echo vfio-platform > $B/devices/$D/driver_override"
load vfio-platform
drv $D
echo "# when it goes"
unload vfio-platform
drv $D
t "ls $B/devices/$D | grep -vx of_node"
t "echo > $B/devices/$D/driver_override"
