/* Lines into batches, batches into answers. See classifyrun.h. */
#include "base/fd.h"
#include "base/signals.h"
#include "classifyrun.h"
#include "json/json.h"
#include "prep/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define BATCH_BYTES ((size_t)16 << 20) /* of lines in hand, but for the last one */

/* ---- signals: a byte in a pipe ends the wait for lines */

static volatile sig_atomic_t asked;
static int wake[2] = {-1, -1};

static void on_signal(int number)
{
	int kept = errno;
	if (!asked)
		hm_fd_write(wake[1], "", 1);
	asked = number;
	errno = kept;
}

static int catch_signals(struct hm_err *e)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigemptyset(&a.sa_mask);
	if (wake[0] >= 0)
		return 0;
	if (pipe2(wake, O_CLOEXEC))
		return hm_err_machine(e, "cannot make a pipe: %s", strerror(errno));
	hm_signal_handle(SIGTERM, &a);
	hm_signal_handle(SIGINT, &a);
	return 0;
}

bool classify_stopped(void)
{
	return asked;
}

/* Waits for more of the file, or for a signal. */
static int wait_for_input(const struct hm_lines *l, struct hm_err *e)
{
	struct pollfd p[2] = {{.fd = l->fd, .events = POLLIN}, {.fd = wake[0], .events = POLLIN}};
	if (poll(p, 2, -1) < 0 && errno != EINTR)
		return hm_err_machine(e, "%s: cannot wait for it: %s", l->name, strerror(errno));
	return 0;
}

/* ---- answers */

/* The class whose probability is highest, the first of equals; of two, class 1 if it is above the threshold.
 */
static int choose_class(const struct classify_run *r, const float *prob)
{
	int64_t classes = r->model.model.head.classes;
	int best = 0;
	if (classes == 2)
		return (double)prob[1] > r->o.threshold;
	for (int i = 1; i < classes; i++)
		if (prob[i] > prob[best])
			best = i;
	return best;
}

static void put_bytes(struct hm_buf *b, const char *s, struct hm_err *e)
{
	hm_buf_add(b, s, strlen(s), e);
}

static void put_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	hm_json_write_str(b, s, strlen(s), e); /* hm_json_tame makes UTF-8 of it */
}

/* An id is written as it came: a number's digits, or a string. */
static void put_id(struct hm_buf *b, const struct question *q, struct hm_err *e)
{
	put_bytes(b, "{\"id\":", e);
	if (!q->id)
		hm_buf_printf(b, e, "null,\"line\":%" PRIu64, q->line);
	else if (q->number)
		put_bytes(b, q->id, e);
	else
		put_text(b, q->id, e);
}

static void put_answer(struct classify_run *r, const float *prob, struct hm_err *e)
{
	struct hm_buf *b = &r->out;
	const struct hm_modelfile *h = &r->model.model.head;
	int label = choose_class(r, prob);
	hm_buf_printf(b, e, ",\"label\":%d", label);
	if (h->names) {
		put_bytes(b, ",\"name\":", e);
		put_text(b, cJSON_GetArrayItem(h->names, label)->valuestring, e);
	}
	for (int64_t i = 0; i < h->classes; i++)
		hm_buf_printf(b, e, "%s%.9g", i ? "," : ",\"prob\":[", (double)prob[i]);
	put_bytes(b, "]}\n", e);
}

/* Writes the answers to the lines of a batch, in their order. */
static int write_batch(struct classify_run *r, const struct hand *h, struct hm_err *e)
{
	r->out.len = 0;
	for (int i = 0; i < h->n && !e->code; i++) {
		const struct hm_classify_pair *p = &h->pair[i];
		r->bad += p->failure.code != 0;
		if (p->failure.code && r->o.on_error == HM_SKIP) {
			hm_cli_debug(&r->cli, "line %" PRIu64 ": %s", h->question[i].line, p->failure.text);
			continue;
		}
		put_id(&r->out, &h->question[i], e);
		if (!p->failure.code) {
			put_answer(r, p->prob, e);
			continue;
		}
		put_bytes(&r->out, ",\"error\":", e);
		put_text(&r->out, p->failure.text, e);
		put_bytes(&r->out, "}\n", e);
	}
	if (!e->code)
		hm_json_tame(&r->out, 0, e);
	if (!e->code && hm_fd_write(STDOUT_FILENO, r->out.data, r->out.len))
		hm_err_machine(e, "standard output: cannot write: %s", strerror(errno));
	return e->code;
}

static void drop_batch(struct hand *h)
{
	for (int i = 0; i < h->n; i++)
		hm_jsonl_clear(&h->question[i].rec);
	h->n = 0;
}

/* Waits for the answers of a batch that was begun, and writes them. */
static int end_batch(struct classify_run *r, int which, struct hm_err *e)
{
	struct hand *h = &r->hand[which];
	int rc = h->n ? hm_classify_end(r->classify, which, e) : 0;
	if (!rc && h->n)
		rc = hm_fusionfile_unchanged(&r->model.model, e); /* it stays mapped */
	if (!rc && h->n)
		rc = write_batch(r, h, e);
	drop_batch(h);
	hm_cli_progress(&r->cli, r->done, 0, "lines");
	return rc;
}

/* Takes a line in hand: what it says, or what is wrong with it, for which its id alone is read if it has one.
 */
static int take_line(struct classify_run *r, struct hand *h, const struct hm_lines *l, const char *line,
		     size_t len, struct hm_err *e)
{
	const struct hm_form only_id = {.id = r->o.form.id};
	struct question *q = &h->question[h->n];
	struct hm_classify_pair *p = &h->pair[h->n];
	struct hm_err why = {0}, none = {0};
	q->line = l->line;
	*p = (struct hm_classify_pair){.root = &r->root};
	if (hm_jsonl_parse(&r->o.form, line, len, &q->rec, &why)) {
		if (why.machine)
			return hm_err_pass(e, &why);
		hm_jsonl_parse(&only_id, line, len, &q->rec, &none);
	}
	p->failure = why;
	q->id = q->rec.tree ? q->rec.v.id : NULL;
	q->number = q->id == q->rec.digits;
	p->img = q->rec.tree ? q->rec.v.img : NULL;
	p->text = q->rec.tree ? q->rec.v.text : NULL;
	h->n++;
	r->done++;
	return 0;
}

/* Lines of the file until none can be read without waiting, or there is a batch of them. 1; 0 at the end. */
static int fill_batch(struct classify_run *r, struct hand *h, struct hm_lines *l, struct hm_err *e)
{
	const char *line;
	size_t len, bytes = 0;
	int ready = 0, more = 1;
	while (!asked && h->n < r->o.batch_size && bytes < BATCH_BYTES &&
	       (ready = hm_lines_ready(l, e)) == 1) {
		more = hm_lines_next(l, &line, &len, e);
		if (more != 1)
			return more;
		bytes += len;
		if (!hm_line_blank(line, len) && take_line(r, h, l, line, len, e))
			return HM_EDATA;
	}
	return ready < 0 ? ready : 1;
}

/* While a batch is encoded the next one is taken, if its lines are there. */
static int answer_all(struct classify_run *r, struct hm_lines *l, struct hm_err *e)
{
	int which = 0, more = 1, rc = 0;
	while (!rc && more == 1 && !asked) {
		struct hand *h = &r->hand[which], *other = &r->hand[!which];
		more = fill_batch(r, h, l, e);
		rc = more < 0 ? more : h->n ? hm_classify_begin(r->classify, which, h->pair, h->n, e) : 0;
		if (!rc && !h->n && !other->n && more)
			rc = wait_for_input(l, e);
		else if (!rc)
			rc = end_batch(r, !which, e);
		which = !which;
	}
	if (!rc)
		rc = end_batch(r, !which, e);
	for (int i = 0; i < HM_CLASSIFY_BATCHES; i++)
		drop_batch(&r->hand[i]);
	return rc;
}

int classify_file(struct classify_run *r, const char *path, struct hm_err *e)
{
	struct hm_lines l;
	int rc = catch_signals(e);
	if (rc || hm_lines_open(&l, path, e))
		return HM_EDATA;
	rc = answer_all(r, &l, e);
	hm_lines_close(&l);
	return rc;
}

int classify_picture(struct classify_run *r, const char *path, const char *caption, struct hm_err *e)
{
	const char *slash = strrchr(path, '/');
	struct hand *h = &r->hand[0];
	struct hm_buf folder = {0};
	int rc = slash ? hm_buf_printf(&folder, e, "%.*s", (int)(slash - path + 1), path)
		       : hm_buf_printf(&folder, e, ".");
	if (!rc)
		rc = hm_imageroot_open(&r->root, (char *)folder.data, true, e);
	hm_buf_clear(&folder);
	if (rc)
		return rc;
	h->n = 1;
	h->pair[0] =
		(struct hm_classify_pair){.root = &r->root, .img = slash ? slash + 1 : path, .text = caption};
	h->question[0].id = path;
	rc = hm_classify_begin(r->classify, 0, h->pair, 1, e);
	if (!rc)
		rc = end_batch(r, 0, e);
	if (!rc && r->bad)
		rc = hm_err_set(e, HM_EDATA, "%s", h->pair[0].failure.text);
	return rc;
}
