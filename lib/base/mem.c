/* Memory: see mem.h. */
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN 64u
#define LARGE ((size_t)4 << 20) /* bytes from which memory is zeroed by the kernel, when it is touched */
#define HUGE_PAGE ((size_t)2 << 20)

const char *hm_size_text(uint64_t n, char out[HM_SIZE_TEXT])
{
	static const char *const unit[] = {"", "K", "M", "G"};
	int k = 0;
	while (n && n % 1024 == 0 && k < 3) {
		n /= 1024;
		k++;
	}
	snprintf(out, HM_SIZE_TEXT, "%" PRIu64 "%s", n, unit[k]);
	return out;
}

/* Zeroes p[0..n), which begins with a huge page. Its pages go back to the kernel, which gives zeroed ones
 * when they are touched: what is never touched costs nothing, and huge pages take few faults. */
static void zero_large(unsigned char *p, size_t n)
{
	size_t pages = n / HUGE_PAGE * HUGE_PAGE;
	if (madvise(p, pages, MADV_DONTNEED)) {
		memset(p, 0, n);
		return;
	}
	memset(p + pages, 0, n - pages);
	madvise(p, pages, MADV_HUGEPAGE); /* advice only */
}

void *hm_alloc(size_t n, size_t size, struct hm_err *e)
{
	size_t total;
	void *p;
	if (!hm_size_mul(n, size, &total) || total > SIZE_MAX / 2 ||
	    posix_memalign(&p, total < LARGE ? ALIGN : HUGE_PAGE, total ? total : 1)) {
		hm_err_machine(e, "out of memory: %zu items of %zu bytes were asked for", n, size);
		return NULL;
	}
	if (total < LARGE)
		memset(p, 0, total ? total : 1);
	else
		zero_large(p, total);
	return p;
}

char *hm_strndup(const char *s, size_t len, struct hm_err *e)
{
	char *p = hm_alloc(len + 1, 1, e);
	if (p)
		memcpy(p, s, len);
	return p;
}

int hm_buf_reserve(struct hm_buf *b, size_t more, struct hm_err *e)
{
	size_t need;
	if (!hm_size_add(b->len, more, &need) || need > SIZE_MAX / 4)
		return hm_err_machine(e, "out of memory: a buffer would be larger than the address space");
	if (need <= b->cap)
		return 0;
	size_t cap = b->cap ? b->cap : need < 256 ? 256 : need; /* the first is as large as it must be */
	while (cap < need)
		cap += cap / 2 + 64;
	void *p;
	if (posix_memalign(&p, ALIGN, cap))
		return hm_err_machine(e, "out of memory: a buffer of %zu bytes was asked for", cap);
	if (b->len)
		memcpy(p, b->data, b->len);
	free(b->data);
	b->data = p;
	b->cap = cap;
	return 0;
}

int hm_buf_add(struct hm_buf *b, const void *p, size_t n, struct hm_err *e)
{
	int rc = hm_buf_reserve(b, n, e);
	if (rc || !n)
		return rc;
	if (p)
		memcpy(b->data + b->len, p, n);
	else
		memset(b->data + b->len, 0, n);
	b->len += n;
	return 0;
}

int hm_buf_vprintf(struct hm_buf *b, struct hm_err *e, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	int rc = n < 0 ? hm_err_set(e, HM_EDATA, "text could not be formatted")
		       : hm_buf_reserve(b, (size_t)n + 1, e);
	if (!rc) {
		vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return rc;
}

int hm_buf_printf(struct hm_buf *b, struct hm_err *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int rc = hm_buf_vprintf(b, e, fmt, ap);
	va_end(ap);
	return rc;
}

void hm_buf_clear(struct hm_buf *b)
{
	free(b->data);
	*b = (struct hm_buf){0};
}

struct hm_arena_chunk {
	struct hm_arena_chunk *next;
	size_t used, cap; /* of data behind this header */
	char pad[ALIGN - sizeof(void *) - 2 * sizeof(size_t)];
};

void *hm_arena_get(struct hm_arena *a, size_t n, struct hm_err *e)
{
	if (n > SIZE_MAX / 4) {
		hm_err_machine(e, "out of memory: %zu bytes were asked for", n);
		return NULL;
	}
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	struct hm_arena_chunk *c = a->head;
	if (!c || c->cap - c->used < n) {
		size_t cap = c ? 2 * c->cap : 1u << 16;
		if (cap > 1u << 26)
			cap = 1u << 26;
		if (cap < n)
			cap = n;
		void *p;
		size_t total = sizeof *c + cap;
		if (posix_memalign(&p, total < LARGE ? ALIGN : HUGE_PAGE, total)) {
			hm_err_machine(e, "out of memory: %zu bytes were asked for", cap);
			return NULL;
		}
		if (total >= LARGE)
			madvise(p, total / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* advice only */
		c = p;
		*c = (struct hm_arena_chunk){.next = a->head, .cap = cap};
		a->head = c;
	}
	void *p = (char *)(c + 1) + c->used;
	c->used += n;
	return p;
}

char *hm_arena_copy(struct hm_arena *a, const char *s, size_t len, struct hm_err *e)
{
	char *copy = hm_arena_get(a, len + 1, e);
	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, s, len);
	copy[len] = 0;
	return copy;
}

void hm_arena_reset(struct hm_arena *a)
{
	if (!a->head)
		return;
	struct hm_arena rest = {a->head->next};
	hm_arena_clear(&rest);
	a->head->next = NULL;
	a->head->used = 0;
}

void hm_arena_clear(struct hm_arena *a)
{
	for (struct hm_arena_chunk *c = a->head, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	a->head = NULL;
}
