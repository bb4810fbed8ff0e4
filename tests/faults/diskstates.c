/* Makes the states in which a loss of power can leave a folder: after each call that diskrecord.c wrote down,
 * what was not synced is there or lost. Contents that were not synced are lost, or there, or zeros of the new
 * length; names in folders that were not synced are the old ones or the new ones.
 *
 * diskstates LOG BEFORE OUT: BEFORE is a copy of the folder before the run, BEFORE.list the inodes of its
 * files, as `find -printf '%i %y %P\n'` lists them. Each state that differs from the others becomes OUT/N;
 * OUT/end is what is certain after the last call. */
#include "diskops.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST = 4000, ENTRIES = 64, STATES = 20000 };

struct bytes {
	unsigned char *p;
	size_t n;
};

struct entry {
	char name[256];
	int inode;
};

struct names {
	struct entry entry[ENTRIES];
	int n;
};

static struct inode {
	bool folder;
	struct bytes now, safe;		  /* contents: what programs see, what is certain */
	struct names *names, *safe_names; /* of a folder */
} inode[MOST];
static int inodes = 1;
static struct {
	uint64_t number;
	int inode;
} latest[MOST]; /* what inode a number is now */
static int numbers;
static uint64_t seen[STATES];
static int states;

static void stop_unless(bool good, const char *why)
{
	if (good)
		return;
	fprintf(stderr, "diskstates: %s\n", why);
	exit(2);
}

static void set_length(struct bytes *b, size_t n)
{
	b->p = realloc(b->p, n + 1);
	stop_unless(b->p != NULL, "no memory");
	if (n > b->n)
		memset(b->p + b->n, 0, n - b->n);
	b->n = n;
}

static void copy_bytes(struct bytes *to, const struct bytes *from)
{
	set_length(to, from->n);
	if (from->n)
		memcpy(to->p, from->p, from->n);
}

static int new_inode(uint64_t number, bool folder)
{
	int i = 0;
	stop_unless(inodes < MOST && numbers < MOST, "too many files");
	while (i < numbers && latest[i].number != number)
		i++;
	numbers += i == numbers;
	latest[i].number = number;
	latest[i].inode = inodes;
	inode[inodes].folder = folder;
	if (folder) {
		inode[inodes].names = calloc(1, sizeof(struct names));
		inode[inodes].safe_names = calloc(1, sizeof(struct names));
		stop_unless(inode[inodes].names && inode[inodes].safe_names, "no memory");
	}
	return inodes++;
}

/* 0: nothing that was there before or made by the run, such as a file elsewhere. */
static int find_inode(uint64_t number)
{
	for (int i = 0; i < numbers; i++)
		if (latest[i].number == number)
			return latest[i].inode;
	return 0;
}

static void set_name(struct names *in, const char *name, int to)
{
	int i = 0;
	while (i < in->n && strcmp(in->entry[i].name, name) != 0)
		i++;
	if (!to) {
		if (i < in->n)
			in->entry[i] = in->entry[--in->n];
		return;
	}
	stop_unless(i < ENTRIES, "too many names in a folder");
	in->n += i == in->n;
	snprintf(in->entry[i].name, sizeof in->entry[i].name, "%s", name);
	in->entry[i].inode = to;
}

static int find_name(const struct names *in, const char *name)
{
	for (int i = 0; i < in->n; i++)
		if (!strcmp(in->entry[i].name, name))
			return in->entry[i].inode;
	return 0;
}

/* ---- the state before ---- */

static void read_file(const char *path, struct bytes *b)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	stop_unless(f && !fstat(fileno(f), &st), path);
	set_length(b, (size_t)st.st_size);
	stop_unless(fread(b->p, 1, b->n, f) == b->n, path);
	fclose(f);
}

static void read_before(const char *before)
{
	char path[4096], name[2048], type;
	unsigned long long number;
	snprintf(path, sizeof path, "%s.list", before);
	FILE *f = fopen(path, "r");
	stop_unless(f != NULL, path);
	while (fgets(path, sizeof path, f)) {
		*name = 0;
		stop_unless(sscanf(path, "%llu %c %2047s", &number, &type, name) >= 2, "the list is wrong");
		int i = new_inode(number, type == 'd'), at = 1;
		for (char *part = name, *slash; *name && part; part = slash ? slash + 1 : NULL) {
			slash = strchr(part, '/');
			snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - part) : 2047, part);
			if (slash)
				at = find_name(inode[at].names, path);
			else
				set_name(inode[at].names, path, i), set_name(inode[at].safe_names, path, i);
		}
		snprintf(path, sizeof path, "%s/%s", before, name);
		if (type == 'f')
			read_file(path, &inode[i].now), copy_bytes(&inode[i].safe, &inode[i].now);
	}
	fclose(f);
}

/* ---- the states ---- */

enum contents { LOST, THERE, ZEROS, CONTENTS };

/* Writes a folder, or only adds it to the hash where `out` is NULL. */
static void write_state(int folder, enum contents contents, bool names, const char *out, uint64_t *hash)
{
	const struct names *in = names ? inode[folder].names : inode[folder].safe_names;
	char path[4096];
	stop_unless(!out || !mkdir(out, 0777), "cannot make a folder");
	for (int i = 0; i < in->n; i++) {
		const struct entry *e = &in->entry[i];
		const struct inode *of = &inode[e->inode];
		struct bytes b = {0};
		snprintf(path, sizeof path, "%s/%s", out ? out : "", e->name);
		for (const char *c = e->name; *c; c++)
			*hash = (*hash ^ (unsigned char)*c) * 0x100000001b3;
		if (of->folder) {
			write_state(e->inode, contents, names, out ? path : NULL, hash);
			continue;
		}
		copy_bytes(&b, contents == THERE ? &of->now : &of->safe);
		if (contents == ZEROS)
			set_length(&b, of->now.n);
		for (size_t k = 0; k < b.n; k++)
			*hash = (*hash ^ b.p[k]) * 0x100000001b3;
		*hash = (*hash ^ b.n ^ 0xff) * 0x100000001b3;
		FILE *f = out ? fopen(path, "wb") : NULL;
		stop_unless(!out || (f && fwrite(b.p, 1, b.n, f) == b.n && !fclose(f)), path);
		free(b.p);
	}
	*hash = (*hash ^ 0x2f) * 0x100000001b3;
}

static void write_states(const char *out)
{
	char path[4096];
	for (int contents = 0; contents < CONTENTS; contents++)
		for (int names = 0; names < 2; names++) {
			uint64_t hash = 0xcbf29ce484222325, again = hash;
			int i = 0;
			write_state(1, (enum contents)contents, names, NULL, &hash);
			while (i < states && seen[i] != hash)
				i++;
			if (i < states)
				continue;
			stop_unless(states < STATES, "too many states");
			seen[states++] = hash;
			snprintf(path, sizeof path, "%s/%d", out, states);
			write_state(1, (enum contents)contents, names, path, &again);
		}
}

static void apply_op(const struct diskop *op, const char *name, const char *other, const unsigned char *data)
{
	int a = op->kind == 'N' ? new_inode(op->a, op->b) : find_inode(op->a), b = find_inode(op->b);
	struct inode *of = &inode[a];
	if (!a)
		return;
	if (op->kind == 'E' && of->folder && b)
		set_name(of->names, name, b);
	if (op->kind == 'U' && of->folder)
		set_name(of->names, name, 0);
	if (op->kind == 'R' && of->folder && inode[b].folder && find_name(of->names, name)) {
		set_name(inode[b].names, other, find_name(of->names, name));
		set_name(of->names, name, 0);
	}
	if (op->kind == 'T')
		set_length(&of->now, op->b);
	if (op->kind == 'W') {
		if (op->b + op->data > of->now.n)
			set_length(&of->now, op->b + op->data);
		memcpy(of->now.p + op->b, data, op->data);
	}
	if (op->kind == 'S' && of->folder)
		*of->safe_names = *of->names;
	if (op->kind == 'S')
		copy_bytes(&of->safe, &of->now);
}

int main(int argc, char **argv)
{
	struct bytes log = {0};
	struct diskop op;
	char name[4096], other[4096], path[4096];
	uint64_t hash = 0;
	stop_unless(argc == 4, "usage: diskstates LOG BEFORE OUT");
	read_before(argv[2]);
	read_file(argv[1], &log);
	stop_unless(!mkdir(argv[3], 0777), argv[3]);
	write_states(argv[3]);
	for (size_t at = 0; at < log.n; at += sizeof op + op.name + op.other + op.data) {
		stop_unless(log.n - at >= sizeof op, "the log is cut");
		memcpy(&op, log.p + at, sizeof op);
		const char *text = (const char *)log.p + at + sizeof op;
		snprintf(name, sizeof name, "%.*s", (int)op.name, text);
		snprintf(other, sizeof other, "%.*s", (int)op.other, text + op.name);
		apply_op(&op, name, other, (const unsigned char *)text + op.name + op.other);
		write_states(argv[3]);
	}
	snprintf(path, sizeof path, "%s/end", argv[3]);
	write_state(1, LOST, false, path, &hash);
	printf("%d states\n", states);
	return 0;
}
