/* Raw or cached. See sources.h. */
#include "feed/sources.h"
#include "feed/columns.h"

#include <string.h>

/* Why there is nothing to take, as a sentence. */
static int refuse_source(const struct hm_source_ask *a, const char *raw, const char *feature, bool has_raw,
			 bool has_feature, const char *made_by, const char *in, struct hm_err *e)
{
	if (a->use == HM_USE_FROZEN && has_feature)
		return hm_err_set(e, HM_EUSAGE,
				  "--frozen-mode train runs the encoder on '%s', and %s has only '%s'%s%s",
				  raw, in, feature, a->encoder ? "" : "; the encoder comes with ",
				  a->encoder ? "" : a->option);
	if (a->encoder && a->use != HM_USE_FEATURE)
		return hm_err_set(e, HM_EDATA,
				  "%s: there is no column '%s', which the encoder is trained on; %s makes it",
				  in, raw, hm_column_maker(hm_column_raw(a->side)));
	if (!a->encoder && has_raw)
		return hm_err_set(
			e, HM_EDATA,
			"%s: there is no column '%s'; hm-encode makes it, or %s gives an encoder for '%s'",
			in, feature, a->option, raw);
	if (!a->encoder || !has_feature)
		return hm_err_set(e, HM_EDATA, "%s: there is no column '%s'; hm-encode makes it", in,
				  feature);
	if (!made_by)
		return hm_err_set(e, HM_EDATA,
				  "%s: column '%s' does not say which encoder made it; "
				  "--allow-unknown-features takes it",
				  in, feature);
	return hm_err_set(
		e, HM_EDATA,
		"%s: column '%s' was made by encoder %s, not by %s; hm-encode makes it anew, or give '%s'",
		in, feature, made_by, a->encoder, raw);
}

int hm_source_choose(enum hm_use *use, const struct hm_source_ask *a, const struct hm_schema *s,
		     const char *in, struct hm_err *e)
{
	char feature[160];
	enum hm_give give = a->kind->gives[a->side];
	const char *raw = hm_column_name(hm_column_raw(a->side));
	struct hm_feature origin = {0};
	bool there = hm_sidefeature_there(&origin, s, a->side, give, a->columns);
	bool has_raw = hm_schema_find(s, raw) >= 0;
	const char *made_by = *origin.encoder ? origin.encoder : NULL,
		   *output = *origin.output ? origin.output : NULL;
	bool other = a->encoder && a->output && output && strcmp(a->output, output);
	bool ours = there && !other && (!a->encoder || (made_by ? !strcmp(made_by, a->encoder) : a->unknown));
	hm_sidefeature_text(a->side, give, a->columns, feature, sizeof feature);
	*use = HM_USE_NONE;
	if (a->use == HM_USE_FEATURE && ours)
		*use = HM_USE_FEATURE;
	else if (a->encoder && has_raw)
		*use = a->use == HM_USE_FEATURE ? HM_USE_COMPUTED : a->use;
	else
		return other && made_by && !strcmp(made_by, a->encoder)
			       ? hm_err_set(
					 e, HM_EDATA,
					 "%s: column '%s' is the encoder's output \"%s\", \"%s\" is needed; "
					 "hm-encode makes it anew, or give '%s'",
					 in, feature, output, a->output, raw)
			       : refuse_source(a, raw, feature, has_raw, there, made_by, in, e);
	return 0;
}

void hm_source_cut(int32_t *to, const int32_t *ids, size_t n, size_t most)
{
	memcpy(to, ids, (most - 1) * sizeof *to);
	to[most - 1] = ids[n - 1];
}
