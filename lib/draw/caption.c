/* The grammar of the captions and its vocabulary. See caption.h. */
#include "draw/caption.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 4
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* [0] kind, [1] grumpy. An opening is followed by "<who> <does> <whom>". */
static const char *const opening[2][KINDS] = {
	{"so glad that", "lovely to see how", "lucky us, today", "what a day when"},
	{"so tired of how", "sick of watching how", "just my luck,", "what a mess when"},
};
static const char *const doing[2][KINDS] = {
	{"helps", "hugs", "feeds", "cheers for"},
	{"blames", "mocks", "robs", "shouts at"},
};
static const char *const ending[2][KINDS] = {
	{"and shares the cake", "with a warm smile", "and dances all day", "like an old friend"},
	{"and hides the cake", "with a cold frown", "and whines all day", "like an angry wasp"},
};
static const char *const who[] = {"my cat",	  "your dog",	  "the neighbor", "our teacher",
				  "the mayor",	  "grandpa",	  "the baker",	  "her sister",
				  "that student", "the new boss", "everyone",	  "my uncle"};
static const char *const whom[] = {"the kids",	   "a stranger",  "his brother", "the whole town",
				   "me",	   "the mailman", "our team",	 "the ducks",
				   "the tourists", "an old man",  "her parents", "the band"};

static const char *pick_phrase(const char *const *from, size_t n, struct hm_rng *r)
{
	return from[hm_rng_below(r, (uint32_t)n)];
}

int hm_caption_make(struct hm_buf *out, int level, struct hm_rng *r, struct hm_err *e)
{
	uint32_t order[HM_CAPTION_PARTS];
	hm_rng_permute(r, order, HM_CAPTION_PARTS);
	int grumpy[HM_CAPTION_PARTS];
	for (int i = 0; i < HM_CAPTION_PARTS; i++)
		grumpy[i] = (int)order[i] < level;
	const char *o = pick_phrase(opening[grumpy[0]], KINDS, r), *w = pick_phrase(who, COUNT(who), r);
	const char *d = pick_phrase(doing[grumpy[1]], KINDS, r), *m = pick_phrase(whom, COUNT(whom), r);
	return hm_buf_printf(out, e, "%s %s %s %s %s", o, w, d, m, pick_phrase(ending[grumpy[2]], KINDS, r));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Cuts the phrases into words, in place of the copy in `text`; appends their addresses to `words`. */
static int cut_words(const char *const *phrase, size_t n, struct hm_arena *text, struct hm_buf *words,
		     struct hm_err *e)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(phrase[i]) + 1;
		char *copy = hm_arena_get(text, len, e);
		if (!copy)
			return HM_EDATA;
		memcpy(copy, phrase[i], len);
		for (char *p = copy; *p;) {
			size_t k = strspn(p, "abcdefghijklmnopqrstuvwxyz");
			if (k && hm_buf_add(words, &p, sizeof p, e))
				return HM_EDATA;
			p += k;
			while (*p && !isalpha((unsigned char)*p))
				*p++ = 0;
		}
	}
	return 0;
}

int hm_caption_vocab(struct hm_buf *out, struct hm_err *e)
{
	struct hm_arena text = {0};
	struct hm_buf words = {0};
	int rc = 0;
	for (int g = 0; g < 2 && !rc; g++)
		if (cut_words(opening[g], KINDS, &text, &words, e) ||
		    cut_words(doing[g], KINDS, &text, &words, e) ||
		    cut_words(ending[g], KINDS, &text, &words, e))
			rc = HM_EDATA;
	if (rc || cut_words(who, COUNT(who), &text, &words, e) ||
	    cut_words(whom, COUNT(whom), &text, &words, e))
		rc = HM_EDATA;
	size_t n = words.len / sizeof(char *);
	char **word = (char **)(void *)words.data;
	if (!rc)
		qsort(word, n, sizeof *word, by_text);
	rc = rc ? rc : hm_buf_printf(out, e, "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
	for (const char *p = "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~0123456789"; *p && !rc; p++)
		rc = hm_buf_printf(out, e, "%c\n", *p);
	for (int c = 'a'; c <= 'z' && !rc; c++)
		rc = hm_buf_printf(out, e, "%c\n##%c\n", c, c);
	for (size_t i = 0; i < n && !rc; i++)
		if (strlen(word[i]) > 1 && (!i || strcmp(word[i], word[i - 1])))
			rc = hm_buf_printf(out, e, "%s\n", word[i]);
	hm_buf_clear(&words);
	hm_arena_clear(&text);
	return rc;
}
