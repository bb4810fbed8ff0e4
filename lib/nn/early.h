/* Early fusion. Each of the P cells of an image's grid is projected to the width of a text tower. Cells and
 * words get a position and a modality embedding each. Both go through the text tower as one sequence, the
 * image first; the tower adds its own positions. The classifier reads the first row, which is a cell of the
 * image. Tensor names are those of the reference class MultimodalTransformer (tests/oracle/modelkit.py). */
#ifndef HM_EARLY_H
#define HM_EARLY_H

#include "nn/fusionkind.h"

extern const struct hm_fusion_kind hm_early_fusion;

#endif
