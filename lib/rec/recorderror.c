/* The one sentence that names a record. See rec.h. */
#include "rec/rec.h"
#include "json/json.h"

#include <inttypes.h>

int hm_record_error(const char *file, uint64_t number, const struct hm_val *id, const char *why,
		    struct hm_err *e)
{
	char name[HM_RECORD_ID] = "?";
	if (id)
		hm_utf8_mask(id->data, id->count, name, sizeof name);
	if (!why)
		return hm_err_prefix(e, "%s: record %" PRIu64 " (id %s)", file, number, name);
	return hm_err_set(e, HM_EDATA, "%s: record %" PRIu64 " (id %s): %s", file, number, name, why);
}
