"""Makes tests/data/weights/checkpoints: files as training scripts leave them, around the tensors of resnet.safetensors
and bert/model.safetensors, and those of torchscript/clip.safetensors. They are written with Python's pickle and zipfile alone: classes of torch, numpy and of
people's own programs are stand-ins that pickle as the real ones do. Usage: python3 make_checkpoints.py [OUTDIR]"""
import argparse, collections, datetime, enum, io, json, pathlib, pickle, struct, sys, types, zipfile

data = pathlib.Path("tests/data/weights")
out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else data / "checkpoints")
out.mkdir(parents=True, exist_ok=True)


def stand_in(module, name, thing=None):
    """A class or function that pickles as module.name."""
    at = ""
    for part in module.split("."):
        at = f"{at}.{part}" if at else part
        sys.modules.setdefault(at, types.ModuleType(at))
    thing = thing or type(name, (), {})
    thing.__module__, thing.__name__, thing.__qualname__ = module, name, name
    setattr(sys.modules[module], name, thing)
    return thing


def function(module, name):
    return stand_in(module, name, lambda *a: None)


rebuild_tensor = function("torch._utils", "_rebuild_tensor_v2")
rebuild_parameter = function("torch._utils", "_rebuild_parameter")
storage_type = {"F32": (stand_in("torch", "FloatStorage"), 4), "I64": (stand_in("torch", "LongStorage"), 8),
                "F16": (stand_in("torch", "HalfStorage"), 2), "U8": (stand_in("torch", "ByteStorage"), 1)}


class Storage:
    def __init__(self, dtype, content):
        self.type, self.n, self.content = storage_type[dtype][0], len(content) // storage_type[dtype][1], content


class Tensor:
    def __init__(self, dtype, shape, content):
        self.storage, self.shape, self.stride, n = Storage(dtype, content), tuple(shape), [], 1
        for s in reversed(shape):
            self.stride.insert(0, n)
            n *= s

    def __reduce__(self):
        return rebuild_tensor, (self.storage, 0, self.shape, tuple(self.stride), False, collections.OrderedDict())


class Parameter(Tensor):
    def __reduce__(self):
        plain = Tensor.__new__(Tensor)
        plain.__dict__ = self.__dict__
        return rebuild_parameter, (plain, True, collections.OrderedDict())


def floats(*x, shape=None):
    return Tensor("F32", [len(x)] if shape is None else shape, struct.pack(f"<{len(x)}f", *x))


def read(path):
    b = path.read_bytes()
    n = struct.unpack("<Q", b[:8])[0]
    head = json.loads(b[8:8 + n])
    head.pop("__metadata__", None)
    return {k: (v["dtype"], v["shape"], b[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]]) for k, v in head.items()}


def state_dict(tensors, prefix="", change=None, kind=Tensor):
    """An OrderedDict with _metadata, as Module.state_dict makes it."""
    class Dict(collections.OrderedDict):
        def __reduce__(self):
            return collections.OrderedDict, (), {"_metadata": collections.OrderedDict([("", {"version": 1})])}, None, iter(self.items())
    return Dict((prefix + k, kind(d, s, change(b) if change and d == "F32" else b)) for k, (d, s, b) in tensors.items())


def pickler(f, protocol, storages):
    class P(pickle.Pickler):
        def persistent_id(self, o):
            if isinstance(o, Storage):
                if o not in storages:
                    storages.append(o)
                return "storage", o.type, str(storages.index(o)), "cuda:0", o.n
            return None
    return P(f, protocol)


def save(name, tree, protocol=2):
    storages, f = [], io.BytesIO()
    pickler(f, protocol, storages).dump(tree)
    with zipfile.ZipFile(out / name, "w", zipfile.ZIP_STORED) as z:
        def add(entry, content):
            z.writestr(zipfile.ZipInfo(f"{name.split('.')[0]}/{entry}"), content)
        add("data.pkl", f.getvalue())
        add("byteorder", "little")
        for i, s in enumerate(storages):
            add(f"data/{i}", s.content)
        add("version", "3\n")


def save_legacy(name, tree, protocol=2):
    storages = []
    with open(out / name, "wb") as f:
        sizes = {"short": 2, "int": 4, "long": 4}
        for o in (0x1950a86a20f9469cfc6c, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}):
            pickle.dump(o, f, protocol)

        class P(pickle.Pickler):
            def persistent_id(self, o):
                if isinstance(o, Storage):
                    if o not in storages:
                        storages.append(o)
                    return "storage", o.type, str(storages.index(o)), "cpu", o.n, None
                return None
        P(f, protocol).dump(tree)
        pickle.dump([str(i) for i in range(len(storages))], f, protocol)
        for s in storages:
            f.write(struct.pack("<q", s.n) + s.content)


# ---- what stands beside the weights

scalar, dtype = function("numpy._core.multiarray", "scalar"), stand_in("numpy", "dtype")
reconstruct, ndarray = function("numpy._core.multiarray", "_reconstruct"), stand_in("numpy", "ndarray")


class Made:
    """Pickles as f(args), then BUILD of the state, then items."""
    def __init__(self, f, args, state=None, items=None, pairs=None):
        self.made = f, args, state, items, pairs

    def __reduce__(self):
        return tuple(x if i < 3 else x and iter(x) for i, x in enumerate(self.made))


float64 = Made(dtype, ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))
numpy_float = Made(scalar, (float64, struct.pack("<d", 76.1)))
numpy_array = Made(reconstruct, (ndarray, (0,), b"b"), (1, (2,), float64, False, struct.pack("<2d", 1, 2)))


class Phase(enum.Enum):
    TRAIN = 1


stand_in("trainer.phases", "Phase", Phase)
config = Made(stand_in("omegaconf.dictconfig", "DictConfig"), (), {"_content": {"lr": 0.1}, "_parent": None})
attributes = stand_in("lightning.fabric.utilities.data", "AttributeDict", type("AttributeDict", (dict,), {}))
args = argparse.Namespace(lr=0.1, betas=(0.9, 0.999), output=pathlib.PurePosixPath("/tmp/run"), name="n\0ul",
                          big=1 << 80, tags={"a"}, frozen=frozenset({1}), blob=b"\xff\x00")
extras = {"args": args, "cfg": config, "when": datetime.datetime(2024, 2, 29, 12, 30), "phase": Phase.TRAIN,
          "best_map": numpy_float, "curve": numpy_array, "counts": collections.Counter("aab"), "loss": 0.25, "note": None}


def optimizer(step=floats(3, shape=[])):
    return {"state": {i: {"step": step, "exp_avg": floats(1, 2), "exp_avg_sq": floats(3, 4)} for i in range(2)},
            "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999), "params": [0, 1]}]}


def halved(b):
    return struct.pack(f"<{len(b) // 4}f", *(x / 2 for x in struct.unpack(f"<{len(b) // 4}f", b)))


net, bert = read(data / "resnet.safetensors"), read(data / "bert" / "model.safetensors")
body = {k: v for k, v in net.items() if not k.startswith("fc.")}
random_state = Tensor("U8", [16], bytes(range(16)))

# As the script of ImageNet in PyTorch's examples does: DataParallel, the best accuracy a tensor of one element.
save("imagenet.pth.tar", {"epoch": 3, "arch": "resnet", "state_dict": state_dict(net, "module."), "best_acc1": floats(76.1),
                          "optimizer": optimizer(), "rng": random_state, **extras})
# As open_clip's training does: DataParallel's names, the scaler of its mixed precision, and the name of the run.
clip = read(data / "torchscript" / "clip.safetensors")
save("open_clip.pt", {"epoch": 32, "name": "2024_02_29-12_30_00-model_ViT-B-32-lr_0.001-b_128-j_8-p_amp", "optimizer": optimizer(),
                      "state_dict": state_dict(clip, "module."),
                      "scaler": {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000, "_growth_tracker": 7}})
# As Lightning does, and the network is a part of a larger module that also has a loss with weights.
lightning = state_dict(body, "model._orig_mod.backbone.", kind=Parameter)
lightning["criterion.weight"] = floats(1, 3)
save("lightning.ckpt", {
    "epoch": 1, "global_step": 100, "pytorch-lightning_version": "2.4.0", "state_dict": lightning,
    "callbacks": {"ModelCheckpoint{'monitor': 'auc'}": {"best_model_score": floats(0.7, shape=[]), "dirpath": "/tmp"}},
    "optimizer_states": [optimizer()], "lr_schedulers": [{"last_epoch": 1}], "hparams_name": "hparams",
    "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 2}}}}, "hyper_parameters": attributes(lr=0.1)})
# A model and its average: which one is wanted must be said.
save("average.pth", {"model": state_dict(body), "ema": {"decay": 0.99, "shadow": state_dict(body, "module.", halved)}, **extras})
# One level more, and as protocol 4; an old file whose skipped objects have storages too.
save("nested.pt", {"meta": extras, "checkpoint": {"state_dict": state_dict(body, "net."), "optimizer": optimizer()}}, 4)
save_legacy("legacy.pth", {"network": state_dict(body, "encoder."), "epoch": 3, "optimizer": optimizer(), **extras,
                           "engine": Made(stand_in("engine", "Engine"), (), {"buffer": floats(1, 2, 3), "rng": random_state})})
save_legacy("legacy5.pth", {"student": {"module": state_dict(body)}}, 5)
# A list instead of a dict, around a BERT.
save("bert.bin", [{"encoder": state_dict(bert, "module.")}, optimizer(), 7])
# No dict of tensors: a whole network as an object, alone and under a key.
module = Made(stand_in("torchvision.models.resnet", "ResNet"), (), {"_parameters": {}, "_modules": {"conv1": floats(1, 2)}})
save("object.pth", module)
save("object-below.pth", {"model": module, "epoch": 3, "loss": 0.5})
