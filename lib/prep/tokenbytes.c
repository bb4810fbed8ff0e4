/* What kind of file its bytes are: see tokenbytes.h. */
#include "prep/tokenbytes.h"
#include "base/file.h"
#include "base/filekind.h"
#include "prep/gunzip.h"

#include <string.h>

/* Files of other tokenizers that a list of tokens might be taken for; NULL: none of them. */
static const char *other_kind(const unsigned char *p, size_t n)
{
	/* SentencePiece's protobuf begins with a piece: a name of p[3] bytes, then a float */
	bool piece = n > 4 && p[0] == 0x0a && p[2] == 0x0a && n > 4u + p[3] && p[4 + p[3]] == 0x15;
	return piece ? "a SentencePiece model" : NULL;
}

/* A text that may be a list of tokens or JSON, as far as its kind goes. */
static bool is_text(const struct hm_filekind *k)
{
	return k->group == HM_FILEKIND_TEXT &&
	       (!strcmp(k->name, "a text file") || !strcmp(k->name, "a JSON text") ||
		!strcmp(k->name, "an XML file"));
}

int hm_token_bytes_check(const char *path, const struct hm_buf *b, struct hm_err *e)
{
	const char *other = other_kind(b->data, b->len);
	const struct hm_filekind *k = hm_filekind_find(b->data, b->len);
	if (other)
		return hm_err_set(e, HM_EDATA, "%s: this is %s", path, other);
	if (!k || is_text(k))
		return 0;
	return hm_err_set(e, HM_EDATA, "%s: this is %s, not a file of a tokenizer%s%s%s", path, k->name,
			  k->command ? " (" : "", k->command ? k->command : "", k->command ? ")" : "");
}

enum hm_token_merges hm_token_merges_kind(const unsigned char *p, size_t n)
{
	static const char clip[] = "\"bpe_simple_vocab", version[] = "#version: ";
	if (n >= sizeof version - 1 && !memcmp(p, version, sizeof version - 1))
		return HM_MERGES;
	return n >= sizeof clip - 1 && !memcmp(p, clip, sizeof clip - 1) ? HM_MERGES_OF_CLIP : HM_NO_MERGES;
}

int hm_token_bytes_read(const char *path, size_t cap, struct hm_buf *b, struct hm_err *e)
{
	int rc = hm_file_read(path, cap, b, e);
	return rc ? rc : hm_token_bytes_check(path, b, e);
}

int hm_token_merges_unpack(const char *path, struct hm_buf *b, struct hm_err *e)
{
	struct hm_buf plain = {0};
	struct hm_err why = {0};
	int rc = hm_gunzip(b->data, b->len, HM_MERGES_BYTES, &plain, &why);
	bool merges = !rc && hm_token_merges_kind(plain.data, plain.len) == HM_MERGES_OF_CLIP;
	hm_buf_clear(merges ? b : &plain);
	if (merges)
		*b = plain;
	else if (rc)
		return hm_err_set(e, why.code, "%s: %s", path, why.text);
	return merges ? 0 : hm_token_bytes_check(path, b, e);
}
