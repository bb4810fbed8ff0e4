/* The table of file kinds: fixed bytes at fixed places, then the few formats that need more, then text. See
 * filekind.h. */
#include "base/filekind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define PICTURE HM_FILEKIND_PICTURE
#define MEDIA HM_FILEKIND_MEDIA
#define PACKED HM_FILEKIND_PACKED
#define DATA HM_FILEKIND_DATA
#define TEXT HM_FILEKIND_TEXT

#define CONVERT "magick FILE png:NEW"
#define FILM "ffmpeg -i FILE -frames:v 1 NEW.png"

/* clang-format off */
#define ROW(at, bytes, ...) {bytes, sizeof bytes - 1, at, NULL, 0, {__VA_ARGS__}}
#define ROW2(at, bytes, also_at, also, ...) {bytes, sizeof bytes - 1, at, also, also_at, {__VA_ARGS__}}

/* A file is of a row's kind if `bytes` stand at `at` and, where given, the four bytes `also` at `also_at`.
 * Rows that say more stand before rows that say less. */
static const struct row {
	const char *bytes;
	unsigned char len;
	unsigned short at;
	const char *also;
	unsigned char also_at;
	struct hm_filekind kind;
} rows[] = {
	ROW(0, "\x89PNG\r\n\x1a\n", "a PNG file", PICTURE, NULL),
	ROW(0, "\x89PNG", "a PNG file with changed bytes (a transfer as text does that)", DATA, NULL),
	ROW(0, "\xc2\x89PNG", "a PNG file with changed bytes (something read it as text)", DATA, NULL),
	ROW(0, "\xef\xbf\xbdPNG", "a PNG file with changed bytes (something read it as text)", DATA, NULL),
	ROW(0, "\xff\xd8\xff", "a JPEG file", PICTURE, CONVERT),
	ROW2(0, "RIFF", 8, "WEBP", "a WebP file", PICTURE, CONVERT),
	ROW2(0, "RIFF", 8, "AVI ", "an AVI film", MEDIA, FILM),
	ROW2(0, "RIFF", 8, "WAVE", "a WAV sound", MEDIA, NULL),
	ROW(0, "GIF87a", "a GIF file", PICTURE, CONVERT),
	ROW(0, "GIF89a", "a GIF file", PICTURE, CONVERT),
	ROW(0, "II*\0", "a TIFF file", PICTURE, CONVERT),
	ROW(0, "MM\0*", "a TIFF file", PICTURE, CONVERT),
	ROW(0, "II+\0", "a TIFF file", PICTURE, CONVERT),
	ROW(0, "MM\0+", "a TIFF file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "avif", "an AVIF file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "avis", "an AVIF file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "heic", "a HEIC file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "heix", "a HEIC file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "hevc", "a HEIC file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "heim", "a HEIC file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "heis", "a HEIC file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "crx ", "a Canon raw file", PICTURE, CONVERT),
	ROW2(4, "ftyp", 8, "qt  ", "a QuickTime film", MEDIA, FILM),
	ROW(0, "\0\0\0\fJXL ", "a JPEG XL file", PICTURE, CONVERT),
	ROW(0, "\xff\n", "a JPEG XL file", PICTURE, CONVERT),
	ROW(0, "\0\0\0\fjP  ", "a JPEG 2000 file", PICTURE, CONVERT),
	ROW(0, "\xff\x4f\xff\x51", "a JPEG 2000 file", PICTURE, CONVERT),
	ROW(0, "\0\0\1\0", "an icon file (ICO)", PICTURE, CONVERT),
	ROW2(0, "\0\0\2\0", 4, "\0\0\0\0", "a TGA file", PICTURE, CONVERT),
	ROW2(0, "\0\0\n\0", 4, "\0\0\0\0", "a TGA file", PICTURE, CONVERT),
	ROW(0, "\0\0\2\0", "a cursor file (CUR)", PICTURE, CONVERT),
	ROW(0, "8BPS", "a Photoshop file", PICTURE, CONVERT),
	ROW(0, "gimp xcf", "a GIMP file", PICTURE, CONVERT),
	ROW(0, "qoif", "a QOI file", PICTURE, CONVERT),
	ROW(0, "v/1\1", "an OpenEXR file", PICTURE, CONVERT),
	ROW(0, "#?RADIANCE", "a Radiance HDR file", PICTURE, CONVERT),
	ROW(0, "DDS ", "a DDS file", PICTURE, CONVERT),
	ROW(0, "\x8bJNG", "a JNG file", PICTURE, CONVERT),
	ROW(0, "\x8aMNG", "an MNG file", PICTURE, CONVERT),
	ROW(0, "AT&TFORM", "a DjVu file", PICTURE, CONVERT),
	ROW(128, "DICM", "a DICOM file", PICTURE, CONVERT),
	ROW(0, "%PDF-", "a PDF file", PICTURE, "pdftoppm -png FILE NEW"),
	ROW(0, "%!PS", "a PostScript file", PICTURE, CONVERT),
	ROW(0, "\x1a\x45\xdf\xa3", "a Matroska or WebM film", MEDIA, FILM),
	ROW(0, "\0\0\1\xba", "an MPEG film", MEDIA, FILM),
	ROW(0, "FLV\1", "a Flash film", MEDIA, FILM),
	ROW(0, "OggS", "an Ogg file", MEDIA, NULL),
	ROW(0, "ID3", "an MP3 sound", MEDIA, NULL),
	ROW(0, "\x1f\x8b", "a gzip file", PACKED, "gzip -dc"),
	ROW2(0, "\x5b\x2a\x4d\x18", 8, "HMRH", "a stream of records (.hmr)", DATA, NULL),
	ROW(0, "\x28\xb5\x2f\xfd", "a zstd file", PACKED, "zstd -dc"),
	ROW(1, "\x2a\x4d\x18", "a zstd file", PACKED, "zstd -dc"),
	ROW(0, "\xfd" "7zXZ", "an xz file", PACKED, "xz -dc"),
	ROW(0, "BZh", "a bzip2 file", PACKED, "bzip2 -dc"),
	ROW(0, "\x04\x22\x4d\x18", "an lz4 file", PACKED, "lz4 -dc"),
	ROW(0, "PK\3\4", "a zip archive", PACKED, "unzip"),
	ROW(0, "PK\5\6", "an empty zip archive", PACKED, NULL),
	ROW(0, "7z\xbc\xaf\x27\x1c", "a 7z archive", PACKED, "7z x"),
	ROW(0, "Rar!\x1a\7", "a RAR archive", PACKED, "unrar x"),
	ROW(257, "ustar", "a tar archive", PACKED, "tar -xf"),
	ROW(0, "\0\5\x16\7", "a resource file of macOS (\"._NAME\"), not the file of that name", DATA, NULL),
	ROW(0, "\x93NUMPY", "a NumPy array", DATA, NULL),
	ROW(0, "\x89HDF\r\n\x1a\n", "an HDF5 file", DATA, NULL),
	ROW(0, "PAR1", "a Parquet file", DATA, NULL),
	ROW(0, "ARROW1", "an Arrow file", DATA, NULL),
	ROW(0, "SQLite format 3", "an SQLite database", DATA, NULL),
	ROW(0, "\xff\xfe\0\0", "UTF-32 text", TEXT, "iconv -f UTF-32 -t UTF-8"),
	ROW(0, "\0\0\xfe\xff", "UTF-32 text", TEXT, "iconv -f UTF-32 -t UTF-8"),
	ROW(0, "\xff\xfe", "UTF-16 text", TEXT, "iconv -f UTF-16 -t UTF-8"),
	ROW(0, "\xfe\xff", "UTF-16 text", TEXT, "iconv -f UTF-16 -t UTF-8"),
};
/* clang-format on */

static bool has_bytes(const unsigned char *p, size_t n, size_t at, const char *bytes, size_t len)
{
	return at <= n && len <= n - at && !memcmp(p + at, bytes, len);
}

static const struct hm_filekind *find_row(const unsigned char *p, size_t n)
{
	for (const struct row *r = rows; r < rows + sizeof rows / sizeof *rows; r++)
		if (has_bytes(p, n, r->at, r->bytes, r->len) &&
		    (!r->also || has_bytes(p, n, r->also_at, r->also, 4)))
			return &r->kind;
	return NULL;
}

/* The ISO base media formats whose main brand is not in the table: the compatible brands decide. */
static const struct hm_filekind *find_brand(const unsigned char *p, size_t n)
{
	static const struct hm_filekind film = {"an MP4 film", MEDIA, FILM},
					heif = {"a HEIF file", PICTURE, CONVERT},
					avif = {"an AVIF file", PICTURE, CONVERT},
					heic = {"a HEIC file", PICTURE, CONVERT};
	if (!has_bytes(p, n, 4, "ftyp", 4) || p[0] || p[1])
		return NULL;
	size_t end = (size_t)p[2] << 8 | p[3];
	for (size_t at = 16; at + 4 <= end && at + 4 <= n; at += 4) {
		if (has_bytes(p, n, at, "avif", 4))
			return &avif;
		if (has_bytes(p, n, at, "heic", 4) || has_bytes(p, n, at, "heix", 4))
			return &heic;
	}
	return has_bytes(p, n, 8, "mif1", 4) || has_bytes(p, n, 8, "msf1", 4) ? &heif : &film;
}

/* A zip whose first entry is one that torch.save or torch.jit.save begins with: NAME/ and a file of theirs.
 */
static bool is_checkpoint(const unsigned char *p, size_t n)
{
	static const char *const first[] = {"/data.pkl", "/data/0", "/version", "/byteorder"};
	if (!has_bytes(p, n, 0, "PK\3\4", 4) || n < 30)
		return false;
	size_t end = 30 + (p[26] | (size_t)p[27] << 8);
	for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
		size_t len = strlen(first[i]);
		if (end > 30 + len && has_bytes(p, n, end - len, first[i], len))
			return true;
	}
	return false;
}

/* Files of weights: a header's length and the JSON of a header; what PyTorch writes. */
static const struct hm_filekind *find_weights(const unsigned char *p, size_t n)
{
	static const struct hm_filekind safetensors = {"a safetensors file", HM_FILEKIND_WEIGHTS, NULL},
					checkpoint = {"a PyTorch checkpoint", HM_FILEKIND_WEIGHTS, NULL};
	if (has_bytes(p, n, 4, "\0\0\0\0{", 5) && p[3] < 8)
		return &safetensors;
	if (has_bytes(p, n, 0, "\x80\2\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14)) /* before zips */
		return &checkpoint;
	return is_checkpoint(p, n) ? &checkpoint : NULL;
}

/* Spreadsheets and the like: what their zip begins with, and the format that was there before. */
static const struct hm_filekind *find_office(const unsigned char *p, size_t n)
{
	static const char *const first[] = {"[Content_Types].xml", "_rels/", "docProps/", "xl/",
					    "mimetypeapplication/vnd.oasis"};
	static const struct hm_filekind office = {"an Office file (.xlsx, .ods and the like)", DATA,
						  "libreoffice --headless --convert-to csv FILE"};
	for (size_t i = 0; has_bytes(p, n, 0, "PK\3\4", 4) && i < sizeof first / sizeof *first; i++)
		if (has_bytes(p, n, 30, first[i], strlen(first[i])))
			return &office;
	return has_bytes(p, n, 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) ? &office : NULL;
}

/* Formats whose first bytes are so common that others are looked at too. */
static const struct hm_filekind *find_careful(const unsigned char *p, size_t n)
{
	static const struct hm_filekind
		bmp = {"a BMP file", PICTURE, CONVERT},
		pnm = {"a Netpbm file", PICTURE, CONVERT},
		zeros = {"a file of NUL bytes only (a copy or download that was never finished?)",
			 HM_FILEKIND_NOTHING, NULL},
		pickle = {"a Python pickle", HM_FILEKIND_WEIGHTS, NULL};
	/* the size of BMP's second header is one of a few small numbers */
	if (has_bytes(p, n, 0, "BM", 2) && has_bytes(p, n, 15, "\0\0\0", 3) && p[14] >= 12 && p[14] <= 124)
		return &bmp;
	if (n > 2 && p[0] == 'P' && p[1] >= '1' && p[1] <= '7' && strchr(" \t\r\n#", p[2]) && p[2])
		return &pnm;
	if (n > 2 && p[0] == 0x80 && p[1] >= 2 && p[1] <= 5 && (strchr("}](c", p[2]) || p[2] == 0x95) && p[2])
		return &pickle;
	size_t zero = 0;
	while (zero < n && zero < HM_FILEKIND_BYTES && !p[zero])
		zero++;
	return zero && (zero == n || zero == HM_FILEKIND_BYTES) ? &zeros : NULL;
}

/* Whether the text begins with `word`, letters of either case. */
static bool text_begins(const char *s, size_t n, const char *word)
{
	size_t len = strlen(word);
	return len <= n && !strncasecmp(s, word, len);
}

static bool text_contains(const char *s, size_t n, const char *word)
{
	for (size_t at = 0; at < n; at++)
		if (text_begins(s + at, n - at, word))
			return true;
	return false;
}

/* A page may hold an SVG element, an SVG file holds no page. */
static bool is_svg(const char *s, size_t n)
{
	return text_begins(s, n, "<svg") ||
	       ((text_begins(s, n, "<?") || text_begins(s, n, "<!")) && text_contains(s, n, "<svg") &&
		!text_contains(s, n, "<html") && !text_contains(s, n, "<!doctype html"));
}

/* The beginnings of PNG, JPEG, GIF and WebP. */
static bool is_base64(const unsigned char *p, size_t n)
{
	return has_bytes(p, n, 0, "iVBORw0KGgo", 11) || has_bytes(p, n, 0, "/9j/", 4) ||
	       has_bytes(p, n, 0, "R0lGODl", 7) || has_bytes(p, n, 0, "UklGR", 5);
}

/* Pages of errors are often only a part of a page. */
static bool is_html(const char *s, size_t n)
{
	static const char *const tags[] = {"<!doctype html", "<html", "<head", "<body",	 "<title",
					   "<script",	     "<div",  "<h1",   "<center"};
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (text_contains(s, n, tags[i]))
			return true;
	return false;
}

/* UTF-16 or UTF-32 without its mark: of each unit of 2 or 4 bytes only the one at `digit` is not zero, and it
 * is printable. */
static bool is_wide(const unsigned char *p, size_t n, size_t unit, size_t digit)
{
	size_t i = 0;
	for (; i < n && i < 8 * unit; i++) {
		bool printable = (p[i] >= 0x20 && p[i] <= 0x7e) || (p[i] >= '\t' && p[i] <= '\r');
		if (i % unit == digit ? !printable : p[i])
			return false;
	}
	return i >= 8;
}

static bool is_plain(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0x7f || (p[i] < 0x20 && (p[i] < '\t' || p[i] > '\r')))
			return false;
	return true;
}

static const struct hm_filekind *find_text(const unsigned char *p, size_t n)
{
	static const struct hm_filekind le = {"UTF-16 text", TEXT, "iconv -f UTF-16LE -t UTF-8"},
					be = {"UTF-16 text", TEXT, "iconv -f UTF-16BE -t UTF-8"},
					le32 = {"UTF-32 text", TEXT, "iconv -f UTF-32LE -t UTF-8"},
					be32 = {"UTF-32 text", TEXT, "iconv -f UTF-32BE -t UTF-8"},
					lfs = {"a Git LFS pointer", HM_FILEKIND_POINTER, "git lfs pull"},
					annex = {"a git-annex pointer", HM_FILEKIND_POINTER, "git annex get"},
					html = {"an HTML page", TEXT, NULL},
					svg = {"an SVG file", PICTURE, "rsvg-convert -o NEW.png FILE"},
					xml = {"an XML file", TEXT, NULL},
					http = {"an HTTP answer with its headers", TEXT, NULL},
					json = {"a JSON text", TEXT, NULL},
					base64 = {"a picture in base64", PACKED, "base64 -d"},
					uri = {"a data URI", PACKED, "sed 's/.*,//' | base64 -d"},
					text = {"a text file", TEXT, NULL};
	if (is_wide(p, n, 2, 0))
		return &le;
	if (is_wide(p, n, 2, 1))
		return &be;
	if (is_wide(p, n, 4, 0))
		return &le32;
	if (is_wide(p, n, 4, 3))
		return &be32;
	size_t skip = has_bytes(p, n, 0, "\xef\xbb\xbf", 3) ? 3 : 0;
	while (skip < n && strchr(" \t\r\n", p[skip]) && p[skip])
		skip++;
	const char *s = (const char *)p + skip;
	n -= skip;
	if (text_begins(s, n, "version https://git-lfs") || text_begins(s, n, "version https://hawser"))
		return &lfs;
	if (text_begins(s, n, "/annex/objects/"))
		return &annex;
	if (text_begins(s, n, "HTTP/1.") || text_begins(s, n, "HTTP/2"))
		return &http;
	if (n > 1 && *s == '<')
		return is_svg(s, n) ? &svg : is_html(s, n) ? &html : &xml;
	if (text_begins(s, n, "data:image/"))
		return &uri;
	if (is_base64(p + skip, n))
		return &base64;
	if (!is_plain(p, skip + n))
		return NULL;
	return n && (*s == '{' || *s == '[') ? &json : &text;
}

const struct hm_filekind *hm_filekind_find(const unsigned char *p, size_t n)
{
	static const struct hm_filekind empty = {"an empty file", HM_FILEKIND_NOTHING, NULL};
	const struct hm_filekind *k;
	if (!n)
		return &empty;
	if (n > HM_FILEKIND_BYTES)
		n = HM_FILEKIND_BYTES;
	if ((k = find_weights(p, n)) || (k = find_office(p, n)) || (k = find_row(p, n)) ||
	    (k = find_brand(p, n)) || (k = find_careful(p, n)))
		return k;
	return find_text(p, n);
}
