/* From objects or rows to a stream of records. See rows2rec.h. */
#include "rows2rec.h"
#include "base/strmap.h"
#include "json/build.h"
#include "prep/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FILE_SHIFT 40

/* What the loop over rows carries. */
struct run {
	struct hm_cli *cli;
	struct rows_options *o;
	const struct rows_reader *r;
	struct rows_in in;
	struct hm_writer *w;
	struct hm_strmap ids;	     /* id -> operand << FILE_SHIFT | line */
	int file;		     /* the operand being read */
	uint64_t good, bad, written; /* rows: of all shards, of all shards, of this one */
	/* of the written records: whose path began with the prefix, that have no caption, that have no label
	 */
	uint64_t cut, without_text, without_label;
};

/* The words of the classes, for whoever shows them. */
static cJSON *label_attributes(const struct hm_labels *l, struct hm_err *e)
{
	cJSON *attr = hm_json_object(e), *names = hm_json_add_array(attr, "names", e);
	for (int i = 0; i < l->n; i++)
		hm_json_add_str(names, NULL, l->word[i], e);
	return hm_json_whole(attr, e);
}

static int make_columns(const struct hm_form *f, struct hm_schema *s, struct hm_err *e)
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
static cJSON *make_history(const struct run *r, struct hm_err *e)
{
	const struct rows_options *o = r->o;
	cJSON *p = hm_json_object(e), *keep = hm_json_add_array(p, "keep-field", e);
	if (r->r->add_own)
		r->r->add_own(&r->in, p, e);
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
	hm_shard_add(&o->shard, p, e);
	if (o->limited)
		hm_json_add_num(p, "limit", (double)o->limit, e);
	hm_json_add_str(p, "on-error", o->on_error == HM_SKIP ? "skip" : "fail", e);
	return hm_pg_append(NULL, r->cli->tool->name, p, e);
}

static int write_record(struct run *r, struct hm_err *e)
{
	const struct hm_form *f = &r->o->form;
	const struct hm_fields *v = r->in.v;
	struct hm_val val[HM_MAX_FIELDS];
	int n = 0;
	val[n++] = (struct hm_val){v->id, strlen(v->id)};
	if (f->img)
		val[n++] = (struct hm_val){v->img, strlen(v->img)};
	if (f->text)
		val[n++] = (struct hm_val){v->text, strlen(v->text)};
	val[n++] = (struct hm_val){&v->label, 1};
	for (int i = 0; i < f->n_keep; i++) {
		if (f->keep[i].dtype == HM_UTF8)
			val[n++] = (struct hm_val){v->keep[i].text, strlen(v->keep[i].text)};
		else
			val[n++] = (struct hm_val){&v->keep[i], 1};
	}
	r->written++;
	r->cut += f->img && v->cut;
	r->without_text += f->text && v->no_text;
	r->without_label += f->label && v->label < 0;
	return hm_writer_put(r->w, val, e);
}

/* Enters the id of the row that was read. */
static int admit_id(struct run *r, struct hm_err *e)
{
	const char *id = r->in.v->id;
	uint64_t where = (uint64_t)r->file << FILE_SHIFT | r->in.line;
	char place[160];
	int rc = hm_strmap_add(&r->ids, id, strlen(id), &where, e);
	if (rc < 0)
		return hm_err_prefix(e, "%s: line %" PRIu64, r->in.name, r->in.line);
	if (rc)
		return 0;
	r->r->locate(&r->in, place, sizeof place);
	return hm_err_set(e, HM_EDATA,
			  "%s: line %" PRIu64 ": the id \"%.200s\" is on line %" PRIu64
			  " of %s already, again %s",
			  r->in.name, r->in.line, id, where & (((uint64_t)1 << FILE_SHIFT) - 1),
			  hm_lines_name(r->cli->operands[where >> FILE_SHIFT]), place);
}

/* A row, or what is wrong with it in `why`. All are checked, whatever the shard. Good and bad ones are
 * counted apart, so that the good ones of all shards can be dealt out again, and their bad ones add up. */
static int take_row(struct run *r, struct hm_err *why, struct hm_err *e)
{
	if (!why->code)
		admit_id(r, why);
	if (why->code && (r->o->on_error == HM_FAIL || why->machine || r->in.lost))
		return hm_err_pass(e, why);
	if (why->code) {
		hm_cli_debug(r->cli, "%s", why->text);
		r->bad++;
		return 0;
	}
	int rc = hm_shard_has(&r->o->shard, r->good++) ? write_record(r, e) : 0;
	hm_cli_progress(r->cli, r->written, r->o->limited ? (uint64_t)r->o->limit : 0, "records");
	return rc;
}

/* A file without a row is what a producer that died leaves behind: a stream of no records would hide it. */
static int refuse_empty(const struct run *r, struct hm_err *e)
{
	return r->o->allow_empty ? 0
				 : hm_err_set(e, HM_EDATA,
					      "%s: has no %s: has its producer failed? (--allow-empty takes "
					      "it as no records)",
					      r->in.name, r->r->unit);
}

static int take_file(struct run *r, struct hm_err *e)
{
	const uint64_t before = r->good + r->bad;
	bool ended = false;
	int rc = r->r->open(&r->in, r->cli->operands[r->file], e);
	while (!rc && !ended && !(r->o->limited && r->written == (uint64_t)r->o->limit)) {
		struct hm_err why = {0};
		ended = !r->r->next(&r->in, &why);
		rc = ended ? 0 : take_row(r, &why, e);
	}
	if (ended && r->good + r->bad == before)
		rc = refuse_empty(r, e);
	r->r->close(&r->in);
	return rc;
}

/* An option that met no record is most often misspelled. */
static void warn_unmet(const struct run *r)
{
	const struct hm_form *f = &r->o->form;
	if (r->written && f->img && r->o->prefix_given && *f->img_prefix && !r->cut)
		hm_cli_warn(r->cli,
			    "--img-prefix %s: no path begins with this folder, and nothing was cut off",
			    f->img_prefix);
	if (r->written && f->text && r->without_text == r->written)
		hm_cli_warn(r->cli,
			    "no %s has the field \"%s\": every caption is empty (--text-field names another)",
			    r->r->thing, f->text);
	bool wanted = r->o->label_given || r->o->labels;
	if (r->written && f->label && wanted && r->without_label == r->written)
		hm_cli_warn(r->cli,
			    "no %s has the field \"%s\": no record has a label (--label-field names another)",
			    r->r->thing, f->label);
}

/* What the option parser cannot know. */
static void check_call(struct run *r, struct hm_schema *s)
{
	struct rows_options *o = r->o;
	struct hm_err e = {0};
	if (o->no_img && (o->img_given || o->prefix_given))
		hm_cli_usage(r->cli, "--no-img contradicts --img-field and --img-prefix");
	if (o->no_text && (o->text_given || o->null_text == NULL_EMPTY))
		hm_cli_usage(r->cli, "--no-text contradicts --text-field and --null-text");
	if (o->no_img)
		o->form.img = NULL;
	if (o->no_text)
		o->form.text = NULL;
	o->form.null_text = o->null_text == NULL_EMPTY;
	if (o->labels && hm_labels_parse(&o->form.labels, o->labels, &e))
		hm_cli_usage(r->cli, "--labels: %s", e.text);
	for (int i = 0; i < o->keep.n; i++)
		if (hm_form_keep(&o->form, o->keep.item[i], &e))
			hm_cli_usage(r->cli, "--keep-field: %s", e.text);
	if (make_columns(&o->form, s, &e))
		hm_cli_usage(r->cli, "--keep-field: %s", e.text);
}

int rows_to_records(struct hm_cli *cli, struct rows_options *o, const struct rows_reader *reader, void *state)
{
	struct run r = {.cli = cli, .o = o, .r = reader, .in = {.reader = state, .form = &o->form}};
	struct hm_schema schema = {0};
	struct hm_err e = {0};
	uint64_t skipped = 0;
	check_call(&r, &schema);
	cJSON *pg = make_history(&r, &e);
	int rc = pg ? hm_writer_open(&r.w, cli->out, &schema, NULL, pg, &cli->writer, cli->workers, &e)
		    : HM_EDATA;
	for (; !rc && r.file < cli->n_operands; r.file++)
		rc = take_file(&r, &e);
	if (!rc) {
		skipped = hm_shard_count(&o->shard, r.bad);
		rc = hm_writer_finish(r.w, skipped, &e);
		r.w = NULL;
	}
	if (!rc)
		warn_unmet(&r);
	if (!rc && skipped)
		hm_cli_notice(cli, "%" PRIu64 " bad %s%s left out", skipped, reader->unit,
			      skipped == 1 ? "" : "s");
	hm_writer_abort(r.w);
	hm_strmap_clear(&r.ids);
	hm_schema_clear(&schema);
	cJSON_Delete(pg);
	return hm_cli_end(cli, rc, &e);
}
