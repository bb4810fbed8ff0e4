/* Raw or cached: every use of an encoder against every set of columns, and the sentences of those that do not
 * go together. */
#include "train/sources.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#define OURS "00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100"

enum { NONE = -1, BARE, MINE, THEIRS }; /* the feature column: there is none, of no, our, another encoder */

static const struct row {
	enum hm_encoder_kind side;
	enum hm_fusion_kind kind;
	enum hm_use use;
	const char *encoder;
	bool unknown, raw;
	int feature;
	int rc;
	enum hm_source out;
	const char *says, *names;
} row[] = {
#define IMAGE HM_IMAGE_ENCODER, HM_FUSION_LATE
#define GRID HM_IMAGE_ENCODER, HM_FUSION_EARLY
#define TEXT HM_TEXT_ENCODER, HM_FUSION_LATE
	/* frozen: our feature, else the raw column, else nothing */
	{IMAGE, HM_USE_FROZEN, OURS, false, true, MINE, 0, HM_SOURCE_CACHED},
	{IMAGE, HM_USE_FROZEN, OURS, false, false, MINE, 0, HM_SOURCE_CACHED},
	{IMAGE, HM_USE_FROZEN, OURS, false, true, THEIRS, 0, HM_SOURCE_COMPUTED},
	{IMAGE, HM_USE_FROZEN, OURS, false, true, BARE, 0, HM_SOURCE_COMPUTED},
	{IMAGE, HM_USE_FROZEN, OURS, true, true, BARE, 0, HM_SOURCE_CACHED},
	{IMAGE, HM_USE_FROZEN, OURS, true, true, THEIRS, 0, HM_SOURCE_COMPUTED},
	{IMAGE, HM_USE_FROZEN, OURS, false, true, NONE, 0, HM_SOURCE_COMPUTED},
	{IMAGE, HM_USE_FROZEN, OURS, false, false, THEIRS, HM_EDATA, 0, "'image_feature'", OTHER},
	{IMAGE, HM_USE_FROZEN, OURS, false, false, BARE, HM_EDATA, 0, "'image_feature'",
	 "--allow-unknown-features"},
	{IMAGE, HM_USE_FROZEN, OURS, false, false, NONE, HM_EDATA, 0, "'image_feature'", "hm-encode"},
	/* no encoder at hand: the feature, whoever made it */
	{IMAGE, HM_USE_FROZEN, NULL, false, true, THEIRS, 0, HM_SOURCE_CACHED},
	{TEXT, HM_USE_FROZEN, NULL, false, false, MINE, 0, HM_SOURCE_CACHED},
	{TEXT, HM_USE_FROZEN, NULL, false, true, NONE, HM_EDATA, 0, "'text_feature'", "--text SPEC"},
	{TEXT, HM_USE_FROZEN, NULL, false, false, NONE, HM_EDATA, 0, "'text_feature'", "hm-encode"},
	/* trained: the raw column or nothing */
	{TEXT, HM_USE_TRAINED, OURS, false, true, MINE, 0, HM_SOURCE_RAW},
	{TEXT, HM_USE_TRAINED, OURS, false, true, NONE, 0, HM_SOURCE_RAW},
	{TEXT, HM_USE_TRAINED, OURS, true, false, MINE, HM_EDATA, 0, "'token_ids'", "hm-tokenize"},
	{IMAGE, HM_USE_TRAINED, OURS, false, false, NONE, HM_EDATA, 0, "'pixels'", "hm-imgprep"},
	/* frozen in train mode: never a feature */
	{IMAGE, HM_USE_FROZEN_TRAIN, OURS, false, true, MINE, 0, HM_SOURCE_RAW},
	{IMAGE, HM_USE_FROZEN_TRAIN, OURS, true, false, MINE, HM_EUSAGE, 0, "'pixels'",
	 "--frozen-mode train"},
	{IMAGE, HM_USE_FROZEN_TRAIN, NULL, false, true, MINE, HM_EUSAGE, 0, "'pixels'", "--image SPEC"},
	{IMAGE, HM_USE_FROZEN_TRAIN, OURS, false, false, NONE, HM_EDATA, 0, "'pixels'", "hm-imgprep"},
	/* early fusion's feature is the grid */
	{GRID, HM_USE_FROZEN, OURS, false, true, MINE, 0, HM_SOURCE_CACHED},
	{GRID, HM_USE_FROZEN, NULL, false, false, NONE, HM_EDATA, 0, "'image_grid'", "hm-encode"},
};

static void every_use_of_every_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const struct row *r = &row[i];
		bool text = r->side == HM_TEXT_ENCODER;
		struct hm_schema s = {0};
		struct hm_err e = {0};
		struct hm_source_ask ask = {.side = r->side,
					    .kind = r->kind,
					    .use = r->use,
					    .encoder = r->encoder,
					    .unknown = r->unknown,
					    .option = text ? "--text SPEC" : "--image SPEC"};
		enum hm_source out;
		cJSON *attr = cJSON_CreateObject();
		if (r->feature > BARE)
			cJSON_AddStringToObject(attr, "encoder", r->feature == MINE ? OURS : OTHER);
		hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
		if (r->feature != NONE)
			hm_schema_add(&s, hm_source_feature_column(&ask), HM_F32, DIMS(4), attr, &e);
		else
			cJSON_Delete(attr);
		if (r->raw)
			hm_schema_add(&s, text ? "token_ids" : "pixels", HM_U8, DIMS(3, 2, 2), NULL, &e);
		int rc = hm_source_choose(&out, &ask, &s, "set.hmr", &e);
		if (rc != r->rc || (!rc && out != r->out))
			fail_msg("row %zu: rc %d, source %d, \"%s\"", i, rc, (int)out, e.text);
		if (rc && (!strstr(e.text, r->says) || !strstr(e.text, r->names) ||
			   !strstr(e.text, "set.hmr") || strchr(e.text, '\n')))
			fail_msg("row %zu: \"%s\" does not say %s and %s", i, e.text, r->says, r->names);
		hm_schema_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_use_of_every_column)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
