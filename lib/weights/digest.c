/* Digests of tensors and of whole model files: see weights.h. */
#include "weights/store.h"
#include "base/hex.h"
#include "base/xxh3.h"

#include <stdlib.h>
#include <string.h>

static void finish_hash(const XXH3_state_t *x, char out[33])
{
	XXH128_canonical_t c;
	XXH128_canonicalFromHash(&c, XXH3_128bits_digest(x));
	hm_hex_text(c.digest, out);
}

static XXH3_state_t *start_hash(struct hm_err *e)
{
	XXH3_state_t *x = XXH3_createState();
	if (x)
		XXH3_128bits_reset(x);
	else
		hm_err_set(e, HM_EDATA, "out of memory for a digest");
	return x;
}

static void add_bytes(XXH3_state_t *x, const void *p, size_t n)
{
	if (n)
		XXH3_128bits_update(x, p, n);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct hm_tensor *const *)a)->name,
		      (*(const struct hm_tensor *const *)b)->name);
}

static void add_tensor(XXH3_state_t *x, const struct hm_tensor *t)
{
	const char *dtype = hm_dtype_name(t->dtype);
	unsigned char ndim = (unsigned char)t->ndim, le[8];
	size_t count = 0;
	hm_shape_count(t->ndim, t->dim, &count);
	add_bytes(x, t->name, strlen(t->name) + 1);
	add_bytes(x, dtype, strlen(dtype) + 1);
	add_bytes(x, &ndim, 1);
	for (int i = 0; i < t->ndim; i++) {
		for (int b = 0; b < 8; b++)
			le[b] = (unsigned char)((uint64_t)t->dim[i] >> 8 * b);
		add_bytes(x, le, 8);
	}
	add_bytes(x, t->data, count * hm_dtype_size(t->dtype));
}

int hm_weights_digest(const struct hm_tensor *tensor, size_t n, char out[33], struct hm_err *e)
{
	const struct hm_tensor **order = hm_alloc(n, sizeof *order, e);
	XXH3_state_t *x = order ? start_hash(e) : NULL;
	if (x) {
		for (size_t i = 0; i < n; i++)
			order[i] = &tensor[i];
		qsort(order, n, sizeof *order, by_name);
		for (size_t i = 0; i < n; i++)
			add_tensor(x, order[i]);
		finish_hash(x, out);
		XXH3_freeState(x);
	}
	free(order);
	return x ? 0 : HM_EDATA;
}

char *hm_digest_place(const char *header, size_t n)
{
	/* Quotes inside a JSON string are escaped, so this is the text itself, as key or as value. */
	static const char key[] = "\"hm.digest\"";
	const char *end = header + n, *p = header;
	while ((p = memmem(p, (size_t)(end - p), key, sizeof key - 1))) {
		p += sizeof key - 1;
		const char *at = p;
		while (at < end && *at && strchr(" \t\r\n:", *at))
			at++;
		if (end - at >= 34 && at[0] == '"' && at[33] == '"' &&
		    strspn(at + 1, "0123456789abcdef") == 32)
			return (char *)(uintptr_t)(at + 1);
	}
	return NULL;
}

int hm_digest_file(const char *head, size_t h, const char *place, const struct iovec *body, size_t n,
		   char out[33], struct hm_err *e)
{
	static const char zeros[] = "00000000000000000000000000000000";
	XXH3_state_t *x = start_hash(e);
	if (!x)
		return HM_EDATA;
	add_bytes(x, head, (size_t)(place - head));
	add_bytes(x, zeros, 32);
	add_bytes(x, place + 32, h - (size_t)(place - head) - 32);
	for (size_t i = 0; i < n; i++)
		add_bytes(x, body[i].iov_base, body[i].iov_len);
	finish_hash(x, out);
	XXH3_freeState(x);
	return 0;
}
