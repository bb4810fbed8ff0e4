/* See vocabulary.h. */
#include "feed/vocabulary.h"
#include "feed/prepared.h"
#include "prep/tokenpack.h"

#include <string.h>

int hm_vocabulary_pack(const char *path, const cJSON *prepared, struct hm_buf *out, struct hm_err *e)
{
	char no_warning[1];
	const struct hm_tokenizer_options o = hm_tokenizer_options_of(prepared);
	struct hm_tokenizer *t = hm_tokenizer_open(path, &o, e);
	int rc = t ? hm_prepared_compare(prepared, t->attr, "token_ids", false, no_warning, 0, e) : HM_EDATA;
	if (t && rc)
		hm_err_prefix(e, "%s", path);
	hm_tokenizer_close(t);
	return rc ? rc : hm_token_pack(path, out, e);
}

struct hm_tokenizer *hm_vocabulary_open(const char *path, const char *packed, const char *model,
					const cJSON *prepared, struct hm_err *e)
{
	const struct hm_tokenizer_options o = hm_tokenizer_options_of(prepared);
	struct hm_token_folder f;
	if (path)
		return hm_tokenizer_open(path, &o, e);
	int rc = hm_token_unpack(&f, packed, strlen(packed), "hm.vocab", e);
	struct hm_tokenizer *t = rc ? NULL : hm_tokenizer_from(&f, &o, e);
	hm_token_folder_clear(&f);
	if (!t)
		hm_err_prefix(e, "%s", model);
	return t;
}
