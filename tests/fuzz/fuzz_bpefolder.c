/* A BPE tokenizer's files: any bytes are read or refused, and what opens gives ids of its vocabulary. The
 * input is vocab.json, merges.txt, tokenizer.json and tokenizer_config.json, each ended by a byte 1; an empty
 * one is not there. Where a vocabulary begins with { and nothing more, the small one below stands for it. */
#include "prep/bpe.h"
#include "prep/tokenizer.h"
#include "prep/vocab.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"};
enum { NAMES = sizeof names / sizeof *names };

static char folder[] = "/tmp/hm-fuzz-bpe-XXXXXX", small[16384];

static void remove_folder(void)
{
	char path[96];
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* All byte symbols, with "</w>" too, and a few tokens: what a vocabulary must have before merges matter. */
static void make_small(void)
{
	size_t at = 0;
	int id = 0;
	at += (size_t)snprintf(
		small, sizeof small,
		"{\"<|startoftext|>\":%d,\"<|endoftext|>\":%d,\"<s>\":%d,\"</s>\":%d,"
		"\"<unk>\":%d,\"<pad>\":%d,\"<mask>\":%d,\"th\":%d,\"the</w>\":%d,\"he</w>\":%d,"
		"\"he\":%d,\"the\":%d",
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
	id = 12;
	for (int end = 0; end < 2; end++)
		for (int byte = 0; byte < 256; byte++) {
			char symbol[2];
			size_t n = hm_bpe_symbol((unsigned char)byte, symbol);
			bool escape = n == 1 && (*symbol == '"' || *symbol == '\\');
			at += (size_t)snprintf(small + at, sizeof small - at, ",\"%s%.*s%s\":%d",
					       escape ? "\\" : "", (int)n, symbol, end ? "</w>" : "", id++);
		}
	snprintf(small + at, sizeof small - at, "}");
}

/* The model of tokenizer.json may say "vocab":{} for the small one as well. */
static void write_text(int fd, const uint8_t *p, size_t n)
{
	static const char mark[] = "\"vocab\":{}";
	const uint8_t *at = memmem(p, n, mark, sizeof mark - 1);
	size_t head = at ? (size_t)(at - p) + 8 : n, tail = at ? head + 2 : n;
	if (write(fd, p, head) != (ssize_t)head ||
	    (at && write(fd, small, strlen(small)) != (ssize_t)strlen(small)) ||
	    write(fd, p + tail, n - tail) != (ssize_t)(n - tail))
		abort();
}

static void write_name(int which, const uint8_t *p, size_t n)
{
	char path[96];
	snprintf(path, sizeof path, "%s/%s", folder, names[which]);
	unlink(path);
	if (!n)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		abort();
	if (!which && n == 1 && *p == '{')
		write_text(fd, (const uint8_t *)small, strlen(small));
	else
		write_text(fd, p, n);
	close(fd);
}

static void use_tokenizer(const struct hm_tokenizer *t, const char *text, size_t n)
{
	struct hm_err e = {0};
	size_t room = hm_tokenizer_room(t, n);
	int32_t *ids = malloc((room ? room : 1) * sizeof *ids);
	bool cut;
	int count = ids ? hm_tokenizer_encode(t, text, n, ids, &cut, &e) : -1;
	if (count < 0 || (size_t)count > room || count > t->max_length ||
	    !cJSON_GetObjectItemCaseSensitive(t->attr, "vocab"))
		abort();
	for (int i = 0; i < count; i++)
		if (ids[i] < 0 || ids[i] >= (int32_t)HM_VOCAB_TOKENS)
			abort();
	free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] =
		"The Caf\xc3\xa9 <s>'s the <|endoftext|>\xf0\x9f\x98\x82 A\xcc\x8a 12 <mask>  \n";
	if (!*small) {
		if (!mkdtemp(folder) || atexit(remove_folder))
			abort();
		make_small();
	}
	for (int i = 0; i < NAMES; i++) {
		const uint8_t *stop = size ? memchr(data, 1, size) : NULL;
		size_t n = stop ? (size_t)(stop - data) : size;
		write_name(i, data, n);
		data += stop ? n + 1 : n;
		size -= stop ? n + 1 : n;
	}
	struct hm_err e = {0};
	const struct hm_tokenizer_options o = {0};
	struct hm_tokenizer *t = hm_tokenizer_open(folder, &o, &e);
	if (!t != (e.code != 0) || (t && hm_tokenizer_check(folder, t->attr, &e)))
		abort();
	if (t) {
		use_tokenizer(t, text, sizeof text - 1);
		use_tokenizer(t, "", 0);
	}
	hm_tokenizer_close(t);
	return 0;
}
