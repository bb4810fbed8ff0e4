/* A folder with the files of a tokenizer, for the tests of lib/prep/tokenizer, and the texts of such files: a
 * vocabulary of 8 tokens, as vocab.txt and inside tokenizer.json. */
#ifndef TEST_VOCABFOLDER_H
#define TEST_VOCABFOLDER_H

#include "base/file.h"
#include "prep/tokenizer.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define LINES "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nHello\nworld\n"
#define TOKENS                                                                                               \
	"{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"hello\":5,\"Hello\":6,\"world\":7}"
#define MODEL                                                                                                \
	"\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","    \
	"\"vocab\":" TOKENS "}"
#define PRE "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"
#define NORMAL(LOWER)                                                                                        \
	"\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"     \
	"\"strip_accents\":null,\"lowercase\":" LOWER "}"
#define JSON(LOWER) "{" NORMAL(LOWER) "," PRE "," MODEL "}"

struct place {
	char folder[TEST_PATH], path[128];
};

static inline const char *place_path(struct place *p, const char *name)
{
	snprintf(p->path, sizeof p->path, "%s/%s", p->folder, name);
	return p->path;
}

/* Before and after each test: *state is the place. */
static inline int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	*state = p;
	if (p)
		test_scratch_folder(p->folder);
	return p ? 0 : -1;
}

static inline void place_empty(struct place *p)
{
	static const char *const names[] = {
		"vocab.txt",	     "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
		"added_tokens.json", "merges.txt",     "spiece.model",		"words.txt"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(place_path(p, names[i]));
}

static inline int place_teardown(void **state)
{
	struct place *p = *state;
	place_empty(p);
	rmdir(p->folder);
	free(p);
	return 0;
}

static inline void place_write(struct place *p, const char *name, const char *text, size_t n)
{
	struct hm_err e = {0};
	assert_int_equal(hm_file_write(place_path(p, name), text, n, &e), 0);
}

/* What a row of a table says: name, text, name, text, NULL. */
typedef const char *place_files[7];

/* These files, and no others. */
static inline void place_fill(struct place *p, const place_files files)
{
	place_empty(p);
	for (int i = 0; i < 6 && files[i]; i += 2)
		place_write(p, files[i], files[i + 1], strlen(files[i + 1]));
}

/* Opens the folder, or the file of this name in it. */
static inline struct hm_tokenizer *place_open(struct place *p, const char *name,
					      struct hm_tokenizer_options o, struct hm_err *e)
{
	return hm_tokenizer_open(name ? place_path(p, name) : p->folder, &o, e);
}

#endif
