/* Reading .npy files: magic, version, the header's length, a Python dictionary of three members, data. See
 * npyread.h. */
#include "rec/npyread.h"
#include "base/filekind.h"

#include <inttypes.h>
#include <string.h>

#define HEADER_CAP ((size_t)64 << 10) /* NumPy itself writes at most that in version 1.0 */

static const char magic[6] = "\x93NUMPY";

/* The header's text, and how far it is read. */
struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t' || *c->p == '\r'))
		c->p++;
}

/* Whether `word` comes next, behind white space; if so it is read. */
static bool accept_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);
	skip_space(c);
	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n))
		return false;
	c->p += n;
	return true;
}

/* A text in single or double quotes without escapes, into out[0..cap) with a NUL. */
static bool read_text(struct cursor *c, char *out, size_t cap)
{
	char quote = accept_word(c, "'") ? '\'' : accept_word(c, "\"") ? '"' : 0;
	const char *end = quote ? memchr(c->p, quote, (size_t)(c->end - c->p)) : NULL;
	size_t n = end ? (size_t)(end - c->p) : cap;
	if (n >= cap || memchr(c->p, '\\', n) || memchr(c->p, 0, n))
		return false;
	memcpy(out, c->p, n);
	out[n] = 0;
	c->p = end + 1;
	return true;
}

static bool read_size(struct cursor *c, int64_t *out)
{
	int digits = 0;
	*out = 0;
	skip_space(c);
	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++, digits++)
		if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *c->p - '0', out))
			return false;
	if (digits && c->p < c->end && *c->p == 'L') /* of Python 2 */
		c->p++;
	return digits > 0;
}

/* A tuple of sizes: "()", "(3,)", "(3, 4)". HM_EDATA. */
static int read_shape(struct cursor *c, struct hm_npyarray *a, struct hm_err *e)
{
	bool comma = true;
	if (!accept_word(c, "("))
		return hm_err_set(e, HM_EDATA, "its header's shape is not a tuple");
	for (a->ndim = 0; !accept_word(c, ")"); comma = accept_word(c, ",")) {
		if (a->ndim == HM_NPY_DIMS)
			return hm_err_set(e, HM_EDATA,
					  "it has more than %d dimensions: one for the records and %d for "
					  "what each of them has",
					  HM_NPY_DIMS, HM_MAX_DIMS);
		if (!comma || !read_size(c, &a->dim[a->ndim]))
			return hm_err_set(e, HM_EDATA, "its header's shape is not a tuple of sizes");
		a->ndim++;
	}
	if (a->ndim == 1 && !comma)
		return hm_err_set(e, HM_EDATA, "its header's shape is not a tuple of sizes");
	return 0;
}

static const struct {
	char letter;
	unsigned char size;
	enum hm_dtype dtype;
} numbers[] = {{'b', 1, HM_BOOL}, {'u', 1, HM_U8},  {'i', 1, HM_I8},  {'u', 2, HM_U16},
	       {'i', 2, HM_I16},  {'u', 4, HM_U32}, {'i', 4, HM_I32}, {'u', 8, HM_U64},
	       {'i', 8, HM_I64},  {'f', 2, HM_F16}, {'f', 4, HM_F32}, {'f', 8, HM_F64}};

static int refuse_type(const char *descr, struct hm_err *e)
{
	char letter = *descr ? descr[strspn(descr, "<>|=")] : 0;
	if (letter == 'O')
		return hm_err_set(
			e, HM_EDATA,
			"it holds pickled Python objects (dtype object), which are never read, for they run "
			"code: save an array of numbers, such as numpy.stack(a).astype('f4')");
	const char *help = letter == 'V' ? " (bfloat16 is saved like that): save x.astype('f4')"
			   : letter == 'c'
				   ? ", complex numbers: save their real and imaginary parts as columns"
				   : ": numbers are |b1, |i1, |u1, and <i2 <u2 <i4 <u4 <i8 <u8 <f2 <f4 <f8, "
				     "or the same with > (big-endian)";
	return hm_err_set(e, HM_EDATA, "its elements are of type '%.24s'%s", descr, help);
}

/* The type of the elements: order, letter, size. */
static int read_type(struct cursor *c, struct hm_npyarray *a, struct hm_err *e)
{
	char descr[64];
	int64_t size;
	if (accept_word(c, "["))
		return hm_err_set(e, HM_EDATA,
				  "it is an array of structures; save each of their fields as an array");
	if (!read_text(c, descr, sizeof descr))
		return hm_err_set(e, HM_EDATA, "its header's descr is not a short text");
	struct cursor rest = {descr + 2, descr + strlen(descr)};
	if (strlen(descr) < 3 || !strchr("<>|", *descr) || !read_size(&rest, &size) || rest.p != rest.end)
		return refuse_type(descr, e);
	a->swapped = *descr == '>';
	a->size = (size_t)size;
	if ((descr[1] == 'U' || descr[1] == 'S') && size <= 1 << 16) {
		a->kind = descr[1] == 'U' ? HM_NPY_UCS4 : HM_NPY_BYTES;
		a->size *= descr[1] == 'U' ? 4 : 1;
		a->dtype = HM_UTF8;
		return *descr == '|' && descr[1] == 'U' ? refuse_type(descr, e) : 0;
	}
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (descr[1] == numbers[i].letter && size == numbers[i].size &&
		    (*descr != '|' || size == 1)) {
			a->kind = HM_NPY_NUMBERS;
			a->dtype = numbers[i].dtype;
			return 0;
		}
	return refuse_type(descr, e);
}

static int read_order(struct cursor *c, struct hm_npyarray *a, struct hm_err *e)
{
	a->fortran = accept_word(c, "True");
	return a->fortran || accept_word(c, "False")
		       ? 0
		       : hm_err_set(e, HM_EDATA, "its header's fortran_order is neither True nor False");
}

/* {'descr': ..., 'fortran_order': ..., 'shape': ..., } with white space behind it. */
static int read_header(struct cursor *c, struct hm_npyarray *a, struct hm_err *e)
{
	static const char *const keys[] = {"descr", "fortran_order", "shape"};
	unsigned seen = 0;
	char key[32];
	bool comma = true;
	if (!accept_word(c, "{"))
		return hm_err_set(e, HM_EDATA, "its header is not a dictionary");
	for (; !accept_word(c, "}"); comma = accept_word(c, ",")) {
		unsigned k = 0;
		if (!comma || !read_text(c, key, sizeof key) || !accept_word(c, ":"))
			return hm_err_set(e, HM_EDATA, "its header is not a dictionary of short texts");
		while (k < 3 && strcmp(key, keys[k]))
			k++;
		if (k == 3 || seen & 1u << k)
			return hm_err_set(e, HM_EDATA, "its header has \"%s\"%s", key,
					  k == 3 ? ", which is not known" : " twice");
		seen |= 1u << k;
		if (k == 0 ? read_type(c, a, e) : k == 1 ? read_order(c, a, e) : read_shape(c, a, e))
			return HM_EDATA;
	}
	skip_space(c);
	if (c->p != c->end || seen != 7)
		return hm_err_set(e, HM_EDATA, "its header %s",
				  seen != 7 ? "lacks descr, fortran_order or shape"
					    : "has something behind the dictionary");
	return 0;
}

bool hm_npyarray_recognise(const unsigned char *p, size_t n)
{
	return n >= sizeof magic && !memcmp(p, magic, sizeof magic);
}

/* Whether a zip's first entry is a .npy file, as in what numpy.savez writes. */
static bool is_npz(const unsigned char *p, size_t n)
{
	size_t end = n >= 30 && !memcmp(p, "PK\3\4", 4) ? 30 + (p[26] | (size_t)p[27] << 8) : 0;
	return end > 34 && end <= n && !memcmp(p + end - 4, ".npy", 4);
}

static int refuse_file(const unsigned char *p, size_t n, struct hm_err *e)
{
	if (is_npz(p, n))
		return hm_err_set(
			e, HM_EDATA,
			"not a .npy file but an .npz, a zip of them: unpack it (unzip FILE.npz) and "
			"give the .npy files in it");
	const struct hm_filekind *k = hm_filekind_find(p, n);
	const char *help = k && k->group == HM_FILEKIND_PACKED && k->command ? k->command : NULL;
	return hm_err_set(e, HM_EDATA, "not a .npy file, as numpy.save writes it%s%s%s%s%s",
			  k ? ", but " : "", k ? k->name : "", help ? " (" : "", help ? help : "",
			  help ? " unpacks it)" : "");
}

/* The sizes against each other and against the bytes that are there. */
static int check_size(struct hm_npyarray *a, size_t room, struct hm_err *e)
{
	size_t bytes, of_row;
	int rest = a->ndim ? a->ndim - 1 : 0;
	if (!hm_shape_count(a->ndim, a->dim, &bytes) || !hm_size_mul(bytes, a->size, &bytes) ||
	    !hm_shape_count(rest, a->dim + 1, &a->row) || !hm_size_mul(a->row, a->size, &of_row))
		return hm_err_set(e, HM_EDATA, "its size overflows");
	if (bytes > room)
		return hm_err_set(e, HM_EDATA,
				  "it is cut: the header promises %zu bytes of data, %zu are there", bytes,
				  room);
	if (bytes < room)
		return hm_err_set(e, HM_EDATA,
				  "%zu bytes follow the array (a second numpy.save into the same file?)",
				  room - bytes);
	return 0;
}

int hm_npyarray_parse(struct hm_npyarray *a, const unsigned char *p, size_t n, struct hm_err *e)
{
	*a = (struct hm_npyarray){0};
	if (!hm_npyarray_recognise(p, n))
		return refuse_file(p, n, e);
	size_t start = n > 6 && p[6] == 1 ? 10 : 12, header = 0;
	if (n < start)
		return hm_err_set(e, HM_EDATA, "it is cut inside its header");
	if (p[6] < 1 || p[6] > 3 || p[7])
		return hm_err_set(e, HM_EDATA, "its version is %d.%d; 1.0, 2.0 and 3.0 are read", p[6], p[7]);
	for (size_t i = start; i-- > 8;)
		header = header << 8 | p[i];
	if (header > HEADER_CAP)
		return hm_err_set(e, HM_EDATA, "its header has %zu bytes, more than 64 KiB", header);
	if (header > n - start)
		return hm_err_set(e, HM_EDATA, "it is cut inside its header");
	struct cursor c = {(const char *)p + start, (const char *)p + start + header};
	if (read_header(&c, a, e) || check_size(a, n - start - header, e))
		return HM_EDATA;
	a->data = p + start + header;
	return 0;
}

int hm_npyarray_open(struct hm_npyarray *a, const char *path, struct hm_err *e)
{
	struct hm_map map;
	*a = (struct hm_npyarray){0};
	if (hm_map_open(&map, path, e))
		return HM_EDATA;
	int rc = hm_npyarray_parse(a, map.data, map.len, e);
	a->map = map;
	return rc ? hm_err_prefix(e, "%s", path) : 0;
}

void hm_npyarray_close(struct hm_npyarray *a)
{
	hm_map_close(&a->map);
	*a = (struct hm_npyarray){0};
}

void hm_npyarray_of_tensor(struct hm_npyarray *a, const struct hm_tensor *t)
{
	*a = (struct hm_npyarray){.kind = HM_NPY_NUMBERS,
				  .dtype = t->dtype,
				  .size = hm_dtype_size(t->dtype),
				  .ndim = t->ndim,
				  .data = t->data};
	memcpy(a->dim, t->dim, (size_t)t->ndim * sizeof *t->dim);
	hm_shape_count(t->ndim - 1, t->dim + 1, &a->row); /* the reader of the tensor checked it */
}

/* Where element k of a row, counted in row-major order, stands in Fortran order: elements behind the row's
 * first one. */
static size_t fortran_place(const struct hm_npyarray *a, size_t k)
{
	size_t place = 0;
	for (int d = a->ndim - 1; d > 0; d--) {
		size_t most = (size_t)a->dim[d];
		place = place * most + k % most;
		k /= most;
	}
	return place * (size_t)a->dim[0];
}

/* Column by column, so that the file is read in runs of n elements. */
static void gather_rows(const struct hm_npyarray *a, size_t first, size_t n, unsigned char *out)
{
	size_t size = a->size, stride = a->row * size;
	for (size_t k = 0; k < a->row; k++) {
		const unsigned char *from = a->data + (fortran_place(a, k) + first) * size;
		unsigned char *to = out + k * size;
		for (size_t i = 0; i < n; i++, from += size, to += stride)
			memcpy(to, from, size);
	}
}

static void swap_bytes(unsigned char *p, size_t n, size_t size)
{
	for (; n; n--, p += size)
		for (size_t i = 0, j = size; i + 1 < j--; i++) {
			unsigned char t = p[i];
			p[i] = p[j];
			p[j] = t;
		}
}

void hm_npyarray_rows(const struct hm_npyarray *a, size_t first, size_t n, void *out)
{
	size_t stride = a->row * a->size;
	if (!n || !stride)
		return;
	if (a->fortran && a->ndim > 1)
		gather_rows(a, first, n, out);
	else
		memcpy(out, a->data + first * stride, n * stride);
	if (a->swapped && a->kind != HM_NPY_BYTES) {
		size_t unit = a->kind == HM_NPY_UCS4 ? 4 : a->size;
		swap_bytes(out, n * stride / unit, unit);
	}
}
