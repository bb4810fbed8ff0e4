/* The families of tokenizers and what is done for all of them: see tokenizer.h. */
#include "prep/tokenizer.h"
#include "base/file.h"
#include "json/build.h"
#include "prep/bpetext.h"
#include "prep/quotes.h"
#include "prep/tokenfolder.h"
#include "prep/wordpiece.h"

#include <string.h>
#include <sys/stat.h>

static const struct hm_tokenizer_kind *const kinds[] = {&hm_wordpiece_kind, &hm_clip_bpe_kind,
							&hm_byte_bpe_kind};

#define KINDS (sizeof kinds / sizeof *kinds)

/* No family claims the folder. */
static int refuse_folder(const struct hm_token_folder *f, struct hm_err *e)
{
	const struct hm_token_doc *d = &f->doc[HM_DOC_TOKENIZER];
	const cJSON *model = d->tree ? cJSON_GetObjectItemCaseSensitive(d->tree, "model") : NULL;
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(model, "type");
	struct hm_buf reads = {0};
	int rc = 0;
	for (size_t i = 0; !rc && i < KINDS; i++)
		rc = hm_buf_printf(&reads, e, "%s%s", i ? "; " : "", kinds[i]->reads);
	if (rc)
		;
	else if (cJSON_IsString(type))
		rc = hm_doc_fault(d, e, "the file holds a %.40s tokenizer; hm-tokenize reads %s",
				  type->valuestring, (char *)reads.data);
	else if (d->tree)
		rc = hm_doc_fault(d, e,
				  "the file does not say which tokenizer it holds; hm-tokenize reads %s",
				  (char *)reads.data);
	else if (f->other)
		rc = hm_err_set(e, HM_EDATA, "%s: the folder holds %s, %s; hm-tokenize reads %s", f->path,
				f->other, f->other_kind, (char *)reads.data);
	else
		rc = hm_err_set(e, HM_EDATA, "%s: the folder holds no tokenizer; hm-tokenize reads %s",
				f->path, (char *)reads.data);
	hm_buf_clear(&reads);
	return rc;
}

static int choose_quotes(struct hm_tokenizer *t, const struct hm_tokenizer_options *o, struct hm_err *e)
{
	if (o->quotes != HM_QUOTES_OF_FOLDER)
		t->straight_quotes = o->quotes == HM_QUOTES_STRAIGHT;
	if (t->straight_quotes)
		hm_json_add_bool(t->attr, "straight_quotes", true, e);
	return e->code;
}

struct hm_tokenizer *hm_tokenizer_from(const struct hm_token_folder *f, const struct hm_tokenizer_options *o,
				       struct hm_err *e)
{
	struct hm_tokenizer *t = NULL;
	size_t i = 0;
	while (i < KINDS && !kinds[i]->claims(f))
		i++;
	int rc = i < KINDS ? kinds[i]->open(&t, f, o, e) : refuse_folder(f, e);
	if (!rc)
		rc = choose_quotes(t, o, e);
	if (!rc)
		hm_json_add_num(t->attr, "max_length", t->max_length, e);
	if (!rc && !e->code)
		return t;
	hm_tokenizer_close(t);
	return NULL;
}

struct hm_tokenizer *hm_tokenizer_open(const char *path, const struct hm_tokenizer_options *o,
				       struct hm_err *e)
{
	struct hm_token_folder f;
	struct hm_tokenizer *t = hm_token_folder_read(&f, path, e) ? NULL : hm_tokenizer_from(&f, o, e);
	hm_token_folder_clear(&f);
	return t;
}

static bool says(const cJSON *attr, const char *key, bool value)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(attr, key);
	return value ? cJSON_IsTrue(v) : cJSON_IsFalse(v);
}

struct hm_tokenizer_options hm_tokenizer_options_of(const cJSON *attr)
{
	const cJSON *length = cJSON_GetObjectItemCaseSensitive(attr, "max_length");
	bool known = cJSON_GetObjectItemCaseSensitive(attr, "vocab");
	return (struct hm_tokenizer_options){
		.casing = says(attr, "cased", true)    ? HM_CASED
			  : says(attr, "cased", false) ? HM_UNCASED
						       : HM_CASING_OF_FOLDER,
		.recorded = true,
		.plain_specials = says(attr, "special_in_text", false),
		.max_length = cJSON_IsNumber(length) && length->valuedouble >= 2 &&
					      length->valuedouble <= HM_TOKENIZER_MAX_LENGTH
				      ? length->valueint
				      : 0,
		.quotes = says(attr, "straight_quotes", true) ? HM_QUOTES_STRAIGHT
			  : known			      ? HM_QUOTES_KEPT
							      : HM_QUOTES_OF_FOLDER};
}

void hm_tokenizer_close(struct hm_tokenizer *t)
{
	if (!t)
		return;
	cJSON_Delete(t->attr);
	hm_buf_clear(&t->warnings);
	hm_buf_clear(&t->notices);
	t->kind->close(t);
}

size_t hm_tokenizer_room(const struct hm_tokenizer *t, size_t len)
{
	return t->kind->room(t, len);
}

int hm_tokenizer_encode(const struct hm_tokenizer *t, const char *text, size_t len, int32_t *ids, bool *cut,
			struct hm_err *e)
{
	return hm_tokenizer_encode_many(t, NULL, text, len, ids, cut, e);
}

int hm_tokenizer_encode_many(const struct hm_tokenizer *t, struct hm_token_memo *memo, const char *text,
			     size_t len, int32_t *ids, bool *cut, struct hm_err *e)
{
	struct hm_buf straight = {0};
	if (!t->straight_quotes || !hm_quotes_any(text, len))
		return t->kind->encode(t, memo, text, len, ids, cut, e);
	int n = hm_quotes_straighten(text, len, &straight, e);
	if (!n)
		n = t->kind->encode(t, memo, (const char *)straight.data, straight.len, ids, cut, e);
	hm_buf_clear(&straight);
	return n;
}

int hm_tokenizer_folder(const char *path, struct hm_buf *b, struct hm_err *e)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (strncmp(name, "model", 5) != 0 && strncmp(name, "pytorch_model", 13) != 0)
		return hm_buf_printf(b, e, "%s", path);
	int folder = hm_file_is_folder(path, e), there = folder ? folder : hm_file_there(path, e);
	if (there < 0)
		return there;
	if (folder || !there)
		return hm_buf_printf(b, e, "%s", path);
	return slash ? hm_buf_printf(b, e, "%.*s", (int)(slash - path + (slash == path)), path)
		     : hm_buf_printf(b, e, ".");
}

int hm_tokenizer_found(const char *path, struct hm_err *e)
{
	static const char *const names[] = {"vocab.txt", "tokenizer.json", "merges.txt",
					    "bpe_simple_vocab_16e6.txt.gz"};
	struct hm_buf folder = {0};
	int rc = hm_tokenizer_folder(path, &folder, e);
	for (size_t i = 0; !rc && i < sizeof names / sizeof *names; i++) {
		struct hm_buf b = {0};
		rc = hm_buf_printf(&b, e, "%s/%s", (char *)folder.data, names[i]);
		if (!rc)
			rc = hm_file_there((char *)b.data, e);
		hm_buf_clear(&b);
	}
	hm_buf_clear(&folder);
	return rc;
}

/* Attributes that only the options choose, and those that a folder without a word about casing leaves open.
 */
static bool is_compared(const char *key, const struct hm_tokenizer *t)
{
	if (!strcmp(key, "special_in_text") || !strcmp(key, "straight_quotes") || !strcmp(key, "max_length"))
		return false;
	return t->casing_known || (strcmp(key, "cased") != 0 && strcmp(key, "strip_accents") != 0);
}

/* An attribute's value for a message: of digests the first 8 digits; "the usual" when it is not there. */
static int show_value(const cJSON *v, struct hm_buf *b, struct hm_err *e)
{
	if (cJSON_IsString(v) && strlen(v->valuestring) == 32)
		return hm_buf_printf(b, e, "%.8s", v->valuestring);
	if (!v)
		return hm_buf_printf(b, e, "the usual");
	int rc = hm_json_write(v, b, e);
	return rc ? rc : hm_buf_printf(b, e, "%s", "");
}

static const char *option_for(const char *key)
{
	return !strcmp(key, "vocab") || !strcmp(key, "cased") ? key : "vocab";
}

static int refuse_difference(const char *path, const char *key, const cJSON *used, const cJSON *own,
			     struct hm_err *e)
{
	struct hm_buf a = {0}, b = {0};
	int rc = show_value(used, &a, e);
	if (!rc)
		rc = show_value(own, &b, e);
	if (!rc && !strcmp(key, "vocab"))
		rc = hm_err_set(e, HM_EDATA,
				"token_ids were made with another vocabulary than that of %s: %s, not %s "
				"(hm-tokenize --vocab)",
				path, (char *)a.data, (char *)b.data);
	else if (!rc)
		rc = hm_err_set(
			e, HM_EDATA,
			"token_ids were made otherwise than %s says: \"%s\" is %s, not %s (hm-tokenize --%s)",
			path, key, (char *)a.data, (char *)b.data, option_for(key));
	hm_buf_clear(&a);
	hm_buf_clear(&b);
	return rc;
}

int hm_tokenizer_check(const char *path, const cJSON *used, struct hm_err *e)
{
	const struct hm_tokenizer_options none = {0};
	struct hm_buf folder = {0};
	struct hm_tokenizer *t = NULL;
	int rc = hm_tokenizer_folder(path, &folder, e);
	if (!rc)
		t = hm_tokenizer_open(path = (char *)folder.data, &none, e);
	if (!t)
		rc = HM_EDATA;
	for (const cJSON *m = t ? t->attr->child : NULL; !rc && m; m = m->next) {
		const cJSON *other = cJSON_GetObjectItemCaseSensitive(used, m->string);
		if (is_compared(m->string, t) && !cJSON_Compare(m, other, true))
			rc = refuse_difference(path, m->string, other, m, e);
	}
	for (const cJSON *m = t && used ? used->child : NULL; !rc && m; m = m->next)
		if (is_compared(m->string, t) && !cJSON_GetObjectItemCaseSensitive(t->attr, m->string))
			rc = refuse_difference(path, m->string, m, NULL, e);
	hm_buf_clear(&folder);
	hm_tokenizer_close(t);
	return rc;
}
