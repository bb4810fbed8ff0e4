/* A tokenizer's folder: files of any bytes are read or refused, and what opens gives ids of its vocabulary.
 * The input is tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json and
 * vocab.txt, each ended by a byte 1; an empty one is not there. */
#include "prep/tokenfolder.h"
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

static const char *const names[] = {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
				    "added_tokens.json", "vocab.txt"};
enum { NAMES = sizeof names / sizeof *names };

static char folder[] = "/tmp/hm-fuzz-folder-XXXXXX";

static void remove_folder(void)
{
	char path[96];
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void write_name(const char *name, const uint8_t *p, size_t n)
{
	char path[96];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
	if (!n)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		abort();
	close(fd);
}

static void use(const struct hm_tokenizer *t)
{
	static const char text[] =
		"the [CLS] Caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 <s>@user playing, \xc4\xb0x";
	struct hm_err e = {0};
	size_t room = hm_tokenizer_room(t, sizeof text - 1);
	int32_t *ids = malloc(room * sizeof *ids);
	bool cut;
	int n = ids ? hm_tokenizer_encode(t, text, sizeof text - 1, ids, &cut, &e) : 0;
	if (n < 2 || (size_t)n > room || n > t->max_length ||
	    !cJSON_GetObjectItemCaseSensitive(t->attr, "vocab"))
		abort();
	for (int i = 0; i < n; i++)
		if (ids[i] < 0 || ids[i] >= (int32_t)HM_VOCAB_TOKENS)
			abort();
	free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	if (!made) {
		if (!mkdtemp(folder) || atexit(remove_folder))
			abort();
		made = true;
	}
	for (int i = 0; i < NAMES; i++) {
		const uint8_t *stop = size ? memchr(data, 1, size) : NULL;
		size_t n = stop ? (size_t)(stop - data) : size;
		write_name(names[i], data, n);
		data += stop ? n + 1 : n;
		size -= stop ? n + 1 : n;
	}
	struct hm_err e = {0};
	const struct hm_tokenizer_options o = {0};
	struct hm_tokenizer *t = hm_tokenizer_open(folder, &o, &e);
	if (!t != (e.code != 0) || (t && hm_tokenizer_check(folder, t->attr, &e)))
		abort();
	if (t)
		use(t);
	hm_tokenizer_close(t);
	return 0;
}
