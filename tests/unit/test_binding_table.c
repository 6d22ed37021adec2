/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doc/binding.md says who gets a device. Each cell of its table is tried here, for each case that
 * its row stands for; and each case has to be in exactly one row.
 */
#include "cmocka_umdev.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>

#include "model/base.h"
#include "model_fixture.h"
#include "support/outside.h"

/* ---- the table ---- */

#define MAX_COLUMNS 20
#define MAX_ROWS    40
#define FIRST	    "| device is explicit |"

/* The headings, then the rows; the cells are parts of @text. */
static struct {
	char text[1 << 16];
	char *cells[MAX_ROWS][MAX_COLUMNS];
	int rows;
	int columns;
} table;

static char *trim(char *s)
{
	char *end;

	while (isspace((unsigned char)*s))
		s++;
	end = s + strlen(s);
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return s;
}

/* The cells of "| a | b |". Return: how many. */
static int split_row(char *line, char **cells)
{
	char *bar;
	int n = 0;

	for (line++; (bar = strchr(line, '|')); line = bar + 1) {
		*bar = '\0';
		assert_true(n < MAX_COLUMNS);
		cells[n++] = trim(line);
	}
	return n;
}

static void read_doc(void)
{
	const char *dir = getenv("UMDEV_DOC");
	char path[PATH_MAX];
	size_t len;
	FILE *file;

	assert_non_null(dir);
	snprintf(path, sizeof(path), "%s/binding.md", dir);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(table.text, 1, sizeof(table.text) - 1, file);
	assert_in_range(len, 1, sizeof(table.text) - 2);
	fclose(file);
}

static int read_table(void **state)
{
	char *line, *end;
	int n;

	read_doc();
	line = strstr(table.text, "\n" FIRST);
	assert_non_null(line);
	for (line++; *line == '|'; line = end + 1) {
		end = strchr(line, '\n');
		assert_non_null(end);
		*end = '\0';
		if (line[1] == '-')
			continue;
		assert_true(table.rows < MAX_ROWS);
		n = split_row(line, table.cells[table.rows]);
		if (!table.rows)
			table.columns = n;
		assert_int_equal(n, table.columns);
		table.rows++;
	}
	return 0;
}

static int column(const char *heading)
{
	for (int i = 0; i < table.columns; i++)
		if (!strcmp(table.cells[0][i], heading))
			return i;
	fail_msg("no column \"%s\"", heading);
	return -1;
}

/* ---- the cases: a word of each list, in the order of the conditions ---- */

enum condition {
	DEVICE_EXPLICIT,
	DRIVER_EXPLICIT,
	OVERRIDE,
	MATCHES,
	MATCH_ANY,
	CONDITIONS
};

static const char *const conditions[CONDITIONS] = { "device is explicit", "driver is explicit",
						    "driver_override", "matches", "match_any" };
static const char *const words[CONDITIONS][4] = { { "no", "yes" },
						  { "no", "yes" },
						  { "unset", "this", "another" },
						  { "no", "yes" },
						  { "no", "yes", "refused" } };

struct binding_case {
	const char *word[CONDITIONS];
};

static bool is(const struct binding_case *c, enum condition condition, const char *word)
{
	return !strcmp(c->word[condition], word);
}

/* Is @word in "a, b", or in "any"? */
static bool among(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *s;

	if (!strcmp(list, "any"))
		return true;
	for (s = list; s; s = strchr(s, ',')) {
		s += strspn(s, ", ");
		if (!strncmp(s, word, len) && (s[len] == ',' || !s[len]))
			return true;
	}
	return false;
}

/* The one row that is about @c. */
static char **row_of(const struct binding_case *c)
{
	char **found = NULL;
	bool all;

	for (int row = 1; row < table.rows; row++) {
		all = true;
		for (int i = 0; i < CONDITIONS; i++)
			all &= among(table.cells[row][column(conditions[i])], c->word[i]);
		if (!all)
			continue;
		if (found)
			fail_msg("row %d is about a case that another one has, too", row);
		found = table.cells[row];
	}
	return found;
}

/* ---- the world in which a case is tried ---- */

#define DEVICE	"/bus/shelf/devices/book"
#define DRIVERS "/bus/shelf/drivers"

static const struct binding_case *now;
static bool matches; /* what the bus knows without an id */
static char id[32];
static int let_go;

static int shelf_match(struct device *dev, struct device_driver *drv)
{
	if (!strcmp(drv->name, "late"))
		return !strcmp(dev_name(dev), "book");
	return !strcmp(drv->name, "taker") && (matches || !strcmp(id, dev_name(dev)));
}

static int shelf_accept(struct device *dev, struct device_driver *drv)
{
	return !strcmp(drv->name, "taker") && is(now, MATCH_ANY, "refused") ? -EINVAL : 0;
}

static ssize_t new_id_store(struct device_driver *drv, const char *buf, size_t count)
{
	snprintf(id, sizeof(id), "%s", buf);
	return driver_attach(drv) ? -ENODEV : (ssize_t)count;
}
static DRIVER_ATTR_WO(new_id);

static struct attribute *shelf_drv_attrs[] = { &driver_attr_new_id.attr, NULL };
ATTRIBUTE_GROUPS(shelf_drv);

static struct bus_type shelf = {
	.name = "shelf",
	.drv_groups = shelf_drv_groups,
	.match = shelf_match,
	.accept = shelf_accept,
	.has_driver_override = true,
};

static atomic_bool declines;

static int take(struct device *dev)
{
	return atomic_load(&declines) ? -ENODEV : 0;
}

static int defer(struct device *dev)
{
	return -EPROBE_DEFER;
}

static void count_remove(struct device *dev)
{
	let_go++;
}

static struct device_driver taker = { .name = "taker", .bus = &shelf, .probe = take };
static struct device_driver late = { .name = "late", .bus = &shelf, .probe = defer };
static struct device_driver holder = { .name = "holder",
				       .bus = &shelf,
				       .match_any = true,
				       .explicit_bind_only = true,
				       .probe = take,
				       .remove = count_remove };

static const char *override_text(void)
{
	return is(now, OVERRIDE, "unset") ? NULL : is(now, OVERRIDE, "this") ? "taker" : "nosuch";
}

static void register_taker(void)
{
	taker.explicit_bind_only = is(now, DRIVER_EXPLICIT, "yes");
	assert_int_equal(driver_register(&taker), 0);
}

/* A device as the case has it, before anybody sees it. */
static struct device *new_book(void)
{
	struct device *dev = fixture_device(&shelf, NULL, "book");

	dev->explicit_bind_only = is(now, DEVICE_EXPLICIT, "yes");
	dev->driver_override = override_text() ? strdup(override_text()) : NULL;
	return dev;
}

/* The same for one that is there, and a driver that is there, as a tool does it. */
static void set_attributes(void)
{
	const char *text = override_text();

	assert_int_equal(outside_write(is(now, DEVICE_EXPLICIT, "yes") ? "1" : "0",
				       DEVICE "/explicit_bind_only"),
			 0);
	assert_int_equal(outside_write(is(now, DRIVER_EXPLICIT, "yes") ? "1" : "0",
				       DRIVERS "/taker/explicit_bind_only"),
			 0);
	assert_int_equal(outside_write(text ? text : "\n", DEVICE "/driver_override"), 0);
}

static void autoprobe(const char *text)
{
	assert_int_equal(outside_write(text, "/bus/shelf/drivers_autoprobe"), 0);
}

/* Device and driver are there, as the case has them, and nothing was tried. */
static struct device *both(void)
{
	struct device *dev;

	autoprobe("0");
	assert_int_equal(driver_register(&taker), 0);
	dev = fixture_added(&shelf, NULL, "book");
	set_attributes();
	autoprobe("1");
	return dev;
}

/* What became of it, as the table says it; @err is what the write said. */
static const char *outcome(ssize_t err)
{
	static char text[64];
	const char *link = outside_link(DEVICE "/driver");
	const char *driver = *link == '.' ? strrchr(link, '/') + 1 : "";

	if (err)
		snprintf(text, sizeof(text), "%s", strerrorname_np(-err));
	else
		snprintf(text, sizeof(text), "%s", *driver ? "bound" : "left");
	if (!!*driver != (!err && !strcmp(text, "bound")) || (*driver && strcmp(driver, "taker")))
		snprintf(text, sizeof(text), "error %zd, driver \"%s\"", err, driver);
	return text;
}

/* ---- the ways, each for one column: makes a device, which its caller takes down ---- */

static const char *hotplug(struct device **dev)
{
	register_taker();
	*dev = new_book();
	assert_int_equal(device_add(*dev), 0);
	return outcome(0);
}

static const char *registration(struct device **dev)
{
	*dev = new_book();
	assert_int_equal(device_add(*dev), 0);
	register_taker();
	return outcome(0);
}

static const char *drivers_probe(struct device **dev)
{
	*dev = both();
	return outcome(outside_write("book\n", "/bus/shelf/drivers_probe"));
}

/* The id is what makes the driver match, or it is another device's. */
static const char *new_id(struct device **dev)
{
	matches = false;
	*dev = both();
	return outcome(
		outside_write(is(now, MATCHES, "yes") ? "book" : "pen", DRIVERS "/taker/new_id"));
}

static const char *rescan(struct device **dev)
{
	*dev = both();
	return outcome(bus_rescan_devices(&shelf));
}

/* It waits since before anything was as it is now, for what another driver misses. */
static const char *deferred(struct device **dev)
{
	struct device *pen;

	atomic_store(&declines, true);
	assert_int_equal(driver_register(&late), 0);
	assert_int_equal(driver_register(&taker), 0);
	assert_int_equal(driver_register(&holder), 0);
	pen = fixture_added(&shelf, NULL, "pen");
	*dev = fixture_added(&shelf, NULL, "book");
	wait_for_device_probe();
	set_attributes();
	atomic_store(&declines, false);
	assert_int_equal(outside_write("pen", DRIVERS "/holder/bind"), 0);
	wait_for_device_probe();
	device_unregister(pen);
	driver_unregister(&holder);
	driver_unregister(&late);
	return outcome(0);
}

static const char *autoprobe_off(struct device **dev)
{
	autoprobe("0");
	register_taker();
	*dev = new_book();
	assert_int_equal(device_add(*dev), 0);
	driver_unregister(&taker);
	register_taker();
	assert_int_equal(bus_rescan_devices(&shelf), 0);
	return outcome(0);
}

static const char *bind_file(struct device **dev)
{
	*dev = both();
	return outcome(outside_write("book\n", DRIVERS "/taker/bind"));
}

static const char *rebind(struct device **dev)
{
	const char *text;
	ssize_t err;

	autoprobe("0");
	assert_int_equal(driver_register(&taker), 0);
	assert_int_equal(driver_register(&holder), 0);
	*dev = fixture_added(&shelf, NULL, "book");
	assert_int_equal(outside_write("book", DRIVERS "/holder/bind"), 0);
	set_attributes();
	autoprobe("1");
	let_go = 0;
	err = outside_write("taker\n", DEVICE "/rebind");
	text = strrchr(outside_link(DEVICE "/driver"), '/');
	if (err) {
		assert_string_equal(text, "/holder");
		assert_int_equal(let_go, 0);
		device_release_driver(*dev);
		text = outcome(err);
	} else {
		assert_string_equal(text, "/taker");
		assert_int_equal(let_go, 1);
		text = "moved";
	}
	driver_unregister(&holder);
	return text;
}

static const struct way {
	const char *heading;
	const char *(*go)(struct device **dev);
} ways[] = {
	{ "hotplug", hotplug },
	{ "driver_register", registration },
	{ "drivers_probe", drivers_probe },
	{ "new_id", new_id },
	{ "rescan", rescan },
	{ "deferred", deferred },
	{ "autoprobe off", autoprobe_off },
	{ "bind", bind_file },
	{ "rebind", rebind },
};

/* ---- trying ---- */

/* What happens to @c in @way; the world begins and ends empty. */
static const char *tried(const struct binding_case *c, const struct way *way)
{
	struct device *dev;
	const char *text;

	now = c;
	matches = is(c, MATCHES, "yes");
	*id = '\0';
	taker.match_any = !is(c, MATCH_ANY, "no");
	taker.explicit_bind_only = false;
	assert_int_equal(bus_register(&shelf), 0);
	text = way->go(&dev);
	device_unregister(dev);
	driver_unregister(&taker);
	bus_unregister(&shelf);
	return text;
}

static unsigned int try_all(const struct binding_case *c)
{
	unsigned int wrong = 0;
	const char *said, *done;
	char **row = row_of(c);

	if (!row)
		print_error("no row\n");
	for (size_t i = 0; row && i < ARRAY_SIZE(ways); i++) {
		said = row[column(ways[i].heading)];
		done = tried(c, &ways[i]);
		if (!strcmp(said, done))
			continue;
		print_error("%s: the table says %s, but it is %s\n", ways[i].heading, said, done);
		wrong++;
	}
	if (!row || wrong) {
		for (int i = 0; i < CONDITIONS; i++)
			print_error("  %s: %s", conditions[i], c->word[i]);
		print_error("\n");
	}
	return row ? wrong : 1;
}

static void each_cell_of_the_table_is_so(void **state)
{
	int number[CONDITIONS] = { 0 }, cases = 0, i;
	struct binding_case c;
	unsigned int wrong = 0;

	do {
		for (i = 0; i < CONDITIONS; i++)
			c.word[i] = words[i][number[i]];
		wrong += try_all(&c);
		cases++;
		for (i = 0; i < CONDITIONS && !words[i][++number[i]]; i++)
			number[i] = 0;
	} while (i < CONDITIONS);
	assert_int_equal(cases, 2 * 2 * 3 * 2 * 3);
	assert_int_equal(wrong, 0);
}

/* No word that stands for nothing, no column that is not tried. */
static void the_table_says_nothing_else(void **state)
{
	char list[64], *word, *save;
	bool known;

	assert_int_equal(table.columns, CONDITIONS + ARRAY_SIZE(ways));
	for (int row = 1; row < table.rows; row++) {
		for (int i = 0; i < CONDITIONS; i++) {
			snprintf(list, sizeof(list), "%s", table.cells[row][column(conditions[i])]);
			assert_string_not_equal(list, "");
			for (word = strtok_r(list, ",", &save); word;
			     word = strtok_r(NULL, ",", &save)) {
				known = !strcmp(trim(word), "any");
				for (int n = 0; words[i][n]; n++)
					known |= !strcmp(trim(word), words[i][n]);
				if (!known)
					fail_msg("row %d: \"%s\" is unknown", row, word);
			}
		}
	}
}

/* The sentences below the table: who is bound stays, whatever is written and whoever comes. */
static void who_is_bound_stays(void **state)
{
	static const struct binding_case any = { { "no", "no", "unset", "yes", "yes" } };
	struct device *dev;

	now = &any;
	matches = true;
	taker.match_any = false;
	taker.explicit_bind_only = false;
	assert_int_equal(bus_register(&shelf), 0);
	assert_int_equal(driver_register(&holder), 0);
	dev = fixture_added(&shelf, NULL, "book");
	assert_int_equal(outside_write("book", DRIVERS "/holder/bind"), 0);
	assert_int_equal(driver_register(&taker), 0);
	assert_int_equal(outside_write("book", "/bus/shelf/drivers_probe"), 0);
	assert_int_equal(outside_write("book", DRIVERS "/taker/new_id"), 0);
	assert_int_equal(bus_rescan_devices(&shelf), 0);
	assert_int_equal(outside_write("1", DEVICE "/explicit_bind_only"), 0);
	assert_int_equal(outside_write("book", DRIVERS "/taker/bind"), -EBUSY);
	assert_int_equal(outside_write("book", DRIVERS "/holder/bind"), -EBUSY);
	assert_int_equal(outside_write("taker", DEVICE "/driver_override"), 0);
	assert_int_equal(outside_write("book", "/bus/shelf/drivers_probe"), 0);
	assert_int_equal(outside_write("book", DRIVERS "/holder/bind"), -ENODEV);
	assert_string_equal(outside_link(DEVICE "/driver"), "../../bus/shelf/drivers/holder");

	/* Setting it back offers nothing to anybody. */
	device_release_driver(dev);
	assert_int_equal(outside_write("0", DEVICE "/explicit_bind_only"), 0);
	assert_int_equal(outside_write("0", DRIVERS "/holder/explicit_bind_only"), 0);
	assert_string_equal(outside_link(DEVICE "/driver"), "error -2");
	assert_int_equal(outside_write("book", "/bus/shelf/drivers_probe"), 0);
	assert_string_equal(outside_link(DEVICE "/driver"), "../../bus/shelf/drivers/taker");
	device_unregister(dev);
	driver_unregister(&taker);
	driver_unregister(&holder);
	holder.explicit_bind_only = true;
	bus_unregister(&shelf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_cell_of_the_table_is_so, fixture_setup,
						fixture_teardown),
		cmocka_unit_test(the_table_says_nothing_else),
		cmocka_unit_test_setup_teardown(who_is_bound_stays, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests(tests, read_table, NULL);
}
