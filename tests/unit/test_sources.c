/* Raw or cached: every use of an encoder against every set of columns, and the sentences of those that do not
 * go together. */
#include "../support/streams.h"
#include "feed/columns.h"
#include "feed/sources.h"
#include "nn/early.h"
#include "nn/late.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#define OURS "00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100"

enum { NONE = -1, BARE, MINE, THEIRS }; /* the feature column: there is none, of no, our, another encoder */

static const struct row {
	enum hm_side side;
	const struct hm_fusion_kind *kind;
	enum hm_use use;
	const char *encoder;
	bool unknown, raw;
	int feature;
	int rc;
	enum hm_use out;
	const char *says, *names;
} row[] = {
#define IMAGE HM_IMAGE, &hm_late_fusion
#define GRID HM_IMAGE, &hm_early_fusion
#define TEXT HM_TEXT, &hm_late_fusion
#define WORDS HM_TEXT, &hm_early_fusion
	/* frozen: our feature, else the raw column, else nothing */
	{IMAGE, HM_USE_FEATURE, OURS, false, true, MINE, 0, HM_USE_FEATURE},
	{IMAGE, HM_USE_FEATURE, OURS, false, false, MINE, 0, HM_USE_FEATURE},
	{IMAGE, HM_USE_FEATURE, OURS, false, true, THEIRS, 0, HM_USE_COMPUTED},
	{IMAGE, HM_USE_FEATURE, OURS, false, true, BARE, 0, HM_USE_COMPUTED},
	{IMAGE, HM_USE_FEATURE, OURS, true, true, BARE, 0, HM_USE_FEATURE},
	{IMAGE, HM_USE_FEATURE, OURS, true, true, THEIRS, 0, HM_USE_COMPUTED},
	{IMAGE, HM_USE_FEATURE, OURS, false, true, NONE, 0, HM_USE_COMPUTED},
	{IMAGE, HM_USE_FEATURE, OURS, false, false, THEIRS, HM_EDATA, 0, "'image_feature'", OTHER},
	{IMAGE, HM_USE_FEATURE, OURS, false, false, BARE, HM_EDATA, 0, "'image_feature'",
	 "--allow-unknown-features"},
	{IMAGE, HM_USE_FEATURE, OURS, false, false, NONE, HM_EDATA, 0, "'image_feature'", "hm-encode"},
	/* no encoder at hand: the feature, whoever made it */
	{IMAGE, HM_USE_FEATURE, NULL, false, true, THEIRS, 0, HM_USE_FEATURE},
	{TEXT, HM_USE_FEATURE, NULL, false, false, MINE, 0, HM_USE_FEATURE},
	{TEXT, HM_USE_FEATURE, NULL, false, true, NONE, HM_EDATA, 0, "'text_feature'", "--text SPEC"},
	{TEXT, HM_USE_FEATURE, NULL, false, false, NONE, HM_EDATA, 0, "'text_feature'", "hm-encode"},
	/* trained: the raw column or nothing */
	{TEXT, HM_USE_TRAINED, OURS, false, true, MINE, 0, HM_USE_TRAINED},
	{TEXT, HM_USE_TRAINED, OURS, false, true, NONE, 0, HM_USE_TRAINED},
	{TEXT, HM_USE_TRAINED, OURS, true, false, MINE, HM_EDATA, 0, "'token_ids'", "hm-tokenize"},
	{IMAGE, HM_USE_TRAINED, OURS, false, false, NONE, HM_EDATA, 0, "'pixels'", "hm-imgprep"},
	{WORDS, HM_USE_TRAINED, OURS, false, true, MINE, 0, HM_USE_TRAINED},
	{WORDS, HM_USE_TRAINED, OURS, true, false, MINE, HM_EDATA, 0, "'token_ids'", "hm-tokenize"},
	/* frozen in train mode: never a feature */
	{IMAGE, HM_USE_FROZEN, OURS, false, true, MINE, 0, HM_USE_FROZEN},
	{IMAGE, HM_USE_FROZEN, OURS, true, false, MINE, HM_EUSAGE, 0, "'pixels'", "--frozen-mode train"},
	{IMAGE, HM_USE_FROZEN, NULL, false, true, MINE, HM_EUSAGE, 0, "'pixels'", "--image SPEC"},
	{IMAGE, HM_USE_FROZEN, OURS, false, false, NONE, HM_EDATA, 0, "'pixels'", "hm-imgprep"},
	/* early fusion's feature is the grid */
	{GRID, HM_USE_FEATURE, OURS, false, true, MINE, 0, HM_USE_FEATURE},
	{GRID, HM_USE_FEATURE, NULL, false, false, NONE, HM_EDATA, 0, "'image_grid'", "hm-encode"},
};

static void every_use_of_every_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const struct row *r = &row[i];
		bool text = r->side == HM_TEXT;
		enum hm_column feature = hm_column_feature(r->side, r->kind->gives[r->side]);
		struct hm_schema s = {0};
		struct hm_err e = {0};
		struct hm_source_ask ask = {.side = r->side,
					    .kind = r->kind,
					    .use = r->use,
					    .encoder = r->encoder,
					    .unknown = r->unknown,
					    .option = text ? "--text SPEC" : "--image SPEC"};
		enum hm_use out;
		cJSON *attr = cJSON_CreateObject();
		if (r->feature > BARE)
			cJSON_AddStringToObject(attr, "encoder", r->feature == MINE ? OURS : OTHER);
		hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
		if (r->feature != NONE)
			hm_schema_add(&s, hm_column_name(feature), HM_F32, DIMS(4), attr, &e);
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

/* A caption that is too long keeps its first ids and the last. */
static void captions_are_cut(void **state)
{
	(void)state;
	const int32_t ids[] = {101, 5, 6, 7, 8, 102};
	int32_t to[] = {-1, -1, -1, -1, -1, -1};
	hm_source_cut(to, ids, 6, 4);
	assert_memory_equal(to, ((int32_t[]){101, 5, 6, 102, -1, -1}), sizeof to);
	hm_source_cut(to, ids, 6, 2);
	assert_memory_equal(to, ((int32_t[]){101, 102, 6, 102, -1, -1}), sizeof to);
	hm_source_cut(to, ids, 6, 5);
	assert_memory_equal(to, ((int32_t[]){101, 5, 6, 7, 102, -1}), sizeof to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_use_of_every_column),
					   cmocka_unit_test(captions_are_cut)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
