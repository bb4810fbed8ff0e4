/* The loops: every tool, every kind of output, one fault at the k-th place, k = 1, 2, ... until a run meets
 * none.
 *
 * loops [-j N] [-s STEP] [-o OFFSET] [-c CAP] [-f N] [-k KIND,...] [-n NAME,...] [-1 K] [-v]
 *       TABLE INPUTS WORK SHIM
 *
 * -s: only every STEP-th k, from OFFSET. -c: at most so many places of a case and kind, evenly: then only
 * every n-th k, from OFFSET modulo n, so that an OFFSET that grows tries all in time. -f: only the first N
 * places. -1: only that k, with all that is said. -n: cases whose names begin so. Prints each wrong run, a
 * line per case and kind with -v, and totals; exit 1 when a run is wrong. */
#include "loops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void add_tally(struct tally *to, const struct tally *t)
{
	to->places += t->places;
	to->runs += t->runs;
	to->met += t->met;
	for (int v = 0; v <= V_WRONG; v++)
		to->verdict[v] += t->verdict[v];
}

static void print_tally(const char *name, const struct tally *t)
{
	printf("%-34s %6ld of %6ld places: %ld runs met a fault, %ld right, %ld refused, %ld killed, %ld "
	       "wrong\n",
	       name, t->runs, t->places, t->met, t->verdict[V_RIGHT] + t->verdict[V_UNTOUCHED],
	       t->verdict[V_REFUSED], t->verdict[V_KILLED], t->verdict[V_WRONG]);
}

/* Lines per case and kind where they are wanted, per tool, per kind, and in all. Returns how many are wrong.
 */
static long print_totals(const struct loops *l)
{
	struct tally all = {0};
	char name[128];
	for (int i = 0; i < l->table.n; i++)
		for (int k = 0; k < KINDS; k++) {
			const struct tally *t = &l->shared->tally[i][k];
			snprintf(name, sizeof name, "%s %s", l->table.row[i].name, kind_rows[k].name);
			if (t->runs && l->verbose)
				print_tally(name, t);
			add_tally(&all, t);
		}
	for (int i = 0; i < l->table.n; i++) {
		struct tally tool = {0};
		const char *named = l->table.row[i].tool;
		bool before = false;
		for (int j = 0; j < i; j++)
			before |= !strcmp(named, l->table.row[j].tool);
		for (int j = i; !before && j < l->table.n; j++)
			for (int k = 0; k < KINDS && !strcmp(named, l->table.row[j].tool); k++)
				add_tally(&tool, &l->shared->tally[j][k]);
		if (tool.runs)
			print_tally(named, &tool);
	}
	for (int k = 0; k < KINDS; k++) {
		struct tally kind = {0};
		for (int i = 0; i < l->table.n; i++)
			add_tally(&kind, &l->shared->tally[i][k]);
		if (kind.runs)
			print_tally(kind_rows[k].says, &kind);
	}
	print_tally("all", &all);
	return all.runs ? all.verdict[V_WRONG] : 1;
}

static void read_options(struct loops *l, int argc, char **argv)
{
	*l = (struct loops){.jobs = 1, .step = 1, .kinds = (1u << KINDS) - 1, .name = ""};
	for (int o; (o = getopt(argc, argv, "j:s:o:c:f:k:n:1:v")) != -1;)
		switch (o) {
		case 'j':
			l->jobs = (int)strtol(optarg, NULL, 10);
			break;
		case 's':
			l->step = strtol(optarg, NULL, 10);
			break;
		case 'o':
			l->offset = strtol(optarg, NULL, 10);
			break;
		case 'f':
			l->first = strtol(optarg, NULL, 10);
			break;
		case 'c':
			l->cap = strtol(optarg, NULL, 10);
			break;
		case 'k':
			l->kinds = find_kinds(optarg);
			if (!l->kinds)
				end_loops("no such kind of fault");
			break;
		case 'n':
			l->name = optarg;
			break;
		case '1':
			l->only = strtol(optarg, NULL, 10);
			break;
		case 'v':
			l->verbose++;
			break;
		default:
			exit(2);
		}
	if (argc - optind != 4 || l->jobs < 1 || l->step < 1)
		end_loops("TABLE INPUTS WORK SHIM");
	l->inputs = argv[optind + 1];
	l->work = argv[optind + 2];
	l->shim = argv[optind + 3];
	read_table(&l->table, argv[optind], l->inputs);
	if (l->table.n > CASES)
		end_loops("more than %d cases", CASES);
}

int main(int argc, char **argv)
{
	struct loops l;
	int status, failed = 0;
	read_options(&l, argc, argv);
	l.shared = mmap(NULL, sizeof *l.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l.shared == MAP_FAILED)
		end_loops("no memory");
	for (int i = 0; i < l.jobs; i++)
		if (!fork()) {
			work_on(&l, i);
			exit(0);
		}
	while (wait(&status) > 0)
		failed |= status;
	return print_totals(&l) || failed;
}
