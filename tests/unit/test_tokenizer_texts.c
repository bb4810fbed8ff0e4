/* lib/prep/tokenizer, texts: the ids that the reference gives with the folders of
 * tests/data/text/folders.jsonl (tests/oracle/make_folders.py), and which texts are cut. */
#include "../support/tokencases.h"
#include "../support/vocabfolder.h"

/* The first line has the texts, each other line a folder's files and the ids of all texts. */
struct folders {
	struct place *place;
	cJSON *texts;
};

static bool gives_ids(const struct hm_tokenizer *t, const char *text, const cJSON *want)
{
	struct hm_err e = {0};
	int32_t *ids = malloc(hm_tokenizer_room(t, strlen(text)) * sizeof *ids);
	int n = hm_tokenizer_encode(t, text, strlen(text), ids, NULL, &e);
	bool equal = tokencases_equal(ids, n, want);
	free(ids);
	return equal;
}

static void one_folder(struct place *p, const cJSON *texts, const cJSON *c, int line)
{
	struct hm_err e = {0};
	const cJSON *file, *text, *ids = cJSON_GetObjectItemCaseSensitive(c, "ids")->child;
	place_empty(p);
	cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(c, "files"))
	{
		struct hm_buf b = {0};
		if (cJSON_IsString(file))
			hm_buf_add(&b, file->valuestring, strlen(file->valuestring), &e);
		else
			assert_int_equal(hm_json_write(file, &b, &e), 0);
		place_write(p, file->string, (const char *)b.data, b.len);
		hm_buf_clear(&b);
	}
	struct hm_tokenizer *t = place_open(p, NULL, (struct hm_tokenizer_options){0}, &e);
	if (!t)
		fail_msg("line %d: %s", line, e.text);
	cJSON_ArrayForEach(text, texts)
	{
		if (!gives_ids(t, text->valuestring, ids))
			fail_msg("line %d: other ids for '%s'", line, text->valuestring);
		ids = ids->next;
	}
	hm_tokenizer_close(t);
}

static void one_line(void *ctx, cJSON *c, int line)
{
	struct folders *f = ctx;
	if (line)
		one_folder(f->place, f->texts, c, line + 1);
	else
		f->texts = cJSON_DetachItemFromObjectCaseSensitive(c, "texts");
}

static void the_reference_agrees(void **state)
{
	struct folders f = {.place = *state};
	assert_true(tokencases_each("tests/data/text/folders.jsonl", one_line, &f) > 70);
	cJSON_Delete(f.texts);
}

static void a_cut_is_told(void **state)
{
	static const struct {
		const char *text;
		int ids;
		bool cut;
	} all[] = {{"hello", 3, false},
		   {"hello world", 4, false},
		   {"hello world  ", 4, false},
		   {"hello world hello", 4, true},
		   {"hello world[MASK]", 4, true},
		   {"[MASK][MASK] ", 4, false}};
	struct place *p = *state;
	struct hm_err e = {0};
	place_write(p, "vocab.txt", LINES, strlen(LINES));
	struct hm_tokenizer *t =
		place_open(p, NULL, (struct hm_tokenizer_options){.casing = HM_CASED, .max_length = 4}, &e);
	assert_non_null(t);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int32_t ids[4];
		bool cut = !all[i].cut;
		assert_true(hm_tokenizer_room(t, strlen(all[i].text)) <= 4);
		assert_int_equal(hm_tokenizer_encode(t, all[i].text, strlen(all[i].text), ids, &cut, &e),
				 all[i].ids);
		assert_int_equal(cut, all[i].cut);
	}
	hm_tokenizer_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_reference_agrees, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_cut_is_told, place_setup, place_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
