/* A worker of the fault loops: takes cases and kinds, tries places, counts what came of them. */
#include "loops.h"
#include "syscalls.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 3 }; /* wrong runs of a case and kind that are printed */

/* A worker: its folder, its page, the tool that waits. */
struct worker {
	const struct loops *l;
	const struct case_row *c;
	char folder[400], page_path[400];
	struct shim_page *page;
	struct server tool, second;
	struct outcome good;
	struct snapshot before;
};

/* The folder as the case begins. */
static void fill_folder(const struct worker *w)
{
	char path[1024];
	empty_folder(w->folder);
	for (int i = 0; i < w->c->n_from; i++)
		copy_folder(w->c->from[i], w->folder);
	for (int i = 0; i < w->c->n_old; i++) {
		snprintf(path, sizeof path, "%s/%s", w->folder, w->c->old[i]);
		FILE *f = fopen(path, "w");
		if (!f || fputs("the old one\n", f) < 0 || fclose(f))
			end_loops("%s: cannot write", path);
	}
}

static void run_case(const struct worker *w, enum kind kind, long k, struct outcome *o)
{
	fill_folder(w);
	snprintf(w->page->in, sizeof w->page->in, "%s", w->c->in);
	run_tool(&w->tool, w->page, kind, k, o);
}

/* Where the fault was, in words. */
static const char *say_place(const struct worker *w, enum kind kind, const struct outcome *o, char *out,
			     size_t cap)
{
	if (kind == K_ALLOC || kind == K_ALLOC_EVER)
		snprintf(out, cap, "%s(%zu) at %s+0x%lx", w->page->what, w->page->size, w->page->object,
			 w->page->caller);
	else if (o->row >= 0)
		snprintf(out, cap, "%s of %s", syscall_rows[o->row].name, *o->path ? o->path : "-");
	else
		snprintf(out, cap, "no fault met");
	return out;
}

static void say_wrong(const struct worker *w, enum kind kind, long k, const struct outcome *o,
		      const struct judgement *j, const char *place)
{
	char line[4096];
	int n = snprintf(line, sizeof line, "%s: %s, k=%ld: %s | %s | exit %d, says: %.600s", w->c->name,
			 kind_rows[kind].name, k, j->verdict == V_WRONG ? j->why : "allowed", place,
			 o->status, o->err);
	n = n < (int)sizeof line - 1 ? n : (int)sizeof line - 2;
	for (int i = 0; i < n; i++)
		if (line[i] == '\n')
			line[i] = '/';
	line[n] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)n + 1) < 0)
		exit(2);
}

/* One place: the run, what may be said of it, and the call after it. */
static void try_place(struct worker *w, enum kind kind, long k)
{
	struct outcome o, second;
	struct judgement j;
	char place[512];
	struct tally *t = &w->l->shared->tally[w->c - w->l->table.row][kind];
	run_case(w, kind, k, &o);
	say_place(w, kind, &o, place, sizeof place);
	judge_run(w->c, kind, &w->before, &w->good, &o, &j);
	if (w->c->again &&
	    (j.verdict == V_REFUSED || j.verdict == V_KILLED || (j.verdict == V_RIGHT && o.failed))) {
		snprintf(w->page->in, sizeof w->page->in, "%s", w->c->then_in ? w->c->then_in : w->c->in);
		run_tool(w->second.pid ? &w->second : &w->tool, w->page, K_ALLOC, 0, &second);
		judge_second(w->c, &w->good, &o, &second, &j);
		if (j.verdict == V_WRONG)
			say_wrong(w, kind, k, &second, &j, "what follows");
		free_outcome(&second);
	}
	t->runs++;
	t->met += o.failed > 0;
	long seen = t->verdict[j.verdict]++;
	if ((j.verdict == V_WRONG && (seen < SHOWN || w->l->verbose > 1)) || w->l->only)
		say_wrong(w, kind, k, &o, &j, place);
	free_outcome(&o);
}

/* The places of this case and kind that are tried: k = first, first + step, ... */
static long choose_step(const struct loops *l, long places)
{
	long step = l->step;
	if (l->cap && (places + step - 1) / step > l->cap)
		step = (places + l->cap - 1) / l->cap;
	return step;
}

static void run_unit(struct worker *w, enum kind kind, int part)
{
	const struct loops *l = w->l;
	const bool few = l->cap || l->first || l->only; /* not worth the workers' sharing them */
	struct outcome count;
	if (few && part)
		return;
	run_case(w, kind, 0, &count);
	long places = count.places, step = choose_step(l, places), tried = 0;
	free_outcome(&count);
	struct tally *t = &l->shared->tally[w->c - l->table.row][kind];
	if (!part)
		t->places = places;
	if (l->only) {
		try_place(w, kind, l->only);
		return;
	}
	/* one more than there are: a run that meets no fault */
	long last = l->first && l->first < places ? l->first : places + (step == 1);
	for (long k = 1 + l->offset % step; k <= last; k += step)
		if (few || tried++ % PARTS == part)
			try_place(w, kind, k);
}

static void begin_case(struct worker *w)
{
	const struct case_row *c = w->c;
	start_server(&w->tool, c->argv, w->l->shim, w->page_path);
	if (c->then[0])
		start_server(&w->second, c->then, w->l->shim, w->page_path);
	fill_folder(w);
	take_snapshot(&w->before, w->folder);
	run_case(w, K_ALLOC, 0, &w->good);
	if (w->good.status != c->status)
		end_loops("%s: exit %d without a fault: %s", c->name, w->good.status, w->good.err);
}

static void end_case(struct worker *w)
{
	stop_server(&w->tool);
	stop_server(&w->second);
	free_outcome(&w->good);
	free_snapshot(&w->before);
}

/* Is `name` among the cases that were asked for: does it begin as one of the list? */
static bool is_asked_for(const char *list, const char *name)
{
	for (const char *at = list;; at += strcspn(at, ",") + 1) {
		size_t n = strcspn(at, ",");
		if (!strncmp(at, name, n))
			return true;
		if (!at[n])
			return false;
	}
}

static void catch_alarm(int signal)
{
	(void)signal;
	time_is_up = 1;
}

void work_on(const struct loops *l, int number)
{
	struct worker w = {.l = l};
	sigaction(SIGALRM, &(struct sigaction){.sa_handler = catch_alarm}, NULL);
	snprintf(w.folder, sizeof w.folder, "%s/run.%d", l->work, number);
	snprintf(w.page_path, sizeof w.page_path, "%s/page.%d", l->work, number);
	mkdir(w.folder, 0777);
	int fd = open(w.page_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, sizeof *w.page))
		end_loops("%s: cannot write", w.page_path);
	w.page = mmap(NULL, sizeof *w.page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (w.page == MAP_FAILED)
		end_loops("%s: cannot map", w.page_path);
	snprintf(w.page->folder, sizeof w.page->folder, "%s", w.folder);
	snprintf(w.page->out, sizeof w.page->out, "%s/out.%d", l->work, number);
	snprintf(w.page->err, sizeof w.page->err, "%s/err.%d", l->work, number);
	int units = l->table.n * KINDS * PARTS;
	for (int u; (u = l->shared->next++) < units;) {
		const struct case_row *c = &l->table.row[u / (KINDS * PARTS)];
		enum kind kind = (enum kind)(u / PARTS % KINDS);
		if (!(c->kinds & l->kinds & 1u << kind) || !is_asked_for(l->name, c->name))
			continue;
		if (w.c != c) {
			if (w.c)
				end_case(&w);
			w.c = c;
			begin_case(&w);
		}
		run_unit(&w, kind, u % PARTS);
	}
	if (w.c)
		end_case(&w);
	empty_folder(w.folder);
}
