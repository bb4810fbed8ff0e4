/* A BPE tokenizer's files: any bytes are read or refused, and what opens gives ids of its vocabulary. The
 * input is vocab.json, merges.txt, tokenizer.json and tokenizer_config.json, each ended by a byte 1; an empty
 * one is not there. Where a vocabulary begins with { and nothing more, the small one below stands for it. */
#include "tokenizerfolder.h"
#include "prep/bpe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char small[16384];

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

static void write_bytes(int fd, int which, const uint8_t *p, size_t n)
{
	if (!which && n == 1 && *p == '{')
		write_text(fd, (const uint8_t *)small, strlen(small));
	else
		write_text(fd, p, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[NAMES_MOST + 1] = {"vocab.json", "merges.txt", "tokenizer.json",
							  "tokenizer_config.json"};
	static const char text[] =
		"The Caf\xc3\xa9 <s>'s the <|endoftext|>\xf0\x9f\x98\x82 A\xcc\x8a 12 <mask>  \n";
	if (make_folder(names))
		make_small();
	fill_folder(data, size, write_bytes);
	struct hm_tokenizer *t = open_folder();
	if (t) {
		use_tokenizer(t, text, sizeof text - 1, 0);
		use_tokenizer(t, "", 0, 0);
	}
	hm_tokenizer_close(t);
	return 0;
}
