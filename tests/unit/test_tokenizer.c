/* lib/prep/tokenizer: the ids that the reference gives with the folders of tests/data/text/folders.jsonl
 * (tests/oracle/make_folders.py), attributes and what the user hears, and folders that are refused. */
#include "base/file.h"
#include "base/strmap.h"
#include "json/json.h"
#include "prep/tokenizer.h"
#include "prep/tokenfolder.h"
#include "prep/wordpiece.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* A vocabulary of 8 tokens, as vocab.txt and inside tokenizer.json. */
#define LINES "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nHello\nworld\n"
#define TOKENS                                                                                               \
	"{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"hello\":5,\"Hello\":6,\"world\":7}"
#define MODEL                                                                                                \
	"\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","    \
	"\"vocab\":" TOKENS "}"
#define PRE "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}"
#define NORMAL(LOWER)                                                                                        \
	"\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"     \
	"\"strip_accents\":null,\"lowercase\":" LOWER "}"
#define JSON(LOWER) "{" NORMAL(LOWER) "," PRE "," MODEL "}"

static const char *const file_names[] = {
	"vocab.txt",	     "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
	"added_tokens.json", "merges.txt",     "spiece.model",		"words.txt"};
#define FILES (sizeof file_names / sizeof *file_names)

struct place {
	char folder[64], path[128];
};

static const char *path_of(struct place *p, const char *name)
{
	snprintf(p->path, sizeof p->path, "%s/%s", p->folder, name);
	return p->path;
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	*state = p;
	snprintf(p->folder, sizeof p->folder, "/tmp/hm-tokenizer-XXXXXX");
	return mkdtemp(p->folder) ? 0 : -1;
}

static void empty(struct place *p)
{
	for (size_t i = 0; i < FILES; i++)
		unlink(path_of(p, file_names[i]));
}

static int teardown(void **state)
{
	struct place *p = *state;
	empty(p);
	rmdir(p->folder);
	free(p);
	return 0;
}

static void write_file(struct place *p, const char *name, const char *text, size_t n)
{
	struct hm_err e = {0};
	assert_int_equal(hm_file_write(path_of(p, name), text, n, &e), 0);
}

/* Opens the folder, or the file of this name in it. */
static struct hm_tokenizer *open_place(struct place *p, const char *name, struct hm_tokenizer_options o,
				       struct hm_err *e)
{
	return hm_tokenizer_open(name ? path_of(p, name) : p->folder, &o, e);
}

static bool ids_equal(const struct hm_tokenizer *t, const char *text, const cJSON *want)
{
	struct hm_err e = {0};
	const cJSON *id;
	size_t room = hm_tokenizer_room(t, strlen(text));
	int32_t *ids = malloc(room * sizeof *ids);
	int n = hm_tokenizer_encode(t, text, strlen(text), ids, NULL, &e), i = 0;
	bool equal = n == cJSON_GetArraySize(want);
	cJSON_ArrayForEach(id, want) equal = equal && ids[i++] == id->valueint;
	free(ids);
	return equal;
}

static void one_folder(struct place *p, const cJSON *texts, const cJSON *c, int line)
{
	struct hm_err e = {0};
	const cJSON *file, *text, *ids = cJSON_GetObjectItemCaseSensitive(c, "ids")->child;
	empty(p);
	cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(c, "files"))
	{
		struct hm_buf b = {0};
		if (cJSON_IsString(file))
			hm_buf_add(&b, file->valuestring, strlen(file->valuestring), &e);
		else
			assert_int_equal(hm_json_write(file, &b, &e), 0);
		write_file(p, file->string, (const char *)b.data, b.len);
		hm_buf_clear(&b);
	}
	struct hm_tokenizer *t = open_place(p, NULL, (struct hm_tokenizer_options){0}, &e);
	if (!t)
		fail_msg("line %d: %s", line, e.text);
	cJSON_ArrayForEach(text, texts)
	{
		if (!ids_equal(t, text->valuestring, ids))
			fail_msg("line %d: other ids for '%s'", line, text->valuestring);
		ids = ids->next;
	}
	hm_tokenizer_close(t);
}

static void the_reference_agrees(void **state)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	cJSON *texts = NULL;
	int line = 0;
	assert_int_equal(hm_file_read("tests/data/text/folders.jsonl", 1 << 20, &b, &e), 0);
	for (const char *s = (const char *)b.data, *end = s + b.len; s < end; line++) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		assert_non_null(stop);
		cJSON *c = hm_json_parse(s, (size_t)(stop - s), 12, NULL, &e);
		assert_non_null(c);
		if (line)
			one_folder(*state, cJSON_GetObjectItemCaseSensitive(texts, "texts"), c, line + 1);
		if (line)
			cJSON_Delete(c);
		else
			texts = c;
		s = stop + 1;
	}
	assert_true(line > 70);
	cJSON_Delete(texts);
	hm_buf_clear(&b);
}

/* ---- attributes, and what the user hears ---- */

/* One sentence, with `want` in it, or none. */
static void hears_text(const struct hm_buf *told, const char *want)
{
	const char *got = told->len ? (const char *)told->data : "";
	if (*want ? !strstr(got, want) || told->len != strlen(got) + 1 : told->len > 0)
		fail_msg("wanted '%s', got '%s'", want, got);
}

struct opening {
	const char *files[7]; /* name, text, name, text, NULL */
	const char *named;    /* the file that is opened, NULL: the folder */
	struct hm_tokenizer_options o;
	const char *attr; /* without the vocabulary's digest */
	int max_length;
	const char *warning, *notice; /* parts of the only one */
};

static void check_opening(struct place *p, const struct opening *c)
{
	struct hm_err e = {0};
	struct hm_buf attr = {0};
	empty(p);
	for (int i = 0; i < 6 && c->files[i]; i += 2)
		write_file(p, c->files[i], c->files[i + 1], strlen(c->files[i + 1]));
	struct hm_tokenizer *t = open_place(p, c->named, c->o, &e);
	if (!t)
		fail_msg("%s", e.text);
	assert_string_equal(cJSON_GetObjectItemCaseSensitive(t->attr, "vocab")->valuestring,
			    "3b07bbc8e8ac52ee21cfdc87ecc91fa7");
	cJSON_DeleteItemFromObjectCaseSensitive(t->attr, "vocab");
	assert_int_equal(hm_json_write(t->attr, &attr, &e) | hm_buf_add(&attr, "", 1, &e), 0);
	assert_string_equal((const char *)attr.data, c->attr);
	assert_int_equal(t->max_length, c->max_length);
	hears_text(&t->warnings, c->warning);
	hears_text(&t->notices, c->notice);
	hm_buf_clear(&attr);
	hm_tokenizer_close(t);
}

static void settings_become_attributes(void **state)
{
	static const struct hm_tokenizer_options cased = {.casing = HM_CASED},
						 uncased = {.casing = HM_UNCASED};
	const struct opening all[] = {
		{{"vocab.txt", LINES}, NULL, uncased, "{\"cased\":false}", 512, "", ""},
		{{"vocab.txt", LINES}, "vocab.txt", cased, "{\"cased\":true}", 512, "", ""},
		{{"words.txt", LINES}, "words.txt", cased, "{\"cased\":true}", 512, "", ""},
		/* nobody says it, and the vocabulary looks cased */
		{{"vocab.txt", LINES}, NULL, {0}, "{\"cased\":false}", 512, "1 of the 8 tokens of ", ""},
		/* the folder says it: to the folder, to its file, with the option on top */
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 "vocab.txt",
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 cased,
		 "{\"cased\":true}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 uncased,
		 "{\"cased\":false}",
		 512,
		 "text is lowered (--uncased), although ",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":true}"},
		 NULL,
		 cased,
		 "{\"cased\":true}",
		 512,
		 "text is not lowered (--cased), although ",
		 ""},
		/* a file of another name is alone */
		{{"words.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":true}"},
		 "words.txt",
		 cased,
		 "{\"cased\":true}",
		 512,
		 "",
		 ""},
		{{"tokenizer.json", JSON("false")},
		 NULL,
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"tokenizer.json", JSON("true")}, "tokenizer.json", {0}, "{\"cased\":false}", 512, "", ""},
		/* with a named vocab.txt only the normaliser of tokenizer.json counts */
		{{"vocab.txt", LINES, "tokenizer.json", "{" NORMAL("false") "," MODEL "}"},
		 "vocab.txt",
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		/* the option decides where two files contradict each other */
		{{"tokenizer.json", JSON("false"), "tokenizer_config.json", "{\"do_lower_case\":true}"},
		 NULL,
		 cased,
		 "{\"cased\":true}",
		 512,
		 "text is not lowered (--cased), although ",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"strip_accents\":false}"},
		 NULL,
		 {0},
		 "{\"cased\":false,\"strip_accents\":false}",
		 512,
		 "",
		 "accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":false,\"strip_accents\":false,\"tokenize_chinese_chars\":true}"},
		 NULL,
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"tokenize_chinese_chars\":false}"},
		 NULL,
		 {0},
		 "{\"cased\":false,\"tokenize_chinese_chars\":false}",
		 512,
		 "",
		 "CJK ideographs are not words of their own, as "},
		/* null means what the casing makes of it: the two files agree */
		{{"tokenizer.json",
		  "{\"normalizer\":{\"type\":\"BertNormalizer\",\"strip_accents\":true}," PRE "," MODEL "}",
		  "tokenizer_config.json", "{\"do_lower_case\":true,\"strip_accents\":null}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 512,
		 "",
		 ""},
		{{"tokenizer.json",
		  "{" PRE ",\"normalizer\":{\"type\":\"BertNormalizer\"},\"model\":{\"type\":\"WordPiece\","
		  "\"continuing_subword_prefix\":\"@@\",\"vocab\":" TOKENS "}}"},
		 NULL,
		 uncased,
		 "{\"cased\":false,\"continuing_subword_prefix\":\"@@\"}",
		 512,
		 "",
		 "pieces inside a word begin with \"@@\", as "},
		{{"tokenizer.json",
		  "{" PRE ",\"normalizer\":{\"type\":\"BertNormalizer\"},\"model\":{\"type\":\"WordPiece\","
		  "\"max_input_chars_per_word\":9,\"vocab\":" TOKENS "}}"},
		 NULL,
		 uncased,
		 "{\"cased\":false,\"max_input_chars_per_word\":9}",
		 512,
		 "",
		 "a word of more than 9 code points is the unknown token"},
		/* tokenizer.json is not even read where the config says enough */
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":true}", "tokenizer.json",
		  "{"},
		 "vocab.txt",
		 {0},
		 "{\"cased\":false}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":1000000000000000019884624838656}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":false,\"strip_accents\":true}"},
		 NULL,
		 cased,
		 "{\"cased\":true,\"strip_accents\":true}",
		 512,
		 "",
		 "accents are taken off, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":128}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 128,
		 "",
		 "at most 128 ids per text, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":128}"},
		 NULL,
		 {.max_length = 200},
		 "{\"cased\":false}",
		 200,
		 "",
		 "200 ids per text (--max-length), although "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":128}"},
		 NULL,
		 {.max_length = 16},
		 "{\"cased\":false}",
		 16,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":100000}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 65536,
		 "",
		 "at most 65536 ids per text"},
		{{"vocab.txt", LINES},
		 NULL,
		 {.casing = HM_UNCASED, .plain_specials = true},
		 "{\"cased\":false,\"special_in_text\":false}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "special_tokens_map.json", "{\"sep_token\":\"world\"}"},
		 NULL,
		 uncased,
		 "{\"cased\":false,\"special_tokens\":\"c8824d9142d93ef69bb45353b9fda81f\"}",
		 512,
		 "",
		 ""},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		check_opening(*state, &all[i]);
}

/* ---- what is refused ---- */

struct refusal {
	const char *files[7];
	const char *named, *file, *why; /* `file`: where the sentence begins, NULL: at the folder */
};

static void check_refusal(struct place *p, const struct refusal *c)
{
	struct hm_err e = {0};
	char start[192];
	empty(p);
	for (int i = 0; i < 6 && c->files[i]; i += 2)
		write_file(p, c->files[i], c->files[i + 1], strlen(c->files[i + 1]));
	struct hm_tokenizer *t = open_place(p, c->named, (struct hm_tokenizer_options){0}, &e);
	snprintf(start, sizeof start, "%s%s%s", p->folder, c->file ? "/" : "", c->file ? c->file : "");
	if (t || strncmp(e.text, start, strlen(start)) != 0 || !strstr(e.text, c->why))
		fail_msg("wanted '%s ... %s', got '%s'", start, c->why, e.text);
}

#define CONFIG(TEXT, WHY)                                                                                    \
	{                                                                                                    \
		{"vocab.txt", LINES, "tokenizer_config.json", TEXT}, NULL, "tokenizer_config.json", WHY      \
	}
#define FILE_IS(TEXT, WHY)                                                                                   \
	{                                                                                                    \
		{"tokenizer.json", TEXT}, NULL, "tokenizer.json", WHY                                        \
	}

static void what_we_cannot_compute_is_refused(void **state)
{
	static const struct refusal all[] = {
		CONFIG("{\"do_lower_case\":\"no\"}", "\"do_lower_case\" is neither true nor false"),
		CONFIG("{\"do_basic_tokenize\":false}", "\"do_basic_tokenize\" is false"),
		CONFIG("{\"never_split\":[\"[MASK]\",\"hello\"]}", "\"never_split\" names hello"),
		CONFIG("{\"tokenizer_class\":\"BertJapaneseTokenizer\"}",
		       "\"tokenizer_class\" is BertJapaneseTokenizer"),
		CONFIG("{\"tokenizer_class\":\"BertweetTokenizer\"}", "\"tokenizer_class\" is Bertweet"),
		CONFIG("{\"truncation_side\":\"left\"}", "\"truncation_side\" is \"left\""),
		CONFIG("{\"model_max_length\":1}", "at most 1 ids per text, but"),
		CONFIG("{\"model_max_length\":-5}", "at most -5 ids per text, but"),
		CONFIG("{\"model_max_length\":\"512\"}", "\"model_max_length\" is not a number"),
		CONFIG("{\"cls_token\":null}", "no token plays the part of [CLS]"),
		CONFIG("{\"cls_token\":\"<s>\"}", "the special token \"<s>\" is not in the vocabulary"),
		CONFIG("{\"cls_token\":7}", "\"cls_token\" holds no token"),
		CONFIG("{\"additional_special_tokens\":\"x\"}",
		       "\"additional_special_tokens\" is not a list of tokens"),
		CONFIG("{\"added_tokens_decoder\":{\"8\":{\"content\":\"@user\"}}}", "\"normalized\": true"),
		CONFIG("{\"added_tokens_decoder\":{\"8\":{\"content\":\"@user\",\"special\":true,"
		       "\"single_word\":true}}}",
		       "\"single_word\": true"),
		CONFIG("{\"added_tokens_decoder\":{\"5\":{\"content\":\"world\",\"special\":true}}}",
		       "the token \"world\" has the id 5 here and 7 in the vocabulary"),
		CONFIG("{\"added_tokens_decoder\":{\"5\":{\"content\":\"@user\",\"special\":true}}}",
		       "the id 5 belongs to \"@user\" here and to \"hello\" in the vocabulary"),
		CONFIG("{\"added_tokens_decoder\":{\"4294967296\":{\"content\":\"@user\"}}}",
		       "an id is not an integer from 0 to"),
		CONFIG("{\"added_tokens_decoder\":{\"x\":{\"content\":\"@user\"}}}",
		       "an id is not an integer"),
		CONFIG("{\"added_tokens_decoder\":{\"9\":{\"content\":\"@user\",\"special\":true}}}",
		       "the token \"@user\" has the id 9, and the next one is 8"),
		CONFIG("[]", "the JSON value is not an object"),
		CONFIG("{\"a\":", "invalid JSON"),
		CONFIG("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
		       "a Git LFS pointer, not a file of a tokenizer (git lfs pull)"),
		{{"vocab.txt", LINES, "special_tokens_map.json", "{\"sep_token\":\"</s>\"}"},
		 NULL,
		 "special_tokens_map.json",
		 "\"</s>\" is not in the vocabulary"},
		{{"vocab.txt", LINES, "added_tokens.json", "{\"@user\":8}"},
		 NULL,
		 "added_tokens.json",
		 "\"normalized\": true"},
		{{"vocab.txt", LINES, "added_tokens.json", "{\"@user\":\"8\"}"},
		 NULL,
		 "added_tokens.json",
		 "the id of the token \"@user\" is not an integer"},
		FILE_IS("{" PRE "}", "the file does not say which tokenizer it holds"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}",
			"the pre_tokenizer is BertPreTokenizer; hm-tokenize knows ByteLevel"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]]}}",
			"the file holds a Unigram tokenizer; hm-tokenize reads WordPiece"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}",
			"the file holds a WordLevel tokenizer; hm-tokenize reads WordPiece"),
		FILE_IS("{\"model\":{\"vocab\":{}}}", "the file does not say which tokenizer"),
		FILE_IS("{\"model\":{\"vocab\":{},\"merges\":[]}}", "the pre_tokenizer is missing"),
		FILE_IS("{" MODEL "}", "the pre_tokenizer is missing"),
		FILE_IS("{\"pre_tokenizer\":{\"type\":\"Whitespace\"}," MODEL "}",
			"the pre_tokenizer is Whitespace"),
		FILE_IS("{\"normalizer\":{\"type\":\"Lowercase\"}," PRE "," MODEL "}",
			"the normalizer is Lowercase"),
		FILE_IS("{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},"
			"{\"type\":\"Lowercase\"}]}," PRE "," MODEL "}",
			"the normalizer is Sequence"),
		FILE_IS("{\"post_processor\":{\"type\":\"ByteLevel\"}," PRE "," MODEL "}",
			"the post_processor is ByteLevel"),
		FILE_IS("{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}," PRE "," MODEL
			"}",
			"the post_processor does not make one special token, the text, one special token"),
		FILE_IS("{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",5],"
			"\"sep\":[\"[SEP]\",3]}," PRE "," MODEL "}",
			"the post_processor's ids of [CLS] and [SEP] are not the vocabulary's"),
		FILE_IS("{\"truncation\":{\"direction\":\"Left\",\"max_length\":9}," PRE "," MODEL "}",
			"the truncation's direction is \"Left\""),
		FILE_IS("{" PRE
			",\"model\":{\"type\":\"WordPiece\",\"max_input_chars_per_word\":0,\"vocab\":{}}}",
			"\"max_input_chars_per_word\" is not an integer from 1 to"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":[]}}",
			"the vocabulary is not an object of tokens and ids"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0,\"b\":0}}}",
			"the tokens \"a\" and \"b\" have the same id 0"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":4e9}}}",
			"the id of the token \"a\" is not an integer"),
		FILE_IS("{" PRE
			",\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"<unk>\",\"vocab\":{\"a\":0}}}",
			"the special token \"<unk>\" is not in the vocabulary"),
		FILE_IS("\xef\xbb\xbf{}", "the file begins with a byte order mark"),
		{{"tokenizer.json", JSON("true"), "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 "tokenizer_config.json",
		 "\"do_lower_case\": false, and "},
		{{"tokenizer.json", JSON("true"), "tokenizer_config.json", "{\"strip_accents\":false}"},
		 NULL,
		 "tokenizer_config.json",
		 "\"strip_accents\": false, and "},
		{{"tokenizer.json", JSON("true"), "tokenizer_config.json", "{\"unk_token\":\"hello\"}"},
		 NULL,
		 "tokenizer.json",
		 "the unk_token is \"[UNK]\", and \"hello\" in "},
		{{"special_tokens_map.json", "{\"cls_token\":\"hello\"}", "tokenizer.json",
		  "{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],\"sep\":[\"[SEP]\","
		  "3]}," PRE "," MODEL "}"},
		 NULL,
		 "tokenizer.json",
		 "the cls_token is \"[CLS]\", and \"hello\" in "},
		{{"vocab.txt", "hello\n" LINES, "tokenizer.json", JSON("true")},
		 NULL,
		 "vocab.txt",
		 "line 7: the token \"hello\" stands on line 1 already"},
		{{"vocab.txt", LINES "again\n", "tokenizer.json", JSON("true")},
		 NULL,
		 "vocab.txt",
		 "hold different vocabularies, from id 8 on: name the file that counts (--vocab "},
		{{"vocab.txt", LINES, "tokenizer.json", "{\"model\":{\"type\":\"BPE\"}}"},
		 NULL,
		 "tokenizer.json",
		 "the file holds another tokenizer than "},
		{{"merges.txt", "a b\n"},
		 NULL,
		 "merges.txt",
		 "a BPE tokenizer needs vocab.json too, and there is none in the folder"},
		{{"spiece.model", "x"},
		 NULL,
		 NULL,
		 "the folder holds spiece.model, a SentencePiece tokenizer"},
		{{0}, NULL, NULL, "the folder holds no tokenizer"},
		{{"merges.txt", "#version: 0.2\na b\n"},
		 "merges.txt",
		 "merges.txt",
		 "a BPE tokenizer needs vocab.json too"},
		{{"spiece.model", "\n\016\n\005<unk>\025...."},
		 "spiece.model",
		 "spiece.model",
		 "this is a SentencePiece model"},
		{{"words.txt", "{\"a\": 0, \"b</w>\": 1}"},
		 "words.txt",
		 "words.txt",
		 "a BPE tokenizer needs merges.txt too"},
		{{"words.txt", "{\"a\": \"b\"}"},
		 "words.txt",
		 "words.txt",
		 "the JSON object has no \"model\""},
		{{0}, "words.txt", "words.txt", "cannot open"},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		check_refusal(*state, &all[i]);
}

/* ---- the rest of the contract ---- */

static void one_tokenizer_has_one_digest(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	const struct hm_tokenizer_options o = {.casing = HM_CASED};
	cJSON *attr[2];
	write_file(p, "vocab.txt", LINES, strlen(LINES));
	struct hm_tokenizer *t = open_place(p, "vocab.txt", o, &e);
	assert_non_null(t);
	attr[0] = cJSON_Duplicate(t->attr, true);
	hm_tokenizer_close(t);
	empty(p);
	write_file(p, "tokenizer.json", JSON("false"), strlen(JSON("false")));
	assert_true(hm_tokenizer_found(p->folder));
	t = open_place(p, NULL, (struct hm_tokenizer_options){0}, &e);
	assert_non_null(t);
	attr[1] = cJSON_Duplicate(t->attr, true);
	hm_tokenizer_close(t);
	assert_true(cJSON_Compare(attr[0], attr[1], true));
	cJSON_Delete(attr[0]);
	cJSON_Delete(attr[1]);
	empty(p);
	assert_false(hm_tokenizer_found(p->folder));
}

static void compare_with_folder(struct place *p, const char *used, const char *why)
{
	struct hm_err e = {0};
	cJSON *attr = cJSON_Parse(used);
	int rc = hm_tokenizer_check(p->folder, attr, &e);
	if (rc != (*why ? HM_EDATA : 0) || (*why && !strstr(e.text, why)))
		fail_msg("wanted '%s', got '%s'", why, e.text);
	cJSON_Delete(attr);
}

static void tokens_are_compared_with_a_folder(void **state)
{
	struct place *p = *state;
#define DIGEST "\"vocab\":\"3b07bbc8e8ac52ee21cfdc87ecc91fa7\""
	static const char config[] = "{\"do_lower_case\":false}";
	write_file(p, "vocab.txt", LINES, strlen(LINES));
	compare_with_folder(p, "{" DIGEST ",\"cased\":false}", "");
	compare_with_folder(p, "{" DIGEST ",\"cased\":true}", ""); /* the folder does not say */
	compare_with_folder(p, "{" DIGEST ",\"cased\":false,\"special_in_text\":false}", "");
	compare_with_folder(p, "{\"vocab\":\"0123456789abcdef0123456789abcdef\",\"cased\":false}",
			    "another vocabulary than that of ");
	compare_with_folder(p, "{" DIGEST ",\"cased\":false,\"tokenize_chinese_chars\":false}",
			    "\"tokenize_chinese_chars\" is false, not the usual");
	write_file(p, "tokenizer_config.json", config, sizeof config - 1);
	compare_with_folder(p, "{" DIGEST ",\"cased\":true}", "");
	compare_with_folder(p, "{" DIGEST ",\"cased\":false}",
			    "\"cased\" is false, not true (hm-tokenize --cased)");
	compare_with_folder(p, "{" DIGEST ",\"cased\":true,\"strip_accents\":true}",
			    "\"strip_accents\" is true, not the usual");
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
	write_file(p, "vocab.txt", LINES, strlen(LINES));
	struct hm_tokenizer *t =
		open_place(p, NULL, (struct hm_tokenizer_options){.casing = HM_CASED, .max_length = 4}, &e);
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

static void hostile_json_is_bounded(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	struct hm_buf b = {0};
	assert_int_equal(hm_buf_printf(&b, &e, "{\"a\":["), 0);
	for (int i = 0; i < 1300000; i++)
		assert_int_equal(hm_buf_add(&b, "1,", 2, &e), 0);
	assert_int_equal(hm_buf_printf(&b, &e, "1]}"), 0);
	write_file(p, "tokenizer.json", (const char *)b.data, b.len);
	assert_null(open_place(p, NULL, (struct hm_tokenizer_options){0}, &e));
	assert_non_null(strstr(e.text, "JSON values; the limit is 1200000"));
	b.len = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(hm_buf_printf(&b, &e, "{\"a\":"), 0);
	write_file(p, "tokenizer.json", (const char *)b.data, b.len);
	e.code = 0;
	assert_null(open_place(p, NULL, (struct hm_tokenizer_options){0}, &e));
	assert_non_null(strstr(e.text, "a level of nesting too deep"));
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_reference_agrees, setup, teardown),
		cmocka_unit_test_setup_teardown(settings_become_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_we_cannot_compute_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(one_tokenizer_has_one_digest, setup, teardown),
		cmocka_unit_test_setup_teardown(tokens_are_compared_with_a_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cut_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_json_is_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
