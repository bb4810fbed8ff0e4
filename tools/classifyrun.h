/* hm-classify in two files: hm-classify.c has the options and opens the model, classify_lines.c reads lines
 * and writes answers. This is what they share. */
#ifndef HM_CLASSIFYRUN_H
#define HM_CLASSIFYRUN_H

#include "cli/cli.h"
#include "prep/jsonl.h"
#include "score/classify.h"
#include "towerwords.h"

#include <sys/stat.h>

enum { NULL_EMPTY, NULL_ERROR };

/* The user's options. */
struct options {
	char *root, *spec[HM_SIDES], *vocab;
	struct hm_form form;
	double threshold;
	int null_text, on_error;
	bool follow_symlinks, mismatch, threshold_given;
	int64_t batch_size, max_pixels, max_side;
	struct tower_words tower;
};

/* A line that waits for its answer. */
struct question {
	struct hm_jsonl_rec rec;
	const char *id; /* NULL: the line has none */
	bool number;	/* the id is one */
	uint64_t line;
};

struct classify_run {
	struct hm_cli cli;
	struct options o;
	struct hm_imageroot root;
	struct hm_device *device;
	struct hm_rawmodel model;
	struct hm_classify *classify;
	struct hand {			       /* lines in hand: a batch of them */
		struct question *question;     /* [batch_size] */
		struct hm_classify_pair *pair; /* [batch_size] */
		int n;
	} hand[HM_CLASSIFY_BATCHES];
	bool picture;	    /* the call names a picture, not lines */
	uint64_t done, bad; /* lines that were read, and those without an answer */
	struct hm_buf out;
};

/* classify_lines.c. Answers the lines of a file, or of "-", a batch of those that have come at a time. 0,
 * also after SIGTERM or SIGINT, which end it behind the batch in hand; HM_EDATA: the file or the machine is
 * at fault. */
int classify_file(struct classify_run *r, const char *path, struct hm_err *e);
/* Answers one picture with its caption; its path is the id. 0 or HM_EDATA. */
int classify_picture(struct classify_run *r, const char *path, const char *caption, struct hm_err *e);
/* True after such a signal. */
bool classify_stopped(void);

#endif
