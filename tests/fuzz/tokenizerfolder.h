/* What the harnesses of tokenizers' folders share: a folder that each input fills, and the use of what opens.
 */
#ifndef TEST_TOKENIZERFOLDER_H
#define TEST_TOKENIZERFOLDER_H

#include "prep/tokenizer.h"
#include "prep/vocab.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MOST = 5 };

/* The folder of this program, and the names of its files, ended by NULL. */
static struct {
	char path[32];
	const char *name[NAMES_MOST + 1];
} folder;

static inline void remove_folder(void)
{
	char path[96];
	for (int i = 0; folder.name[i]; i++) {
		snprintf(path, sizeof path, "%s/%s", folder.path, folder.name[i]);
		unlink(path);
	}
	rmdir(folder.path);
}

/* Makes the folder, at the first call only, which returns true. */
static inline bool make_folder(const char *const names[NAMES_MOST + 1])
{
	if (*folder.path)
		return false;
	memcpy(folder.name, names, sizeof folder.name);
	snprintf(folder.path, sizeof folder.path, "/tmp/hm-fuzz-XXXXXX");
	if (!mkdtemp(folder.path) || atexit(remove_folder))
		abort();
	return true;
}

/* Cuts the input at bytes 1 into files. An empty one is not there; `put` writes the bytes of another. */
static inline void fill_folder(const uint8_t *data, size_t size,
			       void (*put)(int fd, int which, const uint8_t *p, size_t n))
{
	char path[96];
	for (int i = 0; folder.name[i]; i++) {
		const uint8_t *stop = size ? memchr(data, 1, size) : NULL;
		size_t n = stop ? (size_t)(stop - data) : size;
		snprintf(path, sizeof path, "%s/%s", folder.path, folder.name[i]);
		unlink(path);
		if (n) {
			int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
			if (fd < 0)
				abort();
			put(fd, i, data, n);
			close(fd);
		}
		data += stop ? n + 1 : n;
		size -= stop ? n + 1 : n;
	}
}

/* The folder's tokenizer, or NULL. */
static inline struct hm_tokenizer *open_folder(void)
{
	struct hm_err e = {0};
	const struct hm_tokenizer_options o = {0};
	struct hm_tokenizer *t = hm_tokenizer_open(folder.path, &o, &e);
	if (!t != (e.code != 0) || (t && hm_tokenizer_check(folder.path, t->attr, &e)))
		abort();
	return t;
}

/* It gives at least `least` ids, as many as it promises, and ids that a vocabulary can have. */
static inline void use_tokenizer(const struct hm_tokenizer *t, const char *text, size_t n, int least)
{
	struct hm_err e = {0};
	size_t room = hm_tokenizer_room(t, n);
	int32_t *ids = malloc((room ? room : 1) * sizeof *ids);
	bool cut;
	int count = ids ? hm_tokenizer_encode(t, text, n, ids, &cut, &e) : -1;
	if (count < least || (size_t)count > room || count > t->max_length ||
	    !cJSON_GetObjectItemCaseSensitive(t->attr, "vocab"))
		abort();
	for (int i = 0; i < count; i++)
		if (ids[i] < 0 || ids[i] >= (int32_t)HM_VOCAB_TOKENS)
			abort();
	free(ids);
}

#endif
