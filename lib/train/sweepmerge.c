/* Joining the parts of a sweep. See sweepmerge.h. */
#include "train/sweepmerge.h"
#include "base/fd.h"
#include "train/identity.h"
#include "train/sweeppart.h"
#include "train/sweeptable.h"
#include "train/sweepwrite.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the parts that are there ---- */

struct part {
	uint64_t i, n;
};

static int by_number(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* list := a struct part for each file in the folder that is named as one, in order. */
static int list_parts(const char *folder, struct hm_buf *list, struct hm_err *e)
{
	const struct dirent *entry;
	char name[HM_SWEEP_PART_NAME];
	DIR *d = hm_fd_list(folder);
	if (!d)
		return hm_err_system(e, errno, "%s: %s", folder, strerror(errno));
	int rc = 0;
	while (!rc && (errno = 0, entry = readdir(d))) {
		struct part p;
		if (sscanf(entry->d_name, HM_SWEEP_TABLE ".%" SCNu64 "of%" SCNu64 ".jsonl", &p.i, &p.n) ==
			    2 &&
		    !strcmp(hm_sweep_part_name(p.i, p.n, name), entry->d_name))
			rc = hm_buf_add(list, &p, sizeof p, e);
	}
	if (!rc && errno)
		rc = hm_err_system(e, errno, "%s: %s", folder, strerror(errno));
	closedir(d);
	if (list->len)
		qsort(list->data, list->len / sizeof(struct part), sizeof(struct part), by_number);
	return rc;
}

/* *missing := the first part that is not there, or their number. HM_EDATA: parts of different divisions. */
static int find_missing(const char *folder, const struct part *p, size_t n, uint64_t *missing,
			struct hm_err *e)
{
	char one[HM_SWEEP_PART_NAME], other[HM_SWEEP_PART_NAME];
	const struct part *last = &p[n - 1];
	if (p->n != last->n)
		return hm_err_set(e, HM_EDATA,
				  "%s: %s and %s are parts of different divisions: remove those that are not "
				  "of this sweep",
				  folder, hm_sweep_part_name(p->i, p->n, one),
				  hm_sweep_part_name(last->i, last->n, other));
	if (last->i >= last->n)
		return hm_err_set(e, HM_EDATA, "%s/%s: there is no such part", folder,
				  hm_sweep_part_name(last->i, last->n, one));
	for (*missing = 0; *missing < n && p[*missing].i == *missing;)
		++*missing;
	return 0;
}

/* Reads these parts; checks that they are of one call, which goes to *c. */
static int read_parts(struct hm_sweep *s, const char *folder, const struct part *p, size_t n,
		      struct hm_sweep_call *c, struct hm_err *e)
{
	char one[HM_SWEEP_PART_NAME], first[HM_SWEEP_PART_NAME];
	struct hm_identity_difference d;
	int rc = 0;
	for (size_t k = 0; k < n && !rc; k++) {
		struct hm_sweep_call call;
		s->part = p[k].i;
		s->parts = p[k].n;
		rc = hm_sweep_part_read(s, k ? &call : c, folder, e);
		if (!k)
			continue;
		if (!rc && (hm_identity_differs(c->identity, call.identity, NULL, &d)))
			rc = hm_err_set(e, HM_EDATA,
					"%s/%s: it is of another call than %s: %s is %s in it and %s there",
					folder, hm_sweep_part_name(p[k].i, p[k].n, one),
					hm_sweep_part_name(p->i, p->n, first), d.key, d.is, d.was);
		if (!rc && (call.by != c->by || call.keep != c->keep || strcmp(call.lines, c->lines) != 0))
			rc = hm_err_set(
				e, HM_EDATA,
				"%s/%s: it is of another call than %s: what the lines leave to the call "
				"differs",
				folder, hm_sweep_part_name(p[k].i, p[k].n, one),
				hm_sweep_part_name(p->i, p->n, first));
		cJSON_Delete(call.identity);
	}
	s->part = s->parts = 0;
	return rc;
}

/* The models to keep must be those that the parts were written for. */
static int check_models(const struct hm_sweep *s, const char *folder, const size_t *order, size_t keep,
			struct hm_err *e)
{
	char digest[HM_HEX];
	for (size_t i = 0; i < keep; i++) {
		const struct hm_sweep_item *t = &s->item[order[i]];
		if (!t->trained)
			continue;
		if (hm_sweep_model_digest(folder, t, digest, e))
			return HM_EDATA;
		if (strcmp(digest, t->model) != 0)
			return hm_err_set(e, HM_EDATA,
					  "%s/%s.safetensors: not the model that its part was written for",
					  folder, t->name);
	}
	return 0;
}

static int remove_parts(const char *folder, const struct part *p, size_t n, struct hm_err *e)
{
	char name[HM_SWEEP_PART_NAME];
	int rc = 0;
	for (size_t k = 0; k < n && !rc; k++)
		rc = hm_sweep_remove(folder, hm_sweep_part_name(p[k].i, p[k].n, name), "", e);
	return rc;
}

/* Whether leaderboard.csv is there and of this sweep. The parts that are left may be fewer than all. */
static int merged_before(struct hm_sweep *s, const char *folder, const struct part *p, size_t n, bool *before,
			 struct hm_err *e)
{
	struct hm_sweep_call c = {0};
	int rc = hm_sweep_table_there(folder, before, e);
	if (!rc && *before)
		rc = read_parts(s, folder, p, n, &c, e);
	if (!rc && *before)
		rc = hm_sweep_table_compare(s, folder, before, e);
	cJSON_Delete(c.identity);
	return rc;
}

/* ---- merging ---- */

static int refuse_missing(const char *folder, const struct part *p, size_t n, uint64_t missing,
			  struct hm_err *e)
{
	char name[HM_SWEEP_PART_NAME];
	if (!n)
		return hm_err_set(e, HM_EDATA,
				  "%s: it has no part of a sweep (" HM_SWEEP_TABLE
				  ".0ofN.jsonl) and no table of this one",
				  folder);
	return hm_err_set(e, HM_EDATA, "%s/%s: it is missing: --shard %" PRIu64 "/%" PRIu64 " writes it",
			  folder, hm_sweep_part_name(missing, p->n, name), missing, p->n);
}

/* All parts are there. */
static int merge_parts(struct hm_sweep *s, const char *folder, const struct part *p, size_t n, size_t *order,
		       struct hm_err *e)
{
	struct hm_sweep_call c = {0};
	int rc = read_parts(s, folder, p, n, &c, e);
	size_t keep = c.keep && c.keep < s->n ? c.keep : s->n;
	if (!rc)
		rc = hm_sweep_rank(s, c.by, order, e);
	if (!rc)
		rc = check_models(s, folder, order, keep, e);
	if (!rc)
		rc = hm_sweep_remove_old(s, order, keep, folder, e);
	if (!rc)
		rc = hm_sweep_write_table(s, c.by != HM_SWEEP_TRAIN_LOSS, order, folder, e);
	if (!rc)
		rc = remove_parts(folder, p, n, e);
	cJSON_Delete(c.identity);
	return rc;
}

int hm_sweep_merge(struct hm_sweep *s, const char *folder, size_t *order, struct hm_sweep_merged *m,
		   struct hm_err *e)
{
	struct hm_buf list = {0};
	uint64_t missing = 0;
	int rc = list_parts(folder, &list, e);
	const struct part *p = (const struct part *)(void *)list.data;
	size_t n = list.len / sizeof *p;
	*m = (struct hm_sweep_merged){.parts = n ? p->n : 0};
	if (!rc && n)
		rc = find_missing(folder, p, n, &missing, e);
	if (!rc && n && missing == p->n) {
		rc = merge_parts(s, folder, p, n, order, e);
	} else if (!rc) {
		rc = merged_before(s, folder, p, n, &m->before, e);
		if (!rc && !m->before)
			rc = refuse_missing(folder, p, n, missing, e);
		if (!rc)
			rc = remove_parts(folder, p, n, e);
	}
	hm_buf_clear(&list);
	return rc;
}
