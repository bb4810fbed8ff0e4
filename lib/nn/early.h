/* Early fusion: the P cells of an image's grid are projected to the width of a text tower and get a position
 * and a modality embedding; words get theirs; both go, image first, through the text tower, which adds its
 * own positions on top; the classifier reads the first row, a cell of the image. Tensor names are those of
 * the reference class MultimodalTransformer (tests/oracle/modelkit.py). */
#ifndef HM_EARLY_H
#define HM_EARLY_H

#include "nn/fusionkind.h"

extern const struct hm_fusion_kind hm_early_fusion;

#endif
