"""CLIP of full size, B/32 and L/14 with random weights, through hm-encode: each layout that files have, in F32 and in F16, OpenAI's
TorchScript archive, and what open_clip itself writes, against transformers and open_clip in float64. Layouts of the same numbers give
the same features, bit by bit. 8 GB of memory. `.venv/bin/python tests/oracle/check_fullsize.py build/bin [B/32|L/14]`."""
import gc
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import open_clip
import torch
import transformers
from open_clip.push_to_hf_hub import save_for_hf
from safetensors.torch import save_file

import torchscriptkit
import towerkit
from towerkit import CLIP_COLOURS

BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
BOUND, COSINE, IMAGES, SIDE, LENGTH, WORDS = 1e-4, 0.999, 4, 224, 77, 49408
SIZES = {  # width, layers, heads of the image's and the captions' tower
    "B/32": dict(patch=32, vision=(768, 12, 12), text=(512, 12, 8), projection=512, name="ViT-B-32"),
    "L/14": dict(patch=14, vision=(1024, 24, 16), text=(768, 12, 12), projection=768, name="ViT-L-14"),
}
CAPTIONS = ["look how many people love you", "a", "", "it\u2019s \u201cfine\u201d \u2014 isn't it? \U0001f525\U0001f525 10% OFF!",
            "when you say " + "never again " * 60, "ends here <|endoftext|> and goes on", "GUTEN MORGEN, ihr Schlafm\u00fctzen",
            " ".join("abcdefghijklmnopqrstuvwxyz") * 4]
BF16 = " avx512_bf16 " in open("/proc/cpuinfo", encoding="ascii").read().replace("\n", " ")
failed, checks, worst = [], 0, {}


def tool(*args, status=0):
    return towerkit.tool(BIN, *args, status=status)


def check(name, ok, why):
    global checks
    checks += 1
    if not ok:
        failed.append(name)
    print(f"{name}: {why}{'' if ok else '  FAILED'}", flush=True)


def remove(*paths):
    for path in paths:
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def inputs():
    """image.hmr and text.hmr; the pixels as CLIP takes them, the ids padded to the length."""
    tool("hm-synth", "--train", str(IMAGES), "--dev", "1", "--test", "1", "data")
    tool("hm-jsonl2rec", "-o", "lines.hmr", "data/train.jsonl")
    tool("hm-imgprep", "--root", "data/img", "--fit", "crop", "--filter", "bicubic", "--size", str(SIDE), "-o", "image.hmr", "lines.hmr")
    with open("captions.jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(CAPTIONS))
    tool("hm-jsonl2rec", "--no-img", "-o", "captions.hmr", "captions.jsonl")
    vocab = pathlib.Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    tool("hm-tokenize", "--vocab", str(vocab), "-o", "text.hmr", "captions.hmr")
    flat, offsets = towerkit.column(BIN, "text.hmr", "token_ids"), np.load("column.npy.offsets.npy")
    ids = torch.tensor([flat[a:b].tolist() + [0] * (LENGTH - (b - a)) for a, b in zip(offsets, offsets[1:])])
    return towerkit.pixels(BIN, "", CLIP_COLOURS, "image.hmr"), ids


# ---- what is compared

def describe(stream, column):
    p = subprocess.run([BIN + "/hm-view", "--schema", stream], stdout=subprocess.PIPE, text=True, check=True)
    fields = json.loads(p.stdout.splitlines()[0])["columns"]
    return next(f for f in fields if f["name"] == column)


def features(side, spec, wanted, options, precision="f32"):
    """{output: numbers}, and the encoder's digest."""
    out, digest = {}, None
    runs = {"pooled": "both" if side == "image" else "pooled", "projected": "projected"}
    batch = ("--batch-size", str(IMAGES // 2)) if side == "image" else ()  # two threads have work
    for output, option in runs.items():
        if output not in wanted:
            continue
        tool("hm-encode", "--device", "cpu", "--precision", precision, f"--{side}", spec, f"--{side}-output", option, *batch, *options,
             "-o", "out.hmr", f"{side}.hmr")
        out[output] = towerkit.column(BIN, "out.hmr", f"{side}_feature")
        digest = describe("out.hmr", f"{side}_feature")["encoder"]
        if option == "both":
            out["grid"] = towerkit.column(BIN, "out.hmr", "image_grid")
    return out, digest


class Numbers:
    """One set of weights: what it must give, and what the first of its layouts gave."""

    def __init__(self, name, want):
        self.name, self.want, self.first, self.digest = name, want, {}, {}

    def layout(self, name, spec, *options, outputs=("pooled", "projected"), digest=None, sides=("image", "text")):
        """digest: layouts of the same dtypes and tensors have it in common."""
        for side in sides:
            got, own = features(side, spec, outputs, options)
            for output, x in got.items():
                what, want = f"{side} {output}", self.want[side, output]
                off = np.abs(x - want).max() / np.abs(want).max() if x.shape == want.shape else np.inf
                same = np.array_equal(x, self.first.setdefault((side, output), x))
                worst[self.name.split(",")[0], what] = max(worst.get((self.name.split(",")[0], what), 0), off)
                check(f"{self.name}, {name}: {what}", off <= BOUND and same,
                      f"max|d| {off:.1e} of the largest{'' if same else ', and other numbers than the first layout'}")
            if digest:
                first = self.digest.setdefault((side, digest), own)
                check(f"{self.name}, {name}: {side} encoder", own == first, own[:8])

    def bf16(self, spec, *options):
        """By the cosine of each vector."""
        for side in ("image", "text"):
            if not BF16:
                tool("hm-encode", "--device", "cpu", "--precision", "bf16", f"--{side}", spec, *options, "-o", "out.hmr", f"{side}.hmr", status=3)
                continue
            for output, x in features(side, spec, ("pooled", "projected"), options, "bf16")[0].items():
                x, want = x.astype(np.float64), self.want[side, output]
                cosine = ((x * want).sum(-1) / np.sqrt((x * x).sum(-1) * (want * want).sum(-1))).min()
                check(f"{self.name}, bf16: {side} {output}", cosine >= COSINE, f"least cosine {cosine:.5f}")


# ---- transformers' model in all layouts

def config_of(s):
    tower = lambda t: dict(hidden_size=t[0], num_hidden_layers=t[1], num_attention_heads=t[2], intermediate_size=4 * t[0],
                           projection_dim=s["projection"], hidden_act="quick_gelu")
    return transformers.CLIPConfig(vision_config=dict(image_size=SIDE, patch_size=s["patch"], **tower(s["vision"])),
                                   text_config=dict(vocab_size=WORDS, max_position_embeddings=LENGTH, eos_token_id=2, bos_token_id=0,
                                                    pad_token_id=1, **tower(s["text"])), projection_dim=s["projection"])


def ask_transformers(model, px, ids):
    model.double()
    with torch.no_grad():
        v, t = model.vision_model(px), model.text_model(ids)
        want = {("image", "pooled"): v.pooler_output, ("image", "grid"): v.last_hidden_state[:, 1:],
                ("image", "projected"): model.visual_projection(v.pooler_output), ("text", "pooled"): t.pooler_output,
                ("text", "projected"): model.text_projection(t.pooler_output)}
    model.float()
    return {k: x.numpy() for k, x in want.items()}


def save_tower(folder, model, kind, dtype):
    """As a CLIPVisionModel or CLIPTextModel alone is saved."""
    os.makedirs(folder)
    state = getattr(model, f"{kind}_model").state_dict()
    save_file({k: v.to(dtype).contiguous() for k, v in state.items() if "position_ids" not in k}, f"{folder}/model.safetensors")
    with open(f"{folder}/config.json", "w", encoding="utf-8") as f:
        f.write(getattr(model.config, f"{kind}_config").to_json_string())


def each_layout(numbers, model, dtype, said):
    word = "F16" if dtype == torch.float16 else "F32"
    model.to(dtype).save_pretrained("hf", max_shard_size="200MB" if dtype == torch.float16 else "50GB")
    model.float()
    numbers.layout(f"CLIPModel {word}", "hf", digest=word)
    if word == "F32":
        numbers.bf16("hf")
    remove("hf")
    for kind, side in (("vision", "image"), ("text", "text")):
        save_tower("flat", model, kind, dtype)
        numbers.layout(f"tower alone {word}", "flat", outputs=("pooled",), sides=(side,))
        remove("flat")
    theirs = towerkit.openai_names({k: v.to(dtype) for k, v in model.state_dict().items()}, (SIDE, LENGTH, WORDS))
    torch.save(theirs, "openai.pt")
    numbers.layout(f"OpenAI's names {word}", "openai.pt", *said, digest=word)
    remove("openai.pt")
    save_file({k if k.startswith("visual.") or k == "logit_scale" else "text." + k: v for k, v in theirs.items() if v.dim() or k == "logit_scale"},
              "custom.safetensors")
    numbers.layout(f"CustomTextCLIP {word}", "custom.safetensors", *said, digest=word)
    remove("custom.safetensors")


def save_archive(s, model, half):
    vision, text = s["vision"], s["text"]
    with torch.device("meta"):
        net = torchscriptkit.Clip(vision[0], vision[1], vision[2], s["patch"], SIDE // s["patch"], WORDS, LENGTH, s["projection"], text)
    net.load_state_dict(towerkit.openai_names(model.state_dict(), (SIDE, LENGTH, WORDS)), assign=True)
    torch.jit.save(torchscriptkit.traced(net, half), "archive.pt")


def of_transformers(size, s, px, ids):
    said = ("--act", "quick_gelu")
    model = towerkit.randomize(transformers.CLIPModel(config_of(s)))
    one = Numbers(f"{size}, transformers", ask_transformers(model, px, ids))
    each_layout(one, model, torch.float32, said)
    save_archive(s, model, False)
    one.layout("archive F32", "archive.pt", digest="F32")
    remove("archive.pt")
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    two = Numbers(f"{size}, rounded to F16", ask_transformers(model, px, ids))
    each_layout(two, model, torch.float16, said)
    save_archive(s, model, True)
    two.layout("archive F16", "archive.pt")
    remove("archive.pt")
    model.save_pretrained("hf")
    two.layout("CLIPModel F32", "hf")
    remove("hf")


# ---- open_clip's own

class NoTokenizer:
    """open_clip saves one beside the weights, from the network."""

    def save_pretrained(self, folder):
        pass


def open_clip_model(name, **how):
    """Not far from its own initial weights, but attention is far from uniform, and every norm and bias is seen."""
    model = open_clip.create_model(name, **how).eval()
    with torch.no_grad():
        for n, p in model.named_parameters():
            if n.endswith("attn.in_proj_weight"):
                p[: 2 * len(p) // 3] *= 3
            elif "ln_" in n or n.endswith("bias"):
                p.add_(0.1 * torch.randn_like(p))
    return model


def ask_open_clip(model, px, ids):
    model.double()
    want = {}
    text = getattr(model, "text", model)
    with torch.no_grad():
        out = model.visual.forward_intermediates(px, indices=1, output_fmt="NLC")
        want["image", "grid"], want["image", "projected"] = out["image_intermediates"][-1], out["image_features"]
        want["text", "projected"] = model.encode_text(ids)
        projection = model.visual.proj, text.text_projection
        model.visual.proj = text.text_projection = None
        want["image", "pooled"], want["text", "pooled"] = model.encode_image(px), model.encode_text(ids)
        model.visual.proj, text.text_projection = projection
    model.float()
    return {k: x.numpy() for k, x in want.items()}


def save_training(model, path):
    """As open_clip's training does under DistributedDataParallel, after a step of AdamW."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.0)
    for p in model.parameters():
        p.grad = torch.zeros_like(p)
    optimizer.step()
    torch.save({"epoch": 1, "name": "run", "state_dict": {"module." + k: v for k, v in model.state_dict().items()},
                "optimizer": optimizer.state_dict()}, path)
    model.zero_grad()


def of_open_clip(size, name, px, ids, custom=False):
    act = "quick_gelu" if name.endswith("quickgelu") else "gelu"
    model = open_clip_model(name, force_custom_text=custom)
    one = Numbers(f"{size}, open_clip's {type(model).__name__} {act}", ask_open_clip(model, px, ids))
    settings = open_clip.get_model_config(name)
    save_for_hf(model, NoTokenizer(), settings, "folder", safe_serialization=True)
    one.layout("open_clip_model.safetensors", "folder", digest="F32")
    remove("folder")
    save_training(model, "epoch_1.pt")
    gc.collect()
    one.layout("training checkpoint", "epoch_1.pt", "--act", act, digest="F32")
    remove("epoch_1.pt")
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    two = Numbers(f"{size}, open_clip's {type(model).__name__} {act}, rounded to F16", ask_open_clip(model, px, ids))
    save_for_hf(model.half(), NoTokenizer(), settings, "folder", safe_serialization=False)
    two.layout("open_clip_pytorch_model.bin F16", "folder")
    remove("folder")


def main():
    sizes = sys.argv[2:] or list(SIZES)
    torch.manual_seed(20)
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        px, ids = inputs()
        for size in sizes:
            s = SIZES[size]
            of_transformers(size, s, px, ids)
            gc.collect()
            of_open_clip(size, s["name"] + "-quickgelu", px, ids)
            gc.collect()
        if "B/32" in sizes:
            of_open_clip("B/32", SIZES["B/32"]["name"], px, ids, custom=True)
    for (size, what), off in sorted(worst.items()):
        print(f"worst of {size}, {what}: {off:.1e} of the largest value")
    if not BF16:
        print("bf16 was not compared: this processor has no avx512_bf16, and hm-encode says so")
    print(f"{checks - len(failed)} of {checks} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
