/* Files of records that were read before. See sidefile.h. */
#include "feed/sidefile.h"
#include "feed/columns.h"
#include "base/fd.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/encode.h"
#include "rec/fetch.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes digested at once, which a core's cache holds; of unpacked blocks held for images that are missing; of
 * other columns that are taken in before it shows whether they are more than the pixels. */
enum { PIECE = 512 << 10, HELD = 64 << 20, TRIED = 16 << 20 };
static const char digests[] = "pixels_digest";

struct source {
	const char *path;
	struct stat was; /* when it was digested */
};

struct hm_sidefile {
	struct source *source;
	int sources;
	char *path; /* of the side file */
	struct hm_workers *workers;
	const struct hm_schema *schema; /* of the records */
	struct hm_schema rest;		/* without the pixels, with their digest */
	int pixels;
	struct hm_reader *in;	/* the side file, if the records come from it */
	struct hm_fetch *whole; /* the source that holds the pixels */
	int holder, column;	/* its number, and the number of the pixels' column in it */
	struct hm_strmap place; /* id -> number of its record; filled when needed, if holder is not 0 */
	bool placed;
	struct hm_writer *out; /* the side file that is being made */
	size_t kept, left;     /* bytes of the columns in it, and of the pixels left out */
	struct hm_err why;     /* why the side file cannot be made */
};

/* ---- which file it is ---- */

struct pieces {
	int fd;
	uint64_t size;
	unsigned char *buffer, (*digest)[16]; /* [workers][PIECE], [pieces] */
	atomic_bool failed;
};

static void digest_piece(void *ctx, size_t i, int worker)
{
	struct pieces *p = ctx;
	unsigned char *to = p->buffer + (size_t)worker * PIECE;
	uint64_t from = (uint64_t)i * PIECE;
	size_t size = p->size - from < PIECE ? (size_t)(p->size - from) : PIECE;
	if (hm_fd_read_at(p->fd, to, size, from) != (ssize_t)size)
		p->failed = true;
	else
		hm_encode_digest(to, size, p->digest[i]);
}

/* out := the digest of all bytes of a source, s->was := which file that is. 1, 0: not to be had, HM_EDATA. */
static int digest_source(struct source *s, struct hm_workers *w, unsigned char out[16], struct hm_err *e)
{
	struct pieces p = {.fd = hm_fd_open(s->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0)};
	int rc = 0; /* "-" is standard input, also where a file has that name */
	if (strcmp(s->path, "-") && p.fd >= 0 && !fstat(p.fd, &s->was) && S_ISREG(s->was.st_mode)) {
		p.size = (uint64_t)s->was.st_size;
		size_t n = (size_t)((p.size + PIECE - 1) / PIECE);
		p.buffer = hm_alloc((size_t)hm_workers_count(w), PIECE, e);
		p.digest = hm_alloc(n, sizeof *p.digest, e);
		rc = p.buffer && p.digest ? 1 : HM_EDATA;
		if (rc > 0) {
			hm_workers_each(w, n, digest_piece, &p);
			hm_encode_digest(p.digest, n * sizeof *p.digest, out);
			rc = !p.failed;
		}
	}
	if (p.fd >= 0)
		close(p.fd);
	free(p.buffer);
	free(p.digest);
	return rc;
}

/* s->path := the path of the side file for all sources together. Returns as digest_source. */
static int name_kept(struct hm_sidefile *s, const char *dir, struct hm_err *e)
{
	unsigned char digest[16];
	struct hm_buf all = {0}, path = {0};
	int rc = 1;
	for (int i = 0; rc > 0 && i < s->sources; i++) {
		rc = digest_source(&s->source[i], s->workers, digest, e);
		if (rc > 0 && hm_buf_add(&all, digest, sizeof digest, e))
			rc = HM_EDATA;
	}
	if (rc > 0) {
		hm_encode_digest(all.data, all.len, digest);
		rc = hm_buf_printf(&path, e, "%s/", dir) ? HM_EDATA : 1;
	}
	for (size_t i = 0; rc > 0 && i < sizeof digest; i++)
		rc = hm_buf_printf(&path, e, "%02x", digest[i]) ? HM_EDATA : 1;
	if (rc > 0)
		rc = hm_buf_printf(&path, e, ".skim") ? HM_EDATA : 1;
	s->path = (char *)path.data;
	hm_buf_clear(&all);
	return rc;
}

/* The first source that was changed since it was digested, or NULL. */
static const char *find_changed(const struct hm_sidefile *s)
{
	struct stat now;
	for (int i = 0; i < s->sources; i++) {
		const struct stat *was = &s->source[i].was;
		if (stat(s->source[i].path, &now) || now.st_dev != was->st_dev || now.st_ino != was->st_ino ||
		    now.st_size != was->st_size || now.st_mtim.tv_sec != was->st_mtim.tv_sec ||
		    now.st_mtim.tv_nsec != was->st_mtim.tv_nsec)
			return s->source[i].path;
	}
	return NULL;
}

int hm_sidefile_open(struct hm_sidefile **out, const char *dir, int n, char *const *files,
		     struct hm_workers *workers, struct hm_err *e)
{
	struct hm_sidefile *s = hm_alloc(1, sizeof *s, e);
	*out = NULL;
	if (!s)
		return HM_EDATA;
	s->workers = workers;
	s->source = hm_alloc((size_t)n, sizeof *s->source, e);
	for (int i = 0; s->source && i < n; i++)
		s->source[s->sources++].path = files[i];
	int rc = s->source ? name_kept(s, dir, e) : HM_EDATA;
	if (rc > 0)
		*out = s;
	else
		hm_sidefile_close(s);
	return rc < 0 ? rc : 0;
}

void hm_sidefile_close(struct hm_sidefile *s)
{
	if (!s)
		return;
	hm_reader_close(s->in);
	hm_fetch_close(s->whole);
	hm_strmap_clear(&s->place);
	hm_writer_abort(s->out);
	hm_schema_clear(&s->rest);
	free(s->source);
	free(s->path);
	free(s);
}

/* ---- where the records come from ---- */

/* Opens the side file; NULL: there is none, or it has other columns. */
static struct hm_reader *open_kept(const struct hm_sidefile *s)
{
	struct hm_err ignored = {0};
	struct hm_reader *r;
	if (access(s->path, R_OK) || hm_reader_open(&r, s->path, s->workers, &ignored))
		return NULL;
	if (hm_schema_equal(hm_reader_schema(r), &s->rest))
		return r;
	hm_reader_close(r);
	return NULL;
}

/* Reads the whole side file. True if it is sound; *missing := the images that should have features and have
 * none. */
static bool check_kept(const struct hm_sidefile *s, bool (*there)(void *, const unsigned char *), void *ctx,
		       uint64_t *records, uint64_t *missing)
{
	struct hm_err ignored = {0};
	struct hm_rec rec;
	struct hm_reader *r = open_kept(s);
	int rc = r ? 1 : HM_EDATA, error = hm_column_at(&s->rest, HM_COLUMN_ERROR);
	*records = *missing = 0;
	while (rc == 1 && (rc = hm_reader_next(r, &rec, &ignored)) == 1) {
		bool sound = error < 0 || !rec.val[error].count;
		*missing += sound && !there(ctx, rec.val[s->rest.n - 1].data);
		++*records;
	}
	hm_reader_close(r);
	return !rc;
}

/* Opens the source that holds the pixels, to fetch some by its index. False if it cannot. */
static bool open_whole(struct hm_sidefile *s)
{
	const char *name = s->schema->field[s->pixels].name;
	struct hm_err ignored = {0};
	for (s->holder = 0; s->holder < s->sources; s->holder++) {
		if (hm_fetch_open(&s->whole, s->source[s->holder].path, HELD, &ignored))
			return false;
		s->column = hm_schema_find(hm_fetch_schema(s->whole), name);
		if (s->column >= 0)
			return true;
		hm_fetch_close(s->whole);
		s->whole = NULL;
	}
	return false;
}

void hm_sidefile_start(struct hm_sidefile *s, const struct hm_schema *schema, int pixels,
		       bool (*there)(void *ctx, const unsigned char digest[16]), void *ctx)
{
	uint64_t records, missing;
	struct hm_err ignored = {0};
	s->schema = schema;
	s->pixels = pixels;
	if (!open_whole(s) || hm_schema_copy(&s->rest, schema, &ignored))
		return;
	hm_schema_remove(&s->rest, pixels);
	if (hm_schema_add(&s->rest, digests, HM_U8, 1, &(int64_t){16}, NULL, &ignored) < 0)
		return;
	if (!check_kept(s, there, ctx, &records, &missing)) {
		hm_writer_open(&s->out, s->path, &s->rest, NULL, NULL,
			       &(struct hm_writer_options){.no_pg = true}, s->workers, &s->why);
		return;
	}
	utimensat(AT_FDCWD, s->path, NULL, 0); /* used now: files that are not used are removed first */
	if (missing <= records / 16)
		s->in = open_kept(s);
}

bool hm_sidefile_reads(const struct hm_sidefile *s)
{
	return s && s->in;
}

/* ---- reading ---- */

static int refuse_changed(const char *path, struct hm_err *e)
{
	return hm_err_set(e, HM_EDATA, "%s: was changed while it was in use", path);
}

int hm_sidefile_next(struct hm_sidefile *s, struct hm_rec *rec, unsigned char digest[16], struct hm_err *e)
{
	struct hm_rec kept;
	int rc = hm_reader_next(s->in, &kept, e);
	const char *path = rc ? NULL : find_changed(s);
	if (path)
		return refuse_changed(path, e);
	if (rc != 1)
		return rc;
	rec->schema = s->schema;
	for (int i = 0; i < s->schema->n; i++)
		rec->val[i] = i == s->pixels ? (struct hm_val){0} : kept.val[i - (i > s->pixels)];
	memcpy(digest, kept.val[s->rest.n - 1].data, 16);
	return 1;
}

/* Notes the number of each id's record in the source that holds the pixels. Records come in the order of the
 * first source. */
static int note_places(struct hm_sidefile *s, const char *path, struct hm_err *e)
{
	struct hm_reader *r;
	struct hm_rec rec;
	int rc = hm_reader_open(&r, path, s->workers, e),
	    id = rc ? -1 : hm_column_at(hm_reader_schema(r), HM_COLUMN_ID);
	if (rc)
		return rc;
	rc = id < 0 ? refuse_changed(path, e) : 1;
	for (uint64_t k = 0; rc == 1 && (rc = hm_reader_next(r, &rec, e)) == 1; k++)
		if (hm_strmap_add(&s->place, rec.val[id].data, rec.val[id].count, &k, e) < 0)
			rc = HM_EDATA;
	hm_reader_close(r);
	s->placed = !rc;
	return rc;
}

int hm_sidefile_pixels(struct hm_sidefile *s, uint64_t k, const unsigned char digest[16], struct hm_rec *rec,
		       struct hm_err *e)
{
	struct hm_rec whole;
	unsigned char now[16];
	const char *path = s->source[s->holder].path;
	if (s->holder && !s->placed && note_places(s, path, e))
		return HM_EDATA;
	const struct hm_val *id = s->holder ? &rec->val[hm_column_at(s->schema, HM_COLUMN_ID)] : NULL;
	if ((id && !hm_strmap_find(&s->place, id->data, id->count, &k)) ||
	    k >= hm_fetch_end(s->whole)->records)
		return refuse_changed(path, e);
	if (hm_fetch_get(s->whole, k, &whole, e))
		return HM_EDATA;
	rec->val[s->pixels] = whole.val[s->column];
	hm_encode_digest(whole.val[s->column].data, whole.val[s->column].count, now);
	return memcmp(now, digest, 16) ? refuse_changed(path, e) : 0;
}

const struct hm_end *hm_sidefile_end(const struct hm_sidefile *s)
{
	return hm_reader_end(s->in);
}

/* ---- making a side file ---- */

static void give_up(struct hm_sidefile *s)
{
	hm_writer_abort(s->out);
	s->out = NULL;
}

void hm_sidefile_add(struct hm_sidefile *s, const struct hm_rec *rec, const unsigned char digest[16])
{
	struct hm_val val[HM_MAX_FIELDS];
	int n = 0;
	if (!s->out)
		return;
	for (int i = 0; i < s->schema->n; i++) {
		size_t bytes = rec->val[i].count * hm_dtype_size(s->schema->field[i].dtype);
		*(i == s->pixels ? &s->left : &s->kept) += bytes;
		if (i != s->pixels)
			val[n++] = rec->val[i];
	}
	val[n] = (struct hm_val){digest, 16};
	if (s->kept > s->left + TRIED || hm_writer_put(s->out, val, &s->why))
		give_up(s);
}

int hm_sidefile_keep(struct hm_sidefile *s, uint64_t skipped, struct hm_err *e)
{
	/* Where the pixels are less than the other columns, nothing is gained. */
	if (s->out && (s->kept > s->left || find_changed(s)))
		give_up(s);
	if (s->out && !s->why.code) {
		hm_writer_finish(s->out, skipped, &s->why);
		s->out = NULL;
	}
	return s->why.code ? hm_err_set(e, HM_EDATA, "%s", s->why.text) : 0;
}
