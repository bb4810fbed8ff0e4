/* The state of a training run as text. See trainstate.h. */
#include "train/trainstate.h"
#include "base/file.h"
#include "json/build.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every number of the state with its name; `real` ones print as %a. */
struct number {
	const char *key;
	int64_t *whole;
	double *real;
};

static size_t list_numbers(struct hm_train_state *s, int64_t *n, int64_t *log, struct number out[16])
{
	const struct number all[] = {{"epoch", &s->epoch, NULL},
				     {"done", &s->done, NULL},
				     {"step", &s->step, NULL},
				     {"stale", &s->stale, NULL},
				     {"best_epoch", &s->best.epoch, NULL},
				     {"best_n", n, NULL},
				     {"log_bytes", log, NULL},
				     {"sum", NULL, &s->sum},
				     {"seen", NULL, &s->seen},
				     {"epoch_sum", NULL, &s->epoch_sum},
				     {"best_value", NULL, &s->best_value},
				     {"best_loss", NULL, &s->best.loss},
				     {"best_accuracy", NULL, &s->best.accuracy},
				     {"best_auroc", NULL, &s->best.auroc}};
	memcpy(out, all, sizeof all);
	return sizeof all / sizeof *all;
}

cJSON *hm_train_state_json(const struct hm_train_state *s, struct hm_err *e)
{
	struct hm_train_state copy = *s;
	struct number list[16];
	char text[48];
	int64_t n = (int64_t)s->best.n, bytes = (int64_t)s->log_bytes;
	size_t count = list_numbers(&copy, &n, &bytes, list);
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "reason", s->reason, e);
	for (size_t i = 0; i < count; i++) {
		if (list[i].whole)
			snprintf(text, sizeof text, "%" PRId64, *list[i].whole);
		else
			snprintf(text, sizeof text, "%a", *list[i].real);
		hm_json_add_str(o, list[i].key, text, e);
	}
	return hm_json_whole(o, e);
}

int hm_train_state_read(const cJSON *o, struct hm_train_state *s, struct hm_err *e)
{
	struct number list[16];
	int64_t n = 0, bytes = 0;
	const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "reason"));
	*s = (struct hm_train_state){0};
	size_t count = list_numbers(s, &n, &bytes, list);
	for (size_t i = 0; i < count; i++) {
		const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, list[i].key));
		char *end = NULL;
		errno = 0;
		if (text && *text && list[i].whole)
			*list[i].whole = strtoll(text, &end, 10);
		else if (text && *text)
			*list[i].real = strtod(text, &end);
		if (!end || *end || errno == ERANGE || (list[i].whole && *list[i].whole < 0))
			return hm_err_set(e, HM_EDATA, "its state has no valid \"%s\"", list[i].key);
	}
	if (!reason || strlen(reason) >= sizeof s->reason)
		return hm_err_set(e, HM_EDATA, "its state has no valid \"reason\"");
	memcpy(s->reason, reason, strlen(reason) + 1);
	s->best.n = (size_t)n;
	s->log_bytes = (uint64_t)bytes;
	return 0;
}

/* The name of the file with the seconds. */
static char *name_clock(const char *path, struct hm_err *e)
{
	struct hm_buf b = {0};
	if (!hm_buf_printf(&b, e, "%s.seconds", path))
		return (char *)b.data;
	hm_buf_clear(&b);
	return NULL;
}

int hm_train_clock_write(const char *path, double seconds, struct hm_err *e)
{
	char text[48], *name = name_clock(path, e);
	int n = snprintf(text, sizeof text, "%.9f\n", seconds);
	int rc = name ? hm_file_write(name, text, (size_t)n, e) : HM_EDATA;
	free(name);
	return rc;
}

double hm_train_clock_read(const char *path)
{
	struct hm_err ignored = {0};
	struct hm_buf text = {0};
	double seconds = 0;
	char *name = name_clock(path, &ignored);
	if (name && !hm_file_read(name, 64, &text, &ignored) && !hm_buf_add(&text, "", 1, &ignored))
		seconds = strtod((char *)text.data, NULL);
	hm_buf_clear(&text);
	free(name);
	return isfinite(seconds) && seconds > 0 ? seconds : 0;
}
