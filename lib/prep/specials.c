/* Collects special tokens from a folder's files: see specials.h. Where two files describe the same added
 * token, the first in the reference's order counts: tokenizer_config.json, then tokenizer.json, then the
 * others. */
#include "prep/specials.h"
#include "base/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const role_key[HM_ROLES] = {
	[HM_ROLE_PAD] = "pad_token", [HM_ROLE_UNK] = "unk_token",   [HM_ROLE_CLS] = "cls_token",
	[HM_ROLE_SEP] = "sep_token", [HM_ROLE_MASK] = "mask_token", [HM_ROLE_BOS] = "bos_token",
	[HM_ROLE_EOS] = "eos_token",
};

static struct hm_special *entries(const struct hm_specials *s, size_t *n)
{
	*n = s->list.len / sizeof(struct hm_special);
	return (struct hm_special *)(void *)s->list.data;
}

static struct hm_special *find_entry(const struct hm_specials *s, const char *text)
{
	size_t n;
	struct hm_special *list = entries(s, &n);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].text, text))
			return &list[i];
	return NULL;
}

bool hm_specials_has(const struct hm_specials *s, const char *text)
{
	return find_entry(s, text);
}

const struct hm_special *hm_specials_get(const struct hm_specials *s, int32_t id)
{
	size_t n;
	const struct hm_special *list = entries(s, &n);
	for (size_t i = 0; i < n; i++)
		if (list[i].id == id && !list[i].silent)
			return &list[i];
	return NULL;
}

static const char *copy_string(struct hm_specials *s, const char *text, struct hm_err *e)
{
	return hm_arena_copy(&s->strings, text, strlen(text), e);
}

/* Adds t, whose strings are copied; of a token that is there already only the id, when it had none. */
static int add_entry(struct hm_specials *s, struct hm_special t, struct hm_err *e)
{
	struct hm_special *old = find_entry(s, t.text);
	if (old) {
		if (old->id >= 0 && t.id >= 0 && old->id != t.id)
			return hm_err_set(e, HM_EDATA, "%s: the token \"%.100s\" has the id %d, and %d in %s",
					  t.path, t.text, t.id, old->id, old->path);
		old->id = old->id < 0 ? t.id : old->id;
		return 0;
	}
	if (s->list.len / sizeof t >= HM_SPECIALS_CAP)
		return hm_err_set(e, HM_EDATA, "%s: more than %d special and added tokens", t.path,
				  HM_SPECIALS_CAP);
	t.text = copy_string(s, t.text, e);
	if (t.path && !(t.path = copy_string(s, t.path, e)))
		return HM_EDATA;
	return t.text ? hm_buf_add(&s->list, &t, sizeof t, e) : HM_EDATA;
}

/* The flags of a token that is described as an object. A missing "normalized" means that only an ordinary
 * word is searched for in normalised text. */
static int read_flags(const struct hm_token_doc *d, const cJSON *o, struct hm_special *t, struct hm_err *e)
{
	int rc = hm_doc_bool(d, o, "special", &t->special, e);
	t->normalized = !t->special;
	if (rc >= 0)
		rc = hm_doc_bool(d, o, "normalized", &t->normalized, e);
	if (rc >= 0)
		rc = hm_doc_bool(d, o, "lstrip", &t->lstrip, e);
	if (rc >= 0)
		rc = hm_doc_bool(d, o, "rstrip", &t->rstrip, e);
	return rc < 0 ? rc : hm_doc_bool(d, o, "single_word", &t->single_word, e);
}

/* A token that is given as its text or as an object with "content". */
static int read_token(const struct hm_token_doc *d, const cJSON *v, const char *key, struct hm_special *t,
		      struct hm_err *e)
{
	const cJSON *text = cJSON_IsObject(v) ? cJSON_GetObjectItemCaseSensitive(v, "content") : v;
	if (!cJSON_IsString(text) || !*text->valuestring)
		return hm_doc_fault(d, e, "\"%.100s\" holds no token", key);
	t->text = text->valuestring;
	t->path = d->path;
	int rc = cJSON_IsObject(v) ? read_flags(d, v, t, e) : 0;
	return rc < 0 ? rc : 0;
}

static int add_token(struct hm_specials *s, const struct hm_token_doc *d, const cJSON *v, const char *key,
		     bool special, double id, struct hm_err *e)
{
	struct hm_special t = {.special = special, .normalized = !special, .id = -1};
	if (id != -1 && !(id >= 0 && id < HM_VOCAB_TOKENS && id == (double)(int32_t)id))
		return hm_doc_fault(d, e, "\"%.100s\": an id is not an integer from 0 to %u", key,
				    HM_VOCAB_TOKENS - 1);
	t.id = (int32_t)id;
	int rc = read_token(d, v, key, &t, e);
	return rc ? rc : add_entry(s, t, e);
}

/* tokenizer_config.json's {"added_tokens_decoder": {"103": {"content": ...}}}. */
static int read_decoder(struct hm_specials *s, const struct hm_token_doc *d, struct hm_err *e)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(d->tree, "added_tokens_decoder");
	int rc = 0;
	if (!all || cJSON_IsNull(all))
		return 0;
	if (!cJSON_IsObject(all))
		return hm_doc_fault(d, e, "\"added_tokens_decoder\" is not an object");
	for (const cJSON *m = all->child; !rc && m; m = m->next) {
		char *end;
		double id = strtod(m->string, &end);
		bool digits = strspn(m->string, "0123456789") == strlen(m->string) && *m->string && !*end;
		rc = add_token(s, d, m, "added_tokens_decoder", false, digits ? id : -2, e);
	}
	return rc;
}

/* tokenizer.json's {"added_tokens": [{"id": 103, "content": ...}]}. */
static int read_added_list(struct hm_specials *s, const struct hm_token_doc *d, struct hm_err *e)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(d->tree, "added_tokens"), *m;
	int rc = 0;
	if (!all || cJSON_IsNull(all))
		return 0;
	if (!cJSON_IsArray(all))
		return hm_doc_fault(d, e, "\"added_tokens\" is not a list");
	for (m = all->child; !rc && m; m = m->next) {
		double id = -2;
		if (!cJSON_IsObject(m))
			return hm_doc_fault(d, e, "\"added_tokens\" holds something that is not an object");
		rc = hm_doc_number(d, m, "id", &id, e);
		rc = rc < 0 ? rc : add_token(s, d, m, "added_tokens", false, id, e);
	}
	return rc;
}

/* added_tokens.json's {"token": id}: a special token where another file says so. */
static int read_added_map(struct hm_specials *s, const struct hm_token_doc *d, struct hm_err *e)
{
	int rc = 0;
	for (const cJSON *m = d->tree->child; !rc && m; m = m->next) {
		struct hm_special t = {.text = m->string, .path = d->path, .normalized = true};
		double id = cJSON_IsNumber(m) ? m->valuedouble : -1;
		if (!*t.text || !(id >= 0 && id < HM_VOCAB_TOKENS && id == (double)(int32_t)id))
			return hm_doc_fault(d, e,
					    "the id of the token \"%.100s\" is not an integer from 0 to %u",
					    m->string, HM_VOCAB_TOKENS - 1);
		for (int i = 0; i < HM_ROLES; i++)
			if (s->role[i].text && !strcmp(s->role[i].text, t.text))
				t.normalized = !(t.special = true);
		t.id = (int32_t)id;
		rc = add_entry(s, t, e);
	}
	return rc;
}

/* The document d says that `text` plays the role, NULL: that no token does. */
static int state_role(struct hm_specials *s, int role, const struct hm_token_doc *d, const char *text,
		      struct hm_err *e)
{
	struct hm_special *r = &s->role[role];
	bool same = text && r->text ? !strcmp(text, r->text) : !text && !r->text;
	if (r->path && !same)
		return hm_doc_fault(d, e, "the %s is \"%.100s\", and \"%.100s\" in %s", role_key[role],
				    text ? text : "null", r->text ? r->text : "null", r->path);
	r->text = text ? copy_string(s, text, e) : NULL;
	r->path = copy_string(s, d->path, e);
	return !r->path || (text && !r->text) ? HM_EDATA : 0;
}

int hm_specials_say(struct hm_specials *s, enum hm_role role, const struct hm_token_doc *d, const char *text,
		    struct hm_err *e)
{
	const struct hm_special *r = &s->role[role];
	bool silent = !r->path && (!r->text || strcmp(r->text, text) != 0);
	int rc = state_role(s, role, d, text, e);
	s->role[role].silent = silent;
	return rc;
}

static int role_of(const char *key)
{
	for (int i = 0; i < HM_ROLES; i++)
		if (!strcmp(key, role_key[i]))
			return i;
	return -1;
}

/* "additional_special_tokens": a list of tokens, or an object of names and tokens. */
static int read_further(struct hm_specials *s, const struct hm_token_doc *d, const cJSON *all,
			struct hm_err *e)
{
	int rc = 0;
	if (cJSON_IsNull(all))
		return 0;
	if (!cJSON_IsArray(all) && !cJSON_IsObject(all))
		return hm_doc_fault(d, e, "\"%s\" is not a list of tokens", all->string);
	for (const cJSON *m = all->child; !rc && m; m = m->next)
		rc = add_token(s, d, m, all->string, true, -1, e);
	return rc;
}

/* A file's roles ("cls_token"), further special tokens, and other keys like "image_token". */
static int read_named(struct hm_specials *s, const struct hm_token_doc *d, struct hm_err *e)
{
	int rc = 0;
	for (const cJSON *m = d->tree->child; !rc && m; m = m->next) {
		size_t n = strlen(m->string);
		int role = role_of(m->string);
		bool token = n > 6 && !strcmp(m->string + n - 6, "_token");
		if (!strcmp(m->string, "additional_special_tokens") ||
		    !strcmp(m->string, "extra_special_tokens"))
			rc = read_further(s, d, m, e);
		else if (role >= 0 && cJSON_IsNull(m))
			rc = state_role(s, role, d, NULL, e);
		else if (role >= 0 || (token && cJSON_IsString(m)))
			rc = add_token(s, d, m, m->string, true, -1, e);
		if (!rc && role >= 0 && !cJSON_IsNull(m)) {
			struct hm_special t = {.special = true};
			rc = read_token(d, m, m->string, &t, e);
			rc = rc ? rc : state_role(s, role, d, t.text, e);
		}
	}
	return rc;
}

int hm_specials_read(struct hm_specials *s, const struct hm_token_folder *f,
		     const char *const usual[HM_ROLES], struct hm_err *e)
{
	const struct hm_token_doc *doc = f->doc;
	*s = (struct hm_specials){0};
	for (int i = 0; i < HM_ROLES; i++)
		s->role[i] = (struct hm_special){.text = usual[i], .id = -1, .special = true};
	int rc = doc[HM_DOC_CONFIG].tree ? read_decoder(s, &doc[HM_DOC_CONFIG], e) : 0;
	if (!rc && doc[HM_DOC_TOKENIZER].tree && !f->vocab_named)
		rc = read_added_list(s, &doc[HM_DOC_TOKENIZER], e);
	if (!rc && doc[HM_DOC_CONFIG].tree)
		rc = read_named(s, &doc[HM_DOC_CONFIG], e);
	if (!rc && doc[HM_DOC_SPECIAL].tree)
		rc = read_named(s, &doc[HM_DOC_SPECIAL], e);
	if (!rc && doc[HM_DOC_ADDED].tree)
		rc = read_added_map(s, &doc[HM_DOC_ADDED], e);
	return rc;
}

/* The tokens that play a role are special tokens, whatever an added token's entry says. */
static int add_roles(struct hm_specials *s, struct hm_err *e)
{
	int rc = 0;
	for (int i = 0; !rc && i < HM_ROLES; i++) {
		if (!s->role[i].text)
			continue;
		bool added = hm_specials_has(s, s->role[i].text);
		rc = add_entry(s, s->role[i], e);
		if (!rc && !(added && s->role[i].silent))
			find_entry(s, s->role[i].text)->special = true;
		if (!rc && s->raw_roles)
			find_entry(s, s->role[i].text)->normalized = false;
	}
	return rc;
}

static int find_id(struct hm_special *t, struct hm_vocab *v, const char *path, struct hm_err *e)
{
	size_t n = strlen(t->text);
	if (t->id >= 0)
		return hm_vocab_add(v, (uint32_t)t->id, t->text, n, e) ? hm_err_prefix(e, "%s", t->path) : 0;
	t->id = hm_vocab_find(v, t->text, n);
	if (t->id >= 0)
		return 0;
	if (!t->path)
		return hm_err_set(e, HM_EDATA, "%s: the token %s is missing", path, t->text);
	return hm_err_set(e, HM_EDATA, "%s: the special token \"%.100s\" is not in the vocabulary", t->path,
			  t->text);
}

/* We search a text as it stands, and for any place of a token in it. */
static int check_search(const struct hm_special *t, struct hm_err *e)
{
	if (!t->normalized && !t->single_word)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "%s: the added token \"%.100s\" is to be found %s, which hm-tokenize does not do%s",
			  t->path, t->text,
			  t->normalized ? "in the normalised text (\"normalized\": true)"
					: "as a whole word only (\"single_word\": true)",
			  t->special ? "; --no-special-in-text leaves it out" : "");
}

/* The order in which tokens past the vocabulary are added to it. */
static int compare_ids(const void *a, const void *b)
{
	const struct hm_special *x = a, *y = b;
	return x->id == y->id ? strcmp(x->text, y->text) : x->id < y->id ? -1 : 1;
}

static void sort_entries(const struct hm_specials *s)
{
	size_t n;
	struct hm_special *list = entries(s, &n);
	if (n)
		qsort(list, n, sizeof *list, compare_ids);
}

static bool is_searched(const struct hm_special *t, bool plain)
{
	return !t->silent && !(plain && t->special);
}

int hm_specials_find(struct hm_specials *s, struct hm_vocab *v, const char *path, bool plain,
		     struct hm_err *e)
{
	size_t n, bytes = 0;
	int rc = add_roles(s, e);
	sort_entries(s);
	struct hm_special *list = entries(s, &n);
	for (size_t i = 0; !rc && i < n; i++) {
		bytes += strlen(list[i].text);
		rc = find_id(&list[i], v, path, e);
		list[i].normalized = list[i].normalized && !s->raw;
		if (!rc && is_searched(&list[i], plain))
			rc = check_search(&list[i], e);
	}
	if (rc || hm_trie_init(&s->trie, bytes, e))
		return HM_EDATA;
	for (size_t i = 0; i < n; i++) {
		if (!is_searched(&list[i], plain))
			continue;
		if (hm_trie_add(&s->trie, list[i].text, strlen(list[i].text), list[i].id, e))
			return HM_EDATA;
		s->first[(unsigned char)*list[i].text] = true;
	}
	for (int i = 0; i < HM_ROLES; i++)
		if (s->role[i].text)
			s->role[i].id = find_entry(s, s->role[i].text)->id;
	return 0;
}

void hm_specials_clear(struct hm_specials *s)
{
	hm_buf_clear(&s->list);
	hm_arena_clear(&s->strings);
	hm_trie_clear(&s->trie);
}

int32_t hm_specials_at(const struct hm_specials *s, const char *t, size_t n, uint32_t *used)
{
	return hm_trie_longest(&s->trie, 0, t, n, used);
}

int hm_specials_digest(const struct hm_specials *s, const char *const usual[HM_ROLES], char out[33],
		       struct hm_err *e)
{
	struct hm_buf text = {0};
	size_t n, known = 0;
	int rc = 0;
	bool same = true;
	sort_entries(s);
	const struct hm_special *list = entries(s, &n);
	for (int i = 0; !rc && i < HM_ROLES; i++) {
		const char *t = s->role[i].text;
		int before = 0;
		while (t && before < i && !(s->role[before].text && !strcmp(s->role[before].text, t)))
			before++;
		known += t && before == i; /* several roles may have one token */
		same = same && (t && usual[i] ? !strcmp(t, usual[i]) : t == usual[i]);
		rc = hm_buf_printf(&text, e, "%s %s\n", role_key[i], t ? t : "");
	}
	for (size_t i = 0; !rc && i < n; i++) {
		bool left = s->spaces && list[i].lstrip, right = s->spaces && list[i].rstrip;
		same = same && list[i].special && !left && !right;
		rc = hm_buf_printf(&text, e, "%d %d%s%s%s %s\n", list[i].id, list[i].special,
				   list[i].silent ? " silent" : "", left ? " lstrip" : "",
				   right ? " rstrip" : "", list[i].text);
	}
	if (!rc && same && n == known)
		*out = 0;
	else if (!rc)
		hm_hex_digest(text.data, text.len, out);
	hm_buf_clear(&text);
	return rc;
}
