/* See streams.h. */
#include "streams.h"
#include "base/file.h"
#include "rec/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

static void must(int ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "# test support failed: %s\n", what);
	abort();
}

int test_file(const void *p, size_t n, char name[64])
{
	int fd = memfd_create("stream", 0);
	must(fd >= 0, "memfd_create");
	for (size_t at = 0; at < n;) {
		ssize_t did = write(fd, (const char *)p + at, n - at);
		must(did > 0, "write");
		at += (size_t)did;
	}
	snprintf(name, 64, "/proc/self/fd/%d", fd);
	return fd;
}

struct hm_writer *test_writer(char path[TEST_PATH], const struct hm_schema *s, size_t block_size,
			      struct hm_workers *w)
{
	struct hm_writer *out;
	struct hm_err e = {0};
	struct hm_writer_options o = {.block_size = block_size};
	test_scratch(path);
	must(!hm_writer_open(&out, path, s, NULL, NULL, &o, w, &e), e.text);
	return out;
}

void test_take(const char *path, struct hm_buf *out)
{
	struct hm_err e = {0};
	out->len = 0;
	must(!hm_file_read(path, (size_t)512 << 20, out, &e), e.text);
	unlink(path);
}

void test_columns(struct hm_schema *s)
{
	struct hm_err e = {0};
	cJSON *attr = cJSON_CreateObject();
	cJSON_AddStringToObject(attr, "encoder", "0123456789abcdef0123456789abcdef");
	cJSON_AddNumberToObject(attr, "size", 224);
	hm_schema_add(s, "id", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(s, "label", HM_I32, 0, NULL, NULL, &e);
	hm_schema_add(s, "text", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(s, "pixels", HM_U8, DIMS(2, 3), NULL, &e);
	hm_schema_add(s, "tokens", HM_I32, DIMS(-1), NULL, &e);
	hm_schema_add(s, "feature", HM_F32, DIMS(4), attr, &e);
	hm_schema_add(s, "pairs", HM_U16, DIMS(-1, 2), NULL, &e);
	must(!e.code, e.text);
}

static int put_sample(struct hm_writer *w, int i, struct hm_err *e)
{
	char id[16], text[64];
	int32_t label = i % 3 - 1, tokens[8];
	unsigned char pixels[6];
	float feature[4];
	uint16_t pairs[6];
	size_t id_len = (size_t)snprintf(id, sizeof id, "%05d", i);
	size_t text_len =
		i % 4 ? (size_t)snprintf(text, sizeof text, "caption n\xc2\xb0 %d \xe2\x9c\x93", i) : 0;
	for (int k = 0; k < 8; k++)
		tokens[k] = 101 + i * k;
	for (int k = 0; k < 6; k++) {
		pixels[k] = (unsigned char)(i + 40 * k);
		pairs[k] = (uint16_t)(i * 1000 + k);
	}
	for (int k = 0; k < 4; k++)
		feature[k] = (float)i / 8 - (float)k;
	struct hm_val v[] = {{id, id_len},
			     {&label, 1},
			     {text, text_len},
			     {pixels, 6},
			     {tokens, (size_t)(i % 9)},
			     {feature, 4},
			     {pairs, (size_t)(i % 4) * 2}};
	return hm_writer_put(w, v, e);
}

void test_stream(struct hm_buf *out, int records, size_t block_size, struct hm_workers *workers)
{
	struct hm_schema s = {0};
	struct hm_writer *w;
	struct hm_err e = {0};
	char path[64];
	test_scratch(path);
	cJSON *meta = cJSON_CreateObject(), *options = cJSON_CreateObject();
	cJSON_AddStringToObject(meta, "set", "dev");
	cJSON_AddNumberToObject(options, "limit", 12);
	cJSON *pg = hm_pg_append(NULL, "hm-test", options, &e);
	struct hm_writer_options o = {.level = 1, .block_size = block_size};
	test_columns(&s);
	must(!hm_writer_open(&w, path, &s, meta, pg, &o, workers, &e), e.text);
	for (int i = 0; i < records; i++)
		must(!put_sample(w, i, &e), e.text);
	must(!hm_writer_finish(w, 2, &e), e.text);
	test_take(path, out);
	cJSON_Delete(meta);
	cJSON_Delete(pg);
	hm_schema_clear(&s);
}

int test_read(const void *p, size_t n, struct hm_workers *w, uint64_t *records, struct hm_err *e)
{
	struct hm_reader *r;
	struct hm_rec rec;
	char name[64];
	uint64_t seen = 0;
	int fd = test_file(p, n, name), rc = hm_reader_open(&r, name, w, e);
	if (!rc) {
		while ((rc = hm_reader_next(r, &rec, e)) == 1)
			seen++;
		hm_reader_close(r);
	}
	close(fd);
	if (records)
		*records = seen;
	return rc;
}

size_t test_frame(const struct hm_buf *b, const char *kind, int nth)
{
	for (size_t at = 0; at + 12 <= b->len; at++)
		if (hm_get32(b->data + at) == HM_SKIP_MAGIC && !memcmp(b->data + at + 8, kind, 4) && !nth--)
			return at;
	return (size_t)-1;
}

void test_seal(struct hm_buf *b, size_t offset)
{
	size_t content = hm_get32(b->data + offset + 4);
	unsigned char *p = b->data + offset + 8;
	must(offset + 8 + content <= b->len, "frame within the stream");
	hm_put64(p + content - 8, XXH3_64bits(p, content - 8));
}

void test_payload(struct hm_buf *b, const char *column, uint32_t count, const unsigned char *p, uint32_t n)
{
	char json[256];
	struct hm_block_info i = {.count = count, .raw = n};
	struct hm_end end = {.records = count, .blocks = 1, .raw_bytes = n};
	struct hm_buf frame = {0};
	XXH128_canonical_t digest = {{0}};
	unsigned char head[8 + HM_BHDR_SIZE], tail[8 + HM_END_SIZE];
	snprintf(json, sizeof json, "{\"meta\":{},\"pg\":[],\"schema\":[%s]}", column);
	b->len = 0;
	hm_frame_head(b, json, strlen(json), NULL);
	hm_frame_store(&frame, p, n, NULL);
	i.offset = b->len;
	i.packed = (uint32_t)frame.len;
	i.raw_hash = XXH3_64bits(p, n);
	i.packed_hash = XXH3_64bits(frame.data, frame.len);
	hm_frame_bhdr(head, &i);
	hm_buf_add(b, head, sizeof head, NULL);
	hm_buf_add(b, frame.data, frame.len, NULL);
	XXH3_state_t *x = XXH3_createState();
	XXH3_128bits_reset(x);
	XXH3_128bits_update(x, strchr(json, '[') + 12,
			    strlen(json) - (size_t)(strchr(json, '[') + 12 - json) - 1);
	XXH3_128bits_update(x, p, n);
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(x));
	XXH3_freeState(x);
	hm_frame_end(tail, 0, &end, 0, digest.digest);
	hm_buf_add(b, tail, sizeof tail, NULL);
	hm_buf_clear(&frame);
}
