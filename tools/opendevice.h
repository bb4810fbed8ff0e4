/* Opening the device that --device and --precision ask for, in the tools that run networks without training
 * them. */
#ifndef HM_OPENDEVICE_H
#define HM_OPENDEVICE_H

#include "cli/cli.h"
#include "ops/ops.h"

/* Opens it and says what there is to say about it. c->precision becomes the one that `auto` chose. NULL with
 * `e`. Caller closes. */
struct hm_device *open_asked_device(struct hm_cli *c, struct hm_err *e);

#endif
