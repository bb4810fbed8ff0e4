/* A training of several processes: meeting, what all must have alike, how a failure of one ends all. See
 * fuse.h. */
#include "base/signals.h"
#include "base/xxh3.h"
#include "fuse.h"
#include "json/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a rank that ends */

/* Runs in the watch's thread. Of the ranks that are left on this machine the lowest speaks: the first one, or
 * the second if the first has ended. The launcher ends those on other machines. */
static void end_without(void *ctx, const struct hm_ranks *ranks, int rank)
{
	struct hm_fuse *r = ctx;
	if (ranks->local == 0 || (ranks->local == 1 && rank < ranks->rank)) {
		r->cli.silent = false;
		hm_cli_error(&r->cli, "rank %d has ended, so all ranks end%s%s%s", rank,
			     r->o.checkpoint ? "; --checkpoint " : "", r->o.checkpoint ? r->o.checkpoint : "",
			     r->o.checkpoint ? " --resume goes on from its last state" : "");
	} else {
		sleep(1);
	}
	_exit(1);
}

static void end_now(int number)
{
	(void)number;
	_exit(128 + SIGTERM);
}

/* When a rank dies, the launcher sends the others SIGTERM at once; there must be time to say which. */
static void end_soon(int number)
{
	(void)number;
	alarm(1);
}

static void delay_sigterm(void)
{
	struct sigaction now = {.sa_handler = end_now},
			 soon = {.sa_handler = end_soon, .sa_flags = SA_RESTART};
	sigemptyset(&now.sa_mask);
	sigemptyset(&soon.sa_mask);
	hm_signal_handle(SIGALRM, &now);
	hm_signal_handle(SIGTERM, &soon);
}

static bool reads_stdin(const struct hm_fuse *r)
{
	bool found = !r->cli.n_operands;
	for (int i = 0; i < r->cli.n_operands; i++)
		found |= !strcmp(r->cli.operands[i], "-");
	for (int i = 0; i < r->o.val.n; i++)
		found |= !strcmp(r->o.val.item[i], "-");
	return found;
}

int hm_fuse_join(struct hm_fuse *r, struct hm_err *e)
{
	char by[96];
	delay_sigterm();
	if (hm_ranks_open(&r->ranks, "mpi", e))
		return e->code;
	if (!hm_ranks_lead(&r->ranks)) {
		r->cli.silent = true;
		r->o.log = NULL;
	}
	r->ranks.by->describe(by, sizeof by);
	hm_cli_debug(&r->cli, "%d ranks over %s", r->ranks.size, by);
	hm_ranks_watch(&r->ranks, end_without, r);
	if (r->ranks.size > 1 && reads_stdin(r))
		return hm_err_set(
			e, HM_EUSAGE,
			"several ranks read files, not standard input, which mpirun gives to rank 0 "
			"alone");
	return 0;
}

void hm_fuse_leave(struct hm_fuse *r, int rc, struct hm_err *e)
{
	if (rc && r->training) {
		if (r->ranks.rank) /* where all fail alike, rank 0 speaks and ends this sleep by its signal */
			r->cli.silent = sleep(2) > 0;
		hm_err_prefix(e, "rank %d", r->ranks.rank);
		hm_cli_error(&r->cli, "%s; all ranks end", e->text);
		hm_ranks_close(&r->ranks, true);
	}
	hm_cli_stat(&r->cli, "ranks", r->ranks.size);
	hm_ranks_close(&r->ranks, false);
}

/* ---- what all must have alike */

struct setting {
	int32_t peeked, threads;
	int64_t micro;
};

int hm_fuse_share(struct hm_fuse *r, int peeked, double *threads, struct hm_err *e)
{
	struct hm_ranks *ranks = &r->ranks;
	int size = ranks->size, rc = peeked < 0 ? peeked : 0;
	int64_t jobs = r->cli.jobs_given ? r->cli.jobs : r->cli.jobs / ranks->sharing;
	double micro = 0;
	struct setting *all = hm_alloc((size_t)size, sizeof *all, rc ? NULL : e), *own = all + ranks->rank;
	if (!all)
		return HM_EDATA;
	if (peeked == 0 && !r->o.recipe.micro_batch) {
		struct hm_err none = {0}; /* a checkpoint without parts: the comparison will say it */
		if (!hm_checkpoint_peek(r->o.checkpoint, "micro-batch", &micro, &none))
			r->o.recipe.micro_batch = (int64_t)micro;
	}
	if (!r->o.recipe.micro_batch)
		r->o.recipe.micro_batch = (r->o.recipe.batch_size + size - 1) / size;
	if (!r->o.memory)
		r->options.memory /= (size_t)ranks->locals;
	*own = (struct setting){peeked, peeked ? (int32_t)(jobs > 0 ? jobs : 1) : (int32_t)*threads,
				r->o.recipe.micro_batch};
	rc = hm_ranks_agree(ranks, rc, e);
	if (!rc)
		rc = hm_ranks_gather_each(ranks, all, sizeof *all, e);
	*threads = own->threads;
	for (int k = 0; k < size && !rc; k++) {
		if (all[k].peeked != all[0].peeked)
			rc = hm_err_set(e, HM_EDATA,
					"rank %d %s a checkpoint and rank 0 %s: it must lie where all "
					"machines see it, and all ranks need the same options",
					k, all[k].peeked ? "does not go on from" : "goes on from",
					all[k].peeked ? "does" : "does not");
		if (all[k].threads < *threads)
			*threads = all[k].threads;
	}
	hm_cli_debug(&r->cli, "-j %d, --micro-batch %" PRId64, (int)*threads, own->micro);
	free(all);
	return rc ? hm_ranks_agree(ranks, rc, e) : peeked;
}

/* What a rank is about to train, and on what. */
struct plan {
	char train[33], val[33];
	uint64_t identity, processor;
	int64_t checkpoint; /* when it writes checkpoints, for which all ranks exchange moments and signals:
			       0: never, 1: after epochs, 1 + N: also after every N steps */
	char device[96];
};

int hm_fuse_compare(struct hm_fuse *r, struct hm_err *e)
{
	struct hm_buf text = {0};
	const struct hm_setup *s = &r->setup;
	int size = r->ranks.size, rc;
	struct plan *all = hm_alloc((size_t)size, sizeof *all, e), *own = all + r->ranks.rank;
	if (!all)
		return HM_EDATA;
	rc = hm_json_line(hm_json_copy(r->identity, e), &text, e);
	if (!rc) {
		memcpy(own->train, s->train.digest, sizeof own->train);
		memcpy(own->val, s->val.digest, sizeof own->val);
		own->identity = XXH3_64bits(text.data, text.len);
		own->processor = hm_device_processor(r->device);
		own->checkpoint = r->o.checkpoint ? 1 + r->o.checkpoint_steps : 0;
		hm_device_describe(r->device, own->device, sizeof own->device);
	}
	hm_buf_clear(&text);
	rc = hm_ranks_agree(&r->ranks, rc, e);
	if (!rc)
		rc = hm_ranks_gather_each(&r->ranks, all, sizeof *all, e);
	bool mixed = false;
	for (int k = 1; k < size && !rc; k++) {
		if (strcmp(all[k].train, all[0].train))
			rc = hm_err_set(e, HM_EDATA, "rank %d has other training data than rank 0", k);
		else if (strcmp(all[k].val, all[0].val))
			rc = hm_err_set(e, HM_EDATA, "rank %d has other validation data than rank 0", k);
		else if (all[k].identity != all[0].identity || all[k].checkpoint != all[0].checkpoint)
			rc = hm_err_set(e, HM_EDATA, "rank %d has other options or encoders than rank 0", k);
		mixed |= all[k].processor != all[0].processor || strcmp(all[k].device, all[0].device);
	}
	if (!rc && mixed)
		hm_cli_notice(&r->cli,
			      "the ranks run on different kinds of processors or versions of their "
			      "libraries: the last bits of the model depend on which rank runs where");
	free(all);
	return rc;
}
