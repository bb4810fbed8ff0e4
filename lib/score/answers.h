/* A system's answers for records: those of a model file on raw columns or features, or those in the column
 * `prob`. They are collected as predictions and, if asked for, written to an output of records.
 *
 *   hm_answers_open(&a, &options, n, paths, workers, e)
 *   while ((rc = hm_answers_prepare(&a, e)) == 1) ...      shuffled sides: reads all once
 *   while ((rc = hm_answers_next(&a, &p, e)) == 1) ...      rc 0: all read
 *   hm_answers_finish(&a, e)  makes the output real; hm_answers_close(&a) in any case */
#ifndef HM_ANSWERS_H
#define HM_ANSWERS_H

#include "stat/predictions.h"
#include "score/predict.h"

struct hm_answers_options {
	const char *model; /* model file; NULL: column `prob` */
	struct hm_predict_options predict;
	struct hm_encoder_options encoder; /* of the model's encoders */
	struct hm_device *device;	   /* with a model: where it runs */
	bool texts;			   /* keep captions in the predictions */
	const char *by;			   /* a column (utf8 or integer) by which records are grouped; NULL */
	bool unlabelled;		   /* leave the input's labels alone: others will be set */
	const char *binary;		   /* an option of the call that is for two classes only, or NULL */
	const char *out;		   /* the output's path; NULL: no records are written */
	bool keep;			   /* write all columns, not only id, label, text, img, error */
	bool replace;			   /* overwrite the input's logits and prob */
	const char *tool;		   /* for the history */
	struct hm_writer_options writer;
};

struct hm_answers {
	struct hm_answers_options o;
	int n;
	char *const *paths;
	struct hm_workers *workers;
	struct hm_join *in;
	char digest[33]; /* of the first input when it was read before */
	struct hm_fusionfile model;
	struct hm_predict predict;
	char warning[400]; /* that the input's words for the classes are not the model's; "": none */
	int classes;
	int id, label, text, error, given, by; /* columns of the input, -1: none; given: prob */
	struct hm_schema schema;	       /* of the output */
	int from[HM_MAX_FIELDS];	       /* its columns: the input's, or LOGITS, PROB below 0 */
	struct hm_writer *writer;
	struct hm_batch batch; /* records that were read ahead, to be answered together */
	int at;		       /* the next of them */
	bool ended, *failed;   /* failed [records of a batch]: the record has an error */
	float *logits, *prob;  /* [records of a batch, C] */
	double *wide;	       /* [C] prob of the record */
	uint64_t read;
};

/* Whether `classes` suit o->binary; else HM_EUSAGE names the option and `in`, the input. */
int hm_answers_binary(const struct hm_answers_options *o, int classes, const char *in, struct hm_err *e);
/* Several paths are joined by id; they, o->device and w stay until close. 0, HM_EDATA, or HM_EUSAGE of
 * hm_answers_binary, before an output is begun. Caller closes, also after a failure. */
int hm_answers_open(struct hm_answers *a, const struct hm_answers_options *o, int n, char *const *paths,
		    struct hm_workers *w, struct hm_err *e);
/* Where sides of the model are shuffled, the input is read twice, first here: 1 while there is more to read,
 * 0 when hm_answers_next may begin, HM_EDATA. Without, there is nothing to do: 0 at once. */
int hm_answers_prepare(struct hm_answers *a, struct hm_err *e);
/* Takes the next record into p (whose classes it sets). 1, 0 at the end, HM_EDATA. A record with `error`
 * failed. */
int hm_answers_next(struct hm_answers *a, struct hm_predictions *p, struct hm_err *e);
/* Gives p, whose classes are known, the words that the model has for them, else those of the input's column
 * `label`. 0 or HM_EDATA. */
int hm_answers_call(const struct hm_answers *a, struct hm_predictions *p, struct hm_err *e);
/* After the end: records that the input's producers left out. */
uint64_t hm_answers_skipped(const struct hm_answers *a);
int hm_answers_finish(struct hm_answers *a, struct hm_err *e);
void hm_answers_close(struct hm_answers *a);

#endif
