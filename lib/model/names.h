/* Finds the tower in a weight file: its family, the layout and the prefix of its tensors, and the tensors
 * under their published names. */
#ifndef HM_NAMES_H
#define HM_NAMES_H

#include "nn/tower.h"
#include "weights/weights.h"

/* Where in a file a tower is. */
struct hm_names_place {
	const struct hm_tower_kind *kind;
	const struct hm_tower_layout *layout;
	const char *prefix; /* borrowed from the file, or from the caller of hm_names_family */
};

/* HM_EDATA if a part of the dotted `path` to the tensors, a prefix or --key, says that they are those of
 * another network with the same names ("roberta"). */
int hm_names_check_unlike(const struct hm_tower_kind *k, const char *path, struct hm_err *e);

/* Finds the tower of a side. model_type: what config.json says, which decides between families that have the
 * same names; NULL: not said. key: the part of the file that was taken, whose words count as the prefix's do;
 * NULL: none. 0, or HM_EDATA: none fits, two prefixes fit, or it is a network that cannot be computed. */
int hm_names_find(struct hm_weights *w, enum hm_side side, const char *model_type, const char *key,
		  struct hm_names_place *at, struct hm_err *e);
/* The family of the tower below a prefix that is known, in the layout of model files; the side's first family
 * where none fits, whose reading then says what is missing. family: its name, where the model file says it;
 * NULL: the tensors' names decide. 0, or HM_EDATA: no family has this name. */
int hm_names_family(struct hm_weights *w, enum hm_side side, const char *prefix, const char *family,
		    struct hm_names_place *at, struct hm_err *e);

struct hm_names_list {
	struct hm_tensor *tensor; /* [n], in bytewise order of their published names */
	bool *turned;		  /* [n]: its data is the transposed matrix of its shape */
	size_t n;
};
/* The tensors of the place that have this role for the family, under their published names.
 * `hm_weights_digest` of the parameters, once hm_names_turn was called, is the encoder's identity. Names and
 * arrays live in `arena`; data is w's. HM_EDATA when two tensors get one name, or when one cannot be shared
 * out or transposed as the layout says. */
int hm_names_collect(const struct hm_weights *w, const struct hm_names_place *at, enum hm_tensor_role role,
		     struct hm_arena *arena, struct hm_names_list *list, struct hm_err *e);
/* Transposes what is turned, into `arena`. The data must have been verified (weights.h). 0 or HM_EDATA. */
int hm_names_turn(struct hm_names_list *list, struct hm_arena *arena, struct hm_err *e);
/* Whether a tensor's name begins so. */
bool hm_names_holds(const struct hm_weights *w, const char *prefix);

#endif
