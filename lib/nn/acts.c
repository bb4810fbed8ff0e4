/* The words of activations. See acts.h. */
#include "nn/acts.h"

#include <string.h>

static const struct {
	const char *word;
	enum hm_act act;
} acts[] = {{"quick_gelu", HM_ACT_QUICK_GELU}, {"gelu", HM_ACT_GELU}};
enum { ACTS = sizeof acts / sizeof *acts };

const char *hm_act_word(int i)
{
	return i < ACTS ? acts[i].word : NULL;
}

enum hm_act hm_act_of_word(const char *word)
{
	for (int i = 0; word && i < ACTS; i++)
		if (!strcmp(acts[i].word, word))
			return acts[i].act;
	return HM_ACT_NONE;
}

const char *hm_act_name(enum hm_act act)
{
	for (int i = 0; i < ACTS; i++)
		if (acts[i].act == act)
			return acts[i].word;
	return NULL;
}
