/* What published preprocessors say: the five numbers of files as transformers and open_clip write them,
 * which file of a folder counts, and what is refused. */
#include "base/file.h"
#include "prep/preprocess.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define MEAN                                                                                                 \
	"\"image_mean\":[0.48145466,0.4578275,0.40821073],\"image_std\":[0.26862954,0.26130258,0.27577711]"

/* The numbers as "SIZE FIT FILTER SHORT OFFSET", or the sentence about what is wrong. */
static const char *read_numbers(const char *text, char out[1024])
{
	struct hm_preprocess p;
	struct hm_square s;
	struct hm_err e = {0};
	int rc = hm_preprocess_parse(&p, "f", text, strlen(text), &e);
	if (rc == 1)
		rc = hm_preprocess_square(&p, &s, &e);
	assert_int_equal(rc, e.code);
	if (rc)
		snprintf(out, 1024, "%s", e.text);
	else
		snprintf(out, 1024, "%d %s %s %d %s", s.size, hm_fit_name(s.fit), hm_filter_name(s.filter),
			 s.shorter, hm_offset_name(s.offset));
	hm_preprocess_close(&p);
	return out;
}

struct known {
	const char *text, *want;
};

static void check_all(const struct known *k, size_t n)
{
	char out[1024];
	for (size_t i = 0; i < n; i++)
		if (strcmp(read_numbers(k[i].text, out), k[i].want))
			fail_msg("%s\ngives \"%s\", not \"%s\"", k[i].text, out, k[i].want);
}
#define CHECK_ALL(K) check_all(K, sizeof K / sizeof *K)

#define HF "{\"do_resize\":true,\"do_center_crop\":true,\"resample\":3,"

static void hugging_face(void **state)
{
	(void)state;
	static const struct known k[] = {
		/* CLIP of old, of today, at 336 */
		{HF "\"size\":224,\"crop_size\":224,\"do_normalize\":true," MEAN
		    ",\"feature_extractor_type\":\"CLIPFeatureExtractor\"}",
		 "224 crop bicubic 224 floor"},
		{HF "\"size\":{\"shortest_edge\":224},\"crop_size\":{\"height\":224,\"width\":224},"
		    "\"do_convert_rgb\":true,\"do_rescale\":true,\"rescale_factor\":0.00392156862745098}",
		 "224 crop bicubic 224 floor"},
		{HF "\"size\":{\"shortest_edge\":336},\"crop_size\":336}", "336 crop bicubic 336 floor"},
		{HF "\"size\":{\"shortest_edge\":256,\"longest_edge\":null},\"crop_size\":224}",
		 "224 crop bicubic 256 floor"}, /* DINOv2 */
		{HF "\"size\":{\"height\":224,\"width\":224},\"crop_size\":{\"height\":224,\"width\":224}}",
		 "224 squash bicubic 0 floor"},
		/* ViT, SigLIP */
		{"{\"do_resize\":true,\"resample\":2,\"size\":224}", "224 squash bilinear 0 floor"},
		{"{\"resample\":2,\"size\":{\"height\":224,\"width\":224}}", "224 squash bilinear 0 floor"},
		{"{\"resample\":3,\"size\":{\"height\":384,\"width\":384},\"do_center_crop\":null,"
		 "\"crop_size\":null,\"do_pad\":null,\"crop_pct\":null}",
		 "384 squash bicubic 0 floor"},
		{"{\"resample\":3,\"size\":384,\"do_center_crop\":false,\"crop_size\":224,\"do_pad\":false}",
		 "384 squash bicubic 0 floor"},
		/* a processor that was saved whole */
		{"{\"image_processor\":" HF
		 "\"size\":{\"shortest_edge\":224},\"crop_size\":224},\"processor_class\":\"CLIPProcessor\"}",
		 "224 crop bicubic 224 floor"},
	};
	CHECK_ALL(k);
}

static void open_clip(void **state)
{
	(void)state;
	static const struct known k[] = {
		{"{\"model_cfg\":{\"embed_dim\":512,\"vision_cfg\":{\"image_size\":224}},"
		 "\"preprocess_cfg\":{\"mean\":[0.5,0.5,0.5],\"std\":[0.5,0.5,0.5]}}",
		 "224 crop bicubic 224 even"},
		{"{\"model_cfg\":{\"vision_cfg\":{\"image_size\":[378,378]}},"
		 "\"preprocess_cfg\":{\"interpolation\":\"bicubic\",\"resize_mode\":\"squash\"}}",
		 "378 squash bicubic 0 even"},
		{"{\"preprocess_cfg\":{\"size\":[256,256],\"mode\":\"RGB\",\"interpolation\":\"bilinear\","
		 "\"resize_mode\":\"longest\",\"fill_color\":0}}",
		 "256 pad bilinear 0 even"},
		{"{\"preprocess_cfg\":{\"size\":256,\"fill_color\":[0,0,0],\"resize_mode\":\"longest\"}}",
		 "256 pad bicubic 0 even"},
		{"{\"model_cfg\":{\"vision_cfg\":{\"image_size\":336}},\"preprocess_cfg\":null}",
		 "336 crop bicubic 336 even"},
		{"{\"model_cfg\":{\"vision_cfg\":{\"image_size\":336}},\"preprocess_cfg\":{\"size\":336}}",
		 "336 crop bicubic 336 even"},
	};
	CHECK_ALL(k);
}

static void refusals(void **state)
{
	(void)state;
	static const struct known k[] = {
		{"", "f: invalid JSON: an end where a value must stand at column 1"},
		{"[]", "f: the JSON value is not an object"},
		{"{}",
		 "f: this is neither a preprocessor_config.json nor an open_clip_config.json: it has neither "
		 "\"size\" nor \"preprocess_cfg\""},
		{HF "\"size\":224}", "f: there is no \"crop_size\""},
		{HF "\"crop_size\":224}", "f: there is no \"size\""},
		{"{\"size\":224}", "f: there is no \"resample\""},
		{"{\"size\":224,\"resample\":1}", "f: \"resample\" is neither 2 (bilinear) nor 3 (bicubic)"},
		{"{\"size\":224,\"resample\":2.5}",
		 "f: \"resample\" is neither 2 (bilinear) nor 3 (bicubic)"},
		{"{\"size\":224,\"resample\":\"3\"}",
		 "f: \"resample\" is neither 2 (bilinear) nor 3 (bicubic)"},
		{"{\"size\":224,\"resample\":3,\"do_resize\":false}",
		 "f: \"do_resize\" is false: pictures keep their sizes"},
		{"{\"size\":224,\"resample\":3,\"do_resize\":1}",
		 "f: \"do_resize\" is neither true nor false"},
		{"{\"size\":224,\"resample\":3,\"do_pad\":true}",
		 "f: \"do_pad\" asks for a step that hm-imgprep does not have"},
		{"{\"size\":224,\"resample\":3,\"do_flip_channel_order\":true}",
		 "f: \"do_flip_channel_order\" asks for a step that hm-imgprep does not have"},
		{"{\"size\":224,\"resample\":3,\"crop_size\":224}",
		 "f: there is a \"crop_size\" and no \"do_center_crop\""},
		{"{\"size\":{\"shortest_edge\":224},\"resample\":3}",
		 "f: \"size\" is a shortest edge without a true \"do_center_crop\", which makes no "
		 "square"},
		{HF "\"size\":{\"shortest_edge\":224,\"longest_edge\":500},\"crop_size\":224}",
		 "f: \"size\" has \"longest_edge\", which makes no square"},
		{HF "\"size\":{\"shortest_edge\":224,\"height\":224},\"crop_size\":224}",
		 "f: \"size\" is neither {\"shortest_edge\"} nor {\"height\",\"width\"}"},
		{HF "\"size\":{},\"crop_size\":224}",
		 "f: \"size\" is neither {\"shortest_edge\"} nor {\"height\",\"width\"}"},
		{HF "\"size\":{\"shortest_edge\":224},\"crop_size\":{\"shortest_edge\":224}}",
		 "f: \"crop_size\" has a \"shortest_edge\", and no height and width"},
		{HF "\"size\":{\"height\":256,\"width\":256},\"crop_size\":224}",
		 "f: \"size\" makes pictures 256 high and wide before 224 are cut out, which hm-imgprep "
		 "cannot do"},
		{HF "\"size\":224,\"crop_size\":{\"height\":224,\"width\":200}}",
		 "f: \"crop_size\" is 224 high and 200 wide, which is no square"},
		{HF "\"size\":223,\"crop_size\":224}",
		 "f: \"crop_size\" is 224, more than the 223 of \"size\""},
		{HF "\"size\":1e300,\"crop_size\":224}", "f: \"size\" is not an integer from 1 to 8191"},
		{HF "\"size\":224,\"crop_size\":0}", "f: \"crop_size\" is not an integer from 1 to 4096"},
		{HF "\"size\":[224,224],\"crop_size\":224}", "f: \"size\" is not an integer from 1 to 8191"},
		{"{\"size\":224,\"resample\":3,\"crop_pct\":0.875}",
		 "f: \"crop_pct\" asks for a crop that hm-imgprep does not read from there (--fit crop, "
		 "--size, "
		 "--short and --filter say it)"},
		{"{\"preprocess_cfg\":{}}",
		 "f: there is neither a \"size\" nor an \"image_size\" in \"vision_cfg\""},
		{"{\"preprocess_cfg\":7}", "f: \"preprocess_cfg\" is not an object"},
		{"{\"preprocess_cfg\":{\"size\":[224,256]}}",
		 "f: \"size\" is 224 high and 256 wide, which is no square"},
		{"{\"preprocess_cfg\":{\"size\":[224]}}", "f: \"size\" is neither a number nor two"},
		{"{\"preprocess_cfg\":{\"size\":224,\"interpolation\":\"random\"}}",
		 "f: \"interpolation\" is \"random\", which hm-imgprep does not know"},
		{"{\"preprocess_cfg\":{\"size\":224,\"resize_mode\":3}}",
		 "f: \"resize_mode\" is \"(no text)\", which hm-imgprep does not know"},
		{"{\"preprocess_cfg\":{\"size\":224,\"mode\":\"L\"}}",
		 "f: \"mode\" is \"L\", which hm-imgprep does not know"},
		{"{\"preprocess_cfg\":{\"size\":224,\"resize_mode\":\"longest\",\"fill_color\":127}}",
		 "f: \"fill_color\" is not 0, and hm-imgprep pads with black"},
		{"{\"model_cfg\":{\"vision_cfg\":{\"image_size\":336}},\"preprocess_cfg\":{\"size\":224}}",
		 "f: \"size\" is 224 and \"image_size\" 336"},
	};
	CHECK_ALL(k);
}

/* Which of a folder's files counts. Each says another size. */
static void folders(void **state)
{
	(void)state;
	static const struct known file[] = {
		{"open_clip_config.json", "{\"preprocess_cfg\":{\"size\":1}}"},
		{"preprocessor_config.json", "{\"size\":2,\"resample\":2}"},
		{"processor_config.json", "{\"image_processor\":{\"size\":3,\"resample\":2}}"},
	};
	char folder[] = "/tmp/hm-preprocess-XXXXXX", path[128];
	struct hm_preprocess p;
	struct hm_square s;
	struct hm_err e = {0};
	assert_non_null(mkdtemp(folder));
	static const char *const silent[] = {"{\"chat_template\":null}", "{\"size\":4,\"resample\":2}"};
	snprintf(path, sizeof path, "%s/processor_config.json", folder);
	for (int i = 0; i < 2; i++) { /* no image processor in it */
		assert_int_equal(hm_file_write(path, silent[i], strlen(silent[i]), &e), 0);
		assert_int_equal(hm_preprocess_open(&p, folder, &e), 0);
		hm_preprocess_close(&p);
	}
	assert_int_equal(hm_file_write(path, "{", 1, &e), 0);
	assert_int_equal(hm_preprocess_open(&p, folder, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "processor_config.json: invalid JSON"));
	hm_preprocess_close(&p);
	unlink(path);
	e = (struct hm_err){0};
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, file[i].text);
		assert_int_equal(hm_file_write(path, file[i].want, strlen(file[i].want), &e), 0);
		assert_int_equal(hm_preprocess_open(&p, folder, &e), 1);
		assert_string_equal(p.path, path);
		assert_int_equal(hm_preprocess_square(&p, &s, &e), 0);
		assert_int_equal(s.size, i + 1);
		hm_preprocess_close(&p);
	}
	assert_int_equal(hm_preprocess_open(&p, path, &e), 1); /* the file itself */
	hm_preprocess_close(&p);
	assert_int_equal(unlink(path) | symlink("gone", path), 0);
	assert_int_equal(hm_preprocess_open(&p, folder, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "/processor_config.json: cannot open"));
	hm_preprocess_close(&p);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, file[i].text);
		unlink(path);
	}
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hugging_face),
		cmocka_unit_test(open_clip),
		cmocka_unit_test(refusals),
		cmocka_unit_test(folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
