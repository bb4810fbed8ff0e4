/* A tokenizer's files as one JSON text, there and back: see tokenpack.h. */
#include "prep/tokenpack.h"
#include "json/build.h"
#include "prep/bpevocab.h"
#include "prep/tokenbytes.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH 32

static const char vocab_txt[] = "vocab.txt", merges_txt[] = "merges.txt", vocab_json[] = "vocab.json",
		  named[] = "named";

/* ---- to text ---- */

/* The bytes of a list of merges that count: of OpenAI's the head line and its merges. */
static size_t merges_length(const struct hm_buf *b)
{
	size_t at = 0;
	if (hm_token_merges_kind(b->data, b->len) != HM_MERGES_OF_CLIP)
		return b->len;
	for (size_t line = 0; at < b->len && line <= HM_BPE_CLIP_MERGES; line++) {
		const unsigned char *end = memchr(b->data + at, '\n', b->len - at);
		at = end ? (size_t)(end - b->data) + 1 : b->len;
	}
	return at;
}

static void add_file(cJSON *o, const char *key, const char *path, const struct hm_buf *b, size_t len,
		     struct hm_err *e)
{
	size_t valid = hm_utf8_check((const char *)b->data, len);
	if (e->code)
		return;
	if (valid < len || memchr(b->data, 0, len)) {
		hm_err_set(e, HM_EDATA, "%s: byte %zu is not UTF-8 text", path, valid < len ? valid : 0);
		return;
	}
	char *text = hm_strndup((const char *)b->data, len, e);
	if (text)
		hm_json_add_str(o, key, text, e);
	free(text);
}

static cJSON *list_files(const struct hm_token_folder *f, struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	/* a tokenizer.json of the same folder holds an equal vocabulary */
	if (f->vocab_path && (f->vocab_named || !f->doc[HM_DOC_TOKENIZER].tree))
		add_file(o, vocab_txt, f->vocab_path, &f->vocab, f->vocab.len, e);
	if (f->vocab_named)
		hm_json_add_bool(o, named, true, e);
	if (f->merges_path)
		add_file(o, merges_txt, f->merges_path, &f->merges, merges_length(&f->merges), e);
	if (f->tokens.tree)
		hm_json_add_copy(o, vocab_json, f->tokens.tree, e);
	for (int i = 0; i < HM_DOCS; i++)
		if (f->doc[i].tree)
			hm_json_add_copy(o, hm_token_doc_names[i], f->doc[i].tree, e);
	return hm_json_whole(o, e);
}

/* Bytes of p[0..n) inside a JSON string. */
static size_t escaped_length(const unsigned char *p, size_t n)
{
	size_t len = n;
	for (size_t i = 0; i < n; i++)
		len += p[i] == '"' || p[i] == '\\';
	return len;
}

int hm_token_pack(const char *path, struct hm_buf *out, struct hm_err *e)
{
	struct hm_token_folder f;
	size_t from = out->len;
	int rc = hm_token_folder_read(&f, path, e);
	cJSON *o = rc ? NULL : list_files(&f, e);
	if (!rc)
		rc = o ? hm_json_write(o, out, e) : HM_EDATA;
	if (!rc && escaped_length(out->data + from, out->len - from) > HM_TOKENPACK_MOST)
		rc = hm_err_set(e, HM_EDATA, "%s: the tokenizer's files are larger than %zu bytes", path,
				HM_TOKENPACK_MOST);
	if (!rc)
		rc = hm_buf_add(out, "", 1, e);
	cJSON_Delete(o);
	hm_token_folder_clear(&f);
	return rc;
}

/* ---- from text ---- */

/* "hm.vocab: vocab.txt": what messages call a file. */
static char *file_path(const char *name, const char *file, struct hm_err *e)
{
	struct hm_buf b = {0};
	if (!hm_buf_printf(&b, e, "%s: %s", name, file))
		return (char *)b.data;
	hm_buf_clear(&b);
	return NULL;
}

static int take_text(const cJSON *v, const char *name, char **path, struct hm_buf *b, struct hm_err *e)
{
	if (!cJSON_IsString(v))
		return hm_err_set(e, HM_EDATA, "%s: \"%s\" is not a text", name, v->string);
	*path = file_path(name, v->string, e);
	return *path ? hm_buf_add(b, v->valuestring, strlen(v->valuestring), e) : HM_EDATA;
}

/* Takes the member out of its object. */
static int take_doc(cJSON *in, cJSON *v, const char *name, struct hm_token_doc *d, struct hm_err *e)
{
	if (!cJSON_IsObject(v))
		return hm_err_set(e, HM_EDATA, "%s: \"%s\" is not an object", name, v->string);
	d->path = file_path(name, v->string, e);
	d->tree = cJSON_DetachItemViaPointer(in, v);
	return d->path ? 0 : HM_EDATA;
}

static int take_member(struct hm_token_folder *f, cJSON *in, cJSON *v, const char *name, struct hm_err *e)
{
	if (!strcmp(v->string, vocab_txt))
		return take_text(v, name, &f->vocab_path, &f->vocab, e);
	if (!strcmp(v->string, merges_txt))
		return take_text(v, name, &f->merges_path, &f->merges, e);
	if (!strcmp(v->string, vocab_json))
		return take_doc(in, v, name, &f->tokens, e);
	f->vocab_named |= !strcmp(v->string, named) && cJSON_IsTrue(v);
	for (int i = 0; i < HM_DOCS; i++)
		if (!strcmp(v->string, hm_token_doc_names[i]))
			return take_doc(in, v, name, &f->doc[i], e);
	return strcmp(v->string, named)
		       ? hm_err_set(e, HM_EDATA, "%s: \"%.60s\" is no file of a tokenizer", name, v->string)
		       : 0;
}

int hm_token_unpack(struct hm_token_folder *f, const char *text, size_t len, const char *name,
		    struct hm_err *e)
{
	cJSON *v, *next;
	*f = (struct hm_token_folder){0};
	if (!(f->path = hm_strndup(name, strlen(name), e)))
		return HM_EDATA;
	if (len > HM_TOKENPACK_MOST)
		return hm_err_set(e, HM_EDATA, "%s: larger than %zu bytes", name, HM_TOKENPACK_MOST);
	cJSON *o = hm_json_parse(text, len, DEPTH, NULL, e);
	int rc = !o		      ? hm_err_prefix(e, "%s", name)
		 : !cJSON_IsObject(o) ? hm_err_set(e, HM_EDATA, "%s: not a JSON object", name)
				      : 0;
	for (v = o ? o->child : NULL; !rc && v; v = next) {
		next = v->next;
		rc = take_member(f, o, v, name, e);
	}
	cJSON_Delete(o);
	return rc;
}
