/* Preparations and their comparison. See prepared.h. */
#include "feed/prepared.h"
#include "base/hex.h"
#include "json/build.h"

#include <stdio.h>
#include <string.h>

/* What is not about the preparation. */
static bool is_origin(const char *key)
{
	static const char *const origin[] = {"encoder", "output", "precision", "names", NULL};
	const char *const *k = origin;
	while (*k && strcmp(*k, key))
		k++;
	return *k;
}

/* Members that every tool writes now and older ones did not all write; and what makes a value, to which the
 * value is added after a space. */
static const struct {
	const char *key, *how;
} known[] = {{"size", "hm-imgprep --size "},
	     {"fit", "hm-imgprep --fit "},
	     {"filter", "hm-imgprep --filter "},
	     {"short", "hm-imgprep --short "},
	     {"offset", "hm-imgprep --crop-offset "},
	     {"mean", "hm-encode --mean and --std"},
	     {"std", "hm-encode --mean and --std"},
	     {"act", "hm-encode --act "},
	     {"heads", "hm-encode --image-heads and --text-heads"},
	     {"eps", "hm-encode with the encoder's config.json of the training"},
	     {"vocab", "hm-tokenize --vocab with that vocabulary"},
	     {"cased", "hm-tokenize with or without --cased"}};
enum { KNOWN = sizeof known / sizeof *known };

static int find_known(const char *key)
{
	int i = 0;
	while (i < KNOWN && strcmp(known[i].key, key))
		i++;
	return i;
}

cJSON *hm_prepared_of(const struct hm_schema *s, int at, struct hm_err *e)
{
	const struct hm_field *f = &s->field[at];
	char size[48];
	cJSON *o = hm_json_object(e);
	const cJSON *v;
	cJSON_ArrayForEach(v, f->attr)
	{
		if (!is_origin(v->string))
			hm_json_add_copy(o, v->string, v, e);
	}
	if (f->dtype == HM_U8 && f->ndim == 3)
		hm_json_add_str(o, "size", hm_shape_text(2, f->dim + 1, size, sizeof size), e);
	return hm_json_whole(o, e);
}

/* A member as a person would say it: a digest by its first 8 digits, numbers as an option takes them. */
static const char *value_text(const cJSON *v, char out[40])
{
	char *json = !cJSON_IsString(v) ? cJSON_PrintUnformatted(v) : NULL;
	const char *text = cJSON_IsString(v) ? v->valuestring : json ? json : "something else";
	bool digest = hm_hex_is_digest(text);
	size_t list = json && cJSON_IsArray(v) && strlen(json) > 2;
	snprintf(out, 40, digest ? "%.8s…" : "%.36s", text + list);
	if (list)
		out[strcspn(out, "]")] = 0;
	cJSON_free(json);
	return out;
}

/* What makes that value of a member, for the parenthesis of a message; "" where nothing is known. */
static const char *hint_text(const char *key, const char *value, char out[80])
{
	int i = find_known(key), n = (int)strcspn(value, "x"); /* "224x224" is --size 224 */
	*out = 0;
	if (i == KNOWN)
		return out;
	if (known[i].how[strlen(known[i].how) - 1] != ' ')
		n = 0;
	snprintf(out, 80, "%s%.*s; ", known[i].how, n, value);
	return out;
}

/* What a preparation means where it does not say `key`: colours are the family's own. Where it says its fit,
 * hm-imgprep had bilinear alone, and one way to crop; where it says its vocabulary, hm-tokenize leaves out
 * the kind of WordPiece. NULL: nothing is known. */
static const char *meant_text(const cJSON *o, const char *key, char out[40])
{
	const cJSON *fit = cJSON_GetObjectItemCaseSensitive(o, "fit");
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(o, "size");
	bool crop = cJSON_IsString(fit) && !strcmp(fit->valuestring, "crop");
	int h, w;
	if (!strcmp(key, "mean") || !strcmp(key, "std"))
		return "the family's own";
	if (fit && !strcmp(key, "filter"))
		return "bilinear";
	if (!strcmp(key, "kind") && cJSON_GetObjectItemCaseSensitive(o, "vocab"))
		return "wordpiece";
	if (crop && !strcmp(key, "offset"))
		return "even";
	if (!crop || strcmp(key, "short") || !cJSON_IsString(size) ||
	    sscanf(size->valuestring, "%5dx%5d", &h, &w) != 2)
		return NULL;
	snprintf(out, 40, "%d", h * 256 / 224);
	return out;
}

/* The value of a member as a person would say it, said or meant; NULL: neither. */
static const char *member_text(const cJSON *o, const char *key, char out[40])
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return v ? value_text(v, out) : meant_text(o, key, out);
}

/* Whether hm-tokenize says this member where it is not its default, and only there. */
static bool has_default(const char *key)
{
	static const char *const keys[] = {"merges",
					   "add_prefix_space",
					   "straight_quotes",
					   "strip_accents",
					   "tokenize_chinese_chars",
					   "clean_text",
					   "continuing_subword_prefix",
					   "max_input_chars_per_word",
					   "special_tokens",
					   "special_in_text",
					   NULL};
	const char *const *k = keys;
	while (*k && strcmp(*k, key))
		k++;
	return *k;
}

/* The first member of `a` that `b` has otherwise, or NULL. */
static const cJSON *first_difference(const cJSON *a, const cJSON *b)
{
	char is[40], was[40];
	const cJSON *v, *tokens = cJSON_GetObjectItemCaseSensitive(b, "vocab");
	cJSON_ArrayForEach(v, a)
	{
		if (!strcmp(v->string,
			    "max_length")) /* the user's choice, which changes long captions alone */
			continue;
		const cJSON *other = cJSON_GetObjectItemCaseSensitive(b, v->string);
		const char *meant = other ? NULL : meant_text(b, v->string, was);
		if (other   ? !cJSON_Compare(v, other, true)
		    : meant ? strcmp(meant, value_text(v, is)) != 0
			    : tokens && has_default(v->string))
			return v;
	}
	return NULL;
}

int hm_prepared_compare(const cJSON *trained, const cJSON *now, const char *column, bool allow, char *warning,
			size_t cap, struct hm_err *e)
{
	char was[40], is[40], hint[80], text[320];
	if (!trained || !now || !trained->child || !now->child)
		return 0;
	const cJSON *v = first_difference(trained, now);
	v = v ? v : first_difference(now, trained);
	if (!v)
		return 0;
	const char *here = member_text(now, v->string, is), *there = member_text(trained, v->string, was);
	there = there ? there : "not said";
	snprintf(text, sizeof text, "column \"%s\": %s is %s here, the model was trained on %s", column,
		 v->string, here ? here : "not said", there);
	if (allow)
		return snprintf(warning, cap, "%s", text), 0;
	return hm_err_set(e, HM_EDATA, "%s (%s--allow-mismatch goes on)", text,
			  hint_text(v->string, there, hint));
}
