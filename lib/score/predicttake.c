/* What a record's sides are computed from: its own columns, zeros, another record's. See predictside.h. */
#include "feed/sources.h"
#include "score/predictside.h"

#include <string.h>

/* The first words, so many that with the last there are `room`. */
static int cut_words(struct hm_arena *arena, int room, struct hm_encode_item *to, struct hm_err *e)
{
	int32_t *cut = hm_arena_get(arena, (size_t)room * sizeof *cut, e);
	if (!cut)
		return HM_EDATA;
	hm_source_cut(cut, to->ids, (size_t)to->len, (size_t)room);
	to->ids = cut;
	to->len = room;
	return 0;
}

/* The record's own side k: what is to be computed, or the feature column as f32. Words that the fusion takes
 * are cut as in training; where they are ablated by zeros, to [CLS] and [SEP]. */
static int take_own(struct hm_predict *a, struct hm_arena *arena, const struct hm_rec *rec, int k,
		    struct hm_encode_item *to, struct hm_err *e)
{
	const struct hm_predict_side *s = &a->side[k];
	enum hm_give give = a->model->head.fusion->gives[k];
	if (!s->column.n)
		return 0;
	const struct hm_val *v = &rec->val[s->column.at[0]];
	if (!s->raw)
		return hm_sidefeature_widen(&s->column, rec, to->out[k][give], e);
	if (k == HM_IMAGE) {
		to->pixels = v->data;
		return 0;
	}
	to->ids = v->data;
	to->len = (int32_t)v->count;
	bool zero = a->ablate[k] == HM_ABLATE_ZERO;
	int room = give != HM_WORDS ? to->len : zero ? 2 : a->room;
	if (to->len > room) {
		a->cut += !zero;
		if (cut_words(arena, room, to, e))
			return HM_EDATA;
	}
	return hm_encoder_check_ids(&a->model->side[HM_TEXT], to->ids, (size_t)to->len, e);
}

/* Another record's side k. */
static int take_donor(struct hm_predict *a, struct hm_arena *arena, int k, struct hm_encode_item *to,
		      struct hm_err *e)
{
	enum hm_give give = a->model->head.fusion->gives[k];
	size_t bytes;
	if (give != HM_WORDS)
		return hm_donors_take(&a->donors[k], to->out[k][give], e);
	if (hm_donors_size(&a->donors[k], &bytes, e))
		return HM_EDATA;
	int32_t *ids = hm_arena_get(arena, bytes, e);
	to->ids = ids;
	to->len = (int32_t)(bytes / sizeof *ids);
	return ids ? hm_donors_take(&a->donors[k], ids, e) : HM_EDATA;
}

int hm_predict_take(struct hm_predict *a, struct hm_arena *arena, const struct hm_rec *rec, bool collect,
		    struct hm_encode_item *to, struct hm_err *e)
{
	const enum hm_give *gives = a->model->head.fusion->gives;
	int rc = 0;
	*to = (struct hm_encode_item){0};
	for (int k = 0; k < HM_SIDES; k++) {
		size_t bytes = a->side[k].numbers * sizeof(float);
		float *x = bytes ? hm_arena_get(arena, bytes, e) : NULL;
		if (bytes && !x)
			return HM_EDATA;
		if (bytes && a->ablate[k] == HM_ABLATE_ZERO)
			memset(x, 0, bytes);
		to->out[k][gives[k]] = x;
	}
	for (int k = 0; !rc && k < HM_SIDES; k++) {
		bool shuffled = a->ablate[k] == HM_ABLATE_SHUFFLE;
		if (shuffled == collect)
			rc = take_own(a, arena, rec, k, to, e);
		else if (shuffled)
			rc = take_donor(a, arena, k, to, e);
	}
	return rc;
}
