/* Reading what torch.save writes: a zip of stored entries NAME/data.pkl and NAME/data/K, or the legacy form
 * of five pickles and raw storages. Tensors may share storages and be strided; strided ones are copied.
 * Formats: torch/serialization.py. See weights.h. */
#include "base/strmap.h"
#include "weights/pickle.h"
#include "weights/store.h"

#include <stdio.h>
#include <string.h>
#include <zip.h>

/* A storage's bytes. */
struct bytes {
	const unsigned char *p;
	size_t n;
};

struct pth {
	struct hm_weights *w;
	size_t copied, cap; /* bytes copied so far, of zip entries or strided tensors; the most allowed */
	size_t shown;	    /* bytes of all tensors so far, shared ones each time; the same cap */
	struct hm_strmap storage; /* key -> index in `bytes` */
	struct hm_buf bytes;	  /* struct bytes[] */
	zip_t *zip;		  /* zip form */
	char prefix[256];	  /* "NAME/" */
};

typedef struct hm_pickle_val val;

static bool is(const val *v, enum hm_pickle_kind kind)
{
	return v && v->kind == kind;
}

/* Memory of the file's size or a small multiple of it, never more. */
static void *copy_room(struct pth *f, size_t n, struct hm_err *e)
{
	if (n > f->cap - f->copied) {
		hm_err_set(e, HM_EDATA,
			   "its strided tensors and entries add up to more than four times the file");
		return NULL;
	}
	f->copied += n;
	return hm_arena_get(&f->w->store->arena, n, e);
}

static int add_storage(struct pth *f, const val *key, struct bytes b, struct hm_err *e)
{
	uint64_t index = f->bytes.len / sizeof b;
	int rc = hm_strmap_add(&f->storage, key->s, key->n, &index, e);
	if (rc == 0)
		return hm_err_set(e, HM_EDATA, "storage \"%.*s\" is there twice", (int)key->n, key->s);
	return rc < 0 ? rc : hm_buf_add(&f->bytes, &b, sizeof b, e);
}

/* ---- tensors ---- */

static int sizes(const val *tuple, int64_t *out, struct hm_err *e)
{
	int n = 0;
	if (tuple->n > HM_MAX_DIMS)
		return hm_err_set(e, HM_EDATA, "it has %zu dimensions, at most %d are allowed", tuple->n,
				  HM_MAX_DIMS);
	for (const struct hm_pickle_item *k = tuple->first; k; k = k->next) {
		if (!is(k->val, HM_PICKLE_INT) || k->val->i < 0)
			return hm_err_set(e, HM_EDATA, "its size or stride is no list of integers from 0");
		out[n++] = k->val->i;
	}
	return n;
}

/* True when the elements stand row-major without gaps. */
static bool contiguous(const struct hm_tensor *t, const int64_t *stride)
{
	int64_t want = 1;
	for (int i = t->ndim; i-- > 0;) {
		if (t->dim[i] != 1 && stride[i] != want)
			return false;
		want *= t->dim[i];
	}
	return true;
}

/* The index of the last element of a tensor of `count` > 0 elements; false when it overflows. */
static bool last_index(const struct hm_tensor *t, const int64_t *stride, int64_t first, uint64_t *last)
{
	int64_t at = first, step;
	for (int i = 0; i < t->ndim; i++)
		if (__builtin_mul_overflow(t->dim[i] - 1, stride[i], &step) ||
		    __builtin_add_overflow(at, step, &at))
			return false;
	*last = (uint64_t)at;
	return true;
}

/* The `count` elements into t->data, row-major. */
static void gather(const struct hm_tensor *t, const int64_t *stride, const unsigned char *from, size_t count)
{
	size_t size = hm_dtype_size(t->dtype);
	int64_t at[HM_MAX_DIMS] = {0}, offset = 0;
	unsigned char *to = t->data;
	for (size_t i = 0; i < count; i++, to += size) {
		memcpy(to, from + (size_t)offset * size, size);
		for (int d = t->ndim; d-- > 0;) {
			offset += stride[d];
			if (++at[d] < t->dim[d])
				break;
			offset -= at[d] * stride[d];
			at[d] = 0;
		}
	}
}

static int place(struct pth *f, const val *v, struct bytes b, struct hm_tensor *t, struct hm_err *e)
{
	int64_t stride[HM_MAX_DIMS];
	size_t count, size = hm_dtype_size(v->storage->dtype);
	uint64_t last = 0, elements = (uint64_t)v->storage->i;
	t->dtype = v->storage->dtype;
	t->ndim = sizes(v->size, t->dim, e);
	if (t->ndim < 0 || sizes(v->stride, stride, e) < 0)
		return HM_EDATA;
	if (v->size->n != v->stride->n)
		return hm_err_set(e, HM_EDATA, "%zu sizes but %zu strides", v->size->n, v->stride->n);
	if (b.n / size != elements || b.n % size)
		return hm_err_set(e, HM_EDATA, "its storage has %zu bytes, %llu elements of %s are promised",
				  b.n, (unsigned long long)elements, hm_dtype_name(t->dtype));
	if (!hm_shape_count(t->ndim, t->dim, &count) || count > elements)
		return hm_err_set(e, HM_EDATA, "it has more elements than the %llu of its storage",
				  (unsigned long long)elements);
	if (v->i < 0 || (count && (!last_index(t, stride, v->i, &last) || last >= elements)))
		return hm_err_set(e, HM_EDATA, "it reaches outside the %llu elements of its storage",
				  (unsigned long long)elements);
	if (count * size >
	    f->cap - f->shown) /* what makes networks of them would need far more memory than the file */
		return hm_err_set(e, HM_EDATA,
				  "tensors that share storages add up to more than four times the file");
	f->shown += count * size;
	const unsigned char *from = count ? b.p + (size_t)v->i * size : b.p;
	if (!count || contiguous(t, stride)) {
		t->data = (void *)(uintptr_t)from;
		return 0;
	}
	t->data = copy_room(f, count * size, e);
	if (!t->data)
		return HM_EDATA;
	gather(t, stride, from, count);
	return 0;
}

static int find_storage(struct pth *f, const val *storage, struct bytes *b, struct hm_err *e);

/* Every entry of the dict becomes a tensor of the file. */
static int add_tensors(struct pth *f, const val *root, struct hm_err *e)
{
	const val *inner = hm_pickle_get(root, "state_dict");
	if (is(inner, HM_PICKLE_DICT))
		root = inner;
	if (!is(root, HM_PICKLE_DICT))
		return hm_err_set(e, HM_EDATA, "it holds no dict of tensors");
	for (const struct hm_pickle_item *k = root->first; k; k = k->next) {
		struct hm_tensor t = {0};
		struct bytes b;
		if (!is(k->key, HM_PICKLE_STR) || !k->key->n)
			return hm_err_set(e, HM_EDATA, "its dict has a key that is no name");
		int shown = k->key->n < 200 ? (int)k->key->n : 200;
		if (!is(k->val, HM_PICKLE_TENSOR))
			return hm_err_set(e, HM_EDATA, "\"%.*s\" is no tensor", shown, k->key->s);
		if (find_storage(f, k->val->storage, &b, e) || place(f, k->val, b, &t, e))
			return hm_err_prefix(e, "tensor \"%.*s\"", shown, k->key->s);
		if (hm_weights_add(f->w, k->key->s, k->key->n, &t, e))
			return HM_EDATA;
	}
	return 0;
}

/* ---- zip ---- */

/* The bytes of entry NAME/rest: stored ones only, CRC checked unless the directory has none. 1; 0 when there
 * is no such entry. */
static int entry(struct pth *f, const char *rest, size_t rest_len, struct bytes *b, struct hm_err *e)
{
	char name[512];
	zip_stat_t st;
	int n = snprintf(name, sizeof name, "%s%.*s", f->prefix, (int)rest_len, rest);
	if (n < 0 || (size_t)n >= sizeof name)
		return hm_err_set(e, HM_EDATA, "entry \"%.64s…\" has too long a name", rest);
	if (zip_stat(f->zip, name, 0, &st))
		return 0;
	if (st.comp_method != ZIP_CM_STORE || st.encryption_method != ZIP_EM_NONE || st.size != st.comp_size)
		return hm_err_set(e, HM_EDATA, "entry \"%s\" is compressed or encrypted; torch.save stores",
				  name);
	unsigned char *p = copy_room(f, st.size, e);
	if (!p)
		return HM_EDATA;
	zip_file_t *file = zip_fopen_index(f->zip, st.index, 0);
	zip_int64_t got = file ? zip_fread(file, p, st.size) : -1;
	/* libzip compares the CRC at the read that finds the end, which is left out where the directory has
	 * none. */
	char end;
	bool sound = got == (zip_int64_t)st.size && (!st.crc || zip_fread(file, &end, 1) == 0);
	if (file)
		zip_fclose(file);
	if (got < 0 || (zip_uint64_t)got != st.size)
		return hm_err_set(e, HM_EDATA, "entry \"%s\" cannot be read: it lies outside the file", name);
	if (!sound)
		return hm_err_set(e, HM_EDATA, "entry \"%s\" is damaged: its CRC differs", name);
	*b = (struct bytes){p, st.size};
	return 1;
}

static int find_storage(struct pth *f, const val *storage, struct bytes *b, struct hm_err *e)
{
	uint64_t index;
	const val *key = storage->key;
	if (hm_strmap_find(&f->storage, key->s, key->n, &index)) {
		*b = ((struct bytes *)f->bytes.data)[index];
		return 0;
	}
	char rest[256];
	int n = snprintf(rest, sizeof rest, "data/%.*s", (int)(key->n < 200 ? key->n : 200), key->s);
	int rc = f->zip && key->n < 200 ? entry(f, rest, (size_t)n, b, e) : 0;
	if (!rc)
		return hm_err_set(e, HM_EDATA, "its storage \"%.*s\" is not in the file",
				  (int)(key->n < 200 ? key->n : 200), key->s);
	return rc < 0 ? rc : add_storage(f, key, *b, e);
}

/* f->prefix from the one entry called NAME/data.pkl. */
static int find_prefix(struct pth *f, struct hm_err *e)
{
	zip_int64_t entries = zip_get_num_entries(f->zip, 0);
	for (zip_int64_t i = 0; i < entries; i++) {
		const char *name = zip_get_name(f->zip, (zip_uint64_t)i, ZIP_FL_ENC_RAW),
			   *slash = name ? strchr(name, '/') : NULL;
		if (!slash || strcmp(slash, "/data.pkl"))
			continue;
		if (f->prefix[0])
			return hm_err_set(e, HM_EDATA, "a zip with two data.pkl");
		if ((size_t)(slash - name) + 2 > sizeof f->prefix)
			return hm_err_set(e, HM_EDATA, "a zip whose folder has too long a name");
		memcpy(f->prefix, name, (size_t)(slash - name) + 1);
	}
	return f->prefix[0] ? 0 : hm_err_set(e, HM_EDATA, "a zip without NAME/data.pkl: not of torch.save");
}

static int check_byteorder(struct pth *f, struct hm_err *e)
{
	struct bytes b;
	int rc = entry(f, "byteorder", 9, &b, e);
	if (rc == 1 && (b.n != 6 || memcmp(b.p, "little", 6)))
		return hm_err_set(e, HM_EDATA, "its byte order is \"%.*s\", not little",
				  (int)(b.n < 16 ? b.n : 16), b.p);
	return rc < 0 ? rc : 0;
}

static void pth_clear(struct pth *f, struct hm_arena *values)
{
	if (f->zip)
		zip_discard(f->zip);
	hm_strmap_clear(&f->storage);
	hm_buf_clear(&f->bytes);
	hm_arena_clear(values);
}

int hm_pth_parse_zip(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e)
{
	struct pth f = {.w = w, .cap = 4 * n};
	struct hm_arena values = {0};
	struct bytes pkl;
	val *root;
	size_t used;
	zip_error_t ze;
	zip_error_init(&ze);
	zip_source_t *source = zip_source_buffer_create(p, n, 0, &ze);
	f.zip = source ? zip_open_from_source(source, ZIP_RDONLY, &ze) : NULL;
	int rc = 0;
	if (!f.zip) {
		rc = hm_err_set(e, HM_EDATA, "a damaged zip: %s", zip_error_strerror(&ze));
		zip_source_free(source);
	}
	zip_error_fini(&ze);
	if (!rc)
		rc = find_prefix(&f, e);
	if (!rc)
		rc = check_byteorder(&f, e);
	if (!rc)
		rc = entry(&f, "data.pkl", 8, &pkl, e) == 1
			     ? 0
			     : hm_err_set(e, HM_EDATA, "data.pkl cannot be found");
	if (!rc)
		rc = hm_pickle_run(pkl.p, pkl.n, &values, &root, &used, e);
	if (!rc)
		rc = add_tensors(&f, root, e);
	pth_clear(&f, &values);
	return rc;
}

/* ---- legacy ---- */

static const unsigned char magic[] = {0x80, 2,	  0x8a, 10,   0x6c, 0xfc, 0x9c,
				      0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

bool hm_pth_is_legacy(const unsigned char *p, size_t n)
{
	return n >= sizeof magic && !memcmp(p, magic, sizeof magic);
}

/* Behind the pickles, for each key of the list: an i64 count of elements and their bytes. A storage's dtype
 * stands in the pickle alone, so the tensors' storages are walked first to learn the sizes. */
static int element_sizes(const val *root, struct hm_strmap *size, struct hm_err *e)
{
	const val *inner = hm_pickle_get(root, "state_dict");
	if (is(inner, HM_PICKLE_DICT))
		root = inner;
	for (const struct hm_pickle_item *k = is(root, HM_PICKLE_DICT) ? root->first : NULL; k; k = k->next) {
		if (!is(k->val, HM_PICKLE_TENSOR))
			continue;
		const val *s = k->val->storage;
		uint64_t bytes = hm_dtype_size(s->dtype), had = bytes;
		if (hm_strmap_add(size, s->key->s, s->key->n, &had, e) < 0)
			return HM_EDATA;
		if (had != bytes)
			return hm_err_set(e, HM_EDATA, "storage \"%.64s\" has two dtypes", s->key->s);
	}
	return 0;
}

static int read_storages(struct pth *f, const val *keys, const struct hm_strmap *size, const unsigned char *p,
			 size_t n, struct hm_err *e)
{
	size_t at = 0;
	if (!is(keys, HM_PICKLE_LIST))
		return hm_err_set(e, HM_EDATA, "the list of storages is none");
	for (const struct hm_pickle_item *k = keys->first; k; k = k->next) {
		uint64_t bytes = 0, count = 0;
		if (!is(k->val, HM_PICKLE_STR) || !hm_strmap_find(size, k->val->s, k->val->n, &bytes))
			return hm_err_set(e, HM_EDATA, "the list of storages names one that no tensor has");
		for (int i = 0; i < 8 && n - at >= 8; i++)
			count |= (uint64_t)p[at + (size_t)i] << 8 * i;
		if (n - at < 8 || count > (n - at - 8) / bytes)
			return hm_err_set(e, HM_EDATA,
					  "the file is cut: a storage of %llu elements does not fit",
					  (unsigned long long)count);
		if (add_storage(f, k->val, (struct bytes){p + at + 8, count * bytes}, e))
			return HM_EDATA;
		at += 8 + count * bytes;
	}
	return at == n ? 0 : hm_err_set(e, HM_EDATA, "%zu bytes behind the last storage", n - at);
}

int hm_pth_parse_legacy(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e)
{
	struct pth f = {.w = w, .cap = 4 * n};
	struct hm_arena values = {0};
	struct hm_strmap size = {0};
	val *part[5]; /* magic, protocol, system, object, storage keys */
	size_t at = 0, used;
	int rc = 0;
	for (int i = 0; !rc && i < 5; i++, at += used) {
		rc = hm_pickle_run(p + at, n - at, &values, &part[i], &used, e);
		if (rc)
			hm_err_prefix(e, "pickle %d of 5, which begins at byte %zu", i + 1, at);
	}
	if (!rc && (!is(part[1], HM_PICKLE_INT) || part[1]->i != 1001))
		rc = hm_err_set(e, HM_EDATA, "its protocol is not 1001");
	const val *little = rc ? NULL : hm_pickle_get(part[2], "little_endian");
	if (!rc && (!is(little, HM_PICKLE_BOOL) || !little->i))
		rc = hm_err_set(e, HM_EDATA, "its byte order is not little");
	if (!rc)
		rc = element_sizes(part[3], &size, e);
	if (!rc)
		rc = read_storages(&f, part[4], &size, p + at, n - at, e);
	if (!rc)
		rc = add_tensors(&f, part[3], e);
	hm_strmap_clear(&size);
	pth_clear(&f, &values);
	return rc;
}
