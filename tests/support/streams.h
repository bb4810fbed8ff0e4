/* Small .hmr streams for the tests: made, sealed again after a change, and read back, all in memory. */
#ifndef TEST_STREAMS_H
#define TEST_STREAMS_H

#include "rec/rec.h"
#include "scratch.h"

/* Number of dimensions and the dimensions, for hm_schema_add. */
#define DIMS(...)                                                                                            \
	(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[])                                    \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

/* A file that has no name in any folder, holding p[0..n); path (to be opened) into name. The descriptor. */
int test_file(const void *p, size_t n, char name[64]);

/* A writer to a file of test_scratch. */
struct hm_writer *test_writer(char path[TEST_PATH], const struct hm_schema *s, size_t block_size,
			      struct hm_workers *w);

/* Reads a file of test_scratch whole, and removes it. */
void test_take(const char *path, struct hm_buf *out);

/* The schema of test_stream. */
void test_columns(struct hm_schema *s);

/* `records` records of id, label, text, pixels U8 [2,3], tokens I32 [-1], feature F32 [4], pairs U16 [-1,2]
 * with attributes, meta and history, in blocks of `block_size` bytes, written with w. */
void test_stream(struct hm_buf *out, int records, size_t block_size, struct hm_workers *w);

/* Reads all of it; the rc that ended it (0 or negative); records seen into *records (may be NULL). */
int test_read(const void *p, size_t n, struct hm_workers *w, uint64_t *records, struct hm_err *e);

/* Offset of the `nth` frame of that kind ("HMRB"), its 8-byte header included; (size_t)-1 when there is none.
 */
size_t test_frame(const struct hm_buf *b, const char *kind, int nth);

/* Computes the own hash of the frame at `offset` again. */
void test_seal(struct hm_buf *b, size_t offset);

/* A stream of one column (its JSON) and one block of `count` records with the payload p[0..n), whatever it
 * holds; all else is as it should be. */
void test_payload(struct hm_buf *b, const char *column, uint32_t count, const unsigned char *p, uint32_t n);

#endif
