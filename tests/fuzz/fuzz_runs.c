/* An experiment's table and its files, of any bytes: runs.json, two CSVs of predictions, a log, a history and
 * --stats, each ended by a byte 1; an empty one is not there. Refusals have a sentence; all three pages are
 * valid text, the same again, and the CSV is a table. */
#include "fuzzinput.h"
#include "prep/csvrows.h"
#include "report/pages.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"runs.json", "a.csv", "b.csv", "log.jsonl", "history.json", "stats.json"};
enum { NAMES = sizeof names / sizeof *names };

static int (*const pages[])(const struct hm_findings *f, struct hm_buf *text,
			    struct hm_err *e) = {hm_page_csv, hm_page_markdown, hm_page_html};

/* All rows of the page have as many fields as its first. */
static void check_table(const struct hm_buf *b)
{
	struct fuzz_file f = open_input(b->data, b->len);
	struct hm_csvrows c;
	struct hm_err e = {0};
	int rc = hm_csvrows_open(&c, f.path, ',', &e), fields = c.fields;
	must(!rc && fields > 1);
	while ((rc = hm_csvrows_next(&c, &e)) == 1)
		must(c.fields == fields);
	must(!rc);
	hm_csvrows_close(&c);
	close(f.fd);
}

/* What stands in <...> and in &...; of a page is of our own: no more of them than an empty table's and names.
 */
static void check_html(const struct hm_buf *b)
{
	static const char *const never[] = {"<script src", "<iframe", "<object", "javascript:", "onerror="};
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (memmem(b->data, b->len, never[i], strlen(never[i])))
			must(i >= 3); /* as text they may be there */
}

/* What the pages rely on. */
static void check_runs(const struct hm_runs *r)
{
	must(r->n_rows >= 1 && r->n_rows <= HM_RUNS_ROWS && r->matched.n > 0);
	for (int i = 0; i < r->n_rows; i++) {
		must(*r->row[i].name && r->row[i].n >= 1 && r->row[i].n <= HM_RUNS_TRIALS);
		for (int k = 0; k < r->row[i].n; k++) {
			const struct hm_curve *c = &r->row[i].trial[k].train;
			must(r->row[i].trial[k].accuracy >= 0 && r->row[i].trial[k].accuracy <= 1);
			for (size_t j = 0; j < c->n; j++)
				must(isfinite(c->x[j]) && isfinite(c->y[j]) &&
				     (!j || c->x[j] >= c->x[j - 1]));
		}
	}
	for (int i = 0; i < r->n_claims; i++) {
		const struct hm_claim *c = &r->claim[i];
		must(c->n >= 1 && c->n <= HM_RUNS_PAIRS);
		must(c->kind == HM_CLAIM_BETTER || (c->margin > 0 && c->margin < 1));
	}
}

static void make_pages(const struct hm_runs *r)
{
	struct hm_err e = {0};
	for (int k = 0; k < 3; k++) {
		struct hm_buf b[2] = {0};
		for (int again = 0; again < 2; again++) {
			struct hm_findings f;
			must(!hm_findings_compute(&f, r, &e) && !pages[k](&f, &b[again], &e));
			hm_findings_clear(&f);
		}
		must(b[0].len == b[1].len && !memcmp(b[0].data, b[1].data, b[0].len));
		check_page(b[0].data, b[0].len);
		if (k == 0)
			check_table(&b[0]);
		if (k == 2)
			check_html(&b[0]);
		hm_buf_clear(&b[0]);
		hm_buf_clear(&b[1]);
	}
}

/* Without --allow-missing the same is refused when a run failed on records, and only then. */
static void check_refusal(int n, char *const *operands, bool failed)
{
	struct hm_runs r;
	struct hm_err e = {0};
	const bool refused = hm_runs_open(&r, n, operands, &(struct hm_runs_options){0}, &e) != 0;
	must(refused == failed);
	if (refused)
		must_say(&e, NULL);
	hm_runs_clear(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_runs r;
	struct hm_err e = {0};
	const struct hm_runs_options all = {.allow_missing = true};
	char path[3][128], *operand[3] = {path[0], path[1], path[2]};
	make_fuzz_folder();
	for (int i = 0; i < NAMES; i++) {
		struct fuzz_part part = next_part(&data, &size, 1);
		put_file(names[i], part.n ? part.p : NULL, part.n);
	}
	for (int i = 0; i < 3; i++)
		snprintf(path[i], sizeof path[i], "%s/%s", fuzz_folder, names[i]);
	for (int given = 0; given < 2; given++) { /* by the table, and by its predictions alone */
		e = (struct hm_err){0};
		if (hm_runs_open(&r, 1 + given, operand + given, &all, &e))
			must_say(&e, NULL);
		else
			check_runs(&r), make_pages(&r),
				check_refusal(1 + given, operand + given, r.matched.failed);
		hm_runs_clear(&r);
	}
	return 0;
}
