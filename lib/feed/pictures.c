/* Records and their pictures on worker threads: see pictures.h. */
#include "feed/pictures.h"
#include "base/ring.h"
#include "feed/columns.h"
#include "json/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One record on its way: read, prepared by a worker, given back in its turn. */
struct slot {
	struct hm_batch rec; /* of one */
	uint8_t *pixels;     /* [3,size,size] */
	bool failed_before;  /* it came with an error */
	bool empty;	     /* no picture: it came with an error, or got one */
	struct hm_err e;
	struct hm_err damage; /* of a picture that was read nevertheless */
};

#define FLIGHT_BYTES ((size_t)64 << 20) /* of records that wait, pixels not counted */

struct hm_pictures {
	struct hm_join *in;
	const struct hm_imageroot *root;
	struct hm_imageload_options want;
	struct hm_schema schema; /* of the output */
	int id, img, error, old; /* columns of the input, -1: none */
	int pixels_to, error_to; /* columns of the output */
	int threads;
	struct hm_imagebudget budget;
	struct hm_imageload **load; /* one per thread */
	struct hm_ring *ring;	    /* of struct slot */
	uint8_t *zero;		    /* [3,size,size] */
	size_t bytes;		    /* of pixels */
	uint64_t done;		    /* records */
	struct hm_val val[HM_MAX_FIELDS];
	char why[1024];
};

static int find_columns(struct hm_pictures *p, bool replace, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(p->in);
	const char *name = hm_join_name(p->in);
	p->id = hm_column_at(s, HM_COLUMN_ID);
	if (p->id >= 0 && s->field[p->id].dtype != HM_UTF8)
		p->id = -1;
	p->old = hm_column_at(s, HM_COLUMN_PIXELS);
	if (hm_column_need(s, HM_COLUMN_IMG, &p->img, e) || hm_column_find(s, HM_COLUMN_ERROR, &p->error, e))
		return hm_err_prefix(e, "%s", name);
	if (p->old >= 0 && !replace)
		return hm_err_set(e, HM_EDATA,
				  "%s: column \"pixels\" exists already (--replace to replace it)", name);
	return 0;
}

static int make_schema(struct hm_pictures *p, bool error, struct hm_err *e)
{
	const struct hm_square *square = &p->want.square;
	const int64_t dim[3] = {3, square->size, square->size};
	if (hm_schema_copy(&p->schema, hm_join_schema(p->in), e))
		return HM_EDATA;
	if (p->old >= 0)
		hm_schema_remove(&p->schema, p->old);
	cJSON *attr = hm_json_object(e);
	hm_square_describe(square, attr, e);
	p->pixels_to = hm_schema_add(&p->schema, hm_column_name(HM_COLUMN_PIXELS), HM_U8, 3, dim, attr, e);
	p->error_to = hm_column_at(&p->schema, HM_COLUMN_ERROR);
	if (p->pixels_to >= 0 && p->error_to < 0 && error)
		p->error_to =
			hm_schema_add(&p->schema, hm_column_name(HM_COLUMN_ERROR), HM_UTF8, 0, NULL, NULL, e);
	return e->code;
}

/* Takes the next record into a slot. */
static int read_record(void *pictures, void *slot, size_t *bytes, struct hm_err *e)
{
	struct hm_pictures *p = pictures;
	struct slot *s = slot;
	struct hm_rec rec;
	int more = hm_join_next(p->in, &rec, e);
	if (more != 1)
		return more;
	hm_batch_reset(&s->rec);
	if (hm_batch_add(&s->rec, &rec, e))
		return HM_EDATA;
	*bytes = s->rec.bytes;
	s->e = s->damage = (struct hm_err){0};
	s->failed_before = s->empty = p->error >= 0 && rec.val[p->error].count;
	return 1;
}

/* On a worker. */
static void prepare_picture(void *pictures, void *slot, int worker)
{
	const struct hm_pictures *p = pictures;
	struct slot *s = slot;
	const struct hm_val *img = &s->rec.rec[0].val[p->img];
	if (s->failed_before)
		return;
	s->empty = hm_imageload_run(p->load[worker], p->root, img->data, img->count, &p->want, s->pixels,
				    &s->e) != 0;
	const char *damage = hm_imageload_damage(p->load[worker]);
	if (!s->empty && damage)
		hm_err_set(&s->damage, HM_EDATA, "%s", damage);
}

static int make_ring(struct hm_pictures *p, struct hm_workers *w, struct hm_err *e)
{
	const struct hm_ring_config c = {.workers = w,
					 .slots = 4 * p->threads,
					 .slot_size = sizeof(struct slot),
					 .max_bytes = FLIGHT_BYTES,
					 .ctx = p,
					 .work = prepare_picture,
					 .fill = read_record};
	struct slot *s;
	p->load = hm_alloc((size_t)p->threads, sizeof *p->load, e);
	p->zero = hm_alloc(p->bytes, 1, e);
	p->ring = hm_ring_new(&c, e);
	for (int i = 0; !e->code && i < p->threads; i++)
		p->load[i] = hm_imageload_new(&p->budget, e);
	for (int i = 0; !e->code && (s = hm_ring_slot(p->ring, i)); i++)
		s->pixels = hm_alloc(p->bytes, 1, e);
	return e->code;
}

struct hm_pictures *hm_pictures_new(struct hm_join *in, const struct hm_imageroot *root,
				    const struct hm_pictures_options *o, struct hm_workers *w,
				    struct hm_err *e)
{
	struct hm_pictures *p = hm_alloc(1, sizeof *p, e);
	size_t side = (size_t)o->load.square.size;
	if (!p)
		return NULL;
	hm_imagebudget_init(&p->budget);
	p->in = in;
	p->root = root;
	p->want = o->load;
	p->threads = hm_workers_count(w);
	p->bytes = 3 * side * side;
	int rc = find_columns(p, o->replace, e);
	if (!rc)
		rc = make_schema(p, o->error, e);
	if (!rc)
		rc = make_ring(p, w, e);
	if (!rc)
		return p;
	hm_pictures_free(p);
	return NULL;
}

const struct hm_schema *hm_pictures_schema(const struct hm_pictures *p)
{
	return &p->schema;
}

/* Bytes of a text that a message shows: whole characters. */
static int count_shown(const struct hm_val *text)
{
	return (int)hm_utf8_check(text->data, text->count < 200 ? text->count : 200);
}

/* p->why := the path and the reason `e`; *out := the same with file and record. */
static void describe_picture(struct hm_pictures *p, const struct slot *s, const struct hm_err *e,
			     struct hm_err *out)
{
	const struct hm_rec *rec = &s->rec.rec[0];
	const struct hm_val *img = &rec->val[p->img];
	snprintf(p->why, sizeof p->why, "%.*s: %s", count_shown(img), (const char *)img->data, e->text);
	hm_record_error(hm_join_name(p->in), p->done, p->id >= 0 ? &rec->val[p->id] : NULL, p->why, out);
	out->machine = e->machine;
}

int hm_pictures_next(struct hm_pictures *p, struct hm_picture *out, struct hm_err *e)
{
	void *slot;
	int more = hm_ring_next(p->ring, &slot, e);
	if (more != 1)
		return more;
	const struct slot *s = slot;
	const struct hm_rec *rec = &s->rec.rec[0];
	*out = (struct hm_picture){.val = p->val};
	if (s->damage.code)
		describe_picture(p, s, &s->damage, &out->damage);
	*p->why = 0;
	if (s->e.code)
		describe_picture(p, s, &s->e, &out->failure);
	for (int i = 0, n = 0; i < rec->schema->n; i++)
		if (i != p->old)
			p->val[n++] = rec->val[i];
	p->val[p->pixels_to] = (struct hm_val){s->empty ? p->zero : s->pixels, p->bytes};
	if (p->error_to >= 0 && (s->e.code || p->error < 0))
		p->val[p->error_to] = (struct hm_val){p->why, strlen(p->why)};
	p->done++;
	return 1;
}

static void clear_slot(void *slot)
{
	struct slot *s = slot;
	hm_batch_clear(&s->rec);
	free(s->pixels);
}

void hm_pictures_free(struct hm_pictures *p)
{
	if (!p)
		return;
	hm_ring_free(p->ring, clear_slot);
	for (int i = 0; p->load && i < p->threads; i++)
		hm_imageload_free(p->load[i]);
	free(p->load);
	hm_imagebudget_clear(&p->budget);
	free(p->zero);
	hm_schema_clear(&p->schema);
	free(p);
}
