/* The tokenizer: a text gets at most the promised ids, all of the vocabulary; a vocabulary of any bytes is
 * read or refused. The input's first byte holds the options, an input that begins with V is a vocabulary. */
#include "base/file.h"
#include "prep/wordpiece.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* data[0..size) as a file that has no name. */
static int vocabulary(struct hm_vocab *v, const void *data, size_t size)
{
	char path[64];
	struct hm_err e = {0};
	int fd = memfd_create("vocab", 0);
	if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size))
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int rc = hm_vocab_read(v, path, &e);
	close(fd);
	return rc;
}

static struct hm_wordpiece *tokenizer(const struct hm_vocab *v, unsigned options)
{
	struct hm_err e = {0};
	struct hm_wordpiece_options o = {options & 1, options & 2, options & 4 ? 8 : 512};
	return hm_wordpiece_new(v, &o, &e);
}

static void tokenize(const struct hm_wordpiece *w, uint32_t tokens, const char *text, size_t n)
{
	struct hm_err e = {0};
	size_t room = hm_wordpiece_room(w, n);
	int32_t *ids = malloc(room * sizeof *ids);
	int count = ids ? hm_wordpiece_encode(w, text, n, ids, &e) : 0;
	if (count > (int)room || (count < 2 && !e.code))
		abort();
	for (int i = 0; i < count; i++)
		if (ids[i] < 0 || (uint32_t)ids[i] >= tokens)
			abort();
	free(ids);
}

/* data[0..size) as a vocabulary that tokenizes itself. */
static void any_vocabulary(const void *data, size_t size)
{
	struct hm_vocab v;
	struct hm_wordpiece *w = vocabulary(&v, data, size) ? NULL : tokenizer(&v, 1);
	if (w)
		tokenize(w, v.n, data, size);
	hm_wordpiece_free(w);
	hm_vocab_clear(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char made[] =
		"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##a\n##b\nab\n##abc\nthe\n##ing\n.\n[\n]"
		"\n\xe4\xb8\xad\n"
		"\xd0\xb6\n##\xd0\xb6\n\xe1\x84\x80\n##\xe1\x85\xa1\n##\xf0\x9d\x85\xa5\n=\n";
	static struct hm_vocab v;
	static struct hm_wordpiece *known[8]; /* made once: it costs more than a text */
	if (!size)
		return 0;
	if (data[0] == 'V') {
		any_vocabulary(data + 1, size - 1);
		return 0;
	}
	if (!v.n && vocabulary(&v, made, sizeof made - 1))
		abort();
	struct hm_wordpiece **w = &known[data[0] & 7];
	if (!*w && !(*w = tokenizer(&v, data[0])))
		abort();
	tokenize(*w, v.n, (const char *)data + 1, size - 1);
	return 0;
}
