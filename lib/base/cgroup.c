/* The control groups of this process: see cgroup.h. The files are described in proc(5), cgroups(7) and the
 * kernel's Documentation/admin-guide/cgroup-v2.rst. */
#include "base/cgroup.h"
#include "base/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CGROUP ((size_t)256 << 10)
#define MAX_MOUNTS ((size_t)8 << 20)
enum { MAX_LIMIT = 256 }; /* bytes of a file that holds a limit */

/* The text of a file, NUL-terminated; false if it cannot be read or is larger than `cap`. */
static bool read_text(const char *root, const char *path, size_t cap, struct hm_buf *out)
{
	char name[PATH_MAX];
	int n = snprintf(name, sizeof name, "%s%s", root, path);
	out->len = 0;
	return n > 0 && n < (int)sizeof name && !hm_file_read(name, cap, out, NULL) &&
	       !hm_buf_add(out, NULL, 1, NULL);
}

/* ---- a group's limit ---- */

bool hm_cgroup_text(const char *root, const char *folder, const char *file, struct hm_buf *out)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%.*s/%s", PATH_MAX - 32, folder, file);
	return read_text(root, path, MAX_LIMIT, out);
}

bool hm_cgroup_number(const char **text, uint64_t *v)
{
	size_t digits = strspn(*text, "0123456789");
	if (!digits || digits > 15 || !strchr(" \n", (*text)[digits]))
		return false;
	*v = strtoull(*text, NULL, 10);
	*text += digits;
	*text += strspn(*text, " \n");
	return true;
}

/* ---- where the groups are ---- */

/* Whether a list of words, separated by commas, has the word. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, word, n) && strchr(",", list[n]))
			return true;
	}
	return false;
}

/* The next line of a text, cut off and terminated; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text, *end = strchr(line, '\n');
	if (!*line)
		return NULL;
	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

/* A line of mountinfo, taken apart in place. */
struct mount {
	char *root, *point, *type, *options;
};

/* Undoes \040 and the like, with which mountinfo writes white space and backslashes. */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (*s == '\\' && strspn(s + 1, "01234567") >= 3) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /ROOT /POINT rw,noatime master:1 - TYPE SOURCE OPTIONS" */
static bool parse_mount(char *line, struct mount *m)
{
	char *field[6], *save = NULL, *tail = strstr(line, " - ");
	if (!tail)
		return false;
	*tail = '\0';
	for (int i = 0; i < 6; i++, line = NULL)
		if (!(field[i] = strtok_r(line, " ", &save)))
			return false;
	m->root = field[3];
	m->point = field[4];
	m->type = strtok_r(tail + 3, " ", &save);
	m->options = m->type && strtok_r(NULL, " ", &save) ? strtok_r(NULL, " ", &save) : NULL;
	if (!m->options)
		return false;
	unescape(m->root);
	unescape(m->point);
	return true;
}

/* The group of this process in the hierarchy of `mount`: its path there, copied to `out`.
 * "4:cpu,cpuacct:/PATH" of v1, "0::/PATH" of v2. */
static bool find_group(const char *cgroup, const char *controller, bool v2, char out[PATH_MAX])
{
	for (const char *line = cgroup; *line;) {
		size_t len = strcspn(line, "\n");
		const char *list = memchr(line, ':', len);
		const char *path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;
		char names[256] = "";
		if (path && path - list - 1 < (ptrdiff_t)sizeof names)
			memcpy(names, list + 1, (size_t)(path - list - 1));
		size_t n = path ? len - (size_t)(path + 1 - line) : 0;
		if (path && n < PATH_MAX &&
		    (v2 ? !*names && path == list + 1 : has_word(names, controller))) {
			memcpy(out, path + 1, n);
			out[n] = '\0';
			return true;
		}
		line += len + (line[len] == '\n');
	}
	return false;
}

/* The part of a group's path that is below the mounted one; "" if it is that one, or not below it. */
static const char *below_mount(const char *path, const char *root)
{
	size_t n = strcmp(root, "/") ? strlen(root) : 0;
	if (strncmp(path, root, n) || (path[n] && path[n] != '/') || strstr(path, "/..") ||
	    !strcmp(path + n, "/"))
		return "";
	return path + n;
}

/* The smaller of two limits; 0 means no limit. */
static uint64_t smaller_limit(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* The smallest limit of the group and of all above it, as far as they are mounted. */
static uint64_t climb_groups(const char *root, const struct mount *m, const char *path, bool v2,
			     hm_cgroup_reader *limit_of, struct hm_buf *b)
{
	char folder[PATH_MAX - 32];
	uint64_t least = 0;
	int n = snprintf(folder, sizeof folder, "%s%s", m->point, below_mount(path, m->root));
	size_t top = strlen(m->point);
	if (n < 0 || n >= (int)sizeof folder)
		return 0;
	for (;;) {
		least = smaller_limit(least, limit_of(root, folder, v2, b));
		char *slash = strrchr(folder, '/');
		if (strlen(folder) <= top || !slash)
			return least;
		*slash = '\0';
	}
}

uint64_t hm_cgroup_least(const char *root, const char *controller, hm_cgroup_reader *limit_of)
{
	struct hm_buf cgroup = {0}, mounts = {0}, limit = {0};
	uint64_t least = 0;
	char path[PATH_MAX];
	bool there = read_text(root, "/proc/self/cgroup", MAX_CGROUP, &cgroup) &&
		     read_text(root, "/proc/self/mountinfo", MAX_MOUNTS, &mounts);
	char *text = (char *)mounts.data;
	for (char *line; there && (line = next_line(&text));) {
		struct mount m;
		if (!parse_mount(line, &m))
			continue;
		bool v2 = !strcmp(m.type, "cgroup2");
		bool v1 = !strcmp(m.type, "cgroup") && has_word(m.options, controller);
		if ((v1 || v2) && find_group((const char *)cgroup.data, controller, v2, path))
			least = smaller_limit(least, climb_groups(root, &m, path, v2, limit_of, &limit));
	}
	hm_buf_clear(&cgroup);
	hm_buf_clear(&mounts);
	hm_buf_clear(&limit);
	return least;
}
