/* Raw or cached. See sources.h. */
#include "train/sources.h"

#include <string.h>

const char *hm_source_feature_column(const struct hm_source_ask *a)
{
	return a->side == HM_TEXT_ENCODER   ? "text_feature"
	       : a->kind == HM_FUSION_EARLY ? "image_grid"
					    : "image_feature";
}

int hm_source_choose(enum hm_source *out, const struct hm_source_ask *a, const struct hm_schema *s,
		     const char *in, struct hm_err *e)
{
	bool text = a->side == HM_TEXT_ENCODER;
	const char *feature = hm_source_feature_column(a), *raw = text ? "token_ids" : "pixels",
		   *maker = text ? "hm-tokenize" : "hm-imgprep";
	int at = hm_schema_find(s, feature);
	bool has_raw = hm_schema_find(s, raw) >= 0;
	const char *made_by = at < 0 ? NULL : hm_schema_attr(s, at, "encoder");
	bool ours = at >= 0 && (!a->encoder || (made_by ? !strcmp(made_by, a->encoder) : a->unknown));
	*out = HM_SOURCE_NONE;
	if (a->use == HM_USE_FROZEN && ours) {
		*out = HM_SOURCE_CACHED;
		return 0;
	}
	if (a->encoder && has_raw) {
		*out = a->use == HM_USE_FROZEN ? HM_SOURCE_COMPUTED : HM_SOURCE_RAW;
		return 0;
	}
	if (a->use == HM_USE_FROZEN_TRAIN && at >= 0)
		return hm_err_set(e, HM_EUSAGE,
				  "--frozen-mode train runs the encoder on '%s', and %s has only '%s'%s%s",
				  raw, in, feature, a->encoder ? "" : "; the encoder comes with ",
				  a->encoder ? "" : a->option);
	if (a->encoder && a->use != HM_USE_FROZEN)
		return hm_err_set(e, HM_EDATA,
				  "%s: there is no column '%s', which the encoder is trained on; %s "
				  "makes it",
				  in, raw, maker);
	if (!a->encoder && has_raw)
		return hm_err_set(
			e, HM_EDATA,
			"%s: there is no column '%s'; hm-encode makes it, or %s gives an encoder for '%s'",
			in, feature, a->option, raw);
	if (!a->encoder || at < 0)
		return hm_err_set(e, HM_EDATA, "%s: there is no column '%s'; hm-encode makes it", in,
				  feature);
	if (!made_by)
		return hm_err_set(
			e, HM_EDATA,
			"%s: column '%s' does not say which encoder made it; --allow-unknown-features "
			"to take it",
			in, feature);
	return hm_err_set(
		e, HM_EDATA,
		"%s: column '%s' was made by encoder %s, not by %s; hm-encode makes it anew, or give '%s'",
		in, feature, made_by, a->encoder, raw);
}
