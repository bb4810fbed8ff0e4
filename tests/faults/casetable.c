/* The table of cases: see loops.h and the head of cases.txt. */
#include "loops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct kind_row kind_rows[KINDS] = {
	[K_ALLOC] = {"alloc", "the k-th allocation fails", false, false},
	[K_ALLOC_EVER] = {"alloc-ever", "all allocations fail from the k-th on", true, false},
	[K_IO] = {"io", "the k-th call fails: EIO", false, false},
	[K_IO_EVER] = {"io-ever", "all calls fail from the k-th on: EIO", true, false},
	[K_ROOM] = {"room", "no room, descriptor or thread from the k-th call on", true, false},
	[K_INTR] = {"intr", "a signal interrupts the k-th call: EINTR", false, true},
	[K_AGAIN] = {"again", "the k-th call would have to wait: EAGAIN", false, true},
	[K_CUT] = {"cut", "the k-th call reads or writes one byte", false, true},
	[K_KILL] = {"kill", "the process is killed at the k-th call", false, false},
};

static _Noreturn void refuse_table(const char *path, int line, const char *why, const char *word)
{
	fprintf(stderr, "loops: %s: line %d: %s: %s\n", path, line, why, word);
	exit(2);
}

/* A copy of s[0..n) in which `inputs` stands for each @. */
static char *copy_word(const char *s, size_t n, const char *inputs)
{
	char *out = malloc(n * (strlen(inputs) + 1) + 1), *to = out;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '@')
			to = stpcpy(to, inputs);
		else
			*to++ = s[i];
	*to = 0;
	return out;
}

/* The next word of *s, up to a blank; NULL at the end. '' is an empty word, '...' may hold blanks. */
static char *next_word(const char **s, const char *inputs)
{
	const char *at = *s + strspn(*s, " \t");
	if (!*at)
		return NULL;
	const char *end = *at == '\'' ? strchr(at + 1, '\'') : at + strcspn(at, " \t");
	bool quoted = *at == '\'' && end;
	if (!end)
		end = at + strlen(at);
	*s = end + quoted;
	at += quoted;
	return copy_word(at, (size_t)(end - at), inputs);
}

static void read_call(char **argv, const char **in, const char *s, const char *inputs)
{
	char *word;
	int n = 0;
	*in = "/dev/null";
	while ((word = next_word(&s, inputs))) {
		if (!strcmp(word, "<"))
			*in = next_word(&s, inputs);
		else if (n < WORDS - 1)
			argv[n++] = word;
	}
}

unsigned find_kinds(char *list)
{
	unsigned bits = 0;
	for (char *word; (word = strsep(&list, ","));)
		for (int k = 0; k < KINDS; k++)
			if (!strcmp(word, kind_rows[k].name))
				bits |= 1u << k;
	return bits;
}

static void read_flag(struct case_row *c, char *word, const char *path, int line)
{
	char *value = strchr(word, '=');
	if (value)
		*value++ = 0;
	if (value && !strcmp(word, "old") && c->n_old < FILES)
		c->old[c->n_old++] = value;
	else if (value && !strcmp(word, "from") && c->n_from < FILES)
		c->from[c->n_from++] = value;
	else if (value && !strcmp(word, "loose") && c->n_loose < FILES)
		c->loose[c->n_loose++] = value;
	else if (value && !strcmp(word, "late") && c->n_late < FILES)
		c->late[c->n_late++] = value;
	else if (value && !strcmp(word, "exit"))
		c->status = (int)strtol(value, NULL, 10);
	else if (value && !strcmp(word, "kinds"))
		c->kinds = find_kinds(value);
	else if (value && !strcmp(word, "not"))
		c->kinds &= ~find_kinds(value);
	else if (!value && !strcmp(word, "warn"))
		c->warn = true;
	else if (!value && !strcmp(word, "many"))
		c->many = true;
	else if (!value && !strcmp(word, "stream"))
		c->stream = true;
	else if (!value && !strcmp(word, "again"))
		c->again = true;
	else
		refuse_table(path, line, "no such flag", word);
}

void read_table(struct case_table *t, const char *path, const char *inputs)
{
	char text[4096];
	int line = 0;
	FILE *f = fopen(path, "r");
	if (!f)
		refuse_table(path, 0, "cannot open", "");
	while (fgets(text, sizeof text, f)) {
		line++;
		text[strcspn(text, "\n")] = 0;
		char *rest = text, *name = strsep(&rest, "|"), *flags = strsep(&rest, "|"), *word;
		const char *at = name;
		if (*text == '#' || !*text)
			continue;
		if (!rest)
			refuse_table(path, line, "not NAME | FLAGS | CALL", text);
		if (!strncmp(name, "then", 4) && t->n) {
			t->row[t->n - 1].again = true;
			read_call(t->row[t->n - 1].then, &t->row[t->n - 1].then_in, rest, inputs);
			continue;
		}
		t->row = realloc(t->row, (size_t)(t->n + 1) * sizeof *t->row);
		struct case_row *c = &t->row[t->n++];
		*c = (struct case_row){.kinds = (1u << KINDS) - 1};
		c->name = next_word(&at, inputs);
		for (at = flags; (word = next_word(&at, inputs));)
			read_flag(c, word, path, line);
		read_call(c->argv, &c->in, rest, inputs);
		c->tool = c->argv[0];
	}
	fclose(f);
}
