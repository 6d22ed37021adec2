/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device trees: from a flattened one (libfdt), which may be anybody's and broken in any way, to
 * nodes and to what is to be known of each device: all of it checked before anything is made of it.
 *
 * Nothing in here knows the bus or sysfs, so that it can be tested and fuzzed alone.
 *
 * Behaviour: Devicetree Specification 0.4; Linux 6.1
 * drivers/of/{fdt,address,irq,platform,overlay}.c.
 */
#ifndef UMDEV_PLATFORM_DT_H
#define UMDEV_PLATFORM_DT_H

#include <umdev/platform.h>

/* What a tree may have at most; one that has more is refused. */
#define DT_BLOB_MAX	   (2u << 20) /* bytes, as the kernel's on arm64 */
#define DT_DEPTH_MAX	   64	      /* nodes on the way to a node, with the root */
#define DT_NODES_MAX	   65536
#define DT_PATH_MAX	   512	/* bytes of a node's path, with the NUL */
#define DT_PROPERTIES_MAX  8192 /* of one node */
#define DT_RANGES_MAX	   512	/* of one bus */
#define DT_DEVICES_MAX	   4096
#define DT_ALL_REGIONS_MAX 16384	       /* of all devices together; as many interrupts */
#define DT_REGIONS_MAX	   64		       /* of one device */
#define DT_IRQS_MAX	   512		       /* of one device */
#define DT_REGION_SIZE_MAX (UINT64_C(1) << 40) /* VFIO's offsets leave no room for more */

/**
 * struct dt_error - what is wrong with a tree, for people
 * @text: one line without a newline: "/soc/serial@1000: reg: 3 cells, a multiple of 4 is expected".
 *        It begins with the file's or the overlay's name where no node can be named
 */
struct dt_error {
	char text[768];
};

/** struct dt_blob - a flattened tree; @data is to free() */
struct dt_blob {
	void *data;
	size_t size;
};

/**
 * dt_blob_read - read a file and check that it is a flattened tree, whole and well-formed
 * Return: 0, -EINVAL and @error; -errno of opening and reading, with @error, too.
 */
int dt_blob_read(const char *path, struct dt_blob *blob, struct dt_error *error);
/**
 * dt_blob_empty - a tree with nothing but a root, for who has overlays only. Return: 0, -ENOMEM.
 */
int dt_blob_empty(struct dt_blob *blob);
/** dt_blob_free - empty it again. */
void dt_blob_free(struct dt_blob *blob);
/**
 * dt_blob_overlay - a tree with an overlay laid over it
 * @name: the overlay's, for @error
 * @out:  a new blob; @base and @overlay stay as they are
 * Return: 0, -EINVAL and @error (not an overlay, a target or a reference that is not there, ...),
 * -ENOMEM.
 */
int dt_blob_overlay(const struct dt_blob *base, const struct dt_blob *overlay, const char *name,
		    struct dt_blob *out, struct dt_error *error);

/**
 * struct dt_device - a platform device that a tree asks for
 * @node:    its node
 * @parent:  the index of the device (a bus) that it is below, or -1
 * @is_bus:  its children are devices, too (simple-bus, simple-mfd, isa, arm,amba-bus)
 * @name:    as Linux names it: "9000000.serial", "soc:timer"
 * @regions: addresses as the root sees them
 * @irqs:    in the order of the tree; how they tell is what nearly all controllers have in the last
 *           cell: the third, or of two the second; PLATFORM_IRQ_TYPE_NONE where it makes no sense
 */
struct dt_device {
	const struct device_node *node;
	int parent;
	bool is_bus;
	const char *name;
	struct platform_region *regions;
	unsigned int num_regions;
	struct platform_irq *irqs;
	unsigned int num_irqs;
};

/**
 * struct dt_tree - a checked tree; constant but for the references
 * @root:    its root
 * @devices: those that are to be, a parent before its children; @num_devices of them
 */
struct dt_tree {
	const struct device_node *root;
	const struct dt_device *devices;
	unsigned int num_devices;
};

/**
 * dt_tree_create - make nodes and devices of a flattened tree
 * @blob: stays the caller's, and may go
 * @out:  with one reference
 *
 * Refused as a whole if anything is wrong in a node that becomes a device, with the node's path in
 * @error: cell counts, addresses that can't be translated or wrap around, registers that overlap
 * another device's (other than a bus's), interrupts without a controller or in a circle, two
 * devices of one name, more than the limits above.
 * Return: 0, -EINVAL and @error, -ENOMEM.
 */
int dt_tree_create(const struct dt_blob *blob, struct dt_tree **out, struct dt_error *error);
/** dt_tree_get - take a reference. Any context. */
struct dt_tree *dt_tree_get(struct dt_tree *tree);
/** dt_tree_put - drop it; the last one frees it. NULL does nothing. */
void dt_tree_put(struct dt_tree *tree);
/** dt_find_node_by_path - the node at "/a/b@1", or NULL. */
const struct device_node *dt_find_node_by_path(const struct dt_tree *tree, const char *path);

#endif
