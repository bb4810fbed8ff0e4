/* What published folders say of the normalisation of pictures: which file counts; means, deviations and
 * factors as the processors of transformers apply them; what is refused. */
#include "json/json.h"
#include "model/configcolours.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "R,G,B R,G,B" of mean and std, "-" where nothing is said, or the sentence about what is wrong. Each text
 * may be NULL. */
static const char *ask_colours(const char *processor, const char *preprocessor, const char *open_clip,
			       char out[1024])
{
	struct hm_err e = {0};
	const char *text[3] = {processor, preprocessor, open_clip};
	cJSON *tree[3] = {NULL};
	struct hm_colours c = {0};
	for (int i = 0; i < 3; i++)
		if (text[i] && !(tree[i] = hm_json_parse(text[i], strlen(text[i]), 8, NULL, &e)))
			fail_msg("%s: %s", text[i], e.text);
	struct hm_config config = {.processor = tree[0], .preprocessor = tree[1], .open_clip = tree[2]};
	int rc = hm_configcolours_ask(&config, &c, &e);
	assert_int_equal(rc, e.code);
	if (rc)
		snprintf(out, 1024, "%s", e.text);
	else if (c.std[0] > 0)
		snprintf(out, 1024, "%.7g,%.7g,%.7g %.7g,%.7g,%.7g", c.mean[0], c.mean[1], c.mean[2],
			 c.std[0], c.std[1], c.std[2]);
	else
		snprintf(out, 1024, "-");
	hm_config_close(&config);
	return out;
}

#define HALF "\"image_mean\":[0.5,0.5,0.5],\"image_std\":[0.25,0.5,1]"

static void a_processor_says_it(void **state)
{
	(void)state;
	char out[1024];
	static const struct {
		const char *text, *want;
	} k[] = {
		{"{" HALF "}", "0.5,0.5,0.5 0.25,0.5,1"},
		{"{\"image_mean\":0.5,\"image_std\":0.25}", "0.5,0.5,0.5 0.25,0.25,0.25"},
		{"{\"size\":224}", "-"},
		{"{" HALF ",\"do_normalize\":false}", "0,0,0 1,1,1"},
		{"{" HALF
		 ",\"do_normalize\":true,\"do_rescale\":true,\"rescale_factor\":0.00392156862745098}",
		 "0.5,0.5,0.5 0.25,0.5,1"},
		/* x/127.5 - 1 is (x/255 - 0.5) / 0.5 */
		{"{\"image_mean\":[1,1,1],\"image_std\":[1,1,1],\"rescale_factor\":0.00784313725490196}",
		 "0.5,0.5,0.5 0.5,0.5,0.5"},
		{"{\"image_mean\":[127.5,0,255],\"image_std\":[127.5,255,51],\"do_rescale\":false}",
		 "0.5,0,1 0.5,1,0.2"},
		{"{\"do_rescale\":false,\"do_normalize\":false}",
		 "0,0,0 0.003921569,0.003921569,0.003921569"},
		{"{\"image_mean\":[0.5,0.5,0.5]}",
		 "preprocessor_config.json: has only one of \"image_mean\" and \"image_std\""},
		{"{\"image_mean\":[0.5,0.5],\"image_std\":1}",
		 "preprocessor_config.json: \"image_mean\" is not three numbers of 0 to 1"},
		{"{\"image_mean\":0.5,\"image_std\":\"1\"}",
		 "preprocessor_config.json: \"image_std\" is not three numbers of 1e-06 to 1"},
		{"{\"do_rescale\":false}", "preprocessor_config.json: \"rescale_factor\" or \"do_rescale\" "
					   "is said and \"image_mean\" is not"},
		{"{" HALF ",\"rescale_factor\":0}",
		 "preprocessor_config.json: \"rescale_factor\" is not a number from 1/65536 to 1"},
		{"{\"rescale_factor\":0.001,\"do_normalize\":false}",
		 "preprocessor_config.json: \"rescale_factor\" is below 1/255, and \"do_normalize\" is "
		 "false"},
		{"{" HALF ",\"rescale_offset\":true}",
		 "preprocessor_config.json: \"rescale_offset\" is true, which cannot be computed"},
	};
	for (size_t i = 0; i < sizeof k / sizeof *k; i++)
		if (strcmp(ask_colours(NULL, k[i].text, NULL, out), k[i].want))
			fail_msg("%s\ngives \"%s\", not \"%s\"", k[i].text, out, k[i].want);
}

static void which_file_counts(void **state)
{
	(void)state;
	char out[1024];
	const char *nested = "{\"image_processor\":{\"image_mean\":0.1,\"image_std\":1}}",
		   *other = "{\"processor_class\":\"CLIPProcessor\"}",
		   *plain = "{\"image_mean\":0.2,\"image_std\":1}",
		   *clip = "{\"preprocess_cfg\":{\"mean\":[0.3,0.3,0.3],\"std\":[1,1,1]}}";
	assert_string_equal(ask_colours(nested, plain, clip, out), "0.1,0.1,0.1 1,1,1");
	assert_string_equal(ask_colours(other, plain, clip, out), "0.2,0.2,0.2 1,1,1");
	assert_string_equal(ask_colours(other, NULL, clip, out), "0.3,0.3,0.3 1,1,1");
	assert_string_equal(ask_colours(NULL, NULL, NULL, out), "-");
	assert_string_equal(
		ask_colours("{\"image_processor\":{\"image_mean\":7,\"image_std\":1}}", plain, NULL, out),
		"processor_config.json: \"image_mean\" is not three numbers of 0 to 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_processor_says_it),
					   cmocka_unit_test(which_file_counts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
