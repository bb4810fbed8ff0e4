/* "did you mean": which of the words that are known is nearest to one that is not. Case makes no difference.
 */
#ifndef HM_NEARWORD_H
#define HM_NEARWORD_H

#include <stddef.h>

/* Begin with {typed, len} and offer words; then `word`, borrowed, is the nearest of them, NULL when none is
 * near. Of words of the same distance the first stays. */
struct hm_nearword {
	const char *typed;
	size_t len;
	const char *word;
	size_t word_len;
	int distance;
};
void hm_nearword_offer(struct hm_nearword *n, const char *word, size_t len);

#endif
