/* lib/base's numbers: half precision against its definition for every value, dtypes and shapes, Philox
 * against the known answers that Random123 publishes, and what is drawn from it. */
#include "base/rng.h"
#include "base/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static float float_of(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof f);
	return f;
}

static uint32_t bits_of(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof u);
	return u;
}

/* IEEE 754's definition of a binary format of `frac` fraction bits and exponent bias `bias`, for positive
 * finite values: m * 2^(max(exponent, 1) - bias - frac). */
static double value_of(uint32_t bits, int frac, int bias)
{
	int exponent = (int)(bits >> frac), m = (int)(bits & ((1u << frac) - 1));
	return ldexp(exponent ? m + (1 << frac) : m, (exponent ? exponent : 1) - bias - frac);
}

/* The format's bits for positive x, rounded to nearest even: x in units of the last place, rint. */
static uint32_t nearest(double x, int frac, int bias, uint32_t infinity)
{
	int exponent;
	frexp(x, &exponent); /* x = f * 2^exponent, f in [0.5, 1) */
	int unit = exponent - 1 < 1 - bias ? 1 - bias - frac : exponent - 1 - frac;
	double m = rint(ldexp(x, -unit));
	uint32_t low = (uint32_t)(unit + bias + frac); /* the exponent field, 1 for subnormals too */
	double bits = m + ldexp(low - 1.0, frac);
	return bits >= infinity ? infinity : (uint32_t)bits;
}

static void every_f16_is_widened(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x8000; h++) {
		float f = hm_f16_to_f32((uint16_t)h), n = hm_f16_to_f32((uint16_t)(h | 0x8000));
		assert_int_equal(bits_of(n), bits_of(f) | 0x80000000u);
		if (h > 0x7c00)
			assert_true(isnan(f));
		else if (h == 0x7c00)
			assert_true(isinf(f));
		else
			assert_true((double)f == value_of(h, 10, 15));
	}
}

/* Every f32 whose upper 16 bits differ, with lower bits on both sides of every tie. */
static void f32_is_narrowed_to_nearest_even(void **state)
{
	(void)state;
	static const uint32_t low[] = {0,      1,      0x7ff,  0x800,  0xfff,  0x1000, 0x1001,
				       0x1fff, 0x2fff, 0x3000, 0x3001, 0x7fff, 0x8000, 0x8001,
				       0xb000, 0xd000, 0xf000, 0xf001, 0xffff};
	for (uint32_t high = 0; high < 0x7f80; high++) {
		for (size_t i = 0; i < sizeof low / sizeof low[0]; i++) {
			uint32_t u = high << 16 | low[i];
			float f = float_of(u);
			uint32_t half = u ? nearest((double)f, 10, 15, 0x7c00) : 0;
			uint32_t brain = u ? nearest((double)f, 7, 127, 0x7f80) : 0;
			if (hm_f32_to_f16(f) != half || hm_f32_to_f16(-f) != (half | 0x8000))
				fail_msg("%a becomes f16 %04x, not %04x", (double)f, hm_f32_to_f16(f), half);
			if (hm_f32_to_bf16(f) != brain || hm_f32_to_bf16(-f) != (brain | 0x8000))
				fail_msg("%a becomes bf16 %04x, not %04x", (double)f, hm_f32_to_bf16(f),
					 brain);
		}
	}
	assert_int_equal(hm_f32_to_f16(INFINITY), 0x7c00);
	assert_int_equal(hm_f32_to_bf16(-INFINITY), 0xff80);
	for (uint32_t m = 1; m < 0x800000; m = 2 * m + 1) { /* NaN stays NaN, whatever its payload */
		assert_true(isnan(hm_f16_to_f32(hm_f32_to_f16(float_of(0x7f800000 | m)))));
		assert_true(isnan(hm_bf16_to_f32(hm_f32_to_bf16(float_of(0xff800000 | m)))));
	}
}

static void both_halves_come_back(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x10000; h++) {
		float f = hm_f16_to_f32((uint16_t)h), b = hm_bf16_to_f32((uint16_t)h);
		if (!isnan(f))
			assert_int_equal(hm_f32_to_f16(f), h);
		if (!isnan(b))
			assert_int_equal(hm_f32_to_bf16(b), h);
	}
}

static void floats_are_widened_by_dtype(void **state)
{
	(void)state;
	struct hm_err e = {0};
	float out[2];
	assert_int_equal(hm_to_f32(HM_F16, (uint16_t[]){0x3c00, 0xc000}, 2, out, &e), 0);
	assert_true(out[0] == 1 && out[1] == -2);
	assert_int_equal(hm_to_f32(HM_BF16, (uint16_t[]){0x3f80, 0xc000}, 2, out, &e), 0);
	assert_true(out[0] == 1 && out[1] == -2);
	assert_int_equal(hm_to_f32(HM_F64, (double[]){0.1, -2}, 2, out, &e), 0);
	assert_true(out[0] == 0.1f && out[1] == -2);
	assert_int_equal(hm_to_f32(HM_F32, (float[]){1, -2}, 2, out, &e), 0);
	assert_true(out[0] == 1 && out[1] == -2);
	assert_int_equal(hm_to_f32(HM_I32, out, 2, out, &e), HM_EDATA);
}

static void dtypes_have_names_and_sizes(void **state)
{
	(void)state;
	for (int t = 0; t < HM_DTYPES; t++)
		assert_int_equal(hm_dtype_parse(hm_dtype_name((enum hm_dtype)t)), t);
	assert_int_equal(hm_dtype_parse("f32"), -1);
	assert_int_equal(hm_dtype_parse(""), -1);
	assert_int_equal(hm_dtype_size(HM_BF16), 2);
	assert_int_equal(hm_dtype_size(HM_U64), 8);
	assert_int_equal(hm_dtype_size(HM_UTF8), 1);
}

static void shapes_are_counted(void **state)
{
	(void)state;
	char text[16];
	size_t n;
	assert_true(hm_shape_count(0, NULL, &n) && n == 1);
	assert_true(hm_shape_count(3, (int64_t[]){3, 224, 224}, &n) && n == 150528);
	assert_true(hm_shape_count(2, (int64_t[]){5, 0}, &n) && n == 0);
	assert_false(hm_shape_count(1, (int64_t[]){-1}, &n));
	assert_false(hm_shape_count(2, (int64_t[]){INT64_MAX, 3}, &n));
	assert_string_equal(hm_shape_text(3, (int64_t[]){3, 224, 224}, text, sizeof text), "3x224x224");
	assert_string_equal(hm_shape_text(0, NULL, text, sizeof text), "scalar");
	assert_int_equal(strlen(hm_shape_text(3, (int64_t[]){INT64_MAX, INT64_MAX, 1}, text, sizeof text)),
			 15);
}

/* Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds. */
static void philox_gives_the_known_answers(void **state)
{
	(void)state;
	static const struct {
		uint32_t ctr[4], key[2], out[4];
	} kat[] = {
		{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
		 {0xa4093822, 0x299f31d0},
		 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	for (size_t i = 0; i < sizeof kat / sizeof kat[0]; i++) {
		uint32_t out[4];
		hm_philox(kat[i].ctr, kat[i].key, out);
		assert_memory_equal(out, kat[i].out, sizeof out);
	}
}

/* A stream is the blocks of (element, purpose, a, b) under the seed, one word after the other. */
static void streams_are_named_by_their_numbers(void **state)
{
	(void)state;
	struct hm_rng r, other;
	hm_rng_init(&r, 0x0123456789abcdef, HM_RNG_DROPOUT, 7, 9);
	for (uint32_t block = 0; block < 3; block++) {
		uint32_t out[4];
		hm_philox((uint32_t[]){block, HM_RNG_DROPOUT, 7, 9}, (uint32_t[]){0x89abcdef, 0x01234567},
			  out);
		for (int i = 0; i < 4; i++)
			assert_int_equal(hm_rng_u32(&r), out[i]);
	}
	other = r;
	assert_int_equal(hm_rng_u32(&r), hm_rng_u32(&other));
}

static void draws_are_uniform_and_normal(void **state)
{
	(void)state;
	struct hm_rng r;
	enum { N = 200000 };
	double sum = 0, square = 0, normal = 0, normal2 = 0;
	int bucket[7] = {0};
	hm_rng_init(&r, 1, HM_RNG_SYNTH, 0, 0);
	for (int i = 0; i < N; i++) {
		double u = hm_rng_uniform(&r), z = hm_rng_normal(&r);
		assert_true(u >= 0 && u < 1);
		assert_true(isfinite(z));
		sum += u, square += u * u, normal += z, normal2 += z * z;
		uint32_t k = hm_rng_below(&r, 7);
		assert_true(k < 7);
		bucket[k]++;
	}
	/* five standard errors of each mean */
	assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
	assert_true(fabs(square / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
	assert_true(fabs(normal / N) < 5 * sqrt(1.0 / N));
	assert_true(fabs(normal2 / N - 1) < 5 * sqrt(2.0 / N));
	for (int i = 0; i < 7; i++)
		assert_true(fabs(bucket[i] - N / 7.0) < 5 * sqrt(N / 7.0));
	for (int i = 0; i < 100; i++)
		assert_int_equal(hm_rng_below(&r, 1), 0);
}

static void many_below_are_those_of_single_calls(void **state)
{
	(void)state;
	static const uint32_t below[] = {1, 2, 3, 7, 500, 65536, 1000003, 0x7fffffff, 0x80000001, UINT32_MAX};
	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		struct hm_rng one, many;
		uint32_t x[1000];
		hm_rng_init(&one, 5, HM_RNG_SYNTH, (uint32_t)i, 0);
		many = one;
		hm_rng_fill_below(&many, below[i], x, 333);
		hm_rng_fill_below(&many, below[i], x + 333, 667);
		for (int k = 0; k < 1000; k++)
			assert_int_equal(x[k], hm_rng_below(&one, below[i]));
	}
}

static void permutations_are_whole(void **state)
{
	(void)state;
	struct hm_rng r;
	uint32_t p[1000], again[1000];
	unsigned char seen[1000] = {0};
	hm_rng_init(&r, 42, HM_RNG_SHUFFLE, 1, 0);
	hm_rng_permute(&r, p, 1000);
	for (int i = 0; i < 1000; i++)
		seen[p[i]]++;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(seen[i], 1);
	hm_rng_init(&r, 42, HM_RNG_SHUFFLE, 1, 0);
	hm_rng_permute(&r, again, 1000);
	assert_memory_equal(p, again, sizeof p);
	hm_rng_init(&r, 42, HM_RNG_SHUFFLE, 2, 0);
	hm_rng_permute(&r, again, 1000);
	assert_memory_not_equal(p, again, sizeof p);
	hm_rng_permute(&r, p, 0);
	hm_rng_permute(&r, p, 1);
	assert_int_equal(p[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_f16_is_widened),
		cmocka_unit_test(f32_is_narrowed_to_nearest_even),
		cmocka_unit_test(both_halves_come_back),
		cmocka_unit_test(floats_are_widened_by_dtype),
		cmocka_unit_test(dtypes_have_names_and_sizes),
		cmocka_unit_test(shapes_are_counted),
		cmocka_unit_test(philox_gives_the_known_answers),
		cmocka_unit_test(streams_are_named_by_their_numbers),
		cmocka_unit_test(draws_are_uniform_and_normal),
		cmocka_unit_test(many_below_are_those_of_single_calls),
		cmocka_unit_test(permutations_are_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
