/* Errors as values. A function that can fail returns 0 or a negative code and puts one complete sentence (no
 * capital, no full stop, subject first) into the caller's struct hm_err; lib/cli prints it. The codes are the
 * negated exit statuses of the tools. */
#ifndef HM_ERR_H
#define HM_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum { HM_EDATA = -1, HM_EUSAGE = -2, HM_EDEVICE = -3 };

struct hm_err {
	int code;	/* 0: no error yet */
	char text[768]; /* NUL-terminated; cut, never overrun */
	/* Memory, a disk or a descriptor failed: the data is not at fault, and no --on-error skips it. */
	bool machine;
};

/* Stores the formatted sentence and returns `code`. The first error wins: a later call on the same hm_err
 * changes nothing (the cause is worth more than its consequences). `e` may be NULL. */
int hm_err_set(struct hm_err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The same with HM_EDATA for a fault of the machine: sets `machine` too. */
int hm_err_machine(struct hm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same for a system call that failed with errno `error`: a fault of the machine, unless the errno speaks
 * of the name or the kind of the file that was given (missing, a folder, not allowed). Returns HM_EDATA. */
int hm_err_system(struct hm_err *e, int error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Stores what `from` holds, an error that was kept until its turn, unless `e` holds one already. Returns the
 * code of `from`. */
int hm_err_pass(struct hm_err *e, const struct hm_err *from);

/* Puts "<prefix>: " before the stored sentence; returns the stored code. For callers that know the file,
 * record or id that the callee could not know. */
int hm_err_prefix(struct hm_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
