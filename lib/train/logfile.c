/* The log of a training run. See logfile.h. */
#include "train/logfile.h"
#include "base/fd.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_error(const struct hm_logfile *l, struct hm_err *e)
{
	return hm_err_set(e, HM_EDATA, "%s: %s", l->path, strerror(errno));
}

int hm_logfile_open(struct hm_logfile *l, const char *path, bool grows, bool keep, struct hm_err *e)
{
	*l = (struct hm_logfile){.path = path, .grows = path && grows, .fd = -1};
	if (!path)
		return 0;
	if (!grows)
		return (l->out = hm_out_open(path, e)) ? 0 : HM_EDATA;
	l->fd = hm_fd_open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (l->fd < 0)
		return set_error(l, e);
	if (hm_fd_lock(l->fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
		return hm_err_set(e, HM_EDATA, "%s: another process is writing it", path);
	if (hm_file_sync_name(path, e))
		return HM_EDATA;
	return !keep && ftruncate(l->fd, 0) && errno != EINVAL ? set_error(l, e) : 0; /* EINVAL: a device */
}

static int add_line(struct hm_logfile *l, const char *line, struct hm_err *e)
{
	size_t n = strlen(line);
	if (l->out)
		return hm_out_write(l->out, line, n, e);
	return hm_fd_write(l->fd, line, n) ? set_error(l, e) : 0;
}

int hm_logfile_event(struct hm_logfile *l, const struct hm_event *ev, struct hm_err *e)
{
	char line[320], loss[HM_JSON_NUMBER], lr[HM_JSON_NUMBER], accuracy[HM_JSON_NUMBER],
		auroc[HM_JSON_NUMBER];
	if (!l->path)
		return 0;
	hm_json_f64(ev->loss, loss);
	switch (ev->kind) {
	case HM_EVENT_STEP:
		snprintf(line, sizeof line,
			 "{\"event\":\"step\",\"epoch\":%" PRId64 ",\"step\":%" PRId64
			 ",\"loss\":%s,\"lr\":%s}\n",
			 ev->epoch, ev->step, loss, hm_json_f64(ev->lr, lr));
		break;
	case HM_EVENT_EPOCH:
		snprintf(line, sizeof line, "{\"event\":\"epoch\",\"epoch\":%" PRId64 ",\"train_loss\":%s}\n",
			 ev->epoch, loss);
		break;
	case HM_EVENT_EVAL:
		snprintf(line, sizeof line,
			 "{\"event\":\"eval\",\"epoch\":%" PRId64
			 ",\"loss\":%s,\"accuracy\":%s,\"auroc\":%s,\"n\":%zu}\n",
			 ev->epoch, loss, hm_json_f64(ev->accuracy, accuracy),
			 isnan(ev->auroc) ? "null" : hm_json_f64(ev->auroc, auroc), ev->n);
		break;
	case HM_EVENT_END:
		snprintf(line, sizeof line,
			 "{\"event\":\"end\",\"steps\":%" PRId64 ",\"best_epoch\":%" PRId64
			 ",\"reason\":\"%s\"}\n",
			 ev->step, ev->best_epoch, ev->reason);
		break;
	}
	return add_line(l, line, e);
}

int hm_logfile_sync(struct hm_logfile *l, uint64_t *bytes, struct hm_err *e)
{
	struct stat st;
	*bytes = 0;
	if (!l->grows)
		return 0;
	if (fstat(l->fd, &st) || (S_ISREG(st.st_mode) && hm_fd_sync(l->fd)))
		return set_error(l, e);
	*bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	return 0;
}

int hm_logfile_cut(struct hm_logfile *l, uint64_t bytes, struct hm_err *e)
{
	struct stat st;
	if (!l->grows)
		return 0;
	if (fstat(l->fd, &st))
		return set_error(l, e);
	if (!S_ISREG(st.st_mode))
		return 0;
	if ((uint64_t)st.st_size < bytes)
		return hm_err_set(e, HM_EDATA,
				  "%s: the checkpoint expects %" PRIu64
				  " bytes of this log, but it has %" PRIu64,
				  l->path, bytes, (uint64_t)st.st_size);
	return ftruncate(l->fd, (off_t)bytes) ? set_error(l, e) : 0;
}

int hm_logfile_commit(struct hm_logfile *l, struct hm_err *e)
{
	uint64_t bytes;
	int rc = 0;
	if (l->out)
		rc = hm_out_commit(l->out, e);
	l->out = NULL;
	if (l->grows && l->fd >= 0) {
		rc = hm_logfile_sync(l, &bytes, e);
		if (hm_fd_close(l->fd) && !rc)
			rc = set_error(l, e);
		l->fd = -1;
	}
	return rc;
}

void hm_logfile_close(struct hm_logfile *l)
{
	hm_out_abort(l->out);
	if (l->grows && l->fd >= 0)
		close(l->fd);
	*l = (struct hm_logfile){.fd = -1};
}
