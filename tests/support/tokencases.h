/* The cases of tests/data/text, one JSON object per line, and encoding as they ask for it. */
#ifndef TEST_TOKENCASES_H
#define TEST_TOKENCASES_H

#include "base/file.h"
#include "json/json.h"
#include "prep/tokenizer.h"
#include "prep/tokenmemo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Calls `one` with each line of the file; `line` counts from 0. Returns how many there are. */
static inline int tokencases_each(const char *path, void (*one)(void *ctx, cJSON *c, int line), void *ctx)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	int line = 0;
	assert_int_equal(hm_file_read(path, 1 << 20, &b, &e), 0);
	for (const char *s = (const char *)b.data, *end = s + b.len; s < end; line++) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		assert_non_null(stop);
		cJSON *c = hm_json_parse(s, (size_t)(stop - s), 12, NULL, &e);
		assert_non_null(c);
		one(ctx, c, line);
		cJSON_Delete(c);
		s = stop + 1;
	}
	hm_buf_clear(&b);
	return line;
}

/* A thread that met the words before gets the same ids. */
static inline void tokencases_remember(const struct hm_tokenizer *t, const char *s, size_t n,
				       const int32_t *ids, int count)
{
	struct hm_err e = {0};
	size_t room = hm_tokenizer_room(t, n);
	int32_t *again = malloc(room * sizeof *again);
	struct hm_token_memo *memo = hm_alloc(1, sizeof *memo, &e);
	assert_non_null(memo);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(hm_tokenizer_encode_many(t, memo, s, n, again, NULL, &e), count);
		if (count > 0)
			assert_memory_equal(again, ids, (size_t)count * sizeof *ids);
	}
	free(again);
	free(memo);
}

/* Encodes s[0..n) with the tokenizer `path`, out of a block of exactly n bytes and into one of exactly the
 * promised size, so that a sanitizer sees one byte or id too many. Returns what hm_tokenizer_encode does;
 * the caller frees *ids. */
static inline int tokencases_encode(const char *path, struct hm_tokenizer_options o, const char *s, size_t n,
				    int32_t **ids, bool *cut, struct hm_err *e)
{
	struct hm_tokenizer *t = hm_tokenizer_open(path, &o, e);
	if (!t)
		fail_msg("%s", e->text);
	size_t room = hm_tokenizer_room(t, n);
	char *exact = malloc(n ? n : 1);
	memcpy(exact, s, n);
	*ids = malloc(room * sizeof **ids);
	int count = hm_tokenizer_encode(t, exact, n, *ids, cut, e);
	assert_true(count < 0 || (size_t)count <= room);
	tokencases_remember(t, exact, n, *ids, count);
	free(exact);
	hm_tokenizer_close(t);
	return count;
}

/* Whether ids[0..n) are the numbers of the array. */
static inline bool tokencases_equal(const int32_t *ids, int n, const cJSON *want)
{
	const cJSON *id;
	int i = 0;
	bool equal = n == cJSON_GetArraySize(want);
	cJSON_ArrayForEach(id, want) equal = equal && ids[i++] == id->valueint;
	return equal;
}

#endif
