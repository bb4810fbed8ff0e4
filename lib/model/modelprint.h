/* Prints what is in a file of weights as one JSON object, for hm-view. */
#ifndef HM_MODELPRINT_H
#define HM_MODELPRINT_H

#include "base/mem.h"

/* Whether `path` is a file of weights by its first bytes, or a folder that holds some. False also for what
 * cannot be opened, and for "-": weights are not read from pipes. */
bool hm_model_recognise(const char *path);

/* Appends one line of canonical JSON about a model file of hm's, or any weights that weights.h reads, and
 * checks all that its reader checks:
 *
 *   "kind"        "model": "classes", "fusion", "inputs" of the last layer, "map_dim", "map_layers",
 *                 "pre_layers", "pre_dim", "normalize" and "dropout" of a fusion with hidden layers,
 *                 "selected_on", "heads" and "eps" of the text tower, "history" (the commands that made
 *                 it, oldest first), and for "image" and "text" the "columns", "dim", "output",
 *                 "precision", "store" and "prepared" of the features it was trained on, the encoder's
 * "digest", and whether the encoder is "in_file". What the file does not say is not there. "weights":
 * "networks", the families of towers whose tensors are in it ("family", "side", "prefix"), "metadata", the
 * texts of a .safetensors, and "torchscript", true of an archive. "tensors"     "name", "dtype" and "shape"
 * of each, by name; "numbers" is how many numbers they have in all.
 *
 * 0 or HM_EDATA; sentences begin with the path. */
int hm_model_print(const char *path, struct hm_buf *out, struct hm_err *e);
/* Appends only the model's history, an array on one line. 0, or HM_EDATA if the file has none. */
int hm_model_print_history(const char *path, struct hm_buf *out, struct hm_err *e);

#endif
