/* Late fusion: logits = classifier(concat(image vector, text vector)), one linear layer. Tensor names are
 * those of the reference class FusionModel (tests/oracle/modelkit.py): classifier.weight [C,I],
 * classifier.bias [C], where I is the sum of both widths. */
#ifndef HM_LATE_H
#define HM_LATE_H

#include "nn/fusionkind.h"

extern const struct hm_fusion_kind hm_late_fusion;

#endif
