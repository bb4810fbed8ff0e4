/* See rawmodel.h. */
#include "score/rawmodel.h"
#include "feed/columns.h"
#include "feed/prepared.h"
#include "feed/vocabulary.h"
#include "json/build.h"
#include "model/configmodel.h"
#include "model/configcolours.h"

#include <stdlib.h>
#include <string.h>

/* The encoder of a side that the model uses: in the file, or of the option. */
static int take_encoder(struct hm_rawmodel *c, int k, const char *path, const struct hm_rawmodel_options *o,
			struct hm_err *e)
{
	const struct hm_modelfile *h = &c->model.head;
	const char *side = hm_side_name((enum hm_side)k);
	struct hm_encoder_options own = hm_encoder_options_of(&o->encoder, o->spec, (enum hm_side)k);
	if (o->spec[k] && k == HM_IMAGE && h->prepared[k] && /* those of hm-encode --mean and --std */
	    hm_configcolours_read(h->prepared[k], "mean", "std", &own.colours, e))
		return hm_err_prefix(e, "%s", path);
	if (o->spec[k])
		return hm_fusionfile_attach(&c->model, (enum hm_side)k, path, o->spec[k], &own, e);
	c->used[k] = h->dim[k] > 0;
	if (h->dim[k] < 0)
		return hm_err_set(e, HM_EDATA, "%s: a head that does not say which features it takes", path);
	if (!c->used[k] || c->model.side[k].kind)
		return 0;
	return hm_err_set(e, HM_EUSAGE,
			  "%s holds no %s encoder: --%s SPEC names the one it was trained on%s%s%s", path,
			  side, side, *h->encoder[k] ? " (" : "", h->encoder[k], *h->encoder[k] ? ")" : "");
}

/* Where the tokenizer is read from, unless from the model file: c->vocab. */
static int find_vocab(struct hm_rawmodel *c, const char *path, const struct hm_rawmodel_options *o,
		      struct hm_err *e)
{
	const char *text = o->spec[HM_TEXT];
	struct hm_buf folder = {0};
	if (o->vocab) {
		c->vocab = hm_strndup(o->vocab, strlen(o->vocab), e);
		return c->vocab ? 0 : HM_EDATA;
	}
	if (c->model.head.vocab)
		return 0;
	int found = o->vocab_of_text && text ? hm_tokenizer_found(text, e) : 0;
	if (found < 0)
		return found;
	if (found) {
		int rc = hm_tokenizer_folder(text, &folder, e);
		c->vocab = (char *)folder.data;
		return rc;
	}
	return hm_err_set(e, HM_EUSAGE,
			  "%s holds no vocabulary: --vocab FILE|DIR names that of its training captions",
			  path);
}

/* The column that hm-tokenize would make. */
static cJSON *describe_text(struct hm_rawmodel *c, const char *path, const struct hm_rawmodel_options *o,
			    struct hm_err *e)
{
	if (find_vocab(c, path, o, e))
		return NULL;
	c->tokenizer =
		hm_vocabulary_open(c->vocab, c->model.head.vocab, path, c->model.head.prepared[HM_TEXT], e);
	return c->tokenizer ? hm_json_copy(c->tokenizer->attr, e) : NULL;
}

/* The column that hm-imgprep would make. */
static cJSON *describe_image(struct hm_rawmodel *c, const char *path, struct hm_err *e)
{
	const cJSON *said = c->model.head.prepared[HM_IMAGE];
	if (hm_square_of(&c->square, said, e)) {
		hm_err_prefix(e, "%s does not say how its training pictures were prepared", path);
		return NULL;
	}
	cJSON *attr = hm_json_object(e);
	hm_square_describe(&c->square, attr, e);
	return hm_json_whole(attr, e);
}

static int add_column(struct hm_rawmodel *c, int k, const char *path, const struct hm_rawmodel_options *o,
		      struct hm_err *e)
{
	const struct hm_encoder *x = &c->model.side[k];
	const char *name = hm_column_name(hm_column_raw((enum hm_side)k));
	cJSON *attr = k == HM_IMAGE ? describe_image(c, path, e) : describe_text(c, path, o, e);
	const int64_t image[3] = {3, c->square.size, c->square.size}, ids[1] = {-1};
	int at = attr ? hm_schema_add(&c->schema, name, k == HM_IMAGE ? HM_U8 : HM_I32, k == HM_IMAGE ? 3 : 1,
				      k == HM_IMAGE ? image : ids, attr, e)
		      : e->code;
	if (at < 0)
		return at;
	c->at[k] = at;
	cJSON *now = hm_prepared_of(&c->schema, at, e);
	if (now)
		hm_configmodel_add_settings(now, x->kind, &x->hints, e);
	now = hm_json_whole(now, e);
	int rc = now ? hm_prepared_compare(c->model.head.prepared[k], now, name, o->allow_mismatch,
					   c->warning[k], sizeof c->warning[k], e)
		     : HM_EDATA;
	cJSON_Delete(now);
	return rc ? hm_err_prefix(e, "%s", k == HM_TEXT && c->vocab ? c->vocab : path) : 0;
}

int hm_rawmodel_open(struct hm_rawmodel *c, const char *path, const struct hm_rawmodel_options *o,
		     struct hm_err *e)
{
	*c = (struct hm_rawmodel){.at = {-1, -1}};
	int rc = hm_fusionfile_open(&c->model, path, &o->encoder, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = take_encoder(c, k, path, o, e);
	if (!rc)
		rc = hm_encoder_check_key(c->model.side, o->encoder.key, e);
	for (int k = 0; k < HM_SIDES && !rc; k++) {
		c->used[k] = c->model.head.dim[k] > 0;
		if (c->used[k])
			rc = add_column(c, k, path, o, e);
	}
	if (!rc && o->vocab && !c->used[HM_TEXT])
		rc = hm_err_set(e, HM_EUSAGE, "%s was trained without captions: leave out --vocab", path);
	return rc;
}

void hm_rawmodel_close(struct hm_rawmodel *c)
{
	hm_fusionfile_close(&c->model);
	hm_tokenizer_close(c->tokenizer);
	hm_schema_clear(&c->schema);
	free(c->vocab);
	*c = (struct hm_rawmodel){.at = {-1, -1}};
}
