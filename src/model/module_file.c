/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <gelf.h>
#include <libelf.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model/alloc.h"
#include "model/module_internal.h"
#include "model/suggest.h"

#define MODULE_SUFFIX	    ".so"
#define MODULE_ENTRY	    "umdev_module_entry"
#define MODULE_PATH_DEFAULT UMDEV_MODULE_DIR

/* More than this is no description of a module. */
#define MODINFO_MAX (1 << 20)

/* The header of the file that this code is in: what machine modules have to be for. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

/* ---- one file ---- */

/* Bytes of memory from the first to the last loaded segment; 0 if the file is cut off. */
static size_t elf_image_size(Elf *elf, uint64_t file_size)
{
	uint64_t low = UINT64_MAX, high = 0;
	GElf_Phdr ph;
	size_t i, n;

	if (elf_getphdrnum(elf, &n))
		return 0;
	for (i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, i, &ph))
			return 0;
		if (ph.p_type != PT_LOAD)
			continue;
		if (ph.p_offset > file_size || ph.p_filesz > file_size - ph.p_offset ||
		    ph.p_memsz < ph.p_filesz || ph.p_memsz > UINT64_MAX - ph.p_vaddr)
			return 0;
		if (ph.p_vaddr < low)
			low = ph.p_vaddr;
		if (ph.p_vaddr + ph.p_memsz > high)
			high = ph.p_vaddr + ph.p_memsz;
	}
	return high > low ? high - low : 0;
}

static bool elf_defines(Elf *elf, Elf_Scn *dynsym, const GElf_Shdr *sh, const char *symbol)
{
	Elf_Data *data = elf_getdata(dynsym, NULL);
	const char *name;
	GElf_Sym sym;
	size_t i;

	if (!data || !sh->sh_entsize)
		return false;
	for (i = 0; i < sh->sh_size / sh->sh_entsize; i++) {
		if (!gelf_getsym(data, (int)i, &sym))
			return false;
		name = elf_strptr(elf, sh->sh_link, sym.st_name);
		if (name && sym.st_shndx != SHN_UNDEF && strcmp(name, symbol) == 0)
			return true;
	}
	return false;
}

static int elf_copy_modinfo(Elf_Scn *scn, struct module_info *info)
{
	Elf_Data *data = elf_rawdata(scn, NULL);

	if (!data || !data->d_buf || data->d_size == 0 || data->d_size > MODINFO_MAX)
		return -ENOEXEC;
	/* One byte more, so that the last string ends even if the file does not say so. */
	info->text = zalloc(data->d_size + 1);
	if (!info->text)
		return -ENOMEM;
	memcpy(info->text, data->d_buf, data->d_size);
	info->len = data->d_size;
	return 0;
}

static int elf_check_header(Elf *elf, const char *path)
{
	GElf_Ehdr eh;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &eh))
		return module_refuse(-ENOEXEC, "%s is no module: not an ELF file", path);
	if (eh.e_machine != __ehdr_start.e_machine ||
	    eh.e_ident[EI_CLASS] != __ehdr_start.e_ident[EI_CLASS] ||
	    eh.e_ident[EI_DATA] != __ehdr_start.e_ident[EI_DATA])
		return module_refuse(-ENOEXEC, "%s is no module: it is for another machine", path);
	if (eh.e_type != ET_DYN)
		return module_refuse(-ENOEXEC, "%s is no module: not a shared object", path);
	return 0;
}

static int elf_read_sections(Elf *elf, const char *path, struct module_info *info)
{
	bool has_entry = false, has_modinfo = false;
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Shdr sh;
	size_t strings;
	int err;

	if (elf_getshdrstrndx(elf, &strings))
		return module_refuse(-ENOEXEC, "%s is no module: cut off or damaged", path);
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			return module_refuse(-ENOEXEC, "%s is no module: cut off or damaged", path);
		name = elf_strptr(elf, strings, sh.sh_name);
		if (sh.sh_type == SHT_DYNSYM)
			has_entry = has_entry || elf_defines(elf, scn, &sh, MODULE_ENTRY);
		if (!has_modinfo && name && strcmp(name, ".modinfo") == 0) {
			err = elf_copy_modinfo(scn, info);
			if (err)
				return module_refuse(err, "%s: can't read its .modinfo", path);
			has_modinfo = true;
		}
	}
	if (!has_modinfo)
		return module_refuse(-ENOEXEC, "%s is no module: it has no .modinfo", path);
	if (!has_entry)
		return module_refuse(-ENOEXEC, "%s is no module: it has no module_init()", path);
	return 0;
}

static int elf_read(int fd, const char *path, struct module_info *info)
{
	const char *abi;
	struct stat st;
	Elf *elf;
	int err;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return module_refuse(-ENOEXEC, "%s is no module: not a file", path);
	elf_version(EV_CURRENT);
	elf = fault_point() ? NULL : elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return module_refuse(-ENOMEM, "%s: out of memory", path);
	err = elf_check_header(elf, path);
	if (!err) {
		info->size = elf_image_size(elf, (uint64_t)st.st_size);
		if (!info->size)
			err = module_refuse(-ENOEXEC, "%s is no module: cut off or damaged", path);
	}
	if (!err)
		err = elf_read_sections(elf, path, info);
	elf_end(elf);
	if (err)
		return err;
	abi = module_info_next(info, "umdev", NULL);
	if (!abi || strcmp(abi, UMDEV_MODULE_ABI) != 0)
		return module_refuse(
			-ENOEXEC, "%s is a module for another version of umdev: compile it again",
			path);
	return 0;
}

int module_info_read(const char *path, struct module_info *info)
{
	int err, fd;

	memset(info, 0, sizeof(*info));
	/* Not blocking, in case that it is a fifo. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		err = -errno;
		return module_refuse(err, "%s: %s", path, module_errdesc(err));
	}
	err = elf_read(fd, path, info);
	close(fd);
	if (err)
		module_info_finish(info);
	return err;
}

void module_info_finish(struct module_info *info)
{
	free(info->text);
	memset(info, 0, sizeof(*info));
}

const char *module_info_next(const struct module_info *info, const char *tag, const char *prev)
{
	const char *end = info->text + info->len;
	const char *p = prev ? prev + strlen(prev) + 1 : info->text;
	size_t len = strlen(tag);

	for (; p && p < end; p += strlen(p) + 1)
		if (strncmp(p, tag, len) == 0 && p[len] == '=')
			return p + len + 1;
	return NULL;
}

/* ---- the module path ---- */

/* A file NAME.so; its .modinfo is read when somebody first asks for an alias. */
struct module_file {
	char *name; /* of the module */
	char *path;
	struct module_info info; /* empty: not read yet, or no module */
	bool info_read;
};

/* A directory of the path and what it had when it was read last; all under path_lock. */
struct module_dir {
	char *path;
	dev_t dev;
	ino_t ino;
	struct timespec mtime;
	bool settled; /* @mtime was old enough for a later change to have another one */
	struct module_file *files;
	size_t nr_files;
};

static pthread_mutex_t path_lock = PTHREAD_MUTEX_INITIALIZER;
static struct module_dir *module_dirs; /* under path_lock */
static size_t nr_module_dirs;	       /* under path_lock */

static void dir_forget_files(struct module_dir *dir)
{
	size_t i;

	for (i = 0; i < dir->nr_files; i++) {
		free(dir->files[i].name);
		free(dir->files[i].path);
		module_info_finish(&dir->files[i].info);
	}
	free(dir->files);
	dir->files = NULL;
	dir->nr_files = 0;
	dir->settled = false;
}

static void dirs_free(struct module_dir *dirs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		dir_forget_files(&dirs[i]);
		free(dirs[i].path);
	}
	free(dirs);
}

static size_t count_paths(const char *dirs)
{
	size_t n = 1;

	for (; *dirs; dirs++)
		n += *dirs == ':';
	return n;
}

/* From "DIR:DIR" to an array; empty names are left out. */
static int path_parse(const char *text, struct module_dir **out, size_t *n)
{
	struct module_dir *dirs;
	const char *end;

	dirs = zalloc_array(count_paths(text), sizeof(*dirs));
	if (!dirs)
		return -ENOMEM;
	for (*n = 0;; text = end + 1) {
		end = strchrnul(text, ':');
		if (end > text) {
			dirs[*n].path = asprintf_f("%.*s", (int)(end - text), text);
			if (!dirs[(*n)++].path) {
				dirs_free(dirs, *n);
				return -ENOMEM;
			}
		}
		if (!*end)
			break;
	}
	*out = dirs;
	return 0;
}

int module_set_path(const char *text)
{
	struct module_dir *dirs, *old;
	size_t n, nr_old;
	int err;

	err = path_parse(text ? text : MODULE_PATH_DEFAULT, &dirs, &n);
	if (err)
		return err;
	pthread_mutex_lock(&path_lock);
	old = module_dirs;
	nr_old = nr_module_dirs;
	module_dirs = dirs;
	nr_module_dirs = n;
	pthread_mutex_unlock(&path_lock);
	dirs_free(old, nr_old);
	return 0;
}

void module_files_finish(void)
{
	pthread_mutex_lock(&path_lock);
	dirs_free(module_dirs, nr_module_dirs);
	module_dirs = NULL;
	nr_module_dirs = 0;
	pthread_mutex_unlock(&path_lock);
}

char *module_file_name(const char *path)
{
	const char *base = strrchr(path, '/');
	size_t len;
	char *name;

	base = base ? base + 1 : path;
	len = strlen(base);
	if (len > strlen(MODULE_SUFFIX) &&
	    strcmp(base + len - strlen(MODULE_SUFFIX), MODULE_SUFFIX) == 0)
		len -= strlen(MODULE_SUFFIX);
	if (!len)
		return NULL;
	name = asprintf_f("%.*s", (int)len, base);
	if (name)
		module_name_normalise(name);
	return name;
}

static int is_module_file(const struct dirent *de)
{
	size_t len = strlen(de->d_name), suffix = strlen(MODULE_SUFFIX);

	return de->d_name[0] != '.' && len > suffix &&
	       strcmp(de->d_name + len - suffix, MODULE_SUFFIX) == 0;
}

static int dir_fill(struct module_dir *dir, struct dirent **entries, int n)
{
	struct module_file *f;
	int i;

	dir->files = zalloc_array((size_t)n + 1, sizeof(*dir->files));
	if (!dir->files)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		f = &dir->files[dir->nr_files++];
		f->path = asprintf_f("%s/%s", dir->path, entries[i]->d_name);
		f->name = module_file_name(entries[i]->d_name);
		if (!f->path || !f->name)
			return -ENOMEM;
	}
	return 0;
}

/* List the directory again if it has changed since the last time. */
static int dir_refresh(struct module_dir *dir)
{
	struct dirent **entries;
	struct timespec now;
	struct stat st;
	int err, i, n;

	if (stat(dir->path, &st)) {
		dir_forget_files(dir);
		return 0;
	}
	if (dir->settled && dir->dev == st.st_dev && dir->ino == st.st_ino &&
	    dir->mtime.tv_sec == st.st_mtim.tv_sec && dir->mtime.tv_nsec == st.st_mtim.tv_nsec)
		return 0;
	dir_forget_files(dir);
	clock_gettime(CLOCK_REALTIME, &now);
	n = scandir(dir->path, &entries, is_module_file, alphasort);
	if (n < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	err = dir_fill(dir, entries, n);
	for (i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
	if (err) {
		dir_forget_files(dir);
		return err;
	}
	dir->dev = st.st_dev;
	dir->ino = st.st_ino;
	dir->mtime = st.st_mtim;
	dir->settled = now.tv_sec > st.st_mtim.tv_sec + 1;
	return 0;
}

/* Set the path if nobody has, and see what is there now. Under path_lock. */
static int dirs_refresh(void)
{
	size_t i;
	int err;

	if (!module_dirs) {
		err = path_parse(MODULE_PATH_DEFAULT, &module_dirs, &nr_module_dirs);
		if (err)
			return err;
	}
	for (i = 0; i < nr_module_dirs; i++) {
		err = dir_refresh(&module_dirs[i]);
		if (err)
			return err;
	}
	return 0;
}

static struct module_file *dirs_find(const char *name)
{
	size_t i, j;

	for (i = 0; i < nr_module_dirs; i++)
		for (j = 0; j < module_dirs[i].nr_files; j++)
			if (strcmp(module_dirs[i].files[j].name, name) == 0)
				return &module_dirs[i].files[j];
	return NULL;
}

int module_file_find(const char *name, char **path)
{
	struct module_file *file;
	int err;

	pthread_mutex_lock(&path_lock);
	err = dirs_refresh();
	if (!err) {
		file = dirs_find(name);
		*path = file ? strdup_f(file->path) : NULL;
		if (!*path)
			err = file ? -ENOMEM : -ENOENT;
	}
	pthread_mutex_unlock(&path_lock);
	return err;
}

/* What can't be read claims nothing; loading it by name will say why. Return: 0 or -ENOMEM. */
static int file_read_info(struct module_file *file)
{
	if (!file->info_read)
		file->info_read = module_info_read(file->path, &file->info) != -ENOMEM;
	return file->info_read ? 0 : -ENOMEM;
}

static bool file_claims(struct module_file *file, const char *alias)
{
	const char *pattern = NULL;
	char *copy;
	bool match;

	if (file_read_info(file))
		return false;
	while ((pattern = module_info_next(&file->info, "alias", pattern))) {
		copy = strdup_f(pattern);
		if (!copy)
			return false;
		module_name_normalise(copy);
		match = fnmatch(copy, alias, 0) == 0;
		free(copy);
		if (match)
			return true;
	}
	return false;
}

static int dirs_match(const char *alias, char **paths)
{
	struct module_file *file;
	size_t i, j, n = 0;

	for (i = 0; i < nr_module_dirs; i++)
		for (j = 0; j < module_dirs[i].nr_files; j++) {
			file = &module_dirs[i].files[j];
			/* A file behind one of the same name can't be loaded by it either. */
			if (dirs_find(file->name) != file || !file_claims(file, alias))
				continue;
			paths[n] = strdup_f(file->path);
			if (!paths[n++])
				return -ENOMEM;
		}
	return n ? 0 : -ENOENT;
}

int module_file_match(const char *alias, char ***paths)
{
	size_t i, n = 0;
	int err;

	*paths = NULL;
	pthread_mutex_lock(&path_lock);
	err = dirs_refresh();
	if (!err) {
		for (i = 0; i < nr_module_dirs; i++)
			n += module_dirs[i].nr_files;
		*paths = zalloc_array(n + 1, sizeof(**paths));
		err = *paths ? dirs_match(alias, *paths) : -ENOMEM;
	}
	pthread_mutex_unlock(&path_lock);
	if (err) {
		module_paths_free(*paths);
		*paths = NULL;
	}
	return err;
}

void module_paths_free(char **paths)
{
	size_t i;

	for (i = 0; paths && paths[i]; i++)
		free(paths[i]);
	free(paths);
}

/* ---- all that is there ---- */

/* What a module can be loaded by; @alias: NULL for its name. */
struct module_claim {
	char *name;
	char *alias;
};

struct module_claims {
	struct module_claim *claim;
	size_t nr;
	size_t size;
};

static int claims_add(struct module_claims *claims, const char *name, const char *alias)
{
	struct module_claim *bigger, *new;
	size_t size = claims->size ? 2 * claims->size : 16;

	if (claims->nr == claims->size) {
		bigger = zalloc_array(size, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		if (claims->nr)
			memcpy(bigger, claims->claim, claims->nr * sizeof(*bigger));
		free(claims->claim);
		claims->claim = bigger;
		claims->size = size;
	}
	new = &claims->claim[claims->nr++];
	new->name = strdup_f(name);
	new->alias = alias ? strdup_f(alias) : NULL;
	return new->name && (!alias || new->alias) ? 0 : -ENOMEM;
}

static void claims_finish(struct module_claims *claims)
{
	size_t i;

	for (i = 0; i < claims->nr; i++) {
		free(claims->claim[i].name);
		free(claims->claim[i].alias);
	}
	free(claims->claim);
}

static int claims_add_file(struct module_claims *claims, struct module_file *file)
{
	const char *alias = NULL;
	int err;

	err = file_read_info(file);
	/* A file behind one of the same name can't be loaded by it. */
	if (err || !file->info.text || dirs_find(file->name) != file)
		return err;
	err = claims_add(claims, file->name, NULL);
	while (!err && (alias = module_info_next(&file->info, "alias", alias)))
		err = claims_add(claims, file->name, alias);
	return err;
}

int module_for_each_file(int (*fn)(const char *name, const char *alias, void *data), void *data)
{
	struct module_claims claims = { 0 };
	size_t i, j;
	int ret;

	pthread_mutex_lock(&path_lock);
	ret = dirs_refresh();
	for (i = 0; i < nr_module_dirs && !ret; i++)
		for (j = 0; j < module_dirs[i].nr_files && !ret; j++)
			ret = claims_add_file(&claims, &module_dirs[i].files[j]);
	pthread_mutex_unlock(&path_lock);
	for (i = 0; i < claims.nr && !ret; i++)
		ret = fn(claims.claim[i].name, claims.claim[i].alias, data);
	claims_finish(&claims);
	return ret;
}

int module_file_missing(const char *name)
{
	char where[256] = "";
	struct suggestion s;
	size_t i, j, used = 0;

	suggestion_init(&s, name);
	pthread_mutex_lock(&path_lock);
	for (i = 0; i < nr_module_dirs; i++) {
		if (used < sizeof(where))
			used += (size_t)snprintf(where + used, sizeof(where) - used, "%s%s",
						 i ? ":" : "", module_dirs[i].path);
		for (j = 0; j < module_dirs[i].nr_files; j++)
			suggestion_offer(&s, module_dirs[i].files[j].name);
	}
	if (s.best)
		module_refuse(-ENOENT, "module \"%s\" not found in %s (did you mean \"%s\"?)", name,
			      where, s.best);
	else
		module_refuse(-ENOENT, "module \"%s\" not found in %s", name, where);
	pthread_mutex_unlock(&path_lock);
	return -ENOENT;
}
