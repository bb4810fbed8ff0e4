"""Whole models between hm and PyTorch, both ways: files that torch.save and safetensors write of the experiment's two classes
(modelkit.py, with the edits listed there) are scored by hm-score and taken by hm-fuse-train --init, files of hm-fuse-train load
with strict=True; the same logits to 2e-5 of the largest. Both fusions, BasicBlocks and Bottlenecks, trained and untouched
encoders. `.venv/bin/python tests/oracle/check_models.py build/bin`."""
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torchvision.models.resnet import BasicBlock, Bottleneck

import modelkit

BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
BOUND, HEADS, TRAIN, DEV, SIDE, GRID = 2e-5, 4, 24, 13, 64, 4
failed, checks = [], 0


def tool(*args):
    subprocess.run([BIN + "/" + args[0], "-q", *args[1:]], check=True, stdout=subprocess.DEVNULL)


def column(stream, name):
    tool("hm-view", "--npy", f"{name}=column.npy", "-o", "/dev/null", stream)
    return np.load("column.npy")


def check(name, ok, why=""):
    global checks
    checks += 1
    if not ok:
        failed.append(name)
    print(f"{name}: {why if why else 'yes' if ok else 'no'}{'' if ok else '  FAILED'}", flush=True)


def same(name, got, want, scale=None):
    """scale: the size of what the logits are sums of, where it is not theirs; the bound is of that then."""
    got, want = np.asarray(got, dtype=np.float64), np.asarray(want, dtype=np.float64)
    worst = np.abs(got - want).max() / (scale or np.abs(want).max()) if got.shape == want.shape else np.inf
    check(name, worst <= BOUND, f"max|d| {worst:.1e} of the largest {'sum of magnitudes' if scale else 'logit'}")


def magnitude(model, pixels, ids):
    """The largest sum of |weight * feature| + |bias|: a head on standardised features is folded into large weights of both signs."""
    seen = []
    hook = model.classifier.register_forward_pre_hook(lambda m, x: seen.append(x[0].detach().abs()))
    modelkit.logits(model, pixels, ids)
    hook.remove()
    return max((x @ model.classifier.weight.detach().double().abs().T + model.classifier.bias.detach().double().abs()).max().item() for x in seen)


def records():
    """train.hmr and dev.hmr; dev's pixels and token ids."""
    tool("hm-synth", "--train", str(TRAIN), "--dev", str(DEV), "--test", "1", "data")
    for s in ("train", "dev"):
        tool("hm-jsonl2rec", "-o", "l.hmr", f"data/{s}.jsonl")
        tool("hm-imgprep", "--root", "data/img", "--size", str(SIDE), "-o", "i.hmr", "l.hmr")
        tool("hm-tokenize", "--vocab", "data/vocab.txt", "-o", s + ".hmr", "i.hmr")
    pixels = torch.from_numpy(column("dev.hmr", "pixels"))
    flat = column("dev.hmr", "token_ids")
    offsets = np.load("column.npy.offsets.npy")
    return pixels, [flat[a:b].tolist() for a, b in zip(offsets, offsets[1:])]


def build(fusion, block):
    vocab = sum(1 for _ in open("data/vocab.txt", encoding="utf-8"))
    image = modelkit.image_encoder(block, 8, batches=5)
    channels = image.fc.in_features
    text = modelkit.text_encoder(vocab, 32, HEADS, 2, 64)
    if fusion == "late":
        return modelkit.late(image, text, 2)
    return modelkit.randomize(modelkit.MultimodalTransformer(image, text, 2, channels, GRID))


def score(model, *options):
    tool("hm-score", "--model", model, *options, "-o", "answers.hmr", "dev.hmr")
    return column("answers.hmr", "logits")


def moved(a, b, names):
    return any(not torch.equal(a[k], b[k]) for k in names)


def both_ways(fusion, block, pixels, ids):
    name = f"{fusion} {block.__name__}"
    model = build(fusion, block)
    want = modelkit.logits(model, pixels, ids)
    save_file(model.state_dict(), "torch.safetensors")
    torch.save(model.state_dict(), "torch.pth")
    for file in ("torch.safetensors", "torch.pth"):
        same(f"{name}: hm-score on {file}", score(file, "--heads", str(HEADS)), want)
    before = load_file("torch.safetensors")
    for file, freeze in (("torch.safetensors", "none" if fusion == "late" else "image"), ("torch.pth", "image")):
        tool("hm-fuse-train", "--init", file, "--heads", str(HEADS), "--freeze", freeze, "--epochs", "1", "--batch-size", "8",
             "--lr", "1e-3", "-o", "ours.safetensors", "train.hmr")
        after = load_file("ours.safetensors")
        model.load_state_dict(after, strict=True)
        label = f"{name}: --init {file} --freeze {freeze}"
        same(f"{label}, strict=True", score("ours.safetensors"), modelkit.logits(model, pixels, ids))
        trunk = [k for k in after if k.startswith("image_encoder.")]
        words = [k for k in after if "word_embeddings" in k or k.startswith("classifier")]
        steps = [after[k] for k in trunk if k.endswith("num_batches_tracked")]
        check(f"{label}: what is trained moves, what is frozen stays", moved(before, after, words) and
              moved(before, after, [k for k in trunk if not k.endswith("tracked")]) == (freeze == "none"))
        check(f"{label}: batches tracked", all(int(t) == (5 + TRAIN // 8 if freeze == "none" else 5) for t in steps) and len(steps))
        tool("hm-encode", "--image", "ours.safetensors", "--text", "ours.safetensors", "-o", "features.hmr", "dev.hmr")
        with safe_open("ours.safetensors", "pt") as f:
            meta = f.metadata()
        schema = subprocess.run([BIN + "/hm-view", "--schema", "features.hmr"], check=True, capture_output=True, text=True).stdout
        check(f"{label}: --image and --text take its encoders", all(meta[f"hm.{s}_digest"] in schema for s in ("image", "text")))


def from_scratch(fusion, pixels, ids):
    """Encoders of init:, so nothing came from PyTorch; and features on the image's side, whose encoder --image puts into the file."""
    tool("hm-encode", "--image", "init:resnet-tiny", "--image-output", "both", "--keep", "-o", "cached.hmr", "train.hmr")
    both = [("train.hmr", "both", "--no-standardize"), ("train.hmr", "both", "--standardize")]
    for data, freeze, *more in (both if fusion == "late" else [("train.hmr", "image")]) + [("cached.hmr", "image")]:
        tool("hm-fuse-train", "--fusion", fusion, "--image", "init:resnet-tiny", "--text", "init:bert-tiny", "--freeze", freeze,
             "--epochs", "1", "--batch-size", "8", *more, "-o", "ours.safetensors", data)
        image = modelkit.NarrowResNet(BasicBlock, 4)
        text = modelkit.transformers.BertModel(modelkit.transformers.BertConfig(
            hidden_size=128, num_attention_heads=2, num_hidden_layers=2, intermediate_size=512))
        model = modelkit.late(image, text, 2) if fusion == "late" else modelkit.MultimodalTransformer(image, text, 2, 128, GRID)
        model.load_state_dict(load_file("ours.safetensors"), strict=True)
        scale = magnitude(model, pixels, ids) if "--standardize" in more else None
        same(f"{fusion} from init:, {data}, --freeze {freeze} {' '.join(more)}", score("ours.safetensors"),
             modelkit.logits(model, pixels, ids), scale)


def main():
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as tmp:
        os.chdir(tmp)
        pixels, ids = records()
        for fusion in ("late", "early"):
            for block in (BasicBlock, Bottleneck):
                both_ways(fusion, block, pixels, ids)
            from_scratch(fusion, pixels, ids)
        os.chdir("/")
    print(f"models: {checks - len(failed)} of {checks} checks agree{'; ' + ', '.join(failed) if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
