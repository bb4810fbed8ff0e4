/* What a decoder claims of the budget is what it needs: pictures of 4 Mpx of every format and kind that takes
 * much, decoded in processes of their own, whose peak memory is compared with the claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "prep/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <jpeglib.h>
#include <malloc.h>
#include <png.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <webp/encode.h>

enum { W = 4096, H = 1024, SLACK = 2 << 20 };

/* A picture that compresses well and is not flat. */
static uint8_t *draw_rows(int channels)
{
	uint8_t *p = malloc((size_t)W * H * (size_t)channels);
	assert_non_null(p);
	for (size_t i = 0; i < (size_t)W * H * (size_t)channels; i++)
		p[i] = (uint8_t)(i / (size_t)(W * channels) + i % (size_t)(W * channels) / 64);
	return p;
}

static void make_png(int kind, struct hm_buf *out)
{
	png_image im = {.version = PNG_IMAGE_VERSION, .width = W, .height = H};
	im.format = kind == 16 ? PNG_FORMAT_LINEAR_RGB_ALPHA : kind == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
	im.flags = PNG_IMAGE_FLAG_FAST;
	uint8_t *rows = draw_rows(kind == 16 ? 8 : kind == 1 ? 1 : 3);
	png_alloc_size_t n = 0;
	assert_true(png_image_write_to_memory(&im, NULL, &n, 0, rows, 0, NULL));
	assert_int_equal(hm_buf_add(out, NULL, n, NULL), 0);
	assert_true(png_image_write_to_memory(&im, out->data, &n, 0, rows, 0, NULL));
	out->len = n;
	free(rows);
}

static void make_jpeg(int progressive, struct hm_buf *out)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	unsigned char *to = NULL;
	unsigned long n = 0;
	uint8_t *rows = draw_rows(3);
	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &to, &n);
	c.image_width = W;
	c.image_height = H;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	for (int i = 0; i < 3 && progressive; i++)
		c.comp_info[i].h_samp_factor = c.comp_info[i].v_samp_factor = 1;
	if (progressive)
		jpeg_simple_progression(&c);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < H) {
		JSAMPROW row = rows + (size_t)c.next_scanline * W * 3;
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	assert_int_equal(hm_buf_add(out, to, n, NULL), 0);
	free(to);
	free(rows);
}

static void make_webp(int kind, struct hm_buf *out)
{
	uint8_t *rows = draw_rows(kind == 4 ? 4 : 3), *to = NULL;
	size_t n = kind == 0   ? WebPEncodeRGB(rows, W, H, W * 3, 75, &to)
		   : kind == 4 ? WebPEncodeRGBA(rows, W, H, W * 4, 75, &to)
			       : WebPEncodeLosslessRGB(rows, W, H, W * 3, &to);
	assert_true(n);
	assert_int_equal(hm_buf_add(out, to, n, NULL), 0);
	WebPFree(to);
	free(rows);
}

static size_t resident(void)
{
	size_t pages[2] = {0};
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%zu %zu", &pages[0], &pages[1]) != 2)
		pages[1] = 0;
	if (f)
		fclose(f);
	return pages[1] * (size_t)sysconf(_SC_PAGESIZE);
}

/* 0: decoded within the claim; the claim has at least the picture itself. */
static int decode_alone(const struct hm_buf *file, const char *name)
{
	struct hm_budget budget;
	struct hm_image_claim claim = {.budget = &budget, .per_side = 1 << 20};
	const struct hm_image_options o = {.claim = &claim};
	struct hm_err e = {0};
	struct hm_image im;
	struct rusage use;
	hm_budget_init(&budget, (size_t)1 << 40);
	struct hm_image_decoder *d = hm_image_decoder_new(&e);
	size_t before = resident();
	if (!d || hm_image_decode(d, file->data, file->len, &o, &im, &e)) {
		fprintf(stderr, "%s: %s\n", name, e.text);
		return 1;
	}
	getrusage(RUSAGE_SELF, &use);
	size_t need = claim.held - (size_t)W * claim.per_side, peak = (size_t)use.ru_maxrss * 1024 - before;
	fprintf(stderr, "%s: claimed %zu, peak %zu\n", name, need, peak);
#ifdef __SANITIZE_ADDRESS__
	peak = need; /* its own memory is in it */
#endif
	return claim.held != budget.held || need < (size_t)3 * W * H || peak > need + SLACK;
}

static void claims_are_what_is_needed(void **state)
{
	static const struct {
		const char *name;
		void (*make)(int kind, struct hm_buf *out);
		int kind;
	} c[] = {{"PNG, 8 bits", make_png, 3},		 {"PNG, grey", make_png, 1},
		 {"PNG, RGBA of 16 bits", make_png, 16}, {"JPEG", make_jpeg, 0},
		 {"JPEG, progressive", make_jpeg, 1},	 {"WebP", make_webp, 0},
		 {"WebP, alpha", make_webp, 4},		 {"WebP, lossless", make_webp, 3}};
	(void)state;
	for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
		struct hm_buf file = {0};
		int status;
		c[i].make(c[i].kind, &file);
		malloc_trim(0); /* what the encoder left is not to be used again */
		pid_t child = fork();
		assert_true(child >= 0);
		if (!child)
			_exit(decode_alone(&file, c[i].name));
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		hm_buf_clear(&file);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(claims_are_what_is_needed)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
