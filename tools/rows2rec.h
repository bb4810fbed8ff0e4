/* Records from the objects or rows of text files: what hm-jsonl2rec and hm-csv2rec share. A tool has the
 * options of ROWS_FIELDS and ROWS_WHICH, and a reader of its files; the rest is rows2rec.c: the columns, the
 * history, ids that come twice, shards, what becomes of a bad row, warnings. The tool's struct options has a
 * member `rows` of struct rows_options, whose defaults are ROWS_OPTIONS. */
#ifndef HM_ROWS2REC_H
#define HM_ROWS2REC_H

#include "cli/cli.h"
#include "prep/form.h"

struct rows_options {
	struct hm_form form;
	char *labels;
	int null_text;
	bool no_img, no_text, img_given, text_given, label_given, prefix_given;
	struct hm_strs keep;
	struct hm_shard shard;
	int64_t limit;
	bool limited, allow_empty;
	int on_error;
};
enum { NULL_EMPTY, NULL_ERROR };
#define ROWS_OPTIONS                                                                                         \
	{                                                                                                    \
		.form = {.id = "id", .img = "img", .text = "text", .label = "label", .img_prefix = "img/"},  \
		.null_text = NULL_ERROR                                                                      \
	}

/* Rows of the option table. ID and NULL_TEXT: what --help says about these two; UNIT: "line" or "row". */
#define ROWS_FIELDS(ID, NULL_TEXT)                                                                           \
	ROWS_NAME("id-field", form.id, ID, 0),                                                               \
		ROWS_NAME("img-field", form.img, "field of the image's path", HM_GIVEN(rows.img_given)),     \
		ROWS_NAME("text-field", form.text, "field of the caption", HM_GIVEN(rows.text_given)),       \
		ROWS_NAME("label-field", form.label, "field of the class, an integer from 0",                \
			  HM_GIVEN(rows.label_given)),                                                       \
		{"labels", 0, HM_STR(rows.labels), "WORD,WORD,...",                                          \
		 "values of that field that stand for the classes from 0"},                                  \
		{"img-prefix",                                                                               \
		 0,                                                                                          \
		 HM_STR(rows.form.img_prefix),                                                               \
		 "STR",                                                                                      \
		 "folder to cut off the front of paths",                                                     \
		 .given = HM_GIVEN(rows.prefix_given)},                                                      \
		{"no-img", 0, HM_FLAG(rows.no_img), NULL, "the data has no images"},                         \
		{"no-text", 0, HM_FLAG(rows.no_text), NULL, "the data has no captions"},                     \
		{"null-text", 0, HM_CHOICE(rows.null_text), "empty|error", NULL_TEXT},                       \
	{                                                                                                    \
		"keep-field", 0, HM_LIST(rows.keep), "NAME[:i32|f32|utf8]",                                  \
			"a field to carry along (repeatable)"                                                \
	}
#define ROWS_NAME(NAME, MEMBER, HELP, GIVEN)                                                                 \
	{                                                                                                    \
		NAME, 0, HM_STR(rows.MEMBER), "NAME", HELP, .given = GIVEN                                   \
	}
#define ROWS_WHICH(UNIT)                                                                                     \
	{"shard", 0, HM_SHARD(rows.shard), "I/N", "only records I, I+N, I+2N, ..., counted from 0"},         \
		{"limit",                                                                                    \
		 0,                                                                                          \
		 HM_INT(rows.limit),                                                                         \
		 "N",                                                                                        \
		 "stop after N records",                                                                     \
		 .max = INT64_MAX,                                                                           \
		 .given = HM_GIVEN(rows.limited)},                                                           \
		{"on-error", 0, HM_CHOICE(rows.on_error), "fail|skip", "what to do about a bad " UNIT},      \
	{                                                                                                    \
		"allow-empty", 0, HM_FLAG(rows.allow_empty), NULL, "a file without a " UNIT " is no error"   \
	}

/* A file being read. */
struct rows_in {
	void *reader;		    /* the tool's */
	const struct hm_form *form; /* whole when the first file is opened */
	const char *name;	    /* hm_lines_name of the file */
	uint64_t line;		    /* where the record last returned, or what is wrong, begins */
	const struct hm_fields *v;  /* of the record, until the next call */
	bool lost;		    /* after HM_EDATA: no record can follow, whatever --on-error says */
};
struct rows_reader {
	const char *unit;  /* what may be bad: "line", "row" */
	const char *thing; /* what has the fields: "object", "row" */
	/* Opens a file and sets in->name. 0 or HM_EDATA; `close` follows in any case. */
	int (*open)(struct rows_in *in, const char *path, struct hm_err *e);
	/* The next record: 1, 0 at the end, or HM_EDATA with a whole sentence. After that it may be called
	 * again, for what follows, unless the fault is the machine's or the place is lost. */
	int (*next)(struct rows_in *in, struct hm_err *e);
	/* Where the record has its id, for the message that it was there already: "at column 7". */
	void (*locate)(const struct rows_in *in, char *out, size_t cap);
	void (*close)(struct rows_in *in);
	/* Adds the tool's own options that change the result to the history's; NULL: it has none. */
	void (*add_own)(const struct rows_in *in, cJSON *p, struct hm_err *e);
};

/* All that main does after hm_cli_begin; the exit status. `state` is in->reader. */
int rows_to_records(struct hm_cli *cli, struct rows_options *o, const struct rows_reader *r, void *state);

#endif
