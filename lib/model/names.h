/* Finds the tower in a weight file: its family, the prefix of its tensors, and the tensors under their
 * published names. */
#ifndef HM_NAMES_H
#define HM_NAMES_H

#include "nn/tower.h"
#include "weights/weights.h"

/* HM_EDATA if a part of the dotted `path` to the tensors, a prefix or --key, says that they are those of
 * another network with the same names ("roberta"). */
int hm_names_check_unlike(const struct hm_tower_kind *k, const char *path, struct hm_err *e);

/* The family of a side that the file's tensors are of, and the prefix of their names (borrowed from w).
 * model_type: what config.json says, which decides between families that have the same names; NULL: not said.
 * 0, or HM_EDATA: none fits, or two prefixes fit. */
int hm_names_find(struct hm_weights *w, enum hm_side side, const char *model_type,
		  const struct hm_tower_kind **kind, const char **prefix, struct hm_err *e);
/* The family of the tower below a prefix that is known; the side's first where none fits, whose reading then
 * says what is missing. */
int hm_names_family(struct hm_weights *w, enum hm_side side, const char *prefix,
		    const struct hm_tower_kind **kind, struct hm_err *e);
/* The tensors below the prefix that have this role for the family, under their published names, in bytewise
 * order. `hm_weights_digest` of the parameters is the encoder's identity. Names and array live in `arena`;
 * data is w's. HM_EDATA when two tensors get one name. */
int hm_names_collect(const struct hm_weights *w, const struct hm_tower_kind *kind, const char *prefix,
		     enum hm_tensor_role role, struct hm_arena *arena, const struct hm_tensor **tensor,
		     size_t *n, struct hm_err *e);
/* Whether a tensor's name begins so. */
bool hm_names_holds(const struct hm_weights *w, const char *prefix);

#endif
