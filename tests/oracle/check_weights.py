"""One set of weights saved in every way that torch, safetensors and transformers know must be read as the same numbers:
hm-encode's features, encoder digest included, are byte-equal for all forms of one encoder. ResNet18 and a 4-layer BERT
with random weights; F16 and BF16 files against the same values widened. That the features are PyTorch's is
check_nets.py's. `.venv/bin/python tests/oracle/check_weights.py build/bin`."""
import argparse
import collections
import datetime
import enum
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
import torchscriptkit
import numpy as np
import torch
import torchvision
import transformers
from safetensors.torch import save_file

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
failed, checks = [], 0


def tool(*args):
    return subprocess.run([f"{BIN}/{args[0]}", "-q", *args[1:]], check=True, capture_output=True).stdout


def expect(name, good):
    global checks
    checks += 1
    print(f"{name}: {'equal' if good else 'DIFFERS'}", flush=True)
    if not good:
        failed.append(name)


def encode(kind, spec, *options):
    try:
        return tool("hm-encode", "--no-pg", f"--{kind}", spec, *options, "raw.hmr")
    except subprocess.CalledProcessError as e:
        print(e.stderr.decode().strip())
        return b""


def numbers(stream, column):
    """The features alone: without the schema, which names the encoder."""
    subprocess.run([f"{BIN}/hm-view", "-q", "--npy", f"{column}=f.npy", "-o", "/dev/null"], input=stream, check=True)
    with open("f.npy", "rb") as f:
        return f.read()


def strided(state):
    """The same values behind transposed, offset and shared storages."""
    out = collections.OrderedDict()
    for k, v in state.items():
        if v.dim() == 2:
            out[k] = v.t().contiguous().t()
        elif v.dim() == 1:
            out[k] = torch.stack([v, -v], 1)[:, 0]
        elif v.dim() == 4:
            out[k] = v.contiguous(memory_format=torch.channels_last)
        else:
            out[k] = v
    pool = torch.cat([torch.zeros(7)] + [v.flatten() for v in out.values() if v.dim() == 1])
    at = 7
    for k, v in out.items():
        if v.dim() == 1:
            out[k] = pool[at : at + v.numel()]
            at += v.numel()
    return out


def save_all(name, state, prefix):
    """Every way of writing one state_dict; yields what --image or --text is given."""
    save_file(state, f"{name}.safetensors", metadata={"format": "pt"})
    yield f"{name}.safetensors"
    torch.save(state, f"{name}.pth")
    yield f"{name}.pth"
    torch.save(state, f"{name}-legacy.pth", _use_new_zipfile_serialization=False)
    yield f"{name}-legacy.pth"
    torch.save(collections.OrderedDict((k, torch.nn.Parameter(v, False)) for k, v in state.items()), f"{name}-parameters.pth")
    yield f"{name}-parameters.pth"
    for legacy in (False, True):
        file = f"{name}-strided{'-legacy' * legacy}.pth"
        torch.save(strided(state), file, _use_new_zipfile_serialization=not legacy)
        yield file
    torch.save({"epoch": 7, "state_dict": state}, f"{name}-checkpoint.pth")
    yield f"{name}-checkpoint.pth"
    if "bn1.weight" in state:
        net = torchvision.models.resnet18().eval()
        net.load_state_dict(state)
        torch.jit.save(torch.jit.trace(net, torch.randn(1, 3, 64, 64)), f"{name}-traced.pt")
        yield f"{name}-traced.pt"
        torch.jit.save(torch.jit.script(net.train()), f"{name}-scripted.pt")
        yield f"{name}-scripted.pt"
    late = {prefix + k: v for k, v in state.items() if not k.startswith("fc.")}
    save_file(late | {"classifier.weight": torch.randn(2, 9), "classifier.bias": torch.randn(2)}, f"{name}-model.safetensors")
    yield f"{name}-model.safetensors"


class Phase(enum.Enum):
    TRAIN = 1


class Settings(dict):
    """A class of the script's own, as omegaconf's and Lightning's are of theirs."""
    def __init__(self, **more):
        super().__init__(more)
        self.flag = True


def trained():
    """An optimizer and a scheduler that have done a step, a scaler, and what else scripts keep."""
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    adam = torch.optim.AdamW(net.parameters(), amsgrad=True)
    sgd = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(sgd, 0.1, 10)
    net(torch.randn(4, 3)).square().sum().backward()
    adam.step(), sgd.step(), scheduler.step()
    return {
        "epoch": 3, "optimizer": adam.state_dict(), "optimizers": [sgd.state_dict()], "scheduler": scheduler.state_dict(),
        "scheduler object": scheduler, "args": argparse.Namespace(lr=0.1, out=pathlib.Path("/tmp/x"), phase=Phase.TRAIN),
        "best_acc1": torch.tensor([76.1]), "best": np.float64(76.1), "map": np.float32(0.5), "curve": np.arange(5.0),
        "numpy state": np.random.get_state(), "rng": torch.get_rng_state(), "settings": Settings(lr=0.1), "when": datetime.datetime.now(),
        "took": datetime.timedelta(1), "counts": collections.Counter("abc"), "recent": collections.deque([1.0, torch.tensor(2.0)], 5),
        "device": torch.device("cpu"), "dtype": torch.float16, "shape": torch.Size([1, 2]),
        "odd": {"sparse": torch.eye(3).to_sparse(), "complex": torch.ones(2, dtype=torch.complex64)},
        "numbers": {1, 2}, "huge": 1 << 100, "bytes": b"\xff\0", "text": "a\0b",
        "half": torch.ones(3).half().numpy(), "generator": torch.Generator().get_state(), "error": ValueError("x"), "range": range(3)}


def save_checkpoints(name, state):
    """One state_dict as training scripts leave it: (file, options)."""
    wrappers = {
        "state_dict": lambda s: {"state_dict": s}, "model": lambda s: {"model": s}, "own-key": lambda s: {"my encoder.v2": s},
        "nested": lambda s: {"checkpoint": {"state_dict": s}}, "list": lambda s: [s, 3], "flat": lambda s: s}
    for i, (kind, wrap) in enumerate(wrappers.items()):
        prefix = ("", "module.", "_orig_mod.", "module.model.backbone.", "net.0.", "encoder.")[i]
        tree = wrap(collections.OrderedDict((prefix + k, v) for k, v in state.items()))
        tree = tree | trained() if isinstance(tree, dict) else [*tree, trained()]
        for form, more in {"zip": {}, "legacy": {"_use_new_zipfile_serialization": False}, "protocol4": {"pickle_protocol": 4},
                           "protocol5-legacy": {"pickle_protocol": 5, "_use_new_zipfile_serialization": False}}.items():
            file = f"{name}-{kind}-{form}.pth"
            torch.save(tree, file, **more)
            yield file, ()
    average = {k: v / 2 if v.is_floating_point() else v for k, v in state.items()}
    torch.save({"model": state, "ema": {"module." + k: v for k, v in average.items()}, **trained()}, f"{name}-two.pth")
    yield f"{name}-two.pth", ("--key", "model")


def check(kind, column, name, state, prefix, more, options=()):
    want = None
    for spec in [*save_all(name, state, prefix), *more]:
        got = encode(kind, spec, *options)
        want = want or got
        expect(f"{name}: {spec}", bool(got) and got == want)
    for spec, more in save_checkpoints(name, state):
        got = encode(kind, spec, *more, *options)
        expect(f"{name}: {spec}", bool(got) and got == want)
    expect(f"{name}: two parts are one too many", not encode(kind, f"{name}-two.pth", *options))
    expect(f"{name}: the average is another", encode(kind, f"{name}-two.pth", "--key", "ema", *options) not in (b"", want))
    for dtype in (torch.float16, torch.bfloat16):
        half = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state.items()}
        wide = {k: v.float() if v.is_floating_point() else v for k, v in half.items()}
        save_file(half, "half.safetensors"), torch.save(half, "half.pth"), save_file(wide, "wide.safetensors")
        a, b, c = (encode(kind, s, *options) for s in ("half.safetensors", "half.pth", "wide.safetensors"))
        expect(f"{name}: {dtype} in both formats", a and a == b)
        expect(f"{name}: {dtype} widened", a and numbers(a, column) == numbers(c, column))


def check_torchscript():
    """hm's names and bits are torch.jit.load's: the unit test compares two files when it is given them."""
    unit = os.path.join(os.path.dirname(BIN), "onednn", "tests", "unit", "test_torchscript")
    for i in range(6):
        width = (4, 8, 12, 24, 64, 16)[i]
        net = (torchscriptkit.traced(torchscriptkit.Clip(width, i + 1, 2, i + 2, i + 1, 30 + i, 5 + i, 3 + i)) if i < 5
               else torchscriptkit.scripted())
        torch.jit.save(net, "net.pt")
        state = torchscriptkit.tensors(torch.jit.load("net.pt"))
        save_file({k: v.clone().contiguous() for k, v in state.items()}, "net.safetensors")
        done = subprocess.run([unit, "net.pt", "net.safetensors"], capture_output=True, text=True)
        expect(f"TorchScript {i}: {len(state)} tensors{done.stdout and ': ' + done.stdout.strip()}", not done.returncode)


def main():
    torch.manual_seed(0)
    tool("hm-synth", "--train", "12", "--dev", "0", "--test", "0", "data")
    tool("hm-jsonl2rec", "data/train.jsonl", "-o", "ids.hmr")
    tool("hm-imgprep", "--root", "data/img", "--size", "64", "ids.hmr", "-o", "px.hmr")
    tool("hm-tokenize", "--vocab", "data/vocab.txt", "px.hmr", "-o", "raw.hmr")

    check_torchscript()
    check("image", "image_feature", "resnet18", torchvision.models.resnet18().state_dict(), "image_encoder.", [])

    words = sum(1 for _ in open("data/vocab.txt", encoding="utf-8"))
    config = transformers.BertConfig(vocab_size=words, hidden_size=192, num_hidden_layers=4, num_attention_heads=6, intermediate_size=320)
    model = transformers.BertForMaskedLM(config)
    model.bert = bert = transformers.BertModel(config)
    bert.save_pretrained("folder")
    bert.save_pretrained("shards", max_shard_size="1MB")
    assert os.path.exists("shards/model.safetensors.index.json")
    model.save_pretrained("masked")  # bert.* and cls.*
    os.makedirs("bin", exist_ok=True)
    torch.save(bert.state_dict(), "bin/pytorch_model.bin")
    config.save_pretrained("bin")
    os.makedirs("old", exist_ok=True)
    old = {"bert." + k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v
           for k, v in bert.state_dict().items()}
    save_file(old, "old/model.safetensors")
    config.save_pretrained("old")
    check("text", "text_feature", "bert", dict(bert.state_dict()), "text_encoder.", ["folder", "shards", "masked", "bin", "old"], ("--heads", "6"))

    print(f"check_weights: {checks - len(failed)} of {checks} equal" + "".join(f"\n  DIFFERS {f}" for f in failed))
    return bool(failed)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    sys.exit(main())
