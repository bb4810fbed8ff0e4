/* The four joints, forward and backward. See headjoint.h. */
#include "nn/headjoint.h"

/* ---- align */

static int64_t width_align(int n)
{
	return n;
}

static void forward_align(struct hm_device *d, float *f, float *spare, const float *a, const float *b, int m,
			  int n)
{
	(void)spare;
	d->op->mul_add(d, f, a, b, NULL, (size_t)m * (size_t)n);
}

static void backward_align(struct hm_device *d, float *da, float *db, float *spare, const float *df,
			   const float *a, const float *b, int m, int n)
{
	(void)spare;
	d->op->mul_add(d, da, df, b, NULL, (size_t)m * (size_t)n);
	d->op->mul_add(d, db, df, a, NULL, (size_t)m * (size_t)n);
}

/* ---- concat */

static int64_t width_concat(int n)
{
	return 2 * (int64_t)n;
}

static void forward_concat(struct hm_device *d, float *f, float *spare, const float *a, const float *b, int m,
			   int n)
{
	(void)spare;
	d->op->copy_columns(d, f, 2 * n, a, n, m, n);
	d->op->copy_columns(d, f + n, 2 * n, b, n, m, n);
}

static void backward_concat(struct hm_device *d, float *da, float *db, float *spare, const float *df,
			    const float *a, const float *b, int m, int n)
{
	(void)spare, (void)a, (void)b;
	d->op->copy_columns(d, da, n, df, 2 * n, m, n);
	d->op->copy_columns(d, db, n, df + n, 2 * n, m, n);
}

/* ---- cross */

static int64_t width_cross(int n)
{
	return (int64_t)n * n;
}

static void forward_cross(struct hm_device *d, float *f, float *spare, const float *a, const float *b, int m,
			  int n)
{
	(void)spare;
	d->op->outer(d, f, a, b, m, n);
}

static void backward_cross(struct hm_device *d, float *da, float *db, float *spare, const float *df,
			   const float *a, const float *b, int m, int n)
{
	(void)spare;
	d->op->outer_backward(d, da, db, df, a, b, m, n);
}

/* ---- align-concat: a row of df is [p; q; r], da = p*b + q, db = p*a + r */

static int64_t width_align_concat(int n)
{
	return 3 * (int64_t)n;
}

static void forward_align_concat(struct hm_device *d, float *f, float *spare, const float *a, const float *b,
				 int m, int n)
{
	d->op->mul_add(d, spare, a, b, NULL, (size_t)m * (size_t)n);
	d->op->copy_columns(d, f, 3 * n, spare, n, m, n);
	d->op->copy_columns(d, f + n, 3 * n, a, n, m, n);
	d->op->copy_columns(d, f + 2 * n, 3 * n, b, n, m, n);
}

static void backward_align_concat(struct hm_device *d, float *da, float *db, float *spare, const float *df,
				  const float *a, const float *b, int m, int n)
{
	d->op->copy_columns(d, spare, n, df, 3 * n, m, n);
	d->op->copy_columns(d, da, n, df + n, 3 * n, m, n);
	d->op->copy_columns(d, db, n, df + 2 * n, 3 * n, m, n);
	d->op->mul_add(d, da, spare, b, da, (size_t)m * (size_t)n);
	d->op->mul_add(d, db, spare, a, db, (size_t)m * (size_t)n);
}

const struct hm_joint hm_joint_align = {width_align, forward_align, backward_align};
const struct hm_joint hm_joint_concat = {width_concat, forward_concat, backward_concat};
const struct hm_joint hm_joint_cross = {width_cross, forward_cross, backward_cross};
const struct hm_joint hm_joint_align_concat = {width_align_concat, forward_align_concat,
					       backward_align_concat};
