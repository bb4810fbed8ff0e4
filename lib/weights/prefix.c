/* Where in a file a network's tensors are: see hm_weights_prefix in weights.h. */
#include "weights/store.h"

#include <stdio.h>
#include <string.h>

/* The length of the alternative that begins at s, up to '|' or the end. */
static size_t alternative_length(const char *s)
{
	return strcspn(s, "|");
}

/* True when w has the tensor prefix[0..n) + one of the alternatives of `mark`. */
static bool has_mark(const struct hm_weights *w, const char *prefix, size_t n, const char *mark)
{
	char name[HM_WEIGHTS_MARK_CAP];
	for (const char *m = mark;; m++) {
		size_t k = alternative_length(m);
		if (n + k < sizeof name) {
			memcpy(name, prefix, n);
			memcpy(name + n, m, k);
			name[n + k] = 0;
			if (hm_weights_find(w, name))
				return true;
		}
		m += k;
		if (!*m)
			return false;
	}
}

/* True when name[0..n) ends with the alternative m[0..k), and what stands before it, of *prefix bytes, is
 * empty or ends with a dot. */
static bool ends_with_mark(const char *name, size_t n, const char *m, size_t k, size_t *prefix)
{
	if (n < k || memcmp(name + n - k, m, k))
		return false;
	*prefix = n - k;
	return n == k || name[n - k - 1] == '.';
}

/* Looks at the prefixes that tensor `name` can have by the first mark. A prefix that fits all marks becomes
 * *found; when it is another than *found, it is an error. */
static int try_name(struct hm_weights *w, const char *name, const char *const *mark, size_t marks,
		    const char **found, struct hm_err *e)
{
	size_t n = strlen(name), cut = 0;
	for (const char *m = mark[0];; m++) {
		size_t k = alternative_length(m), fits = 0;
		if (ends_with_mark(name, n, m, k, &cut))
			while (fits < marks && has_mark(w, name, cut, mark[fits]))
				fits++;
		if (fits == marks && *found && (strlen(*found) != cut || memcmp(*found, name, cut)))
			return hm_err_set(
				e, HM_EDATA,
				"two parts of it fit, \"%.200s\" and \"%.*s\": --key NAME takes one", *found,
				cut < 200 ? (int)cut : 200, name);
		if (fits == marks && !*found) {
			*found = hm_weights_text(w, name, cut, e);
			if (!*found)
				return HM_EDATA;
		}
		m += k;
		if (!*m)
			return 0;
	}
}

int hm_weights_prefix(struct hm_weights *w, const char *const *mark, size_t marks, const char **prefix,
		      struct hm_err *e)
{
	int rc = 0;
	*prefix = NULL;
	for (size_t i = 0; !rc && i < w->n; i++)
		rc = try_name(w, w->tensor[i].name, mark, marks, prefix, e);
	if (rc)
		*prefix = NULL;
	return rc;
}

bool hm_weights_narrow(struct hm_weights *w, const char *prefix)
{
	size_t cut = strlen(prefix), kept = 0;
	for (size_t i = 0; i < w->n; i++) /* the order stays: what all names begin with decides nothing */
		if (!strncmp(w->tensor[i].name, prefix, cut) && w->tensor[i].name[cut]) {
			w->tensor[kept] = w->tensor[i];
			w->tensor[kept++].name += cut;
		}
	w->n = kept ? kept : w->n;
	return kept;
}

int hm_weights_take_key(struct hm_weights *w, bool optional, struct hm_err *e)
{
	const char *key = w->store->key;
	char names[256];
	size_t n = strlen(key);
	while (n && key[n - 1] == '.')
		n--;
	char *prefix = hm_weights_text(w, key, n + 1, e);
	if (!prefix)
		return HM_EDATA;
	prefix[n] = '.';
	if (hm_weights_narrow(w, prefix)) {
		w->keyed = true;
		return 0;
	}
	if (optional)
		return 0;
	return hm_err_set(e, HM_EDATA, "holds no tensor below \"%.200s\"; it has %s", key,
			  hm_weights_sample(w, names, sizeof names));
}

char *hm_weights_sample(const struct hm_weights *w, char *out, size_t cap)
{
	size_t n = 0, show = w->n < 3 ? w->n : 3;
	out[0] = 0;
	for (size_t i = 0; i < show && n < cap; i++)
		n += (size_t)snprintf(out + n, cap - n, "%s\"%.60s\"", i ? ", " : "",
				      w->tensor[i * (w->n - 1) / (show > 1 ? show - 1 : 1)].name);
	return out;
}
