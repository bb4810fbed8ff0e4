/* Reading .safetensors: u64 header length, JSON header {name: {dtype, shape, data_offsets}}, data. The data
 * must be covered by the tensors exactly: no gap, no overlap, nothing behind. See weights.h. */
#include "json/json.h"
#include "weights/store.h"

#include <stdlib.h>
#include <string.h>

struct span {
	uint64_t begin, end;
	const char *name;
};

static int by_begin(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

/* The items of a JSON array of non-negative integers; -1 when v is not such an array or is longer than cap.
 */
static int read_integers(const cJSON *v, int64_t *out, int cap)
{
	int n = 0;
	if (!cJSON_IsArray(v))
		return -1;
	for (const cJSON *k = v->child; k; k = k->next) {
		if (n == cap || !cJSON_IsNumber(k) || !(k->valuedouble >= 0 && k->valuedouble <= 0x1p53) ||
		    k->valuedouble != (double)(int64_t)k->valuedouble)
			return -1;
		out[n++] = (int64_t)k->valuedouble;
	}
	return n;
}

/* One header entry into t and span; data offsets count from `data`, which has `room` bytes. */
static int read_entry(const cJSON *v, const unsigned char *data, size_t room, struct hm_tensor *t,
		      struct span *s, struct hm_err *e)
{
	const char *dtype;
	int64_t at[2];
	size_t bytes;
	if (!cJSON_IsObject(v) || cJSON_GetArraySize(v) != 3)
		return hm_err_set(e, HM_EDATA, "its entry is not an object of dtype, shape and data_offsets");
	if (hm_json_get_str(v, "dtype", &dtype, e))
		return HM_EDATA;
	int type = hm_dtype_parse(dtype);
	if (type < 0 || type == HM_UTF8)
		return hm_err_set(e, HM_EDATA, "its dtype \"%.32s\" is not read here", dtype);
	t->dtype = (enum hm_dtype)type;
	t->ndim = read_integers(cJSON_GetObjectItemCaseSensitive(v, "shape"), t->dim, HM_MAX_DIMS);
	if (t->ndim < 0)
		return hm_err_set(e, HM_EDATA, "its shape is not a list of at most %d sizes", HM_MAX_DIMS);
	if (read_integers(cJSON_GetObjectItemCaseSensitive(v, "data_offsets"), at, 2) != 2)
		return hm_err_set(e, HM_EDATA, "its data_offsets are not two offsets");
	if (!hm_shape_count(t->ndim, t->dim, &bytes) || !hm_size_mul(bytes, hm_dtype_size(t->dtype), &bytes))
		return hm_err_set(e, HM_EDATA, "its size overflows");
	if (at[0] > at[1])
		return hm_err_set(e, HM_EDATA, "its data_offsets %lld..%lld are the wrong way round",
				  (long long)at[0], (long long)at[1]);
	if ((uint64_t)at[1] > room)
		return hm_err_set(
			e, HM_EDATA,
			"its data_offsets %lld..%lld lie outside the %zu bytes of data: the file is cut, "
			"fetch it again",
			(long long)at[0], (long long)at[1], room);
	if ((uint64_t)(at[1] - at[0]) != bytes) {
		char shape[128];
		return hm_err_set(e, HM_EDATA, "its data_offsets span %lld bytes, %s of %s needs %zu",
				  (long long)(at[1] - at[0]), dtype,
				  hm_shape_text(t->ndim, t->dim, shape, sizeof shape), bytes);
	}
	*s = (struct span){(uint64_t)at[0], (uint64_t)at[1], v->string};
	t->data = (void *)(uintptr_t)(data + at[0]);
	return 0;
}

static int check_cover(struct span *s, size_t n, size_t room, struct hm_err *e)
{
	uint64_t at = 0;
	qsort(s, n, sizeof *s, by_begin);
	for (size_t i = 0; i < n; i++) {
		if (s[i].begin != at)
			return hm_err_set(e, HM_EDATA, "tensor \"%.200s\" begins at data byte %llu, %s",
					  s[i].name, (unsigned long long)s[i].begin,
					  s[i].begin < at ? "inside another tensor" : "behind a gap");
		at = s[i].end;
	}
	if (at != room)
		return hm_err_set(e, HM_EDATA, "%llu bytes follow the last tensor",
				  (unsigned long long)(room - at));
	return 0;
}

static int check_meta(const cJSON *meta, struct hm_err *e)
{
	if (!cJSON_IsObject(meta))
		return hm_err_set(e, HM_EDATA, "__metadata__ is not an object");
	for (const cJSON *k = meta->child; k; k = k->next)
		if (!cJSON_IsString(k))
			return hm_err_set(e, HM_EDATA, "__metadata__: \"%.64s\" is not a string", k->string);
	return 0;
}

/* hm.digest, when the file has one, is compared by hm_weights_verify; with any other key of ours it must be
 * there. */
static int plan_digest(struct hm_weights *w, const cJSON *meta, const unsigned char *p, size_t header,
		       size_t n, struct hm_err *e)
{
	const char *want = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(meta, "hm.digest"));
	for (const cJSON *k = meta ? meta->child : NULL; !want && k; k = k->next)
		if (!strncmp(k->string, "hm.", 3))
			return hm_err_set(e, HM_EDATA, "__metadata__ has \"%.64s\" but no hm.digest",
					  k->string);
	if (!want)
		return 0;
	struct hm_weights_digested d = {
		.p = p, .header = header, .n = n, .place = hm_digest_place((const char *)p + 8, header)};
	if (!d.place || strlen(want) != 32 || memcmp(d.place, want, 32))
		return hm_err_set(e, HM_EDATA, "hm.digest is not 32 hexadecimal digits");
	return hm_buf_add(&w->store->digests, &d, sizeof d, e);
}

int hm_safetensors_parse(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e)
{
	uint64_t header = 0;
	int rc = 0;
	for (int i = 0; i < 8 && n >= 8; i++)
		header |= (uint64_t)p[i] << 8 * i;
	if (n >= 9 && p[0] == '{' && p[7])
		return hm_weights_refuse(p, n, e); /* JSON text whose ninth byte is a brace */
	if (n < 8 || header > n - 8)
		return hm_err_set(e, HM_EDATA,
				  "the file is cut: its header has %llu bytes, %zu are there; fetch it again",
				  (unsigned long long)header, n < 8 ? 0 : n - 8);
	if (header > HM_WEIGHTS_HEADER_CAP)
		return hm_err_set(e, HM_EDATA, "its header has %llu bytes, more than 4 MiB",
				  (unsigned long long)header);
	if (!header || p[8] != '{')
		return hm_err_set(e, HM_EDATA, "not .safetensors: its header is not a JSON object");
	cJSON *tree = hm_json_parse((const char *)p + 8, header, 8, NULL, e);
	if (!tree)
		return hm_err_prefix(e, "header");
	const unsigned char *data = p + 8 + header;
	size_t room = n - 8 - header, count = 0;
	struct span *span = hm_alloc((size_t)cJSON_GetArraySize(tree), sizeof *span, e);
	rc = span ? 0 : HM_EDATA;
	for (const cJSON *k = tree->child; !rc && k; k = k->next) {
		struct hm_tensor t = {0};
		if (!strcmp(k->string, "__metadata__")) {
			rc = check_meta(k, e);
			continue;
		}
		rc = read_entry(k, data, room, &t, &span[count++], e);
		if (rc)
			hm_err_prefix(e, "tensor \"%.200s\"", k->string);
		else
			rc = hm_weights_add(w, "", k->string, strlen(k->string), &t, e);
	}
	if (!rc)
		rc = check_cover(span, count, room, e);
	if (!rc)
		rc = plan_digest(w, cJSON_GetObjectItemCaseSensitive(tree, "__metadata__"), p, header, n, e);
	if (!rc && !w->meta) /* of shards, the first one's */
		w->meta = cJSON_DetachItemFromObjectCaseSensitive(tree, "__metadata__");
	free(span);
	cJSON_Delete(tree);
	return rc;
}
