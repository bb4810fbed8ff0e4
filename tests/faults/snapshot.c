/* Folders of the fault loops: emptied, filled, looked at. */
#include "loops.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *read_whole(const char *path, size_t *len)
{
	char *data = NULL;
	size_t cap = 0;
	*len = 0;
	FILE *f = fopen(path, "r");
	do {
		data = realloc(data, cap += 1 << 16);
		if (f)
			*len += fread(data + *len, 1, cap - 1 - *len, f);
	} while (*len == cap - 1);
	if (f)
		fclose(f);
	data[*len] = 0;
	return data;
}

/* Calls visit(path, is a folder) for what is in the folder, in any order. */
static void walk_folder(const char *folder, void (*visit)(void *state, const char *path, bool is_folder),
			void *state)
{
	DIR *d = opendir(folder);
	char path[1024];
	struct stat st;
	for (struct dirent *e; d && (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (!lstat(path, &st))
			visit(state, path, S_ISDIR(st.st_mode));
	}
	if (d)
		closedir(d);
}

struct walk {
	struct snapshot *s;
	size_t skip; /* characters of the folder in front of each path */
};

static void add_file(void *state, const char *path, bool is_folder)
{
	struct walk *w = state;
	if (is_folder) {
		walk_folder(path, add_file, state);
		return;
	}
	w->s->file = realloc(w->s->file, (w->s->n + 1) * sizeof *w->s->file);
	struct file *f = &w->s->file[w->s->n++];
	f->path = strdup(path + w->skip);
	f->data = read_whole(path, &f->len);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->path, ((const struct file *)b)->path);
}

void take_snapshot(struct snapshot *s, const char *folder)
{
	*s = (struct snapshot){0};
	walk_folder(folder, add_file, &(struct walk){s, strlen(folder) + 1});
	if (s->n)
		qsort(s->file, s->n, sizeof *s->file, by_path);
}

void free_snapshot(struct snapshot *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->file[i].path);
		free(s->file[i].data);
	}
	free(s->file);
	*s = (struct snapshot){0};
}

const struct file *find_in(const struct snapshot *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->file[i].path, path))
			return &s->file[i];
	return NULL;
}

bool same_file(const struct file *a, const struct file *b)
{
	if (!a || !b)
		return a == b;
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static void remove_entry(void *unused, const char *path, bool is_folder)
{
	(void)unused;
	if (is_folder)
		walk_folder(path, remove_entry, NULL);
	if (is_folder ? rmdir(path) : unlink(path))
		fprintf(stderr, "loops: %s: cannot remove\n", path);
}

void empty_folder(const char *folder)
{
	walk_folder(folder, remove_entry, NULL);
}

struct copy {
	const char *from, *to;
};

static void copy_entry(void *state, const char *path, bool is_folder)
{
	const struct copy *c = state;
	char to[1024];
	size_t len;
	snprintf(to, sizeof to, "%s%s", c->to, path + strlen(c->from));
	if (is_folder) {
		mkdir(to, 0777);
		walk_folder(path, copy_entry, state);
		return;
	}
	char *data = read_whole(path, &len);
	FILE *f = fopen(to, "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f)) {
		fprintf(stderr, "loops: %s: cannot write\n", to);
		exit(2);
	}
	free(data);
}

void copy_folder(const char *from, const char *to)
{
	walk_folder(from, copy_entry, &(struct copy){from, to});
}
