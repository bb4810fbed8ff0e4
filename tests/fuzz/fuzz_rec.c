/* The container's readers against an enemy: the stream as it comes, and again with every hash made right, so
 * that what lies behind the hashes is reached; then fetching by index, and recovery. They must agree. */
#include "rec/fetch.h"
#include "rec/format.h"
#include "rec/recover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches every byte that a record claims to have. */
static uint64_t touch(const struct hm_rec *rec)
{
	uint64_t sum = 0;
	for (int i = 0; i < rec->schema->n; i++)
		sum ^= XXH3_64bits(rec->val[i].data,
				   rec->val[i].count * hm_dtype_size(rec->schema->field[i].dtype));
	return sum;
}

/* Every record by number, the last one first; their sum. 0, HM_EDATA. */
static int fetch_all(const char *path, uint64_t *sum, struct hm_err *e)
{
	struct hm_fetch *f;
	struct hm_rec rec;
	int rc = hm_fetch_open(&f, path, 1 << 16, e);
	*sum = 0;
	for (uint64_t k = rc ? 0 : hm_fetch_end(f)->records; !rc && k--;) {
		rc = hm_fetch_get(f, k, &rec, e);
		*sum += rc ? 0 : touch(&rec);
	}
	hm_fetch_close(f);
	return rc;
}

static void read_all(const char *path)
{
	struct hm_reader *r;
	struct hm_recover *v;
	struct hm_rec rec;
	struct hm_err e = {0}, none = {0}, other = {0};
	uint64_t sum = 0, fetched;
	int rc = hm_reader_open(&r, path, NULL, &e);
	if (!rc) {
		while ((rc = hm_reader_next(r, &rec, &e)) == 1)
			sum += touch(&rec);
		hm_reader_close(r);
	}
	if (rc < 0 && !e.code)
		abort(); /* an error says what it is */
	if (fetch_all(path, &fetched, &other)) {
		if (!other.code || (!rc && !strstr(other.text, "no index")))
			abort(); /* what is read in order can be fetched */
	} else if (rc ? !strstr(e.text, "digest in the end mark") : fetched != sum) {
		abort(); /* and what can be fetched is read, but for END's digest */
	}
	if (hm_recover_open(&v, path, &none))
		return;
	uint64_t again = 0;
	while (hm_recover_next(v, &rec, &none) == 1)
		again += touch(&rec);
	if (!rc && (again != sum || hm_recover_losses(v)))
		abort(); /* a good stream is recovered whole */
	if (rc && strstr(e.text, "damaged") && !hm_recover_losses(v))
		abort(); /* a damaged one is not called whole */
	hm_recover_close(v);
}

/* Every own hash, and the blocks' hashes, computed again. */
static void mend(unsigned char *p, size_t n)
{
	for (size_t at = 0; at + 20 <= n; at++) {
		if (hm_get32(p + at) != HM_SKIP_MAGIC)
			continue;
		size_t content = hm_get32(p + at + 4);
		unsigned char *c = p + at + 8;
		if (content < 12 || content > n - at - 8)
			continue;
		if (!memcmp(c, "HMRB", 4) && content == HM_BHDR_SIZE) {
			size_t packed = hm_get32(c + 32), raw = hm_get32(c + 28);
			if (packed <= n - at - 8 - content && raw <= 1 << 20) {
				unsigned char *payload = malloc(raw + 1);
				if (payload && ZSTD_decompress(payload, raw, c + content, packed) == raw)
					hm_put64(c + 40, XXH3_64bits(payload, raw));
				free(payload);
				hm_put64(c + 48, XXH3_64bits(c + content, packed));
			}
		}
		hm_put64(c + content - 8, XXH3_64bits(c, content - 8));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	unsigned char *copy = malloc(size + 1);
	int fd = memfd_create("fuzz", 0);
	if (!copy || fd < 0)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	memcpy(copy, data, size);
	for (int round = 0; round < 2; round++) {
		if (pwrite(fd, copy, size, 0) != (ssize_t)size)
			abort();
		read_all(path);
		mend(copy, size);
	}
	close(fd);
	free(copy);
	return 0;
}
