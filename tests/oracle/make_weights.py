"""Makes the small weight files of tests/data/weights: one set of tensors written by torch.save (zip, legacy), by
safetensors and as a Hugging Face folder. Usage: python make_weights.py [OUTDIR]"""
import collections, json, pathlib, sys

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/weights")
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)


def save_legacy(tree, path):
    """torch.save's old form, whose storage keys are addresses: a file that holds these tensors already is kept, so that
    a second run changes no byte."""
    def flat(v, prefix=""):
        return [t for k, x in v.items() for t in (flat(x, f"{prefix}{k}.") if isinstance(x, dict) else [(prefix + k, x)])]
    if path.exists():
        old, new = flat(torch.load(path, weights_only=True)), flat(tree)
        same = [a == b and torch.equal(torch.as_tensor(x), torch.as_tensor(y)) for (a, x), (b, y) in zip(old, new)]
        if len(old) == len(new) and all(same):
            return
    torch.save(tree, path, _use_new_zipfile_serialization=False)


def resnet():
    """A ResNet of one BasicBlock a stage, widths 2 3 4 5, under torchvision's names."""
    t = collections.OrderedDict()

    def conv(name, o, i, k):
        t[name + ".weight"] = torch.randn(o, i, k, k) * 0.2

    def bn(name, c):
        t[name + ".weight"] = torch.rand(c) + 0.5
        t[name + ".bias"] = torch.randn(c) * 0.1
        t[name + ".running_mean"] = torch.randn(c) * 0.1
        t[name + ".running_var"] = torch.rand(c) + 0.5
        t[name + ".num_batches_tracked"] = torch.tensor(7)

    conv("conv1", 2, 3, 7), bn("bn1", 2)
    before = 2
    for stage, c in enumerate((2, 3, 4, 5), 1):
        b = f"layer{stage}.0"
        conv(b + ".conv1", c, before, 3), bn(b + ".bn1", c), conv(b + ".conv2", c, c, 3), bn(b + ".bn2", c)
        if stage > 1:
            conv(b + ".downsample.0", c, before, 1), bn(b + ".downsample.1", c)
        before = c
    t["fc.weight"], t["fc.bias"] = torch.randn(3, 5), torch.randn(3)
    return t


def bert():
    """One layer, 8 wide, under transformers' names."""
    t = collections.OrderedDict()
    h, f = 8, 12
    e = "embeddings."
    for name, rows in (("word", 20), ("position", 16), ("token_type", 2)):
        t[e + name + "_embeddings.weight"] = torch.randn(rows, h) * 0.3

    def norm(name):
        t[name + ".weight"], t[name + ".bias"] = torch.rand(h) + 0.5, torch.randn(h) * 0.1

    def linear(name, o, i):
        t[name + ".weight"], t[name + ".bias"] = torch.randn(o, i) * 0.3, torch.randn(o) * 0.1

    norm(e + "LayerNorm")
    b = "encoder.layer.0."
    for part in ("query", "key", "value"):
        linear(b + "attention.self." + part, h, h)
    linear(b + "attention.output.dense", h, h), norm(b + "attention.output.LayerNorm")
    linear(b + "intermediate.dense", f, h), linear(b + "output.dense", h, f), norm(b + "output.LayerNorm")
    linear("pooler.dense", h, h)
    return t


r, b = resnet(), bert()
save_file(r, out / "resnet.safetensors")
torch.save(r, out / "resnet.pth")
save_legacy(r, out / "resnet-legacy.pth")
late = {"image_encoder." + k: v for k, v in r.items() if not k.startswith("fc.")}
late |= {"text_encoder." + k: v for k, v in b.items()}
late |= {"classifier.weight": torch.randn(2, 13), "classifier.bias": torch.randn(2)}
save_file(late, out / "late.safetensors")
part = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
early = {}
for k, v in r.items():
    first, rest = k.split(".", 1)
    if first in part:
        early[f"image_encoder.{part[first]}.{rest}"] = v
early |= {"transformer." + k: v for k, v in b.items()}
torch.save(early, out / "early.pth")

folder = out / "bert"
folder.mkdir(exist_ok=True)
old = {}
for k, v in b.items():  # as bert-base-uncased is published
    k = k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    old["bert." + k] = v
old["cls.predictions.bias"] = torch.randn(20)
old["bert.embeddings.position_ids"] = torch.arange(16)[None]
save_file(old, folder / "model.safetensors", metadata={"format": "pt"})
config = {"model_type": "bert", "hidden_act": "gelu", "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1,
          "intermediate_size": 12, "layer_norm_eps": 1e-12, "vocab_size": 20, "max_position_embeddings": 16}
(folder / "config.json").write_text(json.dumps(config))

shards = out / "bert-sharded"
shards.mkdir(exist_ok=True)
names = list(b)
cut = {"model-00001-of-00002.safetensors": names[: len(names) // 2], "model-00002-of-00002.safetensors": names[len(names) // 2:]}
for file, some in cut.items():
    save_file({k: b[k] for k in some}, shards / file)
(shards / "model.safetensors.index.json").write_text(json.dumps(
    {"metadata": {"total_size": sum(v.numel() * 4 for v in b.values())}, "weight_map": {k: f for f, some in cut.items() for k in some}}))

binary = out / "bert-bin"
binary.mkdir(exist_ok=True)
torch.save(collections.OrderedDict((k, torch.nn.Parameter(v)) for k, v in b.items()), binary / "pytorch_model.bin")
(binary / "config.json").write_text(json.dumps(config))

# Storages shared, strided, transposed, offset, empty, scalar, of every dtype; values are counted in the test.
base = torch.arange(24, dtype=torch.float32)
views = {
    "whole": base, "grid": base.view(4, 6), "turned": base.view(4, 6).t(), "middle": base[6:18].view(3, 4),
    "odd": base[1::2], "corner": base.view(2, 3, 4)[:, 1:, 2:], "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 3),
    "f64": torch.tensor([0.1, -2.0], dtype=torch.float64), "f16": torch.tensor([1.5, 65504.0], dtype=torch.float16),
    "bf16": torch.tensor([1.5, -3e38], dtype=torch.bfloat16), "i64": torch.tensor([-(2**40), 3]),
    "i32": torch.tensor([-7], dtype=torch.int32), "i16": torch.tensor([-300], dtype=torch.int16),
    "i8": torch.tensor([-5], dtype=torch.int8), "u8": torch.tensor([250, 1, 2], dtype=torch.uint8), "bool": torch.tensor([True, False]),
}
torch.save(views, out / "views.pth")
save_legacy({"epoch": 3, "state_dict": views}, out / "views-legacy.pth")
# What torch and transformers compute with these weights: pixels [3,3,48,40], ids end to end.
def conv_bn(x, conv, bn, stride=1, pad=0):
    x = F.conv2d(x, r[conv + ".weight"], stride=stride, padding=pad)
    return F.batch_norm(x, *(r[f"{bn}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")), eps=1e-5)


def trunk(x):
    x = F.max_pool2d(F.relu(conv_bn(x, "conv1", "bn1", 2, 3)), 3, 2, 1)
    for stage in range(1, 5):
        b, stride = f"layer{stage}.0.", 1 if stage == 1 else 2
        y = conv_bn(F.relu(conv_bn(x, b + "conv1", b + "bn1", stride, 1)), b + "conv2", b + "bn2", 1, 1)
        x = F.relu(y + (conv_bn(x, b + "downsample.0", b + "downsample.1", stride) if stage > 1 else x))
    return x


pixels = torch.randint(0, 256, (3, 3, 48, 40), dtype=torch.uint8)
mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
with torch.no_grad():
    grid = trunk((pixels / 255 - mean) / std)
    model = transformers.BertModel(transformers.BertConfig(**config)).eval()
    model.load_state_dict(b)
    ids = [[2, 5, 19, 3], [2, 3], [2, 7, 7, 11, 0, 1, 3]]
    text = torch.cat([model(torch.tensor([i])).pooler_output for i in ids])
save_file({"pixels": pixels, "pooled": grid.mean((2, 3)), "grid": grid.flatten(2).transpose(1, 2).contiguous(), "text": text,
           "ids": torch.tensor(sum(ids, []), dtype=torch.int32), "len": torch.tensor([len(i) for i in ids], dtype=torch.int32)},
          out / "features.safetensors")

big = torch.arange(4096, dtype=torch.float32)  # one storage behind 64 tensors: more than a file may claim
torch.save({str(i): big for i in range(64)}, out / "shared.pth")
torch.serialization.set_crc32_options(False)
torch.save({"a": torch.arange(5.0)}, out / "nocrc.pth")
for file in out.rglob("*.safetensors"):
    file.chmod(0o644)
