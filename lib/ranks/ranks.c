/* Opening, closing and what is made of exchanges. See ranks.h. */
#include "ranks/ranks.h"
#include "base/mem.h"
#include "base/plugin.h"
#include "ranks/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 28 }; /* bytes of one exchange */

static const struct hm_plugin plugin = {.file = "libhm_mpi.so",
					.env = "HM_MPI_PLUGIN",
					.symbol = HM_TRANSPORT_SYMBOL,
					.noun = "--parallel mpi",
					.global = true}; /* Open MPI opens libraries of its own */

int hm_ranks_open(struct hm_ranks *r, const char *name, struct hm_err *e)
{
	*r = (struct hm_ranks){.size = 1, .locals = 1, .sharing = 1};
	if (strcmp(name, "mpi"))
		return hm_err_set(e, HM_EUSAGE, "there is no transport '%s'", name);
	const struct hm_transport *by = hm_plugin_load(&plugin, e);
	if (!by)
		return HM_EDEVICE;
	if (strcmp(by->version, HM_VERSION) || by->bytes != sizeof *by)
		return hm_plugin_refuse(&plugin, by->version, e);
	return hm_ranks_join(r, by, e);
}

int hm_ranks_join(struct hm_ranks *r, const struct hm_transport *by, struct hm_err *e)
{
	*r = (struct hm_ranks){.by = by};
	int rc = by->open(&r->rank, &r->size, e);
	if (!rc && r->size > HM_RANKS_MOST)
		rc = hm_err_set(e, HM_EDATA, "%d ranks, %d is the limit", r->size, HM_RANKS_MOST);
	return rc ? rc : hm_peers_meet(r, e);
}

void hm_ranks_close(struct hm_ranks *r, bool failed)
{
	struct hm_err ignored = {0};
	if (!r->by)
		return;
	hm_peers_leave(r);
	if (failed)
		r->by->end_all(1);
	hm_peers_part(r);
	hm_ranks_gather_each(r, (char[HM_RANKS_MOST]){0}, 1,
			     &ignored); /* nobody ends before all watch no longer */
	r->by->close();
	*r = (struct hm_ranks){.size = 1, .locals = 1, .sharing = 1};
}

int hm_ranks_exchange(struct hm_ranks *r, int to, const void *send, size_t out, int from, void *receive,
		      size_t in, struct hm_err *e)
{
	const char *s = send;
	char *d = receive;
	do { /* both sides of each pair know how many pieces it takes; nobody waits for an empty one */
		size_t o = out < PIECE ? out : PIECE, i = in < PIECE ? in : PIECE;
		if (r->by->exchange(o ? to : -1, s, o, i ? from : -1, d, i, e))
			return HM_EDATA;
		r->sent += o;
		s += o, out -= o;
		d += i, in -= i;
	} while (out || in);
	return 0;
}

/* In a ring: in step k a rank passes on what it got in step k-1. */
int hm_ranks_gather(struct hm_ranks *r, void *all, const size_t *from, struct hm_err *e)
{
	int n = hm_ranks_size(r);
	for (int k = 0; k < n - 1; k++) {
		int give = (r->rank - k + n) % n, get = (r->rank - k - 1 + n) % n;
		if (hm_ranks_exchange(r, (r->rank + 1) % n, (char *)all + from[give],
				      from[give + 1] - from[give], (r->rank + n - 1) % n,
				      (char *)all + from[get], from[get + 1] - from[get], e))
			return HM_EDATA;
	}
	return 0;
}

int hm_ranks_gather_each(struct hm_ranks *r, void *all, size_t bytes, struct hm_err *e)
{
	int n = hm_ranks_size(r), rc = 0;
	size_t *from = n > 1 ? hm_alloc((size_t)n + 1, sizeof *from, e) : NULL;
	if (n == 1)
		return 0;
	if (!from)
		return HM_EDATA;
	for (int k = 0; k <= n; k++)
		from[k] = (size_t)k * bytes;
	rc = hm_ranks_gather(r, all, from, e);
	free(from);
	return rc;
}

/* What a rank says of itself in hm_ranks_agree. */
struct word {
	int32_t rc;
	struct hm_err err;
};

int hm_ranks_agree(struct hm_ranks *r, int rc, struct hm_err *e)
{
	int n = hm_ranks_size(r), first = -1, failed = 0;
	bool alike = true;
	struct hm_err none = {0};
	struct word *all = n > 1 ? hm_alloc((size_t)n, sizeof *all, &none) : NULL;
	if (n == 1)
		return rc;
	if (!all)
		return hm_err_pass(e, &none);
	all[r->rank].rc = rc;
	if (rc)
		all[r->rank].err = *e;
	if (hm_ranks_gather_each(r, all, sizeof *all, &none)) {
		free(all);
		return rc ? rc : hm_err_pass(e, &none);
	}
	for (int k = 0; k < n; k++) {
		if (!all[k].rc)
			continue;
		failed++;
		first = first < 0 ? k : first;
		alike = alike && !strcmp(all[k].err.text, all[first].err.text);
	}
	if (failed) {
		rc = all[first].rc;
		*e = all[first].err;
		if (failed < n || !alike)
			hm_err_prefix(e, "rank %d", first);
	}
	free(all);
	return rc;
}
