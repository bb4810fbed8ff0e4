/* The files of a BPE tokenizer: every form gives the same ids and attributes, what we cannot compute is
 * refused by name, hostile files end in one sentence. The small tokenizers are tests/data/text's. */
#include "base/file.h"
#include "base/strmap.h"
#include "json/json.h"
#include "prep/bpe.h"
#include "prep/bpevocab.h"
#include "prep/tokenizer.h"

#include <libdeflate.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define CLIP "tests/data/text/clip"
#define ROBERTA "tests/data/text/roberta"
#define WORDS "\"'s|'t|'re|'ve|'m|'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\""
#define CLIP_NORMAL                                                                                          \
	"\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Replace\","   \
	"\"pattern\":{\"Regex\":\"\\\\s+\"},\"content\":\" \"},{\"type\":\"Lowercase\"}]}"
#define CLIP_PRE(REGEX)                                                                                      \
	"\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":"       \
	"{\"Regex\":" REGEX "},\"behavior\":\"Removed\",\"invert\":true},{\"type\":\"ByteLevel\","           \
	"\"add_prefix_space\":false}]}"
#define BYTE_PRE "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"

static const char *const file_names[] = {"vocab.json",
					 "merges.txt",
					 "tokenizer.json",
					 "tokenizer_config.json",
					 "bpe_simple_vocab_16e6.txt.gz",
					 "list.txt",
					 "words.json",
					 "special_tokens_map.json"};
#define FILES (sizeof file_names / sizeof *file_names)

struct place {
	char folder[64], path[160];
	struct hm_buf vocab[2], merges[2]; /* of CLIP's and RoBERTa's small tokenizer, each with a NUL */
};

static const char *path_of(struct place *p, const char *name)
{
	snprintf(p->path, sizeof p->path, "%s/%s", p->folder, name);
	return p->path;
}

static void empty(struct place *p)
{
	for (size_t i = 0; i < FILES; i++)
		unlink(path_of(p, file_names[i]));
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct hm_err e = {0};
	int rc = 0;
	*state = p;
	for (int k = 0; k < 2; k++) {
		rc |= hm_file_read(k ? ROBERTA "/vocab.json" : CLIP "/vocab.json", 1 << 20, &p->vocab[k], &e);
		rc |= hm_file_read(k ? ROBERTA "/merges.txt" : CLIP "/merges.txt", 1 << 20, &p->merges[k],
				   &e);
		rc |= hm_buf_add(&p->vocab[k], "", 1, &e) | hm_buf_add(&p->merges[k], "", 1, &e);
	}
	snprintf(p->folder, sizeof p->folder, "/tmp/hm-bpe-XXXXXX");
	return rc || !mkdtemp(p->folder) ? -1 : 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	empty(p);
	rmdir(p->folder);
	for (int k = 0; k < 2; k++) {
		hm_buf_clear(&p->vocab[k]);
		hm_buf_clear(&p->merges[k]);
	}
	free(p);
	return 0;
}

static void write_file(struct place *p, const char *name, const char *text, size_t n)
{
	FILE *f = fopen(path_of(p, name), "wb"); /* hm_file_write waits for the disk */
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void write_pair(struct place *p, int kind)
{
	write_file(p, "vocab.json", (const char *)p->vocab[kind].data, p->vocab[kind].len - 1);
	write_file(p, "merges.txt", (const char *)p->merges[kind].data, p->merges[kind].len - 1);
}

/* tokenizer.json of the small tokenizer: `steps` and further members of the model are the caller's. */
static void write_json(struct place *p, int kind, const char *steps, const char *model, bool arrays)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	hm_buf_printf(&b, &e, "{%s%s\"model\":{\"type\":\"BPE\",%s%s\"vocab\":%s,\"merges\":[", steps,
		      *steps ? "," : "", model, kind ? "" : "\"end_of_word_suffix\":\"</w>\",",
		      (char *)p->vocab[kind].data);
	const char *s = strchr((char *)p->merges[kind].data, '\n') + 1, *end;
	for (bool first = true; *s && (end = strchr(s, '\n')); s = end + 1, first = false) {
		const char *space = strchr(s, ' ');
		hm_buf_printf(&b, &e, first ? "" : ",");
		for (int part = 0; part < 2; part++) {
			const char *from = part ? space + 1 : s, *to = part ? end : space;
			hm_buf_printf(&b, &e, arrays ? part ? "," : "[" : part ? " " : "\"");
			hm_buf_printf(&b, &e, "%s", arrays ? "\"" : "");
			for (; from < to; from++)
				hm_buf_printf(&b, &e, *from == '"' || *from == '\\' ? "\\%c" : "%c", *from);
			hm_buf_printf(&b, &e, "%s", arrays ? "\"" : "");
		}
		hm_buf_printf(&b, &e, arrays ? "]" : "\"");
	}
	hm_buf_printf(&b, &e, "]}}");
	write_file(p, "tokenizer.json", (const char *)b.data, b.len);
	hm_buf_clear(&b);
}

static struct hm_tokenizer *open_place(struct place *p, const char *name, struct hm_tokenizer_options o,
				       struct hm_err *e)
{
	return hm_tokenizer_open(name ? path_of(p, name) : p->folder, &o, e);
}

/* The attributes, and the ids of a text, as one line. */
static void describe(struct place *p, const char *name, struct hm_buf *b)
{
	static const char text[] = "The cat's caf\xc3\xa9 <|endoftext|><s> 100% \xf0\x9f\x98\x82 don't";
	struct hm_err e = {0};
	int32_t ids[128];
	struct hm_tokenizer *t = open_place(p, name, (struct hm_tokenizer_options){0}, &e);
	if (!t)
		fail_msg("%s: %s", name ? name : "folder", e.text);
	b->len = 0;
	assert_int_equal(hm_json_write(t->attr, b, &e), 0);
	int n = hm_tokenizer_encode(t, text, sizeof text - 1, ids, NULL, &e);
	for (int i = 0; i < n; i++)
		hm_buf_printf(b, &e, " %d", ids[i]);
	hm_buf_printf(b, &e, " of %d", t->max_length);
	hm_tokenizer_close(t);
}

static void same_as(struct place *p, const char *name, const struct hm_buf *want)
{
	struct hm_buf got = {0};
	describe(p, name, &got);
	assert_string_equal((const char *)got.data, (const char *)want->data);
	hm_buf_clear(&got);
}

static void every_form_is_one_tokenizer(void **state)
{
	static const char *const steps[2] = {CLIP_NORMAL "," CLIP_PRE(WORDS),
					     BYTE_PRE ",\"post_processor\":{\"type\":\"RobertaProcessing\","
						      "\"cls\":[\"<s>\",0],\"sep\":[\"</s>\",2]}"};
	struct place *p = *state;
	for (int kind = 0; kind < 2; kind++) {
		struct hm_buf want = {0};
		empty(p);
		write_pair(p, kind);
		assert_true(hm_tokenizer_found(p->folder, NULL));
		describe(p, NULL, &want);
		assert_non_null(
			strstr((char *)want.data, kind ? "\"kind\":\"byte-bpe\"" : "\"kind\":\"clip-bpe\""));
		assert_non_null(strstr((char *)want.data, kind ? " of 512" : " of 77"));
		same_as(p, "vocab.json", &want);
		same_as(p, "merges.txt", &want);
		for (int arrays = 0; arrays < 2; arrays++) {
			empty(p);
			write_json(p, kind, steps[kind], "", arrays);
			same_as(p, NULL, &want);
			same_as(p, "tokenizer.json", &want);
			/* vocab.json is not read where tokenizer.json is */
			write_file(p, "vocab.json", "{", 1);
			same_as(p, NULL, &want);
		}
		hm_buf_clear(&want);
	}
	empty(p);
	write_json(p, 0,
		   CLIP_NORMAL
		   "," CLIP_PRE("\"<\\\\|startoftext\\\\|>|<\\\\|endoftext\\\\|>|'s|'t|'re|'ve|'m|"
				"'ll|'d|[\\\\p{L}]+|[\\\\p{N}]|[^\\\\s\\\\p{L}\\\\p{N}]+\""),
		   "\"unk_token\":\"<|endoftext|>\",\"dropout\":null,\"byte_fallback\":false,", true);
	struct hm_buf saved = {0};
	describe(p, NULL, &saved);
	hm_buf_clear(&saved);
}

/* ---- OpenAI's list ---- */

/* `count` pairs of symbols below the first line, packed. */
static void write_list(struct place *p, const char *name, size_t count, bool pack, size_t cut)
{
	struct hm_buf b = {0}, packed = {0};
	struct hm_err e = {0};
	char a[2], c[2];
	hm_buf_printf(&b, &e, "\"bpe_simple_vocab_16e6.txt#version: 0.2\n");
	for (size_t i = 0; i < count; i++)
		hm_buf_printf(&b, &e, "%.*s %.*s\n", (int)hm_bpe_symbol((unsigned char)(i >> 8), a), a,
			      (int)hm_bpe_symbol((unsigned char)i, c), c);
	if (!pack) {
		write_file(p, name, (const char *)b.data, b.len);
	} else {
		struct libdeflate_compressor *z = libdeflate_alloc_compressor(6);
		assert_int_equal(hm_buf_reserve(&packed, libdeflate_gzip_compress_bound(z, b.len), &e), 0);
		size_t n = libdeflate_gzip_compress(z, b.data, b.len, packed.data, packed.cap);
		libdeflate_free_compressor(z);
		write_file(p, name, (const char *)packed.data, n - cut);
	}
	hm_buf_clear(&b);
	hm_buf_clear(&packed);
}

static void openai_list_is_clip(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	static const char text[] = "\xe2\x80\x99x";
	int32_t ids[16], kept[16];
	write_list(p, "list.txt", 60000, false, 0);
	write_list(p, "bpe_simple_vocab_16e6.txt.gz", 60000, true, 0);
	struct hm_buf want = {0};
	describe(p, "list.txt", &want);
	same_as(p, "bpe_simple_vocab_16e6.txt.gz", &want);
	same_as(p, NULL, &want);
	assert_non_null(strstr((char *)want.data, "\"straight_quotes\":true"));
	assert_non_null(strstr((char *)want.data, " 49407 of 77"));
	hm_buf_clear(&want);
	struct hm_tokenizer *t = open_place(p, NULL, (struct hm_tokenizer_options){0}, &e);
	assert_non_null(t);
	assert_int_equal(hm_tokenizer_encode(t, "\'x", 2, kept, NULL, &e),
			 hm_tokenizer_encode(t, text, sizeof text - 1, ids, NULL, &e));
	assert_memory_equal(ids, kept, 4 * sizeof *ids);
	hm_tokenizer_close(t);
	t = open_place(p, NULL, (struct hm_tokenizer_options){.quotes = HM_QUOTES_KEPT}, &e);
	assert_non_null(t);
	assert_null(cJSON_GetObjectItemCaseSensitive(t->attr, "straight_quotes"));
	assert_true(hm_tokenizer_encode(t, text, sizeof text - 1, ids, NULL, &e) != 4 || ids[1] != kept[1]);
	assert_int_equal(hm_tokenizer_check(p->folder, t->attr, &e), 0); /* only the user chooses quotes */
	hm_tokenizer_close(t);
}

static void packed_lists_are_refused(void **state)
{
	struct place *p = *state;
	static const char name[] = "bpe_simple_vocab_16e6.txt.gz";
	static const struct {
		size_t count, cut;
		const char *why;
	} all[] = {{48893, 0, "48893 merges; CLIP's vocabulary needs 48894"},
		   {60000, 1, "the gzip file"},
		   {60000, 4000, "the gzip file"},
		   {4000000, 0, "; the limit is 16777216"}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		for (int folder = 0; folder < 2; folder++) {
			struct hm_err e = {0};
			write_list(p, name, all[i].count, true, all[i].cut);
			assert_null(
				open_place(p, folder ? NULL : name, (struct hm_tokenizer_options){0}, &e));
			if (!strstr(e.text, all[i].why) || !strstr(e.text, name))
				fail_msg("wanted '%s', got '%s'", all[i].why, e.text);
		}
}

/* ---- what is refused ---- */

struct refusal {
	int kind; /* whose files stand there already */
	const char *name, *text, *why;
};

static void check_refusals(struct place *p, const struct refusal *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hm_err e = {0};
		empty(p);
		write_pair(p, c[i].kind);
		write_file(p, c[i].name, c[i].text, strlen(c[i].text));
		struct hm_tokenizer *t = open_place(p, NULL, (struct hm_tokenizer_options){0}, &e);
		if (t || !strstr(e.text, c[i].why) || strncmp(e.text, p->folder, strlen(p->folder)) != 0)
			fail_msg("wanted '%s', got '%s'", c[i].why, e.text);
	}
}

static void hostile_files_are_refused(void **state)
{
#define CONFIG(TEXT, WHY)                                                                                    \
	{                                                                                                    \
		0, "tokenizer_config.json", TEXT, WHY                                                        \
	}
	static const struct refusal all[] = {
		{0, "merges.txt", "#version: 0.2\na b\nq\n", "line 3: \"q\" is not two tokens"},
		{0, "merges.txt", "#version: 0.2\na  b\n", "line 2: \"a  b\" is not two tokens"},
		{0, "merges.txt", "#version: 0.2\na b c\n", "line 2: \"a b c\" is not two tokens"},
		{0, "merges.txt", "#version: 0.2\n\na b\n", "line 2: \"\" is not two tokens"},
		{0, "merges.txt", "#version: 0.2\nabsent b\n", "line 2: \"absent\" is not in the vocabulary"},
		{0, "merges.txt", "q x\n", "line 1: \"qx\" is not in the vocabulary"},
		{0, "merges.txt", "t h\r\nt h\r\n", "the merges 1 and 2 are of the same pair"},
		{0, "merges.txt", "\xff \xfe\n", "line 1: \"\xff\" is not in the vocabulary"},
		{0, "vocab.json", "{\"a\":0,\"a\":1}", "invalid JSON"},
		{0, "vocab.json", "{\"a</w>\":0,\"b\":0}", "have the same id 0"},
		{0, "vocab.json", "{\"a</w>\":0,\"b\":4294967296}", "is not an integer from 0 to"},
		{0, "vocab.json", "{\"a</w>\":0,\"b\":-1}", "is not an integer from 0 to"},
		{0, "vocab.json", "{\"a</w>\":0,\"b\":1.5}", "is not an integer from 0 to"},
		{0, "vocab.json", "{\"a</w>\":0,\"b\":\"x\"}", "is not an integer from 0 to"},
		{0, "vocab.json", "{\"a\\n\":0}", "holds a line end or a NUL"},
		{0, "vocab.json", "{\"a\\u0000\":0}", "invalid JSON"},
		{0, "vocab.json", "[]", "the JSON value is not an object"},
		{0, "vocab.json", "", "this is an empty file"},
		CONFIG("{\"tokenizer_class\":\"BertTokenizer\"}", "\"tokenizer_class\" is BertTokenizer"),
		CONFIG("{\"tokenizer_class\":\"RobertaTokenizer\"}",
		       "\"tokenizer_class\" is RobertaTokenizer"),
		CONFIG("{\"truncation_side\":\"left\"}", "\"truncation_side\" is \"left\""),
		CONFIG("{\"model_max_length\":1}", "at most 1 ids per text, but"),
		CONFIG("{\"bos_token\":\"<s>\"}", "the special token \"<s>\" is not in the vocabulary"),
		CONFIG("{\"bos_token\":null}", "no token stands at the beginning of a text"),
		CONFIG("{\"added_tokens_decoder\":{\"2000\":{\"content\":\"<x>\",\"special\":true}}}",
		       "the token \"<x>\" has the id 2000, and the next one is"),
		{1, "tokenizer_config.json", "{\"add_prefix_space\":1}", "neither true nor false"},
		{1, "tokenizer_config.json", "{\"tokenizer_class\":\"CLIPTokenizer\"}",
		 "hm-tokenize knows Roberta"},
	};
	check_refusals(*state, all, sizeof all / sizeof *all);
}

static void other_steps_are_refused(void **state)
{
	static const struct {
		int kind;
		const char *steps, *model, *why;
	} all[] = {
		{0, "", "", "the normalizer (missing) is not CLIP's"},
		{0, CLIP_NORMAL, "", "the pre_tokenizer (missing) is not CLIP's"},
		{0, CLIP_NORMAL "," CLIP_PRE("\"\\\\S+\""), "", "splits by another expression than CLIP's"},
		{0, CLIP_NORMAL "," CLIP_PRE(WORDS), "\"dropout\":0.1,", "\"dropout\" is 0.1"},
		{0, CLIP_NORMAL "," CLIP_PRE(WORDS), "\"byte_fallback\":true,", "\"byte_fallback\" is true"},
		{0, CLIP_NORMAL "," CLIP_PRE(WORDS), "\"ignore_merges\":true,", "\"ignore_merges\" is true"},
		{0, CLIP_NORMAL "," CLIP_PRE(WORDS), "\"unk_token\":\"<unk>\",",
		 "the special token \"<unk>\" is not in the vocabulary"},
		{0, CLIP_NORMAL "," CLIP_PRE(WORDS), "\"continuing_subword_prefix\":\"##\",",
		 "\"continuing_subword_prefix\" is not empty"},
		{0,
		 CLIP_NORMAL
		 "," CLIP_PRE(WORDS) ",\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":["
				     "\"<|startoftext|>\",3],\"sep\":[\"<|endoftext|>\",4]}",
		 "",
		 "the post_processor's ids of <|startoftext|> and <|endoftext|> are not the vocabulary's"},
		{1, "\"normalizer\":{\"type\":\"NFC\"}," BYTE_PRE, "", "the normalizer is NFC"},
		{1, "\"pre_tokenizer\":{\"type\":\"Whitespace\"}", "", "the pre_tokenizer is Whitespace"},
		{1, "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"use_regex\":false}", "", "with GPT-2's"},
		{1, BYTE_PRE, "\"end_of_word_suffix\":\"@@\",", "neither empty nor \"</w>\""},
		{1, BYTE_PRE ",\"post_processor\":{\"type\":\"Odd\"}", "", "the post_processor is Odd"},
	};
	struct place *p = *state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct hm_err e = {0};
		write_json(p, all[i].kind, all[i].steps, all[i].model, i % 2);
		struct hm_tokenizer *t = open_place(p, NULL, (struct hm_tokenizer_options){0}, &e);
		if (t || !strstr(e.text, all[i].why))
			fail_msg("wanted '%s', got '%s'", all[i].why, e.text);
	}
}

static void half_a_pair_is_refused(void **state)
{
	struct place *p = *state;
	static const char *const names[] = {"vocab.json", "merges.txt"};
	for (int k = 0; k < 2; k++)
		for (int named = 0; named < 2; named++) {
			struct hm_err e = {0};
			empty(p);
			write_pair(p, 0);
			unlink(path_of(p, names[!k]));
			assert_null(
				open_place(p, named ? names[k] : NULL, (struct hm_tokenizer_options){0}, &e));
			assert_non_null(strstr(e.text, "a BPE tokenizer needs "));
			assert_non_null(strstr(e.text, names[!k]));
			assert_int_equal(hm_tokenizer_found(p->folder, NULL), k);
		}
}

/* ---- settings ---- */

static void settings_become_attributes(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	static const char config[] =
		"{\"add_prefix_space\":true,\"model_max_length\":9,\"split_special_tokens\":true}";
	write_pair(p, 1);
	write_file(p, "tokenizer_config.json", config, sizeof config - 1);
	struct hm_tokenizer *t = open_place(p, NULL, (struct hm_tokenizer_options){0}, &e);
	assert_non_null(t);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(t->attr, "add_prefix_space")));
	assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(t->attr, "special_in_text")));
	assert_null(cJSON_GetObjectItemCaseSensitive(t->attr, "special_tokens"));
	assert_null(cJSON_GetObjectItemCaseSensitive(t->attr, "cased"));
	assert_int_equal(t->max_length, 9);
	assert_int_equal(hm_tokenizer_check(p->folder, t->attr, &e), 0);
	empty(p);
	write_pair(p, 0);
	assert_int_equal(hm_tokenizer_check(p->folder, t->attr, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "\"kind\" is \"byte-bpe\", not \"clip-bpe\""));
	hm_tokenizer_close(t);
	e.code = 0;
	assert_null(open_place(p, NULL, (struct hm_tokenizer_options){.casing = HM_CASED}, &e));
	assert_int_equal(e.code, HM_EUSAGE);
	/* published files have CLIP's own tokens as "normalized" */
	static const char published[] =
		"{\"bos_token\":{\"content\":\"<|startoftext|>\",\"normalized\":true},\"model_max_length\":"
		"77,"
		"\"eos_token\":{\"content\":\"<|endoftext|>\",\"normalized\":true},\"pad_token\":"
		"\"<|endoftext|>\",\"tokenizer_class\":\"CLIPTokenizer\",\"do_lower_case\":true}";
	write_file(p, "tokenizer_config.json", published, sizeof published - 1);
	e.code = 0;
	t = open_place(p, NULL, (struct hm_tokenizer_options){0}, &e);
	assert_non_null(t);
	assert_int_equal(cJSON_GetArraySize(t->attr), 4); /* kind, max_length, merges, vocab */
	assert_int_equal(t->notices.len, 0);
	hm_tokenizer_close(t);
}

/* GPT-2's files: nothing stands at the ends of a text. */
static void without_ends(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	int32_t ids[8];
	static const char config[] = "{\"tokenizer_class\":\"GPT2Tokenizer\",\"unk_token\":\"<unk>\","
				     "\"bos_token\":\"<s>\",\"eos_token\":\"</s>\"}";
	write_pair(p, 1);
	write_file(p, "tokenizer_config.json", config, sizeof config - 1);
	struct hm_tokenizer *t = open_place(p, NULL, (struct hm_tokenizer_options){.max_length = 2}, &e);
	assert_non_null(t);
	bool cut = true;
	assert_int_equal(hm_tokenizer_encode(t, "", 0, ids, &cut, &e), 0);
	assert_false(cut);
	assert_int_equal(hm_tokenizer_encode(t, "<s></s>", 7, ids, &cut, &e), 2);
	assert_false(cut);
	assert_int_equal(hm_tokenizer_encode(t, "a b c", 5, ids, &cut, &e), 2);
	assert_true(cut);
	hm_tokenizer_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_form_is_one_tokenizer, setup, teardown),
		cmocka_unit_test_setup_teardown(openai_list_is_clip, setup, teardown),
		cmocka_unit_test_setup_teardown(packed_lists_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_files_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(other_steps_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(half_a_pair_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_become_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(without_ends, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
