/* hm-jsonl2rec: JSON lines to records of id, img, text, label and whatever fields are to be kept. */
#include "base/strmap.h"
#include "cli/cli.h"
#include "json/build.h"
#include "prep/jsonl.h"
#include "prep/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NULL_EMPTY, NULL_ERROR };

struct options {
	struct hm_jsonl_form form;
	char *labels;
	int null_text;
	bool no_img, no_text, img_given, text_given, prefix_given;
	struct hm_strs keep;
	struct hm_shard shard;
	int64_t limit;
	bool limited;
	int on_error;
};

static const struct options defaults = {
	.form = {.id = "id", .img = "img", .text = "text", .label = "label", .img_prefix = "img/"},
	.null_text = NULL_ERROR};

static const struct hm_opt table[] = {
	{.group = "Fields"},
	{"id-field", 0, HM_STR(form.id), "NAME", "field of the id, a string or an integer"},
	{"img-field", 0, HM_STR(form.img), "NAME", "field of the image's path", .given = HM_GIVEN(img_given)},
	{"text-field", 0, HM_STR(form.text), "NAME", "field of the caption", .given = HM_GIVEN(text_given)},
	{"label-field", 0, HM_STR(form.label), "NAME", "field of the class, an integer from 0"},
	{"labels", 0, HM_STR(labels), "WORD,WORD,...",
	 "values of that field that stand for the classes from 0"},
	{"img-prefix", 0, HM_STR(form.img_prefix), "STR", "folder to cut off the front of paths",
	 .given = HM_GIVEN(prefix_given)},
	{"no-img", 0, HM_FLAG(no_img), NULL, "the data has no images"},
	{"no-text", 0, HM_FLAG(no_text), NULL, "the data has no captions"},
	{"null-text", 0, HM_CHOICE(null_text), "empty|error", "what a caption that is null or absent is"},
	{"keep-field", 0, HM_LIST(keep), "NAME[:i32|f32|utf8]", "a field to carry along (repeatable)"},
	{.group = "Which lines"},
	{"shard", 0, HM_SHARD(shard), "I/N", "only records I, I+N, I+2N, ..., counted from 0"},
	{"limit", 0, HM_INT(limit), "N", "stop after N records", .max = INT64_MAX,
	 .given = HM_GIVEN(limited)},
	{"on-error", 0, HM_CHOICE(on_error), "fail|skip", "what to do about a bad line"},
	{0}};

static const struct hm_tool tool = {.name = "hm-jsonl2rec",
				    .summary = "turn JSON lines into records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .max_operands = -1};

#define FILE_SHIFT 40

/* What the loop over lines carries. */
struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_writer *w;
	struct hm_strmap ids; /* id -> operand << FILE_SHIFT | line */
	int file;	      /* the operand being read */
	uint64_t seen, written, skipped;
	uint64_t cut,
		without_text; /* written records whose path began with the prefix, that have no caption */
};

/* The words of the classes, for whoever shows them. */
static cJSON *label_attributes(const struct hm_labels *l, struct hm_err *e)
{
	cJSON *attr = hm_json_object(e), *names = hm_json_add_array(attr, "names", e);
	for (int i = 0; i < l->n; i++)
		hm_json_add_str(names, NULL, l->word[i], e);
	return hm_json_whole(attr, e);
}

static int make_columns(const struct hm_jsonl_form *f, struct hm_schema *s, struct hm_err *e)
{
	cJSON *attr = NULL;
	hm_schema_add(s, "id", HM_UTF8, 0, NULL, NULL, e);
	if (f->img)
		hm_schema_add(s, "img", HM_UTF8, 0, NULL, NULL, e);
	if (f->text)
		hm_schema_add(s, "text", HM_UTF8, 0, NULL, NULL, e);
	if (f->labels.n)
		attr = label_attributes(&f->labels, e);
	hm_schema_add(s, "label", HM_I32, 0, NULL, attr, e);
	for (int i = 0; i < f->n_keep; i++)
		hm_schema_add(s, f->keep[i].name, f->keep[i].dtype, 0, NULL, NULL, e);
	return e->code;
}

/* The options that change the result. */
static cJSON *history(const struct options *o, struct hm_err *e)
{
	cJSON *p = hm_json_object(e), *keep = hm_json_add_array(p, "keep-field", e);
	hm_json_add_str(p, "id-field", o->form.id, e);
	if (o->form.img) {
		hm_json_add_str(p, "img-field", o->form.img, e);
		hm_json_add_str(p, "img-prefix", o->form.img_prefix, e);
	}
	if (o->form.text)
		hm_json_add_str(p, "text-field", o->form.text, e);
	if (o->null_text == NULL_EMPTY)
		hm_json_add_str(p, "null-text", "empty", e);
	hm_json_add_str(p, "label-field", o->form.label, e);
	if (o->form.labels.n) {
		cJSON *words = hm_json_add_array(p, "labels", e);
		for (int i = 0; i < o->form.labels.n; i++)
			hm_json_add_str(words, NULL, o->form.labels.word[i], e);
	}
	for (int i = 0; i < o->form.n_keep; i++)
		hm_json_add_str(keep, NULL, o->form.keep[i].name, e);
	if (o->shard.n) {
		char shard[48];
		snprintf(shard, sizeof shard, "%" PRIu64 "/%" PRIu64, o->shard.i, o->shard.n);
		hm_json_add_str(p, "shard", shard, e);
	}
	if (o->limited)
		hm_json_add_num(p, "limit", (double)o->limit, e);
	hm_json_add_str(p, "on-error", o->on_error == HM_SKIP ? "skip" : "fail", e);
	return hm_pg_append(NULL, tool.name, p, e);
}

static int write_record(struct run *r, const struct hm_jsonl_rec *rec, struct hm_err *e)
{
	const struct hm_jsonl_form *f = &r->o.form;
	struct hm_val val[HM_MAX_FIELDS];
	int n = 0;
	val[n++] = (struct hm_val){rec->id, strlen(rec->id)};
	if (f->img)
		val[n++] = (struct hm_val){rec->img, strlen(rec->img)};
	if (f->text)
		val[n++] = (struct hm_val){rec->text, strlen(rec->text)};
	val[n++] = (struct hm_val){&rec->label, 1};
	for (int i = 0; i < f->n_keep; i++) {
		if (f->keep[i].dtype == HM_UTF8)
			val[n++] = (struct hm_val){rec->keep[i].text, strlen(rec->keep[i].text)};
		else
			val[n++] = (struct hm_val){&rec->keep[i], 1};
	}
	r->written++;
	r->cut += f->img && rec->cut;
	r->without_text += f->text && rec->no_text;
	return hm_writer_put(r->w, val, e);
}

/* Parses a line and enters its id; on failure rec holds nothing. */
static int admit(struct run *r, const struct hm_lines *l, const char *line, size_t len,
		 struct hm_jsonl_rec *rec, struct hm_err *e)
{
	uint64_t where = (uint64_t)r->file << FILE_SHIFT | l->line;
	if (hm_jsonl_parse(&r->o.form, line, len, rec, e))
		return HM_EDATA;
	int rc = hm_strmap_add(&r->ids, rec->id, strlen(rec->id), &where, e);
	if (rc == 1)
		return 0;
	if (rc == 0)
		rc = hm_err_set(e, HM_EDATA,
				"the id \"%.200s\" is on line %" PRIu64 " of %s already, again at column %zu",
				rec->id, where & (((uint64_t)1 << FILE_SHIFT) - 1),
				hm_lines_name(r->cli.operands[where >> FILE_SHIFT]),
				hm_jsonl_id_column(line, len, rec));
	hm_jsonl_clear(rec);
	return rc;
}

/* All lines are checked, whatever the shard; those of other shards count for nothing. */
static int take_line(struct run *r, const struct hm_lines *l, const char *line, size_t len, struct hm_err *e)
{
	struct hm_jsonl_rec rec;
	struct hm_err why = {0};
	bool mine = hm_shard_has(&r->o.shard, r->seen);
	int bad = admit(r, l, line, len, &rec, &why), rc = 0;
	r->seen++;
	if (bad && (r->o.on_error == HM_FAIL || why.machine))
		return hm_err_set(e, bad, "%s: line %" PRIu64 ": %s", l->name, l->line, why.text);
	if (bad) {
		hm_cli_debug(&r->cli, "%s: line %" PRIu64 ": %s", l->name, l->line, why.text);
		r->skipped += mine;
		return 0;
	}
	if (mine)
		rc = write_record(r, &rec, e);
	hm_jsonl_clear(&rec);
	hm_cli_progress(&r->cli, r->written, r->o.limited ? (uint64_t)r->o.limit : 0, "records");
	return rc;
}

static int take_file(struct run *r, struct hm_err *e)
{
	struct hm_lines l;
	const char *line;
	size_t len;
	int rc = hm_lines_open(&l, r->cli.operands[r->file], e);
	while (!rc && !(r->o.limited && r->written == (uint64_t)r->o.limit)) {
		int more = hm_lines_next(&l, &line, &len, e);
		if (more != 1) {
			rc = more;
			break;
		}
		if (!hm_line_blank(line, len))
			rc = take_line(r, &l, line, len, e);
	}
	hm_lines_close(&l);
	return rc;
}

/* An option that met no record is most often misspelled. */
static void warn_unmet(struct run *r)
{
	const struct hm_jsonl_form *f = &r->o.form;
	if (r->written && f->img && r->o.prefix_given && *f->img_prefix && !r->cut)
		hm_cli_warn(&r->cli,
			    "--img-prefix %s: no path begins with this folder, and nothing was cut off",
			    f->img_prefix);
	if (r->written && f->text && r->without_text == r->written)
		hm_cli_warn(
			&r->cli,
			"no object has the field \"%s\": every caption is empty (--text-field names another)",
			f->text);
}

/* What the option parser cannot know. */
static void check_call(struct run *r, struct hm_schema *s)
{
	struct options *o = &r->o;
	struct hm_err e = {0};
	if (o->no_img && (o->img_given || o->prefix_given))
		hm_cli_usage(&r->cli, "--no-img contradicts --img-field and --img-prefix");
	if (o->no_text && (o->text_given || o->null_text == NULL_EMPTY))
		hm_cli_usage(&r->cli, "--no-text contradicts --text-field and --null-text");
	if (o->no_img)
		o->form.img = NULL;
	if (o->no_text)
		o->form.text = NULL;
	o->form.null_text = o->null_text == NULL_EMPTY;
	if (o->labels && hm_labels_parse(&o->form.labels, o->labels, &e))
		hm_cli_usage(&r->cli, "--labels: %s", e.text);
	for (int i = 0; i < o->keep.n; i++)
		if (hm_jsonl_keep(&o->form, o->keep.item[i], &e))
			hm_cli_usage(&r->cli, "--keep-field: %s", e.text);
	if (make_columns(&o->form, s, &e))
		hm_cli_usage(&r->cli, "--keep-field: %s", e.text);
}

int main(int argc, char **argv)
{
	struct run r = {.o = defaults};
	struct hm_schema schema = {0};
	struct hm_err e = {0};
	cJSON *pg = NULL;
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	check_call(&r, &schema);
	int rc = (pg = history(&r.o, &e)) ? 0 : HM_EDATA;
	if (!rc)
		rc = hm_writer_open(&r.w, r.cli.out, &schema, NULL, pg, &r.cli.writer, r.cli.workers, &e);
	for (; !rc && r.file < r.cli.n_operands; r.file++)
		rc = take_file(&r, &e);
	if (!rc) {
		rc = hm_writer_finish(r.w, r.skipped, &e);
		r.w = NULL;
	}
	if (!rc)
		warn_unmet(&r);
	if (!rc && r.skipped)
		hm_cli_notice(&r.cli, "%" PRIu64 " bad line%s left out", r.skipped,
			      r.skipped == 1 ? "" : "s");
	hm_writer_abort(r.w);
	hm_strmap_clear(&r.ids);
	hm_schema_clear(&schema);
	cJSON_Delete(pg);
	return hm_cli_end(&r.cli, rc, &e);
}
