/* The words of --act and of config.json for the activations of a layer's feed-forward network. */
#ifndef HM_ACTS_H
#define HM_ACTS_H

#include "ops/ops.h"

/* The i-th word, "quick_gelu" or "gelu", i from 0; NULL after the last. */
const char *hm_act_word(int i);
/* The activation of that word; HM_ACT_NONE for another one. NULL is fine. */
enum hm_act hm_act_of_word(const char *word);
/* The word, or NULL for an activation without one. */
const char *hm_act_name(enum hm_act act);

#endif
