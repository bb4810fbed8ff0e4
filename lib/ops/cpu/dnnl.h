/* Between the files that call oneDNN: the engine, which all contexts of a device share, and the stream of
 * this context. Borrowed. */
#ifndef HM_DNNL_H
#define HM_DNNL_H

#include "ops/cpu/cpu.h"
#include "ops/cpu/dnnl_compat.h"

dnnl_engine_t hm_dnnl_engine(const struct hm_device *d);
dnnl_stream_t hm_dnnl_stream(const struct hm_device *d);

#endif
