/* The log of a training run: one JSON object per line. Without checkpoints the file appears whole at the end,
 * or not at all. With them it grows during the run, can be cut back to the length that a checkpoint knows,
 * and is locked: one process at a time writes it. */
#ifndef HM_LOGFILE_H
#define HM_LOGFILE_H

#include "base/file.h"
#include "train/trainer.h"

struct hm_logfile {
	struct hm_out *out; /* without `grows`: appears whole or not at all */
	int fd;		    /* with `grows` */
	bool grows;
	const char *path; /* borrowed; NULL: no log, and all calls do nothing */
};

/* keep: the contents of a growing file stay until hm_logfile_cut. 0 or HM_EDATA. */
int hm_logfile_open(struct hm_logfile *l, const char *path, bool grows, bool keep, struct hm_err *e);
int hm_logfile_event(struct hm_logfile *l, const struct hm_event *ev, struct hm_err *e);
/* Writes the log to the disk; *bytes := its length. 0 or HM_EDATA. */
int hm_logfile_sync(struct hm_logfile *l, uint64_t *bytes, struct hm_err *e);
/* Cuts the log to a length. 0, or HM_EDATA if it is shorter already. */
int hm_logfile_cut(struct hm_logfile *l, uint64_t bytes, struct hm_err *e);
/* Writes the whole log and its name to the disk and closes it. 0 or HM_EDATA. */
int hm_logfile_commit(struct hm_logfile *l, struct hm_err *e);
/* Closes what is open. A log that does not grow and was not committed is lost. */
void hm_logfile_close(struct hm_logfile *l);

#endif
