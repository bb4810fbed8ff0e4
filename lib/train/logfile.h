/* The log of a training run: a JSON object a line. Without checkpoints the file appears whole at the end, or
 * not at all; with them it grows as the run goes and can be cut back to where a checkpoint left it; one
 * process at a time writes it. */
#ifndef HM_LOGFILE_H
#define HM_LOGFILE_H

#include "base/file.h"
#include "train/trainer.h"

struct hm_logfile {
	struct hm_out *out; /* whole or not at all */
	int fd;		    /* growing; used when `grows` */
	bool grows;
	const char *path; /* borrowed; NULL: there is no log, all calls do nothing */
};

/* 0 or HM_EDATA. keep: what is in a growing file stays until hm_logfile_cut. */
int hm_logfile_open(struct hm_logfile *l, const char *path, bool grows, bool keep, struct hm_err *e);
int hm_logfile_event(struct hm_logfile *l, const struct hm_event *ev, struct hm_err *e);
/* *bytes: its length, all of it on disk. */
int hm_logfile_sync(struct hm_logfile *l, uint64_t *bytes, struct hm_err *e);
/* Back to a length; HM_EDATA when it is shorter than that. */
int hm_logfile_cut(struct hm_logfile *l, uint64_t bytes, struct hm_err *e);
/* Makes it real and closes it. */
int hm_logfile_commit(struct hm_logfile *l, struct hm_err *e);
/* Closes what is open; what is not committed and does not grow is gone. */
void hm_logfile_close(struct hm_logfile *l);

#endif
