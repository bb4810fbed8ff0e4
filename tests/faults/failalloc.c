/* Preloaded into a tool: its k-th allocation fails, alone or with all that follow, counted over all threads
 * from main() on. Counted are malloc, calloc, realloc, memalign, posix_memalign, aligned_alloc, whoever calls
 * them: the tool, zstd, cJSON, libpng, libjpeg, libwebp, libdeflate, and libc itself (strdup, fopen, opendir,
 * qsort). Not counted is what oneDNN, libgomp and the C++ library ask for: they abort on their own, or throw
 * where nothing catches, when memory is out, and no caller can prevent it. Nor is libwebp's first table of
 * codes (512 bytes): libwebp 1.2.4, Debian 12's, frees a pointer that it never set when it does not get it.
 */
#include "shim.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

enum { OBJECTS = 64 };
static struct object {
	unsigned long base, low, high;
	bool excluded;
	char name[48];
} objects[OBJECTS];
static int n_objects;
static struct shim_page *page; /* NULL: not counted yet */

static bool is_excluded(const char *name)
{
	static const char *const list[] = {"libdnnl", "libgomp", "libstdc++",	"libgcc_s",
					   "libtbb",  "OpenCL",	 "libgfortran", "linux-vdso"};
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		if (strstr(name, list[i]))
			return true;
	return false;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size, (void)unused;
	const char *slash = strrchr(info->dlpi_name, '/'), *name = slash ? slash + 1 : info->dlpi_name;
	for (int i = 0; i < info->dlpi_phnum && n_objects < OBJECTS; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X))
			continue;
		struct object *o = &objects[n_objects++];
		o->base = info->dlpi_addr;
		o->low = o->base + info->dlpi_phdr[i].p_vaddr;
		o->high = o->low + info->dlpi_phdr[i].p_memsz;
		o->excluded = is_excluded(name);
		strncpy(o->name, *name ? name : "the tool", sizeof o->name - 1);
	}
	return 0;
}

void shim_start_counting(struct shim_page *p)
{
	dl_iterate_phdr(note_object, NULL);
	page = p;
}

static const struct object *find_object(unsigned long address)
{
	for (int i = 0; i < n_objects; i++)
		if (address >= objects[i].low && address < objects[i].high)
			return &objects[i];
	return NULL;
}

/* Whether this allocation is to fail. `caller`: the address behind the call. */
static bool is_denied(const void *caller, size_t size, const char *what)
{
	if (!page)
		return false;
	const struct object *o = find_object((unsigned long)caller);
	if (o && (o->excluded || (size == 512 && !strncmp(o->name, "libwebp.", 8))))
		return false;
	long n = atomic_fetch_add(&page->count, 1) + 1;
	if (!page->k || n < page->k || (n > page->k && !page->ever))
		return false;
	if (!atomic_fetch_add(&page->failed, 1)) {
		page->size = size;
		page->caller = (unsigned long)caller - (o ? o->base : 0);
		strncpy(page->what, what, sizeof page->what - 1);
		strncpy(page->object, o ? o->name : "?", sizeof page->object - 1);
	}
	errno = ENOMEM;
	return true;
}

#define DENIED(SIZE) is_denied(__builtin_return_address(0), SIZE, __func__)

void *malloc(size_t n)
{
	return DENIED(n) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return DENIED(n * size) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return DENIED(n) ? NULL : __libc_realloc(p, n);
}

void *memalign(size_t align, size_t n)
{
	return DENIED(n) ? NULL : __libc_memalign(align, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	return DENIED(n) ? NULL : __libc_memalign(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	if (DENIED(n))
		return ENOMEM;
	void *got = __libc_memalign(align, n);
	if (got)
		*p = got;
	return got ? 0 : ENOMEM;
}
