/* What a record's sides are computed from: its own columns, zeros, another record's. See applyside.h. */
#include "train/applyside.h"

#include <string.h>

static bool is_early(const struct hm_apply *a)
{
	return a->model->head.fusion == HM_FUSION_EARLY;
}

/* The first words, so many that with the last there are `room`. */
static int cut_words(struct hm_apply *a, int room, struct hm_encode_item *to, struct hm_err *e)
{
	int32_t *cut = hm_arena_get(&a->arena, (size_t)room * sizeof *cut, e);
	if (!cut)
		return HM_EDATA;
	memcpy(cut, to->ids, (size_t)(room - 1) * sizeof *cut);
	cut[room - 1] = to->ids[to->len - 1];
	to->ids = cut;
	to->len = room;
	return 0;
}

/* The record's own side k: what is to be computed, or the cached feature as f32. Early fusion's words are cut
 * as in training, or to [CLS] and [SEP]. */
static int take_own(struct hm_apply *a, const struct hm_rec *rec, int k, struct hm_encode_item *to,
		    struct hm_err *e)
{
	const struct hm_apply_side *s = &a->side[k];
	if (s->column < 0)
		return 0;
	const struct hm_val *v = &rec->val[s->column];
	if (!s->raw)
		return hm_to_f32(rec->schema->field[s->column].dtype, v->data, v->count,
				 k ? to->text : to->pooled, e);
	if (!k) {
		to->pixels = v->data;
		return 0;
	}
	to->ids = v->data;
	to->len = (int32_t)v->count;
	bool none = a->ablate[k] == HM_ABLATE_ZERO;
	int room = !is_early(a) ? to->len : none ? 2 : a->room;
	if (to->len > room) {
		a->cut += !none;
		if (cut_words(a, room, to, e))
			return HM_EDATA;
	}
	return hm_encoder_check_ids(&a->model->text, to->ids, (size_t)to->len, e);
}

/* Another record's side k. */
static int take_donor(struct hm_apply *a, int k, struct hm_encode_item *to, struct hm_err *e)
{
	size_t bytes;
	if (!k || !is_early(a))
		return hm_donors_take(&a->donors[k], k ? to->text : to->pooled, e);
	if (hm_donors_size(&a->donors[k], &bytes, e))
		return HM_EDATA;
	int32_t *ids = hm_arena_get(&a->arena, bytes, e);
	to->ids = ids;
	to->len = (int32_t)(bytes / sizeof *ids);
	return ids ? hm_donors_take(&a->donors[k], ids, e) : HM_EDATA;
}

int hm_apply_take(struct hm_apply *a, const struct hm_rec *rec, bool collect, struct hm_encode_item *to,
		  struct hm_err *e)
{
	float *x[HM_APPLY_SIDES];
	int rc = 0;
	for (int k = 0; k < HM_APPLY_SIDES; k++) {
		size_t bytes = a->side[k].numbers * sizeof **x;
		if (!(x[k] = hm_arena_get(&a->arena, bytes, e)))
			return HM_EDATA;
		if (a->ablate[k] == HM_ABLATE_ZERO)
			memset(x[k], 0, bytes);
	}
	*to = (struct hm_encode_item){.pooled = x[0], .grid = x[0], .text = x[1]};
	for (int k = 0; !rc && k < HM_APPLY_SIDES; k++) {
		bool shuffled = a->ablate[k] == HM_ABLATE_SHUFFLE;
		if (shuffled == collect)
			rc = take_own(a, rec, k, to, e);
		else if (shuffled)
			rc = take_donor(a, k, to, e);
	}
	return rc;
}
