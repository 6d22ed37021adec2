# SPDX-License-Identifier: LGPL-2.1-or-later
# Parts of vfio_api (or those in SECTIONS) on the platform device 9030000.vfio-test.
DEVICE=9030000.vfio-test
DRIVERS=/sys/bus/platform/drivers

echo vfio-platform > /sys/bus/platform/devices/$DEVICE/driver_override
echo $DEVICE > $DRIVERS/vfio-platform/bind
for section in ${SECTIONS:-device-info platform-reset platform-set-irqs platform-interrupts platform-access platform-mmap}; do
	vfio_api $section $DEVICE
done
echo $DEVICE > $DRIVERS/vfio-platform/unbind
echo > /sys/bus/platform/devices/$DEVICE/driver_override
