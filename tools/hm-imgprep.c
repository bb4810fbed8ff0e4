/* hm-imgprep: adds pixels, the images that records name, decoded and resized as Pillow and torchvision do it.
 */
#include "base/ring.h"
#include "cli/cli.h"
#include "feed/columns.h"
#include "json/build.h"
#include "prep/imageload.h"
#include "prep/preprocess.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct options {
	char *root, *like;
	int64_t size, shorter, max_pixels, max_side;
	int fit, filter, offset, on_error;
	bool size_given, fit_given, filter_given, shorter_given, offset_given;
	bool follow_symlinks, replace;
};

static const struct options defaults = {
	.size = 224, .max_pixels = HM_IMAGE_PIXELS, .max_side = HM_IMAGE_SIDE};

static const struct hm_opt table[] = {
	{.group = "Images"},
	{"root", 0, HM_STR(root), "DIR", "folder that img paths are relative to, and may not leave",
	 .required = true},
	{"like", 0, HM_STR(like), "FOLDER|FILE.json", "take the five below from a published preprocessor",
	 .file = HM_FILE_IN},
	{"size", 0, HM_INT(size), "N", "side of the square, in pixels", .min = 1, .max = HM_SQUARE_SIZE_MOST,
	 .given = HM_GIVEN(size_given)},
	{"fit", 0, HM_CHOICE(fit), "squash|crop|pad", "how to reach the square",
	 .given = HM_GIVEN(fit_given)},
	{"filter", 0, HM_CHOICE(filter), "bilinear|bicubic", "how to resize",
	 .given = HM_GIVEN(filter_given)},
	{"short", 0, HM_INT(shorter), "N", "for crop: the short side before it is cut", .min = 1,
	 .max = HM_SQUARE_SHORT_MOST, .given = HM_GIVEN(shorter_given)},
	{"crop-offset", 0, HM_CHOICE(offset), "even|floor", "for crop: how half of an odd number is rounded",
	 .given = HM_GIVEN(offset_given)},
	{"max-pixels", 0, HM_SIZE(max_pixels), "N", "refuse images with more pixels", .min = 1,
	 .max = HM_IMAGE_PIXELS_MOST},
	{"max-side", 0, HM_INT(max_side), "N", "refuse images that are wider or higher", .min = 1,
	 .max = HM_IMAGE_SIDE_MOST},
	{"on-error", 0, HM_CHOICE(on_error), "fail|skip|keep", "what to do about a bad image"},
	{"follow-symlinks", 0, HM_FLAG(follow_symlinks), NULL, "let symbolic links lead out of the root"},
	{"replace", 0, HM_FLAG(replace), NULL, "replace the column pixels if it exists already"},
	{0}};

static const struct hm_tool tool = {.name = "hm-imgprep",
				    .summary = "add decoded, resized images to records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .max_operands = -1};

/* One record on its way: read, prepared by a worker, written in its turn. */
struct slot {
	struct hm_batch rec; /* of one */
	uint8_t *pixels;     /* [3,size,size] */
	bool failed_before;  /* it came with an error */
	bool empty;	     /* no picture: it came with an error, or got one */
	struct hm_err e;
};

#define FLIGHT_BYTES ((size_t)64 << 20) /* of records that wait, pixels not counted */

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_square square;
	struct hm_join *in;
	struct hm_writer *out;
	struct hm_schema schema; /* of the output */
	int id, img, error, old; /* columns of the input, -1: none */
	int pixels_to, error_to; /* columns of the output */
	struct hm_imageroot root;
	struct hm_imageload **load; /* one per thread */
	struct hm_ring *ring;	    /* of struct slot */
	uint8_t *zero;		    /* [3,size,size] */
	uint64_t done, failed;	    /* records */
};

static int find_columns(struct run *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	const char *name = hm_join_name(r->in);
	const int64_t dim[3] = {3, r->square.size, r->square.size};
	cJSON *attr = hm_json_object(e);
	r->id = hm_column_at(s, HM_COLUMN_ID);
	if (r->id >= 0 && s->field[r->id].dtype != HM_UTF8)
		r->id = -1;
	r->old = hm_column_at(s, HM_COLUMN_PIXELS);
	hm_square_describe(&r->square, attr, e);
	int rc = e->code ? e->code : hm_schema_copy(&r->schema, s, e);
	if (!rc && (hm_column_need(s, HM_COLUMN_IMG, &r->img, e) ||
		    hm_column_find(s, HM_COLUMN_ERROR, &r->error, e)))
		rc = hm_err_prefix(e, "%s", name);
	if (!rc && r->old >= 0 && !r->o.replace)
		rc = hm_err_set(e, HM_EDATA, "%s: column \"pixels\" exists already (--replace to replace it)",
				name);
	if (rc) {
		cJSON_Delete(attr);
		return rc;
	}
	if (r->old >= 0)
		hm_schema_remove(&r->schema, r->old);
	r->pixels_to = hm_schema_add(&r->schema, hm_column_name(HM_COLUMN_PIXELS), HM_U8, 3, dim, attr, e);
	r->error_to = hm_column_at(&r->schema, HM_COLUMN_ERROR);
	if (r->pixels_to >= 0 && r->error_to < 0 && r->o.on_error == HM_KEEP)
		r->error_to =
			hm_schema_add(&r->schema, hm_column_name(HM_COLUMN_ERROR), HM_UTF8, 0, NULL, NULL, e);
	return e->code;
}

static int open_all(struct run *r, struct hm_err *e)
{
	static const char *const on_error[] = {"fail", "skip", "keep"};
	int rc = hm_imageroot_open(&r->root, r->o.root, r->o.follow_symlinks, e);
	if (!rc)
		rc = hm_join_open(&r->in, r->cli.n_operands, r->cli.operands, r->cli.workers, e);
	if (!rc)
		rc = find_columns(r, e);
	if (rc)
		return rc;
	cJSON *p = hm_json_object(e);
	hm_json_add_num(p, "size", (double)r->square.size, e);
	hm_square_describe(&r->square, p, e);
	hm_json_add_num(p, "max-pixels", (double)r->o.max_pixels, e);
	if (r->o.max_side != HM_IMAGE_SIDE)
		hm_json_add_num(p, "max-side", (double)r->o.max_side, e);
	hm_json_add_str(p, "on-error", on_error[r->o.on_error], e);
	cJSON *pg = hm_pg_append(hm_join_pg(r->in), tool.name, p, e);
	rc = pg ? hm_writer_open(&r->out, r->cli.out, &r->schema, hm_join_meta(r->in), pg, &r->cli.writer,
				 r->cli.workers, e)
		: HM_EDATA;
	cJSON_Delete(pg);
	return rc;
}

/* Takes the next record into a slot. */
static int read_record(void *run, void *slot, size_t *bytes, struct hm_err *e)
{
	struct run *r = run;
	struct slot *s = slot;
	struct hm_rec rec;
	int more = hm_join_next(r->in, &rec, e);
	if (more != 1)
		return more;
	hm_batch_reset(&s->rec);
	if (hm_batch_add(&s->rec, &rec, e))
		return HM_EDATA;
	*bytes = s->rec.bytes;
	s->e = (struct hm_err){0};
	s->failed_before = s->empty = r->error >= 0 && rec.val[r->error].count;
	return 1;
}

/* On a worker. */
static void prepare_image(void *run, void *slot, int worker)
{
	struct run *r = run;
	struct slot *s = slot;
	const struct hm_val *img = &s->rec.rec[0].val[r->img];
	const struct options *o = &r->o;
	const struct hm_imageload_options want = {r->square,
						  {(uint64_t)o->max_pixels, (uint32_t)o->max_side}};
	if (!s->failed_before)
		s->empty = hm_imageload_run(r->load[worker], &r->root, img->data, img->count, &want,
					    s->pixels, &s->e) != 0;
}

static int make_ring(struct run *r, struct hm_err *e)
{
	int threads = hm_workers_count(r->cli.workers);
	size_t bytes = 3 * (size_t)r->square.size * (size_t)r->square.size;
	const struct hm_ring_config c = {.workers = r->cli.workers,
					 .slots = 4 * threads,
					 .slot_size = sizeof(struct slot),
					 .max_bytes = FLIGHT_BYTES,
					 .ctx = r,
					 .work = prepare_image,
					 .fill = read_record};
	struct slot *s;
	r->load = hm_alloc((size_t)threads, sizeof *r->load, e);
	r->zero = hm_alloc(bytes, 1, e);
	r->ring = hm_ring_new(&c, e);
	for (int i = 0; !e->code && i < threads; i++)
		r->load[i] = hm_imageload_new(e);
	for (int i = 0; !e->code && (s = hm_ring_slot(r->ring, i)); i++)
		s->pixels = hm_alloc(bytes, 1, e);
	return e->code;
}

/* Bytes of a text that a message shows: whole characters. */
static int shown(const struct hm_val *text)
{
	return (int)hm_utf8_check(text->data, text->count < 200 ? text->count : 200);
}

/* A record goes out, or is left out. */
static int write_record(struct run *r, const struct slot *s, struct hm_err *e)
{
	struct hm_val val[HM_MAX_FIELDS];
	char why[1024] = "";
	const struct hm_rec *rec = &s->rec.rec[0];
	if (s->e.code) {
		struct hm_val img = rec->val[r->img];
		struct hm_err where = {0};
		snprintf(why, sizeof why, "%.*s: %s", shown(&img), (const char *)img.data, s->e.text);
		hm_record_error(hm_join_name(r->in), r->done, r->id >= 0 ? &rec->val[r->id] : NULL, why,
				&where);
		if (r->o.on_error == HM_FAIL || s->e.machine)
			return hm_err_set(e, HM_EDATA, "%s", where.text);
		hm_cli_debug(&r->cli, "%s", where.text);
		r->failed++;
	}
	r->done++;
	hm_cli_progress(&r->cli, r->done, hm_join_expect(r->in), "records");
	if (s->e.code && r->o.on_error == HM_SKIP)
		return 0;
	for (int i = 0, n = 0; i < rec->schema->n; i++)
		if (i != r->old)
			val[n++] = rec->val[i];
	val[r->pixels_to] = (struct hm_val){s->empty ? r->zero : s->pixels,
					    3 * (size_t)r->square.size * (size_t)r->square.size};
	if (r->error_to >= 0 && (s->e.code || r->error < 0))
		val[r->error_to] = (struct hm_val){why, strlen(why)};
	return hm_writer_put(r->out, val, e);
}

static void clear_slot(void *slot)
{
	struct slot *s = slot;
	hm_batch_clear(&s->rec);
	free(s->pixels);
}

static void clear_run(struct run *r)
{
	hm_ring_free(r->ring, clear_slot);
	for (int i = 0; r->load && i < hm_workers_count(r->cli.workers); i++)
		hm_imageload_free(r->load[i]);
	free(r->load);
	free(r->zero);
	hm_schema_clear(&r->schema);
	hm_imageroot_close(&r->root);
	hm_join_close(r->in);
}

enum { SIZE, FIT, FILTER, SHORT, OFFSET, NUMBERS };

/* The picked numbers as options, a space in front of each; of a picture that is not cut, the first three. */
static const char *list_numbers(const struct hm_square *s, const bool pick[NUMBERS], char out[128])
{
	static const char *const option[NUMBERS] = {"size", "fit", "filter", "short", "crop-offset"};
	char size[12], shorter[12];
	const char *const value[NUMBERS] = {size, hm_fit_name(s->fit), hm_filter_name(s->filter), shorter,
					    hm_offset_name(s->offset)};
	int n = 0;
	snprintf(size, sizeof size, "%d", s->size);
	snprintf(shorter, sizeof shorter, "%d", s->shorter);
	*out = 0;
	for (int i = 0; i < (s->fit == HM_FIT_CROP ? NUMBERS : SHORT); i++)
		if (pick[i])
			n += snprintf(out + n, 128 - (size_t)n, " --%s %s", option[i], value[i]);
	return out;
}

/* Says what was taken from where. `short_there`: the file names a short side. */
static void show_origin(struct run *r, const char *path, bool short_there)
{
	const struct options *o = &r->o;
	const bool call[NUMBERS] = {o->size_given, o->fit_given, o->filter_given, o->shorter_given,
				    o->offset_given};
	bool file[NUMBERS], made[NUMBERS] = {0};
	char a[128], b[128], c[128];
	for (int i = 0; i < NUMBERS; i++)
		file[i] = !call[i];
	made[SHORT] = file[SHORT] && (o->size_given || !short_there);
	file[SHORT] = file[SHORT] && !made[SHORT];
	list_numbers(&r->square, file, a);
	list_numbers(&r->square, call, b);
	list_numbers(&r->square, made, c);
	hm_cli_notice(&r->cli, "from %s:%s%s%s%s%s", path, *a ? a : " nothing", *b ? "; from the call:" : "",
		      b, *c ? "; which makes" : "", c);
}

static int read_like(const char *path, struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	int rc = hm_preprocess_open(p, path, e);
	if (!rc)
		return hm_err_set(e, HM_EDATA,
				  "%s: the folder has neither a preprocessor_config.json nor an "
				  "open_clip_config.json",
				  path);
	return rc < 0 ? rc : hm_preprocess_square(p, out, e);
}

/* The short side of a crop; the file's keeps its ratio to the size when the call names another size. */
static void choose_short(struct run *r, const struct hm_square *like)
{
	const struct options *o = &r->o;
	struct hm_square *s = &r->square;
	int64_t n = o->shorter_given ? o->shorter
		    : like->shorter  ? (int64_t)like->shorter * s->size / like->size
				     : hm_square_short(s->size, s->filter);
	if (s->fit != HM_FIT_CROP && (o->shorter_given || o->offset_given))
		hm_cli_usage(&r->cli, "--%s is of --fit crop, and this is --fit %s",
			     o->shorter_given ? "short" : "crop-offset", hm_fit_name(s->fit));
	if (n < s->size)
		hm_cli_usage(&r->cli, "--short %" PRId64 " is less than --size %d", n, s->size);
	if (n > HM_SQUARE_SHORT_MOST)
		hm_cli_usage(&r->cli, "--size %d makes --short %" PRId64 ", and %d is the most", s->size, n,
			     HM_SQUARE_SHORT_MOST);
	s->shorter = (int)n;
}

/* The five numbers: of the file that --like names, what the call says instead, else the defaults. */
static int choose_square(struct run *r, struct hm_err *e)
{
	const struct options *o = &r->o;
	struct hm_preprocess p = {0};
	struct hm_square like = {.size = (int)o->size};
	int rc = o->like ? read_like(o->like, &p, &like, e) : 0;
	if (!rc) {
		r->square = like;
		if (o->size_given)
			r->square.size = (int)o->size;
		if (o->fit_given)
			r->square.fit = (enum hm_fit)o->fit;
		if (o->filter_given)
			r->square.filter = (enum hm_filter)o->filter;
		if (o->offset_given)
			r->square.offset = (enum hm_offset)o->offset;
		choose_short(r, &like);
		if (o->like)
			show_origin(r, p.path, like.shorter);
	}
	hm_preprocess_close(&p);
	return rc;
}

/* A picture that the records name is an input, too; which ones they are is not known yet, so that -o replaces
 * none. */
static void check_output(struct hm_cli *c)
{
	static const char signature[8] = "\x89PNG\r\n\x1a\n";
	char first[sizeof signature] = "";
	struct stat st;
	FILE *f = c->out && !stat(c->out, &st) && S_ISREG(st.st_mode) ? fopen(c->out, "rbe") : NULL;
	bool picture = f && fread(first, sizeof first, 1, f) == 1 && !memcmp(first, signature, sizeof first);
	if (f)
		fclose(f);
	if (picture)
		hm_cli_usage(c, "-o %.300s is a picture, which records would replace: write to another file",
			     c->out);
}

int main(int argc, char **argv)
{
	struct run r = {.o = defaults, .root.fd = -1};
	struct hm_err e = {0};
	void *slot;
	int more = 0;
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	check_output(&r.cli);
	int rc = choose_square(&r, &e);
	if (!rc)
		rc = open_all(&r, &e);
	if (!rc)
		rc = make_ring(&r, &e);
	while (!rc && (more = hm_ring_next(r.ring, &slot, &e)) == 1)
		rc = write_record(&r, slot, &e);
	rc = rc ? rc : more;
	if (!rc) {
		rc = hm_writer_finish(
			r.out, hm_join_end(r.in)->skipped + (r.o.on_error == HM_SKIP ? r.failed : 0), &e);
		r.out = NULL;
	}
	if (!rc && r.failed)
		hm_cli_notice(&r.cli, "%" PRIu64 " records %s", r.failed,
			      r.o.on_error == HM_SKIP ? "left out for their images"
						      : "kept without an image, their error set");
	hm_writer_abort(r.out);
	clear_run(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
