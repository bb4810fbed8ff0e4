/* The tokenizer: a text gets at most the promised ids, all of the vocabulary; a vocabulary of any bytes is
 * read or refused. The input's first byte holds the options, an input that begins with V is a vocabulary. */
#include "prep/tokenizer.h"
#include "prep/tokenmemo.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A tokenizer from data[0..size), a file that has no name. */
static struct hm_tokenizer *open_bytes(const void *data, size_t size, unsigned options)
{
	char path[64];
	struct hm_err e = {0};
	const struct hm_tokenizer_options o = {.casing = options & 1 ? HM_CASED : HM_UNCASED,
					       .plain_specials = options & 2,
					       .max_length = options & 4 ? 8 : 512};
	int fd = memfd_create("vocab", 0);
	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct hm_tokenizer *t = hm_tokenizer_open(path, &o, &e);
	close(fd);
	if (!t != (e.code != 0))
		abort();
	return t;
}

static void tokenize(const struct hm_tokenizer *t, struct hm_token_memo *memo, int32_t tokens,
		     const char *text, size_t n)
{
	struct hm_err e = {0};
	size_t room = hm_tokenizer_room(t, n);
	int32_t *ids = malloc(2 * room * sizeof *ids);
	bool cut, cut_again;
	int count = ids ? hm_tokenizer_encode(t, text, n, ids, &cut, &e) : 0;
	if (count > (int)room || (count < 2 && !e.code) || (count > 0 && cut && count < t->max_length))
		abort();
	for (int i = 0; i < count; i++)
		if (ids[i] < 0 || ids[i] >= tokens)
			abort();
	for (int i = 0; ids && i < 2; i++) { /* a thread that remembers words gets the same */
		int again = hm_tokenizer_encode_many(t, memo, text, n, ids + room, &cut_again, &e);
		if (again != count ||
		    (count > 0 && (cut_again != cut || memcmp(ids, ids + room, (size_t)count * sizeof *ids))))
			abort();
	}
	free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char made[] =
		"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n##abc\nthe\n##ing\n.\n[\n]"
		"\n\xe4\xb8\xad\n"
		"\xd0\xb6\n##\xd0\xb6\n\xe1\x84\x80\n##\xe1\x85\xa1\n##\xf0\x9d\x85\xa5\n=\n";
	static struct hm_tokenizer *known[8]; /* made once: it costs more than a text */
	static struct hm_token_memo memo[8];
	if (!size)
		return 0;
	if (data[0] == 'V') {
		struct hm_tokenizer *t = open_bytes(data + 1, size - 1, 1);
		struct hm_token_memo *fresh = calloc(1, sizeof *fresh);
		if (t && fresh)
			tokenize(t, fresh, (int32_t)size, (const char *)data + 1, size - 1);
		free(fresh);
		hm_tokenizer_close(t);
		return 0;
	}
	struct hm_tokenizer **t = &known[data[0] & 7];
	if (!*t && !(*t = open_bytes(made, sizeof made - 1, data[0])))
		abort();
	tokenize(*t, &memo[data[0] & 7], 23, (const char *)data + 1, size - 1);
	return 0;
}
