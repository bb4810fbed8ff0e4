/* hm-nearest: judges records by their nearest neighbours in the training data, and names them. With
 * --duplicates it lists pairs that are nearly the same. */
#include "base/file.h"
#include "cli/cli.h"
#include "feed/columns.h"
#include "json/build.h"
#include "score/nearsheet.h"
#include "score/neighbours.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct options {
	struct hm_strs train;
	char *columns, *sheet;
	int64_t k;
	double duplicates;
	bool pairs, replace;
};

static const struct hm_opt table[] = {
	{.group = "Neighbours"},
	{"train", 0, HM_LIST(train), "FILE",
	 "records among which neighbours are looked for (repeatable: joined by id)", .required = true,
	 .file = HM_FILE_IN, .temporary = true},
	{"k", 0, HM_INT(k), "N", "neighbours that vote", .min = 1, .max = 1000},
	{"columns", 0, HM_STR(columns), "NAME,NAME", "features that are compared"},
	{.group = "What is written"},
	{"sheet", 0, HM_STR(sheet), "FILE.png", "draw records next to their nearest; both must have pixels",
	 .file = HM_FILE_OUT},
	{"duplicates", 0, HM_DOUBLE(duplicates), "T",
	 "instead of records, write pairs with a similarity above T, a JSON line each", .dmin = -1, .dmax = 1,
	 .given = HM_GIVEN(pairs)},
	{"replace", 0, HM_FLAG(replace), NULL, "replace neighbours, logits and prob if they exist already"},
	{0}};

static const struct hm_tool tool = {.name = "hm-nearest",
				    .summary = "judge records by their nearest neighbours",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC | HM_CLI_DEVICE,
				    .max_operands = -1,
				    .backends = hm_device_backends,
				    .sandbox = HM_CLI_COMPUTE,
				    .joins = true};

enum { WINDOW = 4096, WINDOW_BYTES = 64 << 20, ADDED = 3 };
static const enum hm_column added[ADDED] = {HM_COLUMN_NEIGHBOURS, HM_COLUMN_LOGITS, HM_COLUMN_PROB};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_device *device;
	struct hm_join *train, *in;
	struct hm_nearcolumns of_train, of_in;
	struct hm_nearrows rows;
	struct hm_nearest *nearest;
	size_t k;		 /* as many as vote: no more than there are rows */
	struct hm_schema schema; /* of the output; the added columns stand last */
	struct hm_writer *out;
	struct hm_batch batch; /* a window of the input */
	float *query;	       /* [WINDOW, dim] */
	struct hm_near *near;  /* [WINDOW, k] */
	bool ended;
	uint64_t done;
	uint64_t zeros; /* records of the input whose features are all 0 */
	double seconds; /* spent on searching */
	struct hm_buf text, pairs;
	struct hm_nearrows asked; /* --duplicates: all of the input */
	struct hm_nearsheet sheet;
};

/* ---- training records ---- */

static int check_labels(const struct run *r, struct hm_err *e)
{
	for (size_t i = 0; i < r->rows.n; i++)
		if (r->rows.item[i].label != 0 && r->rows.item[i].label != 1)
			return hm_err_set(
				e, HM_EDATA, "%s: id %.80s: the label is %d; neighbours vote by 0 and 1",
				hm_join_name(r->train), r->rows.item[i].id, (int)r->rows.item[i].label);
	return 0;
}

static int read_train(struct run *r, struct hm_err *e)
{
	int rc = hm_join_open(&r->train, r->o.train.n, r->o.train.item, r->cli.workers, e);
	if (rc)
		return rc;
	const char *name = hm_join_name(r->train);
	if (hm_nearcolumns_find(&r->of_train, r->o.columns, hm_join_schema(r->train), e))
		return hm_err_prefix(e, "%s", name);
	if (!r->o.pairs && r->of_train.label < 0)
		return hm_err_set(e, HM_EDATA, "%s: there is no column \"label\": nothing to vote with",
				  name);
	if (r->o.sheet && hm_nearsheet_check(hm_join_schema(r->train), name, e))
		return HM_EDATA;
	rc = hm_nearrows_read(&r->rows, &r->of_train, r->train, e);
	if (!rc && !r->rows.n)
		rc = hm_err_set(e, HM_EDATA, "%s: holds no record with features", name);
	if (!rc && !r->o.pairs)
		rc = check_labels(r, e);
	if (!rc && r->rows.failed)
		hm_cli_notice(&r->cli, "%s: %zu records with an error are no neighbours", name,
			      r->rows.failed);
	r->k = (size_t)r->o.k < r->rows.n ? (size_t)r->o.k : r->rows.n;
	return rc;
}

/* ---- the input ---- */

static int prepare_input(struct run *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	if (hm_nearcolumns_find(&r->of_in, r->o.columns, s, e) ||
	    hm_nearcolumns_compare(&r->of_train, hm_join_schema(r->train), &r->of_in, s, e))
		return hm_err_prefix(e, "%s", hm_join_name(r->in));
	const char *unknown = hm_nearcolumns_unknown(&r->of_train, hm_join_schema(r->train), &r->of_in, s);
	if (unknown)
		hm_cli_warn(
			&r->cli,
			"only one of %s and %s says which encoder made \"%s\": nothing shows that both are "
			"of the same",
			hm_join_name(r->train), hm_join_name(r->in), unknown);
	if (!r->o.pairs && hm_column_labels_compare(s, r->of_in.label, hm_join_schema(r->train),
						    r->of_train.label, hm_join_name(r->train), e))
		return hm_err_prefix(e, "%s", hm_join_name(r->in));
	if (r->o.sheet && hm_nearsheet_check(s, hm_join_name(r->in), e))
		return HM_EDATA;
	if (hm_size_mul(WINDOW, r->of_in.dim, &(size_t){0}))
		r->query = hm_alloc(WINDOW * r->of_in.dim, sizeof *r->query, e);
	r->near = hm_alloc(WINDOW * r->k, sizeof *r->near, e);
	return r->query && r->near ? 0 : HM_EDATA;
}

static int add_columns(struct run *r, struct hm_err *e)
{
	const int64_t classes = 2;
	if (hm_schema_copy(&r->schema, hm_join_schema(r->in), e))
		return HM_EDATA;
	for (int i = 0; i < ADDED; i++) {
		const char *name = hm_column_name(added[i]);
		int had = hm_schema_find(&r->schema, name);
		if (had >= 0 && !r->o.replace)
			return hm_err_set(e, HM_EDATA,
					  "%s: column \"%s\" exists already (--replace to replace it)",
					  hm_join_name(r->in), name);
		if (had >= 0)
			hm_schema_remove(&r->schema, had);
	}
	for (int i = 0; i < ADDED; i++)
		if (hm_schema_add(&r->schema, hm_column_name(added[i]), i ? HM_F32 : HM_UTF8, i ? 1 : 0,
				  &classes, NULL, e) < 0)
			return HM_EDATA;
	return 0;
}

static int open_output(struct run *r, struct hm_err *e)
{
	char digest[33];
	if (add_columns(r, e) || hm_nearrows_digest(&r->rows, digest, e))
		return HM_EDATA;
	cJSON *p = hm_json_object(e);
	hm_json_add_str(p, "train", digest, e);
	hm_json_add_str(p, "columns", r->o.columns, e);
	hm_json_add_num(p, "k", (double)r->o.k, e);
	cJSON *pg = p ? hm_pg_append(hm_join_pg(r->in), tool.name, p, e) : NULL;
	int rc = pg ? hm_writer_open(&r->out, r->cli.out, &r->schema, hm_join_meta(r->in), pg, &r->cli.writer,
				     r->cli.workers, e)
		    : HM_EDATA;
	cJSON_Delete(pg);
	return rc;
}

/* Reads a window and makes its rows; a record that failed has a row of zeros. */
static int read_window(struct run *r, struct hm_err *e)
{
	struct hm_rec rec;
	hm_batch_reset(&r->batch);
	while (!r->ended && r->batch.n < WINDOW && r->batch.bytes < WINDOW_BYTES) {
		int more = hm_join_next(r->in, &rec, e);
		if (more < 0)
			return more;
		r->ended = !more;
		if (!more)
			break;
		float *row = r->query + (size_t)r->batch.n * r->of_in.dim;
		bool failed = r->of_in.error >= 0 && rec.val[r->of_in.error].count;
		if (failed)
			memset(row, 0, r->of_in.dim * sizeof *row);
		else if (hm_nearrow_make(&r->of_in, &rec, row, e))
			return hm_record_error(hm_join_name(r->in), r->done + (uint64_t)r->batch.n,
					       &rec.val[r->of_in.id], NULL, e);
		r->zeros += !failed && hm_nearrow_zero(row, r->of_in.dim);
		if (hm_batch_add(&r->batch, &rec, e))
			return HM_EDATA;
	}
	return 0;
}

/* ---- votes ---- */

static int write_record(struct run *r, int i, struct hm_err *e)
{
	const struct hm_rec *rec = &r->batch.rec[i];
	const struct hm_near *near = r->near + (size_t)i * r->k;
	bool failed = r->of_in.error >= 0 && rec->val[r->of_in.error].count;
	size_t k = failed ? 0 : r->k;
	float logits[2], prob[2];
	struct hm_val val[HM_MAX_FIELDS];
	int n = 0;
	double vote = hm_neighbours_vote(&r->rows, near, k, logits, prob);
	if (hm_neighbours_json(&r->rows, near, k, &r->text, e))
		return HM_EDATA;
	for (; n < r->schema.n - ADDED; n++)
		val[n] = rec->val[hm_schema_find(rec->schema, r->schema.field[n].name)];
	val[n++] = (struct hm_val){r->text.data, r->text.len};
	val[n++] = (struct hm_val){logits, 2};
	val[n++] = (struct hm_val){prob, 2};
	int rc = hm_writer_put(r->out, val, e);
	return !rc && r->o.sheet && !failed ? hm_nearsheet_add(&r->sheet, rec, near, vote, e) : rc;
}

/* hm_nearest_find on the window; counts the seconds that searching takes, for --stats. */
static int search_window(struct run *r, struct hm_err *e)
{
	struct timespec from, to;
	if (!r->batch.n)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &from);
	int rc = hm_nearest_find(r->nearest, r->query, (size_t)r->batch.n, r->k, r->near, e);
	clock_gettime(CLOCK_MONOTONIC, &to);
	r->seconds += (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
	return rc;
}

static int judge_all(struct run *r, struct hm_err *e)
{
	int rc = open_output(r, e);
	while (!rc && !r->ended) {
		rc = read_window(r, e);
		rc = rc ? rc : search_window(r, e);
		for (int i = 0; !rc && i < r->batch.n; i++)
			rc = write_record(r, i, e);
		r->done += (uint64_t)r->batch.n;
		hm_cli_progress(&r->cli, r->done, hm_join_expect(r->in), "records");
	}
	hm_cli_stat(&r->cli, "search_s", r->seconds);
	if (!rc && r->o.sheet)
		rc = hm_nearsheet_write(&r->sheet, r->o.sheet, &r->rows, r->o.train.n, r->o.train.item,
					r->cli.workers, e);
	if (rc)
		return rc;
	rc = hm_writer_finish(r->out, hm_join_skipped(r->in), e);
	r->out = NULL;
	return rc;
}

/* Warns of features that are all 0, as some programs write them for what they could not read. */
static void warn_zeros(struct run *r, const char *name, uint64_t n)
{
	if (n)
		hm_cli_warn(&r->cli, "%s: the features of %" PRIu64 " records are all 0, so alike to nothing",
			    name, n);
}

/* ---- --duplicates ---- */

/* Whether the pair says something new: not a record with itself, and where both files hold both records, only
 * the one of two pairs that the input has first. */
static bool is_new(const struct run *r, const struct hm_near_pair *p)
{
	const char *a = r->asked.item[p->query].id, *b = r->rows.item[p->row].id;
	uint64_t mirrored, unused;
	if (!strcmp(a, b))
		return false;
	return !hm_strmap_find(&r->asked.ids, b, strlen(b), &mirrored) ||
	       !hm_strmap_find(&r->rows.ids, a, strlen(a), &unused) || p->query < mirrored;
}

static int write_pairs(struct run *r, struct hm_err *e)
{
	struct hm_near_pair *p = (struct hm_near_pair *)(void *)r->pairs.data;
	size_t n = r->pairs.len / sizeof *p;
	int rc = 0;
	hm_near_sort(p, n);
	r->text.len = 0;
	for (size_t i = 0; !rc && i < n; i++)
		if (is_new(r, &p[i]))
			rc = hm_neighbours_pair(r->asked.item[p[i].query].id, r->rows.item[p[i].row].id,
						p[i].similarity, &r->text, e);
	return rc ? rc : hm_file_write(r->cli.out ? r->cli.out : "-", r->text.data, r->text.len, e);
}

static int list_duplicates(struct run *r, struct hm_err *e)
{
	int rc = hm_nearrows_read(&r->asked, &r->of_in, r->in, e);
	for (size_t at = 0; !rc && at < r->asked.n; at += WINDOW) {
		size_t m = r->asked.n - at < WINDOW ? r->asked.n - at : WINDOW;
		rc = hm_nearest_above(r->nearest, r->asked.row + at * r->asked.dim, m, at, r->o.duplicates,
				      &r->pairs, e);
		hm_cli_progress(&r->cli, at + m, r->asked.n, "records");
	}
	return rc ? rc : write_pairs(r, e);
}

/* The sheet reads the training files a second time. */
static void check_files(struct run *r)
{
	struct hm_cli *c = &r->cli;
	for (int i = 0; i < r->o.train.n; i++) {
		const char *path = r->o.train.item[i];
		struct stat st;
		if (r->o.sheet && (!strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode))))
			hm_cli_usage(c, "--sheet reads --train twice, which '%s' cannot be: name a file",
				     path);
	}
}

static void release_run(struct run *r)
{
	hm_writer_abort(r->out);
	hm_nearest_close(r->nearest);
	hm_device_close(r->device);
	hm_nearrows_clear(&r->rows);
	hm_nearrows_clear(&r->asked);
	hm_nearsheet_clear(&r->sheet);
	hm_batch_clear(&r->batch);
	hm_schema_clear(&r->schema);
	hm_buf_clear(&r->text);
	hm_buf_clear(&r->pairs);
	hm_join_close(r->in);
	hm_join_close(r->train);
	free(r->query);
	free(r->near);
}

int main(int argc, char **argv)
{
	static struct run r = {.o = {.k = 20, .columns = "image_feature,text_feature"}};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	if (r.cli.precision)
		hm_cli_usage(&r.cli, "--precision: neighbours are exact, in f32");
	if (r.o.pairs && (r.o.sheet || r.o.replace))
		hm_cli_usage(&r.cli, "--duplicates writes pairs: --sheet and --replace go without it");
	check_files(&r);
	int rc = 0;
	if (!(r.device = hm_device_open(r.cli.device, HM_PREC_F32, &e)))
		rc = e.code;
	if (!rc)
		hm_cli_device(&r.cli, r.device->name);
	if (!rc)
		rc = hm_join_open(&r.in, r.cli.n_operands, r.cli.operands, r.cli.workers, &e);
	if (!rc)
		rc = read_train(&r, &e);
	if (!rc)
		rc = prepare_input(&r, &e);
	if (!rc)
		rc = hm_nearest_open(&r.nearest, &r.rows, r.device, r.cli.workers, &e);
	if (!rc)
		rc = r.o.pairs ? list_duplicates(&r, &e) : judge_all(&r, &e);
	if (!rc) {
		warn_zeros(&r, hm_join_name(r.train), r.rows.zeros);
		warn_zeros(&r, hm_join_name(r.in), r.zeros + r.asked.zeros);
	}
	release_run(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
