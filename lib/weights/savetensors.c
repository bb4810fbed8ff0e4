/* Writing .safetensors: see hm_weights_save in weights.h. */
#include "json/build.h"
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

/* Adds the header entry of a tensor whose data stand at [begin, end). */
static void add_entry(cJSON *tree, const struct hm_tensor *t, size_t begin, size_t end, struct hm_err *e)
{
	cJSON *o = hm_json_add_object(tree, t->name, e), *at = hm_json_add_array(o, "data_offsets", e);
	hm_json_add_num(at, NULL, (double)begin, e);
	hm_json_add_num(at, NULL, (double)end, e);
	hm_json_add_str(o, "dtype", hm_dtype_name(t->dtype), e);
	cJSON *shape = hm_json_add_array(o, "shape", e);
	for (int i = 0; i < t->ndim; i++)
		hm_json_add_num(shape, NULL, (double)t->dim[i], e);
}

/* Adds __metadata__, with zeros in place of the digest, which is not known yet. */
static void add_meta(cJSON *tree, const cJSON *meta, struct hm_err *e)
{
	cJSON *o = hm_json_add_object(tree, "__metadata__", e);
	for (const cJSON *k = meta->child; k; k = k->next)
		if (strcmp(k->string, "hm.digest"))
			hm_json_add_copy(o, k->string, k, e);
		else
			hm_json_add_str(o, k->string, "00000000000000000000000000000000", e);
}

/* The header tree; body[i] becomes the data of order[i]. NULL with `e` set. */
static cJSON *header_tree(const struct hm_tensor **order, size_t n, const cJSON *meta, struct iovec *body,
			  struct hm_err *e)
{
	cJSON *tree = hm_json_object(e);
	size_t at = 0, count, bytes;
	if (meta)
		add_meta(tree, meta, e);
	for (size_t i = 0; i < n && !e->code; i++, at += bytes) {
		const struct hm_tensor *t = order[i];
		if (!strcmp(t->name, "__metadata__") || (i && !strcmp(order[i - 1]->name, t->name)) ||
		    !hm_shape_count(t->ndim, t->dim, &count) ||
		    !hm_size_mul(count, hm_dtype_size(t->dtype), &bytes) || !hm_size_add(at, bytes, &count)) {
			hm_err_set(e, HM_EDATA,
				   "tensor \"%.200s\" cannot be written: its name is there twice or "
				   "reserved, or "
				   "its size is impossible",
				   t->name);
			break;
		}
		body[i] = (struct iovec){t->data, bytes};
		add_entry(tree, t, at, at + bytes, e);
	}
	return hm_json_whole(tree, e);
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

typedef int commit_fn(struct hm_out *o, struct hm_err *e);

static int write_all(const char *path, const struct hm_buf *head, const struct iovec *body, size_t n,
		     commit_fn *commit, struct hm_err *e)
{
	struct hm_out *o = hm_out_open(path, e);
	if (!o)
		return HM_EDATA;
	int rc = hm_out_write(o, head->data, head->len, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = hm_out_write(o, body[i].iov_base, body[i].iov_len, e);
	if (!rc)
		return commit(o, e);
	hm_out_abort(o);
	return rc;
}

static int save_tensors(const char *path, const struct hm_tensor *tensor, size_t n, const cJSON *meta,
			commit_fn *commit, struct hm_err *e)
{
	struct hm_buf head = {0};
	struct hm_err own = {0};
	cJSON *tree = NULL;
	int rc = HM_EDATA;
	e = e ? e : &own; /* the builder of the header looks at it */
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
	rc = write_all(path, &head, body, n, commit, e);
done:
	hm_buf_clear(&head);
	cJSON_Delete(tree);
	free(body);
	free(order);
	return rc;
}

int hm_weights_save(const char *path, const struct hm_tensor *tensor, size_t n, const cJSON *meta,
		    struct hm_err *e)
{
	return save_tensors(path, tensor, n, meta, hm_out_commit, e);
}

int hm_weights_save_unsynced(const char *path, const struct hm_tensor *tensor, size_t n, const cJSON *meta,
			     struct hm_err *e)
{
	return save_tensors(path, tensor, n, meta, hm_out_commit_unsynced, e);
}
