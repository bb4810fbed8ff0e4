/* Pictures: what every decoder gives, the limits that every decoder keeps, and the table of decoders. The
 * first bytes of a file choose its decoder, its name never does. A new format is one file with a struct
 * hm_image_format and one row in image.c. */
#ifndef HM_IMAGE_H
#define HM_IMAGE_H

#include "base/budget.h"
#include "base/mem.h"

#define HM_IMAGE_SLACK 32 /* readable bytes behind the last pixel */

/* A picture, 8 bits per channel: rgb[(y·w + x)·3 + c], with HM_IMAGE_SLACK readable bytes behind it. */
struct hm_image {
	int w, h;
	const uint8_t *rgb;
	const char *damage; /* what is wrong with its file, which was read as far as it goes; NULL: nothing */
};

#define HM_IMAGE_PIXELS ((uint64_t)64 << 20)	 /* limit on width·height unless another is asked for */
#define HM_IMAGE_PIXELS_MOST ((uint64_t)1 << 30) /* and the largest that may be asked for */
#define HM_IMAGE_SIDE 16384			 /* the same for width and for height */
#define HM_IMAGE_SIDE_MOST (1 << 18)

struct hm_image_limits {
	uint64_t pixels; /* 0: HM_IMAGE_PIXELS */
	uint32_t side;	 /* 0: HM_IMAGE_SIDE */
};
/* 0 for a picture of w x h pixels within the limits, else HM_EDATA; the sentence names the options that raise
 * them. Every decoder asks before it allocates. */
int hm_image_check(const struct hm_image_limits *l, uint32_t w, uint32_t h, struct hm_err *e);

/* What a picture takes of the memory that all threads share. One per thread, given back by its owner. */
#define HM_IMAGE_SMALL ((size_t)32 << 20) /* a need that is not counted: each thread may have as much */
struct hm_image_claim {
	struct hm_budget *budget;
	size_t per_side; /* bytes that the caller will need for each pixel of the longer side */
	size_t held;	 /* taken of the budget; 0: nothing */
};

/* What a decoder may accept. */
struct hm_image_options {
	struct hm_image_limits limits;
	bool damaged;		      /* also a damaged file, as far as it goes */
	struct hm_image_claim *claim; /* NULL: nothing is counted */
};
/* Every decoder calls it once, when the file is known to be a picture of w x h pixels and before it
 * allocates: takes `bytes`, which the decoder will need, of the claim's budget, unless they are few. Waits
 * until they are there. */
void hm_image_claim(const struct hm_image_options *o, uint32_t w, uint32_t h, size_t bytes);
/* A fault of a file that is read nevertheless when damaged files are asked for: then keeps the sentence in
 * `damage`, unless one is there already ("": none), and returns 0. Otherwise HM_EDATA with the sentence and
 * the option that helps. */
#define HM_IMAGE_DAMAGE 160
int hm_image_fault(const struct hm_image_options *o, char damage[HM_IMAGE_DAMAGE], struct hm_err *e,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Room for n bytes in b, not set, with HM_IMAGE_SLACK bytes of zero behind them; what b held is lost, and
 * freed before more is allocated. A large buffer has no more bytes than are asked for. NULL without memory.
 */
uint8_t *hm_image_room(struct hm_buf *b, size_t n, struct hm_err *e);

/* A format that can be read. `state` is a decoder's own storage, which it uses again from picture to picture.
 */
struct hm_image_format {
	const char *name; /* "PNG" */
	bool (*matches)(const unsigned char *p,
			size_t n); /* by the first bytes, also of a file that was cut */
	void *(*state_new)(struct hm_err *e);
	void (*state_free)(void *state); /* NULL is fine */
	int (*decode)(void *state, const unsigned char *p, size_t n, const struct hm_image_options *o,
		      struct hm_image *out, struct hm_err *e);
};

/* A decoder for every format of the table. One per thread. */
struct hm_image_decoder;
struct hm_image_decoder *hm_image_decoder_new(struct hm_err *e);
void hm_image_decoder_free(struct hm_image_decoder *d); /* NULL is fine */
/* Frees what d holds, the last picture too. d stays usable. */
void hm_image_decoder_clear(struct hm_image_decoder *d);

/* Decodes the file p[0..n). `out` borrows from d until the next call with d. HM_EDATA with the reason alone;
 * for a file of no format of the table it says what the file is and what may be done about it. */
int hm_image_decode(struct hm_image_decoder *d, const unsigned char *p, size_t n,
		    const struct hm_image_options *o, struct hm_image *out, struct hm_err *e);

/* Whether p[0..n), the first bytes of a file, are those of a picture of the table. */
#define HM_IMAGE_BEGINNING 16 /* bytes that are enough */
bool hm_image_begins(const unsigned char *p, size_t n);

#endif
