/* BPE on any text: at most the promised ids, all of the vocabulary, the same ones again, and the same for a
 * word by both ways of merging. The input's first byte holds the options. An input that begins with Z is a
 * packed list of merges, with L one that is not. */
#include "prep/bpe.h"
#include "prep/bpevocab.h"
#include "prep/gunzip.h"
#include "prep/tokenizer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAIRS 49000

/* OpenAI's list of merges as far as its form goes: the first ones are English, the rest any pairs. */
static struct hm_buf list_merges(void)
{
	static const char english[] = "t h\nth e</w>\na n\nan d</w>\ni n\nin g</w>\na a\naa aa\naa a\n";
	struct hm_buf b = {0};
	struct hm_err e = {0};
	hm_buf_printf(&b, &e, "\"bpe_simple_vocab_16e6.txt#version: 0.2\n%s", english);
	for (int i = 0; i < PAIRS; i++) {
		char x[2], y[2];
		size_t m = hm_bpe_symbol((unsigned char)(128 + i / 256 % 128), x);
		size_t n = hm_bpe_symbol((unsigned char)i, y);
		hm_buf_printf(&b, &e, "%.*s %.*s%s\n", (int)m, x, (int)n, y, i < 32768 ? "" : "</w>");
	}
	return b;
}

static struct hm_tokenizer *open_list(unsigned options)
{
	char path[64];
	struct hm_err e = {0};
	struct hm_buf b = list_merges();
	const struct hm_tokenizer_options o = {.plain_specials = options & 1,
					       .max_length = options & 2 ? 5 : 4096,
					       .quotes = options & 4 ? HM_QUOTES_KEPT : HM_QUOTES_STRAIGHT};
	int fd = memfd_create("merges", 0);
	if (e.code || fd < 0 || write(fd, b.data, b.len) != (ssize_t)b.len)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	struct hm_tokenizer *t = hm_tokenizer_open(path, &o, &e);
	close(fd);
	hm_buf_clear(&b);
	if (!t)
		abort();
	return t;
}

static int encode(const struct hm_tokenizer *t, const char *text, size_t n, int32_t **ids)
{
	struct hm_err e = {0};
	size_t room = hm_tokenizer_room(t, n);
	bool cut;
	*ids = malloc(room * sizeof **ids);
	int count = *ids ? hm_tokenizer_encode(t, text, n, *ids, &cut, &e) : 0;
	if (count > (int)room || (count < 2 && !e.code) || (count > 0 && cut && count < t->max_length))
		abort();
	for (int i = 0; i < count; i++)
		if ((*ids)[i] < 0 || (*ids)[i] >= 49408)
			abort();
	return count;
}

/* A word by both ways. */
static void merge_word(const uint8_t *p, size_t n)
{
	static struct hm_bpe_vocab v;
	static struct hm_bpe b;
	struct hm_err e = {0};
	char word[48 + HM_BPE_PADDING] = {0};
	int32_t a[48], c[48];
	struct hm_bpe_ids x = {.to = a, .cap = 48}, y = {.to = c, .cap = 48};
	if (!v.vocab.n) {
		struct hm_buf list = list_merges();
		if (hm_bpe_vocab_clip(&v, (const char *)list.data, list.len, &e) ||
		    hm_bpe_init(&b, &v.vocab, (const struct hm_bpe_merge *)(const void *)v.merges.data,
				v.merges.len / sizeof(struct hm_bpe_merge), true, &e))
			abort();
		hm_buf_clear(&list);
	}
	if (!n || n > 48)
		return;
	memcpy(word, p, n);
	if (hm_bpe_word(&b, word, n, &x, &e) || hm_bpe_word_long(&b, word, n, &y, &e) || x.n != y.n ||
	    memcmp(a, c, x.n * sizeof *a) != 0)
		abort();
}

static void read_list(const char *s, size_t n, bool packed)
{
	struct hm_buf plain = {0};
	struct hm_bpe_vocab v = {0};
	struct hm_err e = {0};
	int rc = packed ? hm_gunzip((const unsigned char *)s, n, 1 << 20, &plain, &e) : 0;
	if (!rc)
		rc = hm_bpe_vocab_clip(&v, packed ? (const char *)plain.data : s, packed ? plain.len : n, &e);
	if (!rc != !e.code)
		abort();
	hm_bpe_vocab_clear(&v);
	hm_buf_clear(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hm_tokenizer *known[8]; /* made once: it costs more than a text */
	int32_t *a, *b;
	if (!size)
		return 0;
	if (data[0] == 'Z' || data[0] == 'L') {
		read_list((const char *)data + 1, size - 1, data[0] == 'Z');
		return 0;
	}
	struct hm_tokenizer **t = &known[data[0] & 7];
	if (!*t)
		*t = open_list(data[0]);
	int n = encode(*t, (const char *)data + 1, size - 1, &a);
	if (encode(*t, (const char *)data + 1, size - 1, &b) != n ||
	    (n > 0 && memcmp(a, b, (size_t)n * sizeof *a) != 0))
		abort();
	free(a);
	free(b);
	merge_word(data + 1, size - 1);
	return 0;
}
