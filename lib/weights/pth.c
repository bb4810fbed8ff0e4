/* The two forms of file that torch.save writes: a zip of stored entries NAME/data.pkl and NAME/data/K, and
 * the legacy form of five pickles and raw storages. Formats: torch/serialization.py. See weights.h. */
#include "weights/pthparts.h"

#include <string.h>

typedef struct hm_pickle_val val;

static void pth_clear(struct hm_pth *f, struct hm_arena *values)
{
	hm_zip_close(&f->zip);
	hm_strmap_clear(&f->storage);
	hm_arena_clear(values);
}

/* ---- zip ---- */

static int refuse_zip(const struct hm_zip *z, struct hm_err *e)
{
	const struct hm_zip_entry *x = z->entry;
	size_t npy = 0;
	for (size_t i = 0; i < z->entries; i++)
		npy += x[i].name_len > 4 && !memcmp(x[i].name + x[i].name_len - 4, ".npy", 4);
	if (!z->entries)
		return hm_err_set(e, HM_EDATA, "an empty zip: not of torch.save");
	if (npy == z->entries)
		return hm_err_set(e, HM_EDATA,
				  "an .npz file of NumPy, not weights of torch.save or safetensors");
	return hm_err_set(e, HM_EDATA,
			  "a zip of %zu entries (\"%.*s\" …) without NAME/data.pkl: not of torch.save",
			  z->entries, x->name_len < 100 ? (int)x->name_len : 100, x->name);
}

/* f->folder from the one entry called NAME/data.pkl. */
static int find_folder(struct hm_pth *f, struct hm_err *e)
{
	static const char rest[] = "/data.pkl";
	for (size_t i = 0; i < f->zip.entries; i++) {
		const struct hm_zip_entry *x = &f->zip.entry[i];
		const char *slash = memchr(x->name, '/', x->name_len);
		if (!slash || (size_t)(x->name + x->name_len - slash) != sizeof rest - 1 ||
		    memcmp(slash, rest, sizeof rest - 1))
			continue;
		if (f->folder)
			return hm_err_set(e, HM_EDATA, "a zip with two data.pkl");
		f->folder = x->name;
		f->folder_len = (size_t)(slash - x->name) + 1;
	}
	return f->folder ? 0 : refuse_zip(&f->zip, e);
}

/* An entry that is needed now: its CRC is compared. 1; 0: there is no such entry. */
static int read_entry(struct hm_pth *f, const char *rest, const unsigned char **p, size_t *n,
		      struct hm_err *e)
{
	const struct hm_zip_entry *x;
	int rc = hm_pth_entry(f, rest, strlen(rest), &x, p, e);
	if (rc == 1 && !hm_zip_sound(*p, (size_t)x->size, x->crc))
		return hm_err_set(e, HM_EDATA, "entry \"%.*s\" is damaged: its CRC differs",
				  x->name_len < 200 ? (int)x->name_len : 200, x->name);
	*n = rc == 1 ? (size_t)x->size : 0;
	return rc;
}

static int check_byteorder(struct hm_pth *f, struct hm_err *e)
{
	const unsigned char *p;
	size_t n;
	int rc = read_entry(f, "byteorder", &p, &n, e);
	if (rc == 1 && (n != 6 || memcmp(p, "little", 6)))
		return hm_err_set(e, HM_EDATA, "its byte order is \"%.*s\", not little",
				  (int)(n < 16 ? n : 16), p);
	return rc < 0 ? rc : 0;
}

int hm_pth_parse_zip(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e)
{
	struct hm_pth f = {.w = w, .cap = 4 * n};
	struct hm_arena values = {0};
	const unsigned char *pickle;
	size_t size, used;
	val *root;
	int rc = hm_zip_open(&f.zip, p, n, e);
	if (!rc)
		rc = find_folder(&f, e);
	if (!rc)
		rc = check_byteorder(&f, e);
	if (!rc)
		rc = read_entry(&f, "data.pkl", &pickle, &size, e) == 1 ? 0 : HM_EDATA;
	if (!rc)
		rc = hm_pickle_run(pickle, size, &values, &root, &used, NULL, e);
	if (!rc)
		rc = hm_pth_add_tensors(&f, root, &values, e);
	pth_clear(&f, &values);
	return rc;
}

/* ---- legacy ---- */

/* The first pickle is a number: PROTO, from protocol 4 on a FRAME of 8 bytes, and LONG1 of 10 bytes. */
bool hm_pth_is_legacy(const unsigned char *p, size_t n)
{
	static const unsigned char magic[] = {0x8a, 10,	  0x6c, 0xfc, 0x9c, 0x46,
					      0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
	size_t at = n > 2 && p[2] == 0x95 ? 11 : 2;
	return n >= at + sizeof magic && p[0] == 0x80 && !memcmp(p + at, magic, sizeof magic);
}

/* Behind the pickles, for each key of the list: an i64 count of elements and their bytes. How many bytes an
 * element has stands in the pickle alone, wherever the storage was met, in a tensor or in what is skipped. */
static int element_sizes(const struct hm_buf *storages, struct hm_strmap *size, struct hm_err *e)
{
	val *const *s = (val *const *)storages->data;
	for (size_t i = 0; i < storages->len / sizeof *s; i++) {
		int shown = s[i]->key->n < 64 ? (int)s[i]->key->n : 64;
		uint64_t bytes = s[i]->n, had = bytes;
		if (!bytes)
			return hm_err_set(e, HM_EDATA, "storage \"%.*s\" is a %.*s, which is not known",
					  shown, s[i]->key->s, s[i]->type->n < 100 ? (int)s[i]->type->n : 100,
					  s[i]->type->s);
		if (hm_strmap_add(size, s[i]->key->s, s[i]->key->n, &had, e) < 0)
			return HM_EDATA;
		if (had != bytes)
			return hm_err_set(e, HM_EDATA, "storage \"%.*s\" has two dtypes", shown,
					  s[i]->key->s);
	}
	return 0;
}

static int read_storages(struct hm_pth *f, const val *keys, const struct hm_strmap *size,
			 const unsigned char *p, size_t n, struct hm_err *e)
{
	size_t at = 0;
	if (!hm_pickle_is(keys, HM_PICKLE_LIST))
		return hm_err_set(e, HM_EDATA, "its list of storages is not a list");
	for (const struct hm_pickle_item *k = keys->first; k; k = k->next) {
		uint64_t bytes = 0, count = 0;
		if (!hm_pickle_is(k->val, HM_PICKLE_STR) ||
		    !hm_strmap_find(size, k->val->s, k->val->n, &bytes))
			return hm_err_set(e, HM_EDATA, "the list of storages names one that nothing uses");
		for (int i = 0; i < 8 && n - at >= 8; i++)
			count |= (uint64_t)p[at + (size_t)i] << 8 * i;
		if (n - at < 8 || count > (n - at - 8) / bytes)
			return hm_err_set(
				e, HM_EDATA,
				"the file is cut: a storage of %llu elements does not fit; fetch it again",
				(unsigned long long)count);
		if (hm_pth_add_storage(f, k->val, p + at + 8, (size_t)(count * bytes), 0, "", e))
			return HM_EDATA;
		at += 8 + (size_t)(count * bytes);
	}
	return at == n ? 0 : hm_err_set(e, HM_EDATA, "%zu bytes behind the last storage", n - at);
}

int hm_pth_parse_legacy(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e)
{
	struct hm_pth f = {.w = w, .cap = 4 * n};
	struct hm_arena values = {0};
	struct hm_strmap size = {0};
	struct hm_buf storages = {0};
	val *part[5]; /* magic, protocol, system, object, storage keys */
	size_t at = 0, used;
	int rc = 0;
	for (int i = 0; !rc && i < 5; i++, at += used) {
		rc = hm_pickle_run(p + at, n - at, &values, &part[i], &used, i == 3 ? &storages : NULL, e);
		if (rc)
			hm_err_prefix(e, "pickle %d of 5, which begins at byte %zu", i + 1, at);
	}
	if (!rc && (!hm_pickle_is(part[1], HM_PICKLE_INT) || part[1]->i != 1001))
		rc = hm_err_set(e, HM_EDATA, "its protocol is not 1001");
	const val *little = rc ? NULL : hm_pickle_get(part[2], "little_endian");
	if (!rc && (!hm_pickle_is(little, HM_PICKLE_BOOL) || !little->i))
		rc = hm_err_set(e, HM_EDATA, "its byte order is not little");
	if (!rc)
		rc = element_sizes(&storages, &size, e);
	if (!rc)
		rc = read_storages(&f, part[4], &size, p + at, n - at, e);
	if (!rc)
		rc = hm_pth_add_tensors(&f, part[3], &values, e);
	hm_strmap_clear(&size);
	hm_buf_clear(&storages);
	pth_clear(&f, &values);
	return rc;
}
