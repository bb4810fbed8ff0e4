/* Files and folders that hold no weights we read: what they are and what to do about them. */
#include "base/filekind.h"
#include "weights/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TAKE "hm reads .safetensors and what PyTorch's torch.save writes: take that file of the model"

static bool has(const unsigned char *p, size_t n, size_t at, const char *bytes, size_t len)
{
	return at <= n && len <= n - at && !memcmp(p + at, bytes, len);
}

static bool contains(const unsigned char *p, size_t n, const char *word)
{
	return n && memmem(p, n, word, strlen(word));
}

/* Protobuf of an ONNX model: ir_version, then one of the fields 2 to 8 in wire type 0 or 2. */
static bool is_onnx(const unsigned char *p, size_t n)
{
	return n > 3 && p[0] == 0x08 && p[1] >= 2 && p[1] <= 32 &&
	       (p[2] == 0x12 || p[2] == 0x1a || p[2] == 0x22 || p[2] == 0x28 || p[2] == 0x32 ||
		p[2] == 0x3a || p[2] == 0x42);
}

/* A msgpack map whose first key is a word of ASCII, as Flax saves its parameters. */
static bool is_msgpack(const unsigned char *p, size_t n)
{
	size_t at = n && p[0] > 0x80 && p[0] <= 0x8f ? 1 : n && p[0] == 0xde ? 3 : n && p[0] == 0xdf ? 5 : 0;
	if (!at || at >= n)
		return false;
	size_t len = (p[at] & 0xe0) == 0xa0 ? p[at] & 0x1f : p[at] == 0xd9 && at + 1 < n ? p[at + 1] : 0;
	at += p[at] == 0xd9 ? 2 : 1;
	if (!len || at + len > n)
		return false;
	for (size_t i = 0; i < len; i++)
		if (p[at + i] < 0x20 || p[at + i] > 0x7e)
			return false;
	return true;
}

/* The format that another program keeps networks in, with its article; NULL when it is not known. */
static const char *find_network(const unsigned char *p, size_t n)
{
	size_t begin = n < 4096 ? n : 4096;
	if (has(p, n, 0, "GGUF", 4) || has(p, n, 0, "lmgg", 4) || has(p, n, 0, "tjgg", 4) ||
	    has(p, n, 0, "fmgg", 4))
		return "a GGUF or GGML file (llama.cpp)";
	if (has(p, n, 0, "\x89HDF\r\n\x1a\n", 8))
		return "an HDF5 file (Keras, TensorFlow)";
	if (has(p, n, 4, "TFL3", 4))
		return "a TensorFlow Lite file";
	if (has(p, n, 0, "\x12\1\0\0\0\0\0\0", 8))
		return "a parameter file of MXNet";
	if (n >= 8 && has(p, n, n - 8, "\x57\xfb\x80\x8b\x24\x75\x47\xdb", 8))
		return "the index of a TensorFlow checkpoint";
	if (contains(p, begin, "model_checkpoint_path"))
		return "a list of TensorFlow checkpoints";
	if (has(p, n, 0, "\x08\1\x12", 3))
		return "a SavedModel of TensorFlow";
	if (is_onnx(p, n))
		return "an ONNX file";
	return is_msgpack(p, n) ? "a msgpack file (Flax)" : NULL;
}

int hm_weights_refuse_text(const unsigned char *p, size_t n, struct hm_err *e)
{
	const struct hm_filekind *k = hm_filekind_find(p, n);
	if (k && k->group == HM_FILEKIND_POINTER)
		return hm_err_set(e, HM_EDATA, "%s: the file itself was not fetched (%s)", k->name,
				  k->command);
	if (k && (!strcmp(k->name, "an HTML page") || !strcmp(k->name, "an XML file")))
		return hm_err_set(
			e, HM_EDATA,
			"%s, not the file itself: the download came from an address that is not the "
			"file's, or the server refused it",
			k->name);
	return 0;
}

int hm_weights_refuse(const unsigned char *p, size_t n, struct hm_err *e)
{
	const struct hm_filekind *k = hm_filekind_find(p, n);
	const char *network = find_network(p, n);
	if (network)
		return hm_err_set(e, HM_EDATA, "%s: %s", network, TAKE);
	if (hm_weights_refuse_text(p, n, e))
		return HM_EDATA;
	if (k && !strcmp(k->name, "a JSON text") && contains(p, n < 65536 ? n : 65536, "\"weight_map\""))
		return hm_err_set(e, HM_EDATA, "an index of weight files: give the folder that it is in");
	if (k && !strcmp(k->name, "a stream of records (.hmr)"))
		return hm_err_set(
			e, HM_EDATA,
			"%s, where weights or a model are wanted: hm-fuse-train makes a model of records",
			k->name);
	if (k && !strcmp(k->name, "a Python pickle"))
		return hm_err_set(e, HM_EDATA,
				  "a Python pickle, but not one of torch.save: load it in Python and "
				  "save its tensors with torch.save or safetensors");
	if (k && k->group == HM_FILEKIND_NOTHING)
		return hm_err_set(e, HM_EDATA, "%s: fetch it again", k->name);
	if (k && k->group == HM_FILEKIND_PACKED && k->command)
		return hm_err_set(e, HM_EDATA, "%s: unpack it (%s) and give the file in it", k->name,
				  k->command);
	if (k)
		return hm_err_set(e, HM_EDATA, "%s: %s", k->name, TAKE);
	return hm_err_set(e, HM_EDATA,
			  "neither .safetensors nor a .pth of torch.save; it begins with the bytes "
			  "%02x %02x %02x %02x",
			  p[0], n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, n > 3 ? p[3] : 0);
}

/* ---- paths ---- */

/* True for the two networks that pipelines/get-weights.sh fetches when nothing else is asked for. */
static bool is_published(const char *path)
{
	const char *last = strrchr(path, '/');
	last = last ? last + 1 : path;
	return !strcmp(last, "resnet18") || !strncmp(last, "resnet18-f37072fd", 17) ||
	       strstr(path, "bert-base-uncased");
}

/* "resnet18.pth", "resnet18.safetensors": the network that get-weights.sh fetches, under a name of one's own.
 */
static bool is_resnet18(const char *path)
{
	const char *last = strrchr(path, '/');
	return !strncmp(last ? last + 1 : path, "resnet18", 8);
}

/* "owner/name" of the Hugging Face hub rather than a file: one slash, no dot in front, no ending. */
static bool is_hub_name(const char *path)
{
	const char *slash = strchr(path, '/');
	struct stat st;
	if (!slash || slash == path || !slash[1] || strchr(slash + 1, '/') || *path == '.' || *path == '~' ||
	    strchr(slash, '.'))
		return false;
	char owner[128];
	int n = snprintf(owner, sizeof owner, "%.*s", (int)(slash - path < 100 ? slash - path : 100), path);
	return n > 0 && stat(owner, &st);
}

int hm_weights_refuse_path(const char *path, int error, struct hm_err *e)
{
	const char *help = "";
	if (error == ENOENT && is_published(path))
		help = "; pipelines/get-weights.sh fetches it";
	else if (error == ENOENT && is_resnet18(path))
		help = "; pipelines/get-weights.sh fetches resnet18-f37072fd.pth";
	else if (error == ENOENT && is_hub_name(path))
		help = "; names of the Hugging Face hub are not fetched, give the folder of the download";
	return hm_err_system(e, error, "%s: cannot open: %s%s", path, strerror(error), help);
}

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);
	return n >= m && !strcmp(s + n - m, with);
}

/* 0: a file that holds weights, 1: one of another kind. Files like that are named first. */
static int rank_file(const char *name)
{
	static const char *const weights[] = {".safetensors", ".bin",  ".pth",	   ".pt",   ".ckpt",  ".part",
					      ".h5",	      ".onnx", ".msgpack", ".gguf", ".index", ".pb"};
	for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
		if (ends(name, weights[i]))
			return 0;
	return 1;
}

static int by_rank_and_name(const struct dirent **a, const struct dirent **b)
{
	int x = rank_file((*a)->d_name), y = rank_file((*b)->d_name);
	return x != y ? x - y : strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* What to do in a folder whose first file, by rank, has this name. */
static const char *advise_folder(const char *first, bool snapshots)
{
	if (snapshots)
		return "; give the folder below snapshots";
	if (ends(first, ".safetensors") || ends(first, ".pth") || ends(first, ".pt") ||
	    ends(first, ".ckpt") || ends(first, ".bin"))
		return "; give the file itself";
	if (ends(first, ".part"))
		return "; a download that was not finished";
	return rank_file(first) ? "" : "; hm reads PyTorch's weights only";
}

int hm_weights_refuse_folder(const char *path, struct hm_err *e)
{
	struct dirent **file;
	char names[300] = "";
	size_t used = 0;
	bool snapshots = false;
	int n = scandir(path, &file, is_visible, by_rank_and_name);
	if (n < 0)
		return hm_err_system(e, errno, "%s: cannot list the folder: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (i < 4 && used < sizeof names)
			used += (size_t)snprintf(names + used, sizeof names - used, "%s\"%.60s\"",
						 i ? ", " : "", file[i]->d_name);
		snapshots |= !strcmp(file[i]->d_name, "snapshots");
	}
	hm_err_set(e, HM_EDATA,
		   "%s: a folder without model.safetensors, pytorch_model.bin and open_clip's files; it "
		   "%s%s%s%s",
		   path, n ? "has " : "is empty", names, n > 4 ? " …" : "",
		   n ? advise_folder(file[0]->d_name, snapshots) : "");
	while (n-- > 0)
		free(file[n]);
	free(file);
	return HM_EDATA;
}
