/* The known word that a mistyped one is nearest to. Distance is Damerau and Levenshtein's in its restricted
 * form: insertions, deletions, substitutions and swaps of neighbours. See nearword.h. */
#include "base/nearword.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 63, FARTHEST = 2 };

static bool is_same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* The distance of two words of at most LONGEST bytes, by rows of the usual table; the last three are kept. */
static int distance(const char *a, size_t na, const char *b, size_t nb)
{
	int row[3][LONGEST + 1];
	for (size_t k = 0; k <= nb; k++)
		row[0][k] = (int)k;
	for (size_t i = 1; i <= na; i++) {
		int *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = (int)i;
		for (size_t k = 1; k <= nb; k++) {
			now[k] = last[k - 1] + !is_same(a[i - 1], b[k - 1]);
			now[k] = least(now[k], least(last[k], now[k - 1]) + 1);
			if (i > 1 && k > 1 && is_same(a[i - 1], b[k - 2]) && is_same(a[i - 2], b[k - 1]))
				now[k] = least(now[k], before[k - 2] + 1);
		}
	}
	return row[na % 3][nb];
}

void hm_nearword_offer(struct hm_nearword *n, const char *word, size_t len)
{
	if (n->len > LONGEST || len > LONGEST)
		return;
	int d = distance(n->typed, n->len, word, len);
	/* a beginning of the word is near whatever its length; a word that differs in all its letters is not
	 */
	bool begins = n->len >= 2 && n->len < len && !strncasecmp(n->typed, word, n->len);
	if (begins)
		d = least(d, FARTHEST);
	if (d > FARTHEST || (!begins && d >= (int)(n->len < len ? n->len : len)))
		return;
	if (!n->word || d < n->distance)
		*n = (struct hm_nearword){n->typed, n->len, word, len, d};
}
