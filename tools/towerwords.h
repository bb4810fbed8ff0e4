/* The options on encoders that several tools have: their rows of the option table, written once, and what
 * they say to model/encoder.h. A tool's struct options has a member `tower` of struct tower_words, whose
 * defaults are TOWER_WORDS. The rows of outputs are apart, for hm-encode puts them under another heading;
 * `image` there is the list of image words that the tool knows, in the order of enum tower_image and maybe
 * with more behind it. */
#ifndef HM_TOWERWORDS_H
#define HM_TOWERWORDS_H

#include "cli/cli.h"
#include "model/encoder.h"
#include "nn/acts.h"

enum tower_image { TOWER_POOLED, TOWER_PROJECTED, TOWER_CLS, TOWER_IMAGES };
#define TOWER_IMAGE "pooled|projected|cls"
#define TOWER_TEXT "pooler|cls|mean|pooled|projected"

struct tower_words {
	struct hm_encoder_options spec;
	int act, output[HM_SIDES]; /* -1: not given */
};
#define TOWER_WORDS                                                                                          \
	{                                                                                                    \
		.act = -1, .output = { -1, -1 }                                                              \
	}

#define TOWER_ROWS                                                                                           \
	TOWER_HEADS("heads", heads,                                                                          \
		    "attention heads of the encoders, where nothing says how many they have"),               \
		TOWER_HEADS("image-heads", side_heads[HM_IMAGE], "the same, of the image encoder alone"),    \
		TOWER_HEADS("text-heads", side_heads[HM_TEXT], "the same, of the text encoder alone"),       \
		TOWER_ACT
#define TOWER_HEADS(NAME, MEMBER, HELP)                                                                      \
	{                                                                                                    \
		NAME, 0, HM_INT(tower.spec.MEMBER), "N", HELP, .min = 1, .max = 4096                         \
	}
#define TOWER_ACT                                                                                            \
	{                                                                                                    \
		"act", 0, HM_CHOICE(tower.act), "quick_gelu|gelu",                                           \
			"activation of a CLIP, where nothing says it"                                        \
	}
#define TOWER_OUTPUT_ROWS(IMAGE, IMAGE_HELP, TEXT_HELP)                                                      \
	{"image-output", 0, HM_CHOICE(tower.output[HM_IMAGE]), IMAGE, IMAGE_HELP},                           \
	{                                                                                                    \
		"text-output", 0, HM_CHOICE(tower.output[HM_TEXT]), TOWER_TEXT, TEXT_HELP                    \
	}

/* w->spec := what the words say. */
static inline void tower_words_take(struct tower_words *w)
{
	static const char *const image[TOWER_IMAGES] = {"pooled", "projected", "cls"};
	static const char *const text[] = {"pooler", "cls", "mean", "pooled", "projected"};
	const int *o = w->output;
	if (w->act >= 0)
		w->spec.act = hm_act_of_word(hm_act_word(w->act));
	w->spec.output[HM_IMAGE] = o[HM_IMAGE] >= 0 && o[HM_IMAGE] < TOWER_IMAGES ? image[o[HM_IMAGE]] : NULL;
	w->spec.output[HM_TEXT] = o[HM_TEXT] >= 0 ? text[o[HM_TEXT]] : NULL;
}

/* Whether one of TOWER_ROWS or TOWER_OUTPUT_ROWS was given. */
static inline bool tower_words_given(const struct tower_words *w)
{
	return w->spec.heads || w->spec.side_heads[HM_IMAGE] || w->spec.side_heads[HM_TEXT] || w->act >= 0 ||
	       w->output[HM_IMAGE] >= 0 || w->output[HM_TEXT] >= 0;
}

#endif
