/* hm-imgprep: adds pixels, the images that records name, decoded and resized as Pillow and torchvision do it.
 */
#include "cli/cli.h"
#include "feed/pictures.h"
#include "json/build.h"
#include "prep/squarechoice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct options {
	char *root, *like;
	int64_t size, shorter, max_pixels, max_side;
	int fit, filter, offset, damaged, on_error;
	bool size_given, fit_given, filter_given, shorter_given, offset_given;
	bool follow_symlinks, replace;
};

static const struct options defaults = {
	.size = 224, .max_pixels = HM_IMAGE_PIXELS, .max_side = HM_IMAGE_SIDE};

static const struct hm_opt table[] = {
	{.group = "Images"},
	{"root", 0, HM_STR(root), "DIR", "folder that img paths are relative to, and may not leave",
	 .required = true, .file = HM_FILE_BELOW},
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
	{"damaged", 0, HM_CHOICE(damaged), "fail|read", "read damaged files too, as far as they go"},
	{"on-error", 0, HM_CHOICE(on_error), "fail|skip|keep", "what to do about a bad image"},
	{"follow-symlinks", 0, HM_FLAG(follow_symlinks), NULL, "let symbolic links lead out of the root",
	 .anywhere = true},
	{"replace", 0, HM_FLAG(replace), NULL, "replace the column pixels if it exists already"},
	{0}};

static const struct hm_tool tool = {.name = "hm-imgprep",
				    .summary = "add decoded, resized images to records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .max_operands = -1,
				    .sandbox = HM_CLI_PARSE,
				    .joins = true};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_square square;
	struct hm_imageroot root;
	struct hm_join *in;
	struct hm_pictures *pictures;
	struct hm_writer *out;
	uint64_t done, failed, damaged; /* records */
};

/* The square that the call asks for; with --like, says what was taken from where. */
static int choose_square(struct run *r, struct hm_err *e)
{
	const struct options *o = &r->o;
	const struct hm_square_call call = {.square = {(int)o->size, (int)o->shorter, (enum hm_fit)o->fit,
						       (enum hm_filter)o->filter, (enum hm_offset)o->offset},
					    .size_given = o->size_given,
					    .fit_given = o->fit_given,
					    .filter_given = o->filter_given,
					    .shorter_given = o->shorter_given,
					    .offset_given = o->offset_given,
					    .like = o->like};
	struct hm_buf origin = {0};
	int rc = hm_square_choose(&r->square, &call, &origin, e);
	if (!rc && o->like)
		hm_cli_notice(&r->cli, "%s", (const char *)origin.data);
	hm_buf_clear(&origin);
	return rc;
}

/* The step of this tool in the output's history. */
static cJSON *make_history(const struct run *r, struct hm_err *e)
{
	static const char *const on_error[] = {"fail", "skip", "keep"};
	cJSON *p = hm_json_object(e);
	hm_json_add_num(p, "size", (double)r->square.size, e);
	hm_square_describe(&r->square, p, e);
	hm_json_add_num(p, "max-pixels", (double)r->o.max_pixels, e);
	if (r->o.max_side != HM_IMAGE_SIDE)
		hm_json_add_num(p, "max-side", (double)r->o.max_side, e);
	if (r->o.damaged)
		hm_json_add_str(p, "damaged", "read", e);
	hm_json_add_str(p, "on-error", on_error[r->o.on_error], e);
	return hm_pg_append(hm_join_pg(r->in), tool.name, p, e);
}

static int open_all(struct run *r, struct hm_err *e)
{
	const struct hm_pictures_options o = {
		.load = {r->square, {(uint64_t)r->o.max_pixels, (uint32_t)r->o.max_side}, r->o.damaged},
		.replace = r->o.replace,
		.error = r->o.on_error == HM_KEEP};
	int rc = hm_imageroot_open(&r->root, r->o.root, r->o.follow_symlinks, e);
	if (!rc)
		rc = hm_join_open(&r->in, r->cli.n_operands, r->cli.operands, r->cli.workers, e);
	if (!rc && !(r->pictures = hm_pictures_new(r->in, &r->root, &o, r->cli.workers, e)))
		rc = HM_EDATA;
	if (rc)
		return rc;
	cJSON *pg = make_history(r, e);
	rc = pg ? hm_writer_open(&r->out, r->cli.out, hm_pictures_schema(r->pictures), hm_join_meta(r->in),
				 pg, &r->cli.writer, r->cli.workers, e)
		: HM_EDATA;
	cJSON_Delete(pg);
	return rc;
}

/* A record goes out, or is left out. */
static int write_record(struct run *r, const struct hm_picture *p, struct hm_err *e)
{
	const struct hm_err *failure = &p->failure;
	if (failure->code && (r->o.on_error == HM_FAIL || failure->machine))
		return hm_err_set(e, HM_EDATA, "%s", failure->text);
	if (failure->code) {
		hm_cli_debug(&r->cli, "%s", failure->text);
		r->failed++;
	}
	if (p->damage.code) {
		hm_cli_debug(&r->cli, "%s", p->damage.text);
		r->damaged++;
	}
	hm_cli_progress(&r->cli, ++r->done, hm_join_expect(r->in), "records");
	return failure->code && r->o.on_error == HM_SKIP ? 0 : hm_writer_put(r->out, p->val, e);
}

/* A picture that the records name is an input, too; which ones they are is not known yet, so that -o replaces
 * none. */
static void check_output(struct hm_cli *c)
{
	unsigned char first[HM_IMAGE_BEGINNING];
	struct stat st;
	FILE *f = c->out && !stat(c->out, &st) && S_ISREG(st.st_mode) ? fopen(c->out, "rbe") : NULL;
	bool picture = f && hm_image_begins(first, fread(first, 1, sizeof first, f));
	if (f)
		fclose(f);
	if (picture)
		hm_cli_usage(c, "-o %.300s is a picture, which records would replace: write to another file",
			     c->out);
}

/* What the reader of the output should know of the pictures. */
static void report_pictures(struct run *r)
{
	bool one = r->damaged == 1;
	if (r->failed && r->failed == r->done)
		hm_cli_warn(&r->cli, "no record has an image that could be read: do their paths begin in %s?",
			    r->o.root);
	if (r->failed)
		hm_cli_notice(&r->cli, "%" PRIu64 " record%s %s (-v names %s)", r->failed,
			      r->failed == 1 ? "" : "s",
			      r->o.on_error == HM_SKIP ? "left out because of the image"
						       : "kept without an image, with its error",
			      r->failed == 1 ? "it" : "them");
	if (r->damaged)
		hm_cli_notice(&r->cli, "%" PRIu64 " image%s damaged and read as far as %s (-v names %s)",
			      r->damaged, one ? " is" : "s are", one ? "it goes" : "they go",
			      one ? "it" : "them");
}

int main(int argc, char **argv)
{
	struct run r = {.o = defaults, .root.fd = -1};
	struct hm_err e = {0};
	struct hm_picture picture;
	int more = 0;
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	check_output(&r.cli);
	int rc = choose_square(&r, &e);
	if (!rc)
		rc = open_all(&r, &e);
	while (!rc && (more = hm_pictures_next(r.pictures, &picture, &e)) == 1)
		rc = write_record(&r, &picture, &e);
	rc = rc ? rc : more;
	if (!rc) {
		rc = hm_writer_finish(
			r.out, hm_join_skipped(r.in) + (r.o.on_error == HM_SKIP ? r.failed : 0), &e);
		r.out = NULL;
	}
	if (!rc)
		report_pictures(&r);
	hm_writer_abort(r.out);
	hm_pictures_free(r.pictures);
	hm_imageroot_close(&r.root);
	hm_join_close(r.in);
	return hm_cli_end(&r.cli, rc, &e);
}
