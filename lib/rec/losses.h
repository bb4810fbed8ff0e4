/* Sentences about what was lost, in the order in which they were added. Their number is limited, because a
 * hostile file can have any number of losses. */
#ifndef HM_LOSSES_H
#define HM_LOSSES_H

#include "base/mem.h"

struct hm_losses {
	struct hm_buf text;  /* the sentences, a NUL after each */
	struct hm_buf start; /* size_t[]: where each begins in text */
};
/* Adds a sentence, cut to 511 bytes. The last one that is kept says that there are more. 0 or HM_EDATA. */
int hm_losses_add(struct hm_losses *l, struct hm_err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
size_t hm_losses_count(const struct hm_losses *l);
/* Sentence i, borrowed until the next one is added. */
const char *hm_losses_get(const struct hm_losses *l, size_t i);
void hm_losses_clear(struct hm_losses *l);

#endif
