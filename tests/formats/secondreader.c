/* A second reader of .hmr streams, written from formats/hmr.md alone and sharing nothing with lib/rec, so
 * that the document is proved to say enough. reader FILE: prints HEAD's JSON, a line a record (numbers in
 * decimal, floats as their bits) and a last line with END's counts; or one line on standard error and exit 1.
 */
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

typedef unsigned char u8;

#define CAP (64u << 20) /* bytes of a payload */
enum { COLUMNS = 64, DIMENSIONS = 8, NAME = 64 };

struct column {
	char name[NAME + 1], kind; /* kind: u unsigned, i signed, f bits, t text */
	size_t size, row;	   /* bytes of an element; elements of a row */
	bool ragged;
	uint32_t *offsets;
	u8 *data; /* unshuffled */
};

static struct column column[COLUMNS];
static int columns;

static void refuse_file(const char *why)
{
	fprintf(stderr, "refused: %s\n", why);
	exit(1);
}

static uint64_t number(const u8 *p, size_t bytes)
{
	uint64_t v = 0;
	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}
#define U32(p) ((uint32_t)number(p, 4))
#define U64(p) number(p, 8)

static bool utf8(const u8 *p, size_t n)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	for (size_t i = 0; i < n;) {
		int more = p[i] < 0x80	     ? 0
			   : p[i] >> 5 == 6  ? 1
			   : p[i] >> 4 == 14 ? 2
			   : p[i] >> 3 == 30 ? 3
					     : -1;
		if (more < 0 || i + (size_t)more >= n)
			return false;
		uint32_t c = more ? p[i] & 0x3fu >> more : p[i];
		for (int k = 1; k <= more; k++) {
			if (p[i + (size_t)k] >> 6 != 2)
				return false;
			c = c << 6 | (p[i + (size_t)k] & 0x3f);
		}
		if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		i += 1 + (size_t)more;
	}
	return true;
}

static void add_column(const cJSON *o)
{
	static const struct {
		const char *name;
		char kind;
		size_t size;
	} dtypes[] = {
		{"BOOL", 'u', 1}, {"U8", 'u', 1},  {"I8", 'i', 1},  {"I16", 'i', 2},  {"U16", 'u', 2},
		{"I32", 'i', 4},  {"U32", 'u', 4}, {"I64", 'i', 8}, {"U64", 'u', 8},  {"F16", 'f', 2},
		{"BF16", 'f', 2}, {"F32", 'f', 4}, {"F64", 'f', 8}, {"UTF8", 't', 1},
	};
	const cJSON *shape = cJSON_GetObjectItemCaseSensitive(o, "shape"), *d;
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "name"));
	const char *dtype = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "dtype"));
	struct column *c = &column[columns];
	size_t k = 0, all = sizeof dtypes / sizeof dtypes[0];
	if (columns == COLUMNS || !name || !dtype || !cJSON_IsArray(shape) || !*name || strlen(name) > NAME)
		refuse_file("a column of the schema is incomplete, or there are too many");
	for (int i = 0; i < columns; i++)
		if (!strcmp(column[i].name, name))
			refuse_file("two columns of one name");
	while (k < all && strcmp(dtypes[k].name, dtype))
		k++;
	if (k == all || (dtypes[k].kind == 't' && shape->child) || cJSON_GetArraySize(shape) > DIMENSIONS)
		refuse_file("an unknown dtype or a number of dimensions that cannot be");
	*c = (struct column){{0}, dtypes[k].kind, dtypes[k].size, 1, dtypes[k].kind == 't', NULL, NULL};
	memcpy(c->name, name, strlen(name) + 1);
	cJSON_ArrayForEach(d, shape)
	{
		if (!cJSON_IsNumber(d) || d->valuedouble != d->valueint || d->valueint < -(d == shape->child))
			refuse_file("a dimension that cannot be");
		if (d->valueint == -1)
			c->ragged = true;
		else if (d->valueint && c->row > CAP / (size_t)d->valueint)
			refuse_file("a shape beyond 64 MiB");
		else
			c->row *= (size_t)d->valueint;
	}
	if (c->row * c->size > CAP || (c->ragged && !c->row))
		refuse_file("a shape beyond 64 MiB, or ragged without elements");
	columns++;
}

/* {"meta":…,"pg":…,"schema":…}, nothing else: the digest begins with the bytes of the third value. */
static void read_head(const u8 *p, size_t content, XXH3_state_t *digest)
{
	static const char *const key[] = {"{\"meta\":", ",\"pg\":", ",\"schema\":"};
	size_t n = content - 32;
	const char *s = (const char *)p + 24, *end = s + n, *from = s;
	cJSON *v[3], *o;
	if (number(p + 4, 2) != 1 || U32(p + 8) || U32(p + 16) != n || U32(p + 20) || n > 1 << 20 ||
	    !utf8(p + 24, n))
		refuse_file("another major version, an unknown flag, or sizes or text that cannot be");
	for (int i = 0; i < 3; i++) {
		size_t k = strlen(key[i]);
		if ((size_t)(end - s) < k || memcmp(s, key[i], k))
			refuse_file("the header lacks meta, pg or schema");
		from = s + k;
		v[i] = cJSON_ParseWithLengthOpts(from, (size_t)(end - from), &s, 0);
	}
	if (!cJSON_IsObject(v[0]) || !cJSON_IsArray(v[1]) || !cJSON_IsArray(v[2]) || !v[2]->child ||
	    end - s != 1 || *s != '}')
		refuse_file("the header holds something else than meta, pg and schema");
	cJSON_ArrayForEach(o, v[2]) add_column(o);
	XXH3_128bits_update(digest, from, (size_t)(s - from));
	printf("%.*s\n", (int)n, (const char *)p + 24);
	for (int i = 0; i < 3; i++)
		cJSON_Delete(v[i]);
}

/* n elements of `size` bytes from p[*at..end), unshuffled into memory of their own; the padding is checked.
 */
static u8 *elements(const u8 *p, size_t *at, size_t end, size_t n, size_t size)
{
	size_t bytes = n * size, padded = (bytes + 63) / 64 * 64;
	if (n > CAP || padded > end - *at)
		refuse_file("a column is longer than its block");
	u8 *out = malloc(bytes + 1);
	if (!out)
		refuse_file("out of memory");
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < size; k++)
			out[i * size + k] = p[*at + k * n + i];
	for (size_t i = bytes; i < padded; i++)
		if (p[*at + i])
			refuse_file("padding that is not zero");
	*at += padded;
	return out;
}

static void unpack(const u8 *p, size_t size, size_t count)
{
	size_t at = 0;
	for (struct column *c = column; c < column + columns; c++) {
		size_t rows = count;
		if (c->ragged) {
			u8 *raw = elements(p, &at, size, count + 1, 4);
			c->offsets = calloc(count + 1, sizeof *c->offsets);
			for (size_t i = 0; c->offsets && i <= count; i++) {
				c->offsets[i] = U32(raw + 4 * i);
				if (i ? c->offsets[i] < c->offsets[i - 1] : c->offsets[i])
					refuse_file("offsets that do not rise from 0");
			}
			free(raw);
			rows = c->offsets ? c->offsets[count] : SIZE_MAX;
		}
		if (c->row && rows > CAP / c->row)
			refuse_file("a column beyond 64 MiB");
		c->data = elements(p, &at, size, rows * c->row, c->size);
		for (size_t i = 0; c->kind == 't' && i < count; i++)
			if (!utf8(c->data + c->offsets[i], c->offsets[i + 1] - c->offsets[i]))
				refuse_file("text that is not UTF-8");
	}
	if (at != size)
		refuse_file("a payload longer than its columns");
}

static void print_text(const u8 *p, size_t n)
{
	static const char plain[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";
	putchar('"');
	for (size_t i = 0; i < n; i++) {
		const char *at = p[i] ? strchr(plain, p[i]) : NULL;
		if (at)
			printf("\\%c", letter[at - plain]);
		else
			printf(p[i] < 0x20 || p[i] == 0x7f ? "\\u%04x" : "%c", p[i]);
	}
	putchar('"');
}

static void print_record(size_t i)
{
	for (struct column *c = column; c < column + columns; c++) {
		size_t from = c->ragged ? c->offsets[i] : i, to = c->ragged ? c->offsets[i + 1] : i + 1;
		printf("%c", c == column ? '{' : ',');
		print_text((u8 *)c->name, strlen(c->name));
		printf(":");
		if (c->kind == 't') {
			print_text(c->data + from, to - from);
			continue;
		}
		printf("[");
		for (size_t k = from * c->row; k < to * c->row; k++) {
			uint64_t v = number(c->data + k * c->size, c->size);
			const char *comma = k > from * c->row ? "," : "";
			if (c->kind == 'f')
				printf("%s\"%0*llx\"", comma, (int)(2 * c->size), (unsigned long long)v);
			else if (c->kind == 'u')
				printf("%s%llu", comma, (unsigned long long)v);
			else
				printf("%s%lld", comma,
				       (long long)(v << (64 - 8 * c->size)) >> (64 - 8 * c->size));
		}
		printf("]");
	}
	puts("}");
}
/* The zstd frame behind BHDR's content b: exactly `packed` bytes. The payload, caller frees. */
static u8 *payload(const u8 *b, const u8 *frame, size_t packed, size_t raw)
{
	if (XXH3_64bits(frame, packed) != U64(b + 48) || packed < 9 || U32(frame) != 0xfd2fb528u ||
	    ZSTD_findFrameCompressedSize(frame, packed) != packed ||
	    ZSTD_getFrameContentSize(frame, packed) != raw || (frame[4] & 7) != 4 ||
	    (!(frame[4] & 32) && frame[5] > 16 << 3))
		refuse_file("a block that is damaged, or no zstd frame as the format wants it");
	u8 *p = malloc(raw + 1);
	if (!p || ZSTD_decompress(p, raw, frame, packed) != raw || XXH3_64bits(p, raw) != U64(b + 40))
		refuse_file("a payload that is damaged");
	return p;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	size_t n = 0, at = 0, blocks = 0, records = 0, raw_bytes = 0, index_at = 0, offset[4096] = {0};
	u8 *s = calloc(CAP + 1, 1);
	XXH3_state_t *digest = XXH3_createState();
	bool ended = false;
	if (!f || !s || !digest || (n = fread(s, 1, CAP, f)) == CAP || fclose(f))
		refuse_file("cannot be read, or larger than this reader takes");
	XXH3_128bits_reset(digest);
	while (!ended) {
		if (n - at < 20 || U32(s + at) != 0x184d2a5bu || U32(s + at + 4) < 12 ||
		    U32(s + at + 4) > n - at - 8)
			refuse_file("no whole frame where one must be");
		const u8 *p = s + at + 8;
		size_t content = U32(s + at + 4), start = at;
		if (U64(p + content - 8) != XXH3_64bits(p, content - 8))
			refuse_file("a frame whose own hash differs");
		at += 8 + content;
		if (start == 0 || !memcmp(p, "HMRH", 4)) {
			if (start || memcmp(p, "HMRH", 4) || content < 32)
				refuse_file("the header is not first, or comes twice");
			read_head(p, content, digest);
		} else if (!memcmp(p, "HMRB", 4) && content == 64 && !index_at) {
			size_t count = U32(p + 24), raw = U32(p + 28), packed = U32(p + 32);
			if (U32(p + 4) || U32(p + 36) || U64(p + 8) != blocks || U64(p + 16) != records ||
			    !count || count > 65536 || raw > CAP || packed > n - at || blocks == 4096)
				refuse_file("a block header that cannot be");
			u8 *data = payload(p, s + at, packed, raw);
			XXH3_128bits_update(digest, data, raw);
			unpack(data, raw, count);
			for (size_t i = 0; i < count; i++)
				print_record(i);
			for (int i = 0; i < columns; i++) {
				free(column[i].data);
				free(column[i].offsets);
				column[i].offsets = NULL;
			}
			free(data);
			offset[blocks++] = start;
			records += count;
			raw_bytes += raw;
			at += packed;
		} else if (!memcmp(p, "HMRI", 4) && !index_at && content == 16 + 32 * blocks + 8) {
			index_at = start;
			if (U32(p + 4) || U64(p + 8) != blocks)
				refuse_file("an index that counts other blocks");
			for (size_t i = 0; i < blocks; i++) {
				const u8 *q = p + 16 + 32 * i, *b = s + offset[i] + 8;
				if (U64(q) != offset[i] || memcmp(q + 8, b + 16, 8) ||
				    memcmp(q + 16, b + 24, 12) || U32(q + 28))
					refuse_file("an index that contradicts its blocks");
			}
		} else if (!memcmp(p, "HMRE", 4) && content == 72) {
			XXH128_canonical_t c;
			XXH128_canonicalFromHash(&c, XXH3_128bits_digest(digest));
			if (U32(p + 4) || U64(p + 8) != records || U64(p + 24) != blocks ||
			    U64(p + 32) != raw_bytes || U64(p + 40) != index_at ||
			    memcmp(p + 48, c.digest, 16))
				refuse_file(
					"an end mark that says the producer failed, or contradicts what was "
					"read");
			printf("{\"blocks\":%zu,\"digest\":\"", blocks);
			for (int i = 0; i < 16; i++)
				printf("%02x", c.digest[i]);
			printf("\",\"raw_bytes\":%zu,\"records\":%zu,\"skipped\":%zu}\n", raw_bytes, records,
			       (size_t)U64(p + 16));
			ended = true;
		} else {
			refuse_file("an unknown frame");
		}
	}
	if (at != n)
		refuse_file("bytes behind the end mark");
	XXH3_freeState(digest);
	free(s);
}
