"""Frozen encoders on two threads: images a second through ResNet18, captions a second through BERT-base, hm-encode beside
PyTorch at its best settings, with the share of the matmul peak that PyTorch reaches on this machine. Rounds are
interleaved, the best of each counts; of the peer's settings the two fastest at first go through all rounds. hm-encode's
start is taken off by running it on few records and on many."""
import json
import os
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["TORCH_LOGS"] = "-all"
import numpy
import torch
import torchvision
import transformers

from encodekit import THREADS, best_of, hm_seconds, peak, row, tool

FEW, MANY = 32, 288
CAPTIONS, TOKENS_MEDIAN, TOKENS_P99 = 256, 14, 45
IMAGE_GFLOP, TOKEN_GFLOP = 3.64, 0.17
F32, BF16 = torch.float32, torch.bfloat16


def images():
    tool("hm-synth", "--train", str(MANY), "--dev", "1", "--test", "1", "data")
    for part, n in (("few-", FEW), ("", MANY)):
        tool("hm-jsonl2rec", "--limit", str(n), "-o", "lines.hmr", "data/train.jsonl")
        tool("hm-imgprep", "--root", "data/img", "-o", part + "images.hmr", "lines.hmr")


def resnet(dtype, top, target):
    x = torch.rand(64, 3, 224, 224).to(memory_format=torch.channels_last)
    model = torchvision.models.resnet18(weights=None).eval().to(memory_format=torch.channels_last)
    model.fc = torch.nn.Identity()
    low = torchvision.models.resnet18(weights=None).eval().to(memory_format=torch.channels_last).bfloat16()
    low.fc = torch.nn.Identity()

    def autocast(v):
        with torch.autocast("cpu", BF16):
            return model(v)

    if dtype == F32:
        runs = {"eager": (model, x), "compile": (torch.compile(model), x)}
    else:
        runs = {"eager bfloat16": (low, x.bfloat16()), "compile bfloat16": (torch.compile(low), x.bfloat16()),
                "eager autocast": (autocast, x), "compile autocast": (torch.compile(autocast), x)}
    peers = {}
    for batch in (16, 64):
        for name, (f, v) in runs.items():
            peers[f"{name}, batch {batch}"] = lambda f=f, v=v, b=batch: [f(part) for part in v.split(b)]
    precision = "f32" if dtype == F32 else "bf16"
    hm, peer = best_of(lambda: hm_seconds("images.hmr", "--image", "init:resnet18", "--precision", precision), peers)
    name = min(peer, key=peer.get)
    row(f"ResNet18 encode {precision}", (MANY - FEW) / hm, "images/s", len(x) / peer[name], name, target, IMAGE_GFLOP, top)


def captions():
    """A vocabulary of bert-base's size and captions of so many words of it, median and p99 as the real ones'; twice:
    as they come, and the first few of them."""
    rng = numpy.random.default_rng(0)
    sigma = numpy.log(TOKENS_P99 / TOKENS_MEDIAN) / 2.326
    length = numpy.clip(numpy.exp(rng.normal(numpy.log(TOKENS_MEDIAN), sigma, CAPTIONS + FEW)).round().astype(int), 3, 100)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    with open("vocab.txt", "w", encoding="utf-8") as f:
        f.write("\n".join(special + [f"w{i}" for i in range(30522 - len(special))]) + "\n")
    ids = [[2, *(int(i) for i in rng.integers(5, 30522, n - 2)), 3] for n in length]
    with open("captions.jsonl", "w", encoding="utf-8") as f:
        for i, v in enumerate(ids):
            f.write(json.dumps({"id": i, "img": "x.png", "text": " ".join(f"w{t - 5}" for t in v[1:-1])}) + "\n")
    for part, n in (("few-", FEW), ("", len(ids))):
        tool("hm-jsonl2rec", "--limit", str(n), "-o", "lines.hmr", "captions.jsonl")
        tool("hm-tokenize", "--vocab", "vocab.txt", "-o", part + "captions.hmr", "lines.hmr")
    return ids[FEW:]


def bert(ids, top):
    model = transformers.BertModel(transformers.BertConfig()).eval()
    tokens = sum(map(len, ids))

    def batches(order):
        out = []
        for i in range(0, len(order), 64):
            part = order[i : i + 64]
            longest = max(map(len, part))
            rows = torch.tensor([v + [0] * (longest - len(v)) for v in part])
            mask = torch.tensor([[1] * len(v) + [0] * (longest - len(v)) for v in part])
            out.append((rows, mask))
        return out

    compiled = torch.compile(model, dynamic=True)
    for order, data, target in (("as they come", ids, 2.5), ("sorted by length", sorted(ids, key=len), 1.2)):
        peers = {name: lambda f=f, b=batches(data): [f(input_ids=i, attention_mask=m).pooler_output for i, m in b]
                 for name, f in (("eager", model), ("compile", compiled))}
        hm, peer = best_of(lambda: hm_seconds("captions.hmr", "--text", "init:bert-base"), peers)
        name = min(peer, key=peer.get)
        row(f"BERT-base encode f32, peer's captions {order}", len(ids) / hm, "captions/s", len(ids) / peer[name], name,
            target, TOKEN_GFLOP * tokens / len(ids), top)


def main():
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print("name | hm | peer | ratio | target")
        tops = {F32: peak(F32), BF16: peak(BF16)}
        images()
        print("# shares count 3.64 GFLOP an image and 0.17 a token; Winograd convolutions and a last layer of [CLS] rows do less")
        for dtype, target in ((F32, 1.05), (BF16, 1.15)):
            if dtype == F32 or "avx512_bf16" in open("/proc/cpuinfo", encoding="utf-8").read():
                resnet(dtype, tops[dtype], target)
        bert(captions(), tops[F32])


main()
