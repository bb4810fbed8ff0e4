/* The tensors of a TorchScript archive (torch.jit.save). Its value is an object of the network's class, whose
 * attributes are tensors, objects of its parts, and settings. A tensor is called by the attributes that lead
 * to it, as in the network's state_dict. Tensors in lists, tuples and dicts have no such name. */
#include "weights/pthparts.h"

#include <string.h>

enum {
	DEPTH_CAP = 64,	 /* modules in modules */
	NAME_CAP = 1024, /* bytes of a tensor's name */
	VISITS_CAP = 1 << 20
};

typedef struct hm_pickle_val val;

struct walk {
	struct hm_pth *f;
	size_t visits; /* attributes seen so far: a part that two attributes share is seen twice */
	char name[NAME_CAP];
	struct hm_err *e;
};

static int add_module(struct walk *w, val *module, size_t len, int depth);

/* The attribute `key`, whose module is called name[0..len). */
static int add_attribute(struct walk *w, const val *key, val *v, size_t len, int depth)
{
	bool tensor = hm_pth_is_tensor(v);
	if (++w->visits > VISITS_CAP)
		return hm_err_set(w->e, HM_EDATA, "its modules have more than %d attributes", VISITS_CAP);
	if (!hm_pth_is_name(key) || (!tensor && !v->module))
		return 0;
	if (key->n > NAME_CAP - 1 - len)
		return hm_err_set(w->e, HM_EDATA, "\"%.100s…\" is longer than the %d bytes of a name",
				  w->name, NAME_CAP - 1);
	memcpy(w->name + len, key->s, key->n);
	len += key->n;
	w->name[len] = tensor ? 0 : '.';
	return tensor ? hm_pth_add(w->f, "", w->name, len, v, w->e) : add_module(w, v, len + 1, depth + 1);
}

static int add_module(struct walk *w, val *module, size_t len, int depth)
{
	int rc = 0, shown = len < 200 ? (int)len : 200;
	if (module->seen)
		return hm_err_set(w->e, HM_EDATA, "module \"%.*s\" is a part of itself", shown, w->name);
	if (depth > DEPTH_CAP)
		return hm_err_set(w->e, HM_EDATA, "its modules are nested more than %d deep", DEPTH_CAP);
	module->seen = true;
	for (const struct hm_pickle_item *k = module->first; !rc && k; k = k->next)
		rc = add_attribute(w, k->key, k->val, len, depth);
	module->seen = false;
	return rc;
}

int hm_pth_add_modules(struct hm_pth *f, val *root, struct hm_err *e)
{
	struct walk w = {.f = f, .e = e};
	f->w->torchscript = true;
	if (add_module(&w, root, 0, 0))
		return HM_EDATA;
	if (!f->w->store->list.len)
		return hm_err_set(
			e, HM_EDATA,
			"a TorchScript archive whose modules hold no tensor; a frozen network has them "
			"among its constants: save it as it was before torch.jit.freeze");
	return 0;
}
