/* A tokenizer's folder: files of any bytes are read or refused, and what opens gives ids of its vocabulary.
 * The input is tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json and
 * vocab.txt, each ended by a byte 1; an empty one is not there. */
#include "tokenizerfolder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_bytes(int fd, int which, const uint8_t *p, size_t n)
{
	(void)which;
	if (write(fd, p, n) != (ssize_t)n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[NAMES_MOST + 1] = {"tokenizer.json", "tokenizer_config.json",
							  "special_tokens_map.json", "added_tokens.json",
							  "vocab.txt"};
	static const char text[] =
		"the [CLS] Caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 <s>@user playing, \xc4\xb0x";
	make_folder(names);
	fill_folder(data, size, write_bytes);
	struct hm_tokenizer *t = open_folder();
	if (t)
		use_tokenizer(t, text, sizeof text - 1, 2);
	hm_tokenizer_close(t);
	return 0;
}
