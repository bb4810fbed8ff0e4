/* Finds and reads a tokenizer's files: see tokenfolder.h. */
#include "prep/tokenfolder.h"
#include "base/file.h"
#include "json/json.h"
#include "prep/gunzip.h"
#include "prep/tokenbytes.h"
#include "prep/vocab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define JSON_BYTES ((size_t)32 << 20)
#define JSON_VALUES 1200000 /* members and elements of one file; each takes some 100 bytes of memory */
#define JSON_DEPTH 32

const char *const hm_token_doc_names[HM_DOCS] = {"tokenizer.json", "tokenizer_config.json",
						 "special_tokens_map.json", "added_tokens.json"};

/* What a folder without a vocabulary that we read may hold instead. */
static const struct {
	const char *name, *kind;
} other_files[] = {
	{"vocab.bpe", "a BPE tokenizer (as vocab.json and merges.txt it is read)"},
	{"encoder.json", "a BPE tokenizer (as vocab.json and merges.txt it is read)"},
	{"spiece.model", "a SentencePiece tokenizer"},
	{"sentencepiece.bpe.model", "a SentencePiece tokenizer"},
	{"sentencepiece.model", "a SentencePiece tokenizer"},
	{"spm.model", "a SentencePiece tokenizer"},
	{"tokenizer.model", "a SentencePiece tokenizer"},
	{"tekken.json", "a BPE tokenizer"},
};

/* An upper bound of how many values a JSON text has. */
static size_t count_values(const unsigned char *p, size_t n)
{
	size_t values = 1;
	for (size_t i = 0; i < n; i++)
		values += p[i] == ',' || p[i] == '[' || p[i] == '{';
	return values;
}

static int parse_doc(struct hm_token_doc *d, const struct hm_buf *b, struct hm_err *e)
{
	size_t values = count_values(b->data, b->len);
	if (values > JSON_VALUES)
		return hm_doc_fault(d, e, "about %zu JSON values; the limit is %d", values, JSON_VALUES);
	if (b->len >= 3 && !memcmp(b->data, "\xef\xbb\xbf", 3))
		return hm_doc_fault(d, e, "the file begins with a byte order mark");
	d->tree = hm_json_parse((const char *)b->data, b->len, JSON_DEPTH, NULL, e);
	if (!d->tree)
		return hm_err_prefix(e, "%s", d->path);
	return cJSON_IsObject(d->tree) ? 0 : hm_doc_fault(d, e, "the JSON value is not an object");
}

static int read_doc(struct hm_token_doc *d, struct hm_err *e)
{
	struct hm_buf b = {0};
	int rc = hm_token_bytes_read(d->path, JSON_BYTES, &b, e);
	if (!rc)
		rc = parse_doc(d, &b, e);
	hm_buf_clear(&b);
	return rc;
}

/* dir[0..n) + name, or NULL with `e` set. */
static char *join_path(const char *dir, size_t n, const char *name, struct hm_err *e)
{
	struct hm_buf b = {0};
	if (!hm_buf_printf(&b, e, "%.*s%s%s", (int)n, dir, n && dir[n - 1] != '/' ? "/" : "", name))
		return (char *)b.data;
	hm_buf_clear(&b);
	return NULL;
}

/* *path is the file of this name in dir[0..n), or stays NULL when there is none. */
static int find_file(const char *dir, size_t n, const char *name, char **path, struct hm_err *e)
{
	struct stat st;
	*path = join_path(dir, n, name, e);
	if (!*path)
		return HM_EDATA;
	if (!stat(*path, &st))
		return 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return hm_err_system(e, errno, "%s: cannot open: %s", *path, strerror(errno));
	if (!lstat(*path, &st))
		return hm_err_set(e, HM_EDATA, "%s: the symbolic link leads nowhere", *path);
	free(*path);
	*path = NULL;
	return 0;
}

/* The document `which` in dir[0..n), if it is there. */
static int read_doc_in(struct hm_token_folder *f, const char *dir, size_t n, int which, struct hm_err *e)
{
	struct hm_token_doc *d = &f->doc[which];
	int rc = find_file(dir, n, hm_token_doc_names[which], &d->path, e);
	return rc || !d->path ? rc : read_doc(d, e);
}

static int read_docs(struct hm_token_folder *f, const char *dir, size_t n, int first, struct hm_err *e)
{
	int rc = 0;
	for (int i = first; !rc && i < HM_DOCS; i++)
		rc = read_doc_in(f, dir, n, i, e);
	return rc;
}

/* The file of this name in dir[0..n) into *path and b; *path stays NULL when there is none. */
static int read_file_in(const char *dir, size_t n, const char *name, char **path, size_t cap,
			struct hm_buf *b, struct hm_err *e)
{
	int rc = find_file(dir, n, name, path, e);
	return rc || !*path ? rc : hm_token_bytes_read(*path, cap, b, e);
}

/* Of vocab.json and merges.txt what was not read yet; one without the other is an error. */
static int read_pair(struct hm_token_folder *f, const char *dir, size_t n, struct hm_err *e)
{
	int rc = 0;
	if (!f->tokens.path)
		rc = find_file(dir, n, "vocab.json", &f->tokens.path, e);
	if (!rc && f->tokens.path && !f->tokens.tree)
		rc = read_doc(&f->tokens, e);
	if (!rc && !f->merges_path)
		rc = read_file_in(dir, n, "merges.txt", &f->merges_path, HM_MERGES_BYTES, &f->merges, e);
	if (rc || !f->tokens.path == !f->merges_path)
		return rc;
	return hm_err_set(e, HM_EDATA, "%s: a BPE tokenizer needs %s too, and there is none in the folder",
			  f->tokens.path ? f->tokens.path : f->merges_path,
			  f->tokens.path ? "merges.txt" : "vocab.json");
}

static int read_clip_list(struct hm_token_folder *f, size_t n, struct hm_err *e)
{
	int rc = find_file(f->path, n, "bpe_simple_vocab_16e6.txt.gz", &f->merges_path, e);
	if (!rc && f->merges_path)
		rc = hm_file_read(f->merges_path, HM_MERGES_BYTES, &f->merges, e);
	return rc || !f->merges_path ? rc : hm_token_merges_unpack(f->merges_path, &f->merges, e);
}

static int find_other(struct hm_token_folder *f, size_t n, struct hm_err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && !f->other && i < sizeof other_files / sizeof *other_files; i++) {
		char *found;
		rc = find_file(f->path, n, other_files[i].name, &found, e);
		if (!rc && found) {
			f->other = other_files[i].name;
			f->other_kind = other_files[i].kind;
		}
		free(found);
	}
	return rc;
}

static int read_folder(struct hm_token_folder *f, struct hm_err *e)
{
	size_t n = strlen(f->path);
	int rc = read_file_in(f->path, n, "vocab.txt", &f->vocab_path, HM_VOCAB_BYTES, &f->vocab, e);
	if (!rc)
		rc = read_docs(f, f->path, n, HM_DOC_TOKENIZER, e);
	if (rc || f->vocab_path || f->doc[HM_DOC_TOKENIZER].tree)
		return rc;
	rc = read_pair(f, f->path, n, e);
	if (!rc && !f->merges_path)
		rc = read_clip_list(f, n, e);
	return rc || f->merges_path ? rc : find_other(f, n, e);
}

/* True when the bytes are an object of tokens and ids, as vocab.json is. */
static bool is_token_ids(const cJSON *tree)
{
	for (const cJSON *m = tree->child; m; m = m->next)
		if (!cJSON_IsNumber(m))
			return false;
	return tree->child;
}

/* A file that begins like a JSON object: tokenizer.json or vocab.json whatever its name, else named for what
 * it is. */
static int take_json(struct hm_token_folder *f, struct hm_err *e)
{
	struct hm_token_doc d = {.path = hm_strndup(f->path, strlen(f->path), e)};
	int rc = d.path ? parse_doc(&d, &f->vocab, e) : HM_EDATA;
	hm_buf_clear(&f->vocab);
	bool whole = !rc && cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(d.tree, "model"));
	if (!rc && !whole && !is_token_ids(d.tree))
		rc = hm_doc_fault(&d, e, "the JSON object has no \"model\" as tokenizer.json has it");
	*(rc || whole ? &f->doc[HM_DOC_TOKENIZER] : &f->tokens) = d;
	return rc;
}

/* True when the text begins with {"...": as an object does and a list of tokens does not. */
static bool begins_object(const char *s, size_t len)
{
	bool brace = false;
	size_t at = 0;
	for (; at < len && (memchr(" \t\r\n", s[at], 4) || (s[at] == '{' && !brace)); at++)
		brace = brace || s[at] == '{';
	const char *end = at < len ? memchr(s + at, '\n', len - at) : NULL;
	return brace && at < len && s[at] == '"' &&
	       memchr(s + at, ':', end ? (size_t)(end - s) - at : len - at);
}

/* Sorts the bytes of the file by what they are. */
static int take_file(struct hm_token_folder *f, const char *name, struct hm_err *e)
{
	enum hm_token_merges merges = hm_token_merges_kind(f->vocab.data, f->vocab.len);
	if (merges == HM_NO_MERGES && begins_object((const char *)f->vocab.data, f->vocab.len))
		return take_json(f, e);
	char *path = hm_strndup(f->path, strlen(f->path), e);
	if (!path)
		return HM_EDATA;
	if (merges != HM_NO_MERGES || !strcmp(name, "merges.txt")) {
		f->merges_path = path;
		f->merges = f->vocab;
		f->vocab = (struct hm_buf){0};
		return 0;
	}
	f->vocab_path = path;
	if (f->vocab.len > HM_VOCAB_BYTES)
		return hm_err_set(e, HM_EDATA, "%s: larger than %zu bytes", f->path, HM_VOCAB_BYTES);
	return 0;
}

static int read_file(struct hm_token_folder *f, struct hm_err *e)
{
	const char *slash = strrchr(f->path, '/'), *name = slash ? slash + 1 : f->path;
	size_t dir = (size_t)(name - f->path);
	int rc = hm_file_read(f->path, JSON_BYTES, &f->vocab, e);
	if (!rc)
		rc = hm_gzip_is(f->vocab.data, f->vocab.len) ? hm_token_merges_unpack(f->path, &f->vocab, e)
							     : hm_token_bytes_check(f->path, &f->vocab, e);
	if (!rc)
		rc = take_file(f, name, e);
	if (rc)
		return rc;
	bool clip =
		f->merges_path && hm_token_merges_kind(f->merges.data, f->merges.len) == HM_MERGES_OF_CLIP;
	bool pair = f->tokens.path || (f->merges_path && !clip);
	if (pair)
		rc = read_pair(f, f->path, dir, e);
	f->vocab_named = f->vocab_path && !strcmp(name, "vocab.txt");
	if (!rc && (f->vocab_named || pair ||
		    (f->doc[HM_DOC_TOKENIZER].path && !strcmp(name, hm_token_doc_names[HM_DOC_TOKENIZER]))))
		rc = read_docs(f, f->path, dir, HM_DOC_CONFIG, e);
	/* Where a vocab.txt was named, tokenizer.json counts only where the config is silent. */
	const struct hm_token_doc *config = &f->doc[HM_DOC_CONFIG];
	if (!rc && f->vocab_named && !(config->tree && hm_doc_has(config, NULL, "do_lower_case")))
		rc = read_doc_in(f, f->path, dir, HM_DOC_TOKENIZER, e);
	return rc;
}

int hm_token_folder_read(struct hm_token_folder *f, const char *path, struct hm_err *e)
{
	struct stat st;
	*f = (struct hm_token_folder){0};
	f->path = hm_strndup(path, strlen(path), e);
	if (!f->path)
		return HM_EDATA;
	if (stat(path, &st) && errno == ENOENT && strstr(path, "bert-base-uncased"))
		return hm_err_set(e, HM_EDATA, "%s: cannot open: %s; pipelines/get-weights.sh fetches it",
				  path, strerror(ENOENT));
	int folder = hm_file_is_folder(path, e);
	return folder < 0 ? folder : folder ? read_folder(f, e) : read_file(f, e);
}

void hm_token_folder_clear(struct hm_token_folder *f)
{
	for (int i = 0; i < HM_DOCS; i++) {
		free(f->doc[i].path);
		cJSON_Delete(f->doc[i].tree);
	}
	free(f->tokens.path);
	cJSON_Delete(f->tokens.tree);
	free(f->path);
	free(f->vocab_path);
	free(f->merges_path);
	hm_buf_clear(&f->vocab);
	hm_buf_clear(&f->merges);
	*f = (struct hm_token_folder){0};
}
