/* Between the files that call oneDNN: the engine, which all contexts of a device share, and the stream of
 * this context, both borrowed; how images lie. */
#ifndef HM_DNNL_H
#define HM_DNNL_H

#include "ops/cpu/cpu.h"
#include "ops/cpu/dnnl_compat.h"

dnnl_engine_t hm_dnnl_engine(const struct hm_device *d);
dnnl_stream_t hm_dnnl_stream(const struct hm_device *d);
/* Layout of images of c channels. */
dnnl_format_tag_t hm_dnnl_image_tag(const struct hm_device *d, int c);

#endif
