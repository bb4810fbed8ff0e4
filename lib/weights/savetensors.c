/* Writing .safetensors: see hm_weights_save in weights.h. */
#include "json/json.h"
#include "weights/store.h"

#include <stdlib.h>
#include <string.h>

static int by_size_then_name(const void *a, const void *b)
{
	const struct hm_tensor *x = *(const struct hm_tensor *const *)a,
			       *y = *(const struct hm_tensor *const *)b;
	size_t p = hm_dtype_size(x->dtype), q = hm_dtype_size(y->dtype);
	return p != q ? (p < q ? 1 : -1) : strcmp(x->name, y->name);
}

/* The header entry of a tensor whose data stand at [begin, end). NULL without memory. */
static cJSON *entry(const struct hm_tensor *t, size_t begin, size_t end)
{
	cJSON *o = cJSON_CreateObject(), *shape = cJSON_AddArrayToObject(o, "shape");
	cJSON *at = cJSON_AddArrayToObject(o, "data_offsets");
	bool ok = shape && at && cJSON_AddStringToObject(o, "dtype", hm_dtype_name(t->dtype)) &&
		  cJSON_AddItemToArray(at, cJSON_CreateNumber((double)begin)) &&
		  cJSON_AddItemToArray(at, cJSON_CreateNumber((double)end));
	for (int i = 0; ok && i < t->ndim; i++)
		ok = cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)t->dim[i]));
	if (ok)
		return o;
	cJSON_Delete(o);
	return NULL;
}

/* The header tree; body[i] becomes the data of order[i]. NULL with `e` set. */
static cJSON *header_tree(const struct hm_tensor **order, size_t n, const cJSON *meta, struct iovec *body,
			  struct hm_err *e)
{
	cJSON *tree = cJSON_CreateObject(), *copy = meta ? cJSON_Duplicate(meta, true) : NULL;
	if (copy)
		cJSON_AddItemToObject(tree, "__metadata__", copy);
	bool ok = tree && (!meta || copy);
	cJSON *digest = cJSON_GetObjectItemCaseSensitive(copy, "hm.digest");
	if (ok && digest)
		ok = cJSON_ReplaceItemInObjectCaseSensitive(
			copy, "hm.digest", cJSON_CreateString("00000000000000000000000000000000"));
	size_t at = 0, count, bytes;
	for (size_t i = 0; ok && i < n; i++) {
		if (!strcmp(order[i]->name, "__metadata__") ||
		    (i && !strcmp(order[i - 1]->name, order[i]->name)) ||
		    !hm_shape_count(order[i]->ndim, order[i]->dim, &count) ||
		    !hm_size_mul(count, hm_dtype_size(order[i]->dtype), &bytes) ||
		    !hm_size_add(at, bytes, &count)) {
			hm_err_set(
				e, HM_EDATA,
				"tensor \"%.200s\" cannot be written: a doubled name or an impossible size",
				order[i]->name);
			break;
		}
		body[i] = (struct iovec){order[i]->data, bytes};
		cJSON *o = entry(order[i], at, at + bytes);
		ok = o && cJSON_AddItemToObject(tree, order[i]->name, o);
		at += bytes;
	}
	if (ok && !(e && e->code))
		return tree;
	hm_err_set(e, HM_EDATA, "out of memory for a header");
	cJSON_Delete(tree);
	return NULL;
}

/* u64 length and the header text, padded with spaces to a multiple of 64 bytes in all. */
static int header_text(const cJSON *tree, struct hm_buf *b, struct hm_err *e)
{
	int rc = hm_buf_add(b, NULL, 8, e);
	if (!rc)
		rc = hm_json_write(tree, b, e);
	while (!rc && b->len % 64)
		rc = hm_buf_add(b, " ", 1, e);
	if (!rc && b->len - 8 > HM_WEIGHTS_HEADER_CAP)
		rc = hm_err_set(e, HM_EDATA, "its header would have %zu bytes, more than 4 MiB", b->len - 8);
	for (int i = 0; !rc && i < 8; i++)
		b->data[i] = (unsigned char)((uint64_t)(b->len - 8) >> 8 * i);
	return rc;
}

static int write_all(const char *path, const struct hm_buf *head, const struct iovec *body, size_t n,
		     struct hm_err *e)
{
	struct hm_out *o = hm_out_open(path, e);
	if (!o)
		return HM_EDATA;
	int rc = hm_out_write(o, head->data, head->len, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = hm_out_write(o, body[i].iov_base, body[i].iov_len, e);
	if (!rc)
		return hm_out_commit(o, e);
	hm_out_abort(o);
	return rc;
}

int hm_weights_save(const char *path, const struct hm_tensor *tensor, size_t n, const cJSON *meta,
		    struct hm_err *e)
{
	struct hm_buf head = {0};
	cJSON *tree = NULL;
	int rc = HM_EDATA;
	const struct hm_tensor **order = hm_alloc(n, sizeof *order, e);
	struct iovec *body = hm_alloc(n, sizeof *body, e);
	if (!order || !body)
		goto done;
	for (size_t i = 0; i < n; i++)
		order[i] = &tensor[i];
	qsort(order, n, sizeof *order, by_size_then_name);
	tree = header_tree(order, n, meta, body, e);
	if (!tree || header_text(tree, &head, e)) {
		hm_err_prefix(e, "%s", path);
		goto done;
	}
	if (cJSON_GetObjectItemCaseSensitive(meta, "hm.digest")) {
		char digits[33], *place = hm_digest_place((char *)head.data + 8, head.len - 8);
		if (hm_digest_file((char *)head.data, head.len, place, body, n, digits, e))
			goto done;
		memcpy(place, digits, 32);
	}
	rc = write_all(path, &head, body, n, e);
done:
	hm_buf_clear(&head);
	cJSON_Delete(tree);
	free(body);
	free(order);
	return rc;
}
