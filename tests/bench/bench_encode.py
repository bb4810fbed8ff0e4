"""Frozen encoders on two threads: images a second through ResNet18, captions a second through BERT-base, hm-encode beside
PyTorch, ONNX Runtime and OpenVINO at their best settings (batch sizes, one stream of two threads or two of one, compiled,
the captions sorted by length), with the share of the matmul peak that PyTorch reaches on this machine. Rounds are
interleaved, the best of each counts; of the peers' settings the two fastest at first go through all rounds. hm-encode's
start is taken off by running it on few records and on many; it gets the peers' captions four times, since the start is long. usage: python bench_encode.py BIN [resnet|bert]"""
import json
import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["TORCH_LOGS"] = "-all"
import numpy
import torch
import torchvision
import transformers

from encodekit import THREADS, best_of, hm_seconds, name_missing, onnx, peak, row, tool, vino, wrap

FEW, MANY = 32, 1056
CAPTIONS, TIMES, TOKENS_MEDIAN, TOKENS_P99 = 256, 4, 14, 45  # hm-encode gets the peers' captions TIMES times
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
    contiguous = x.contiguous()
    call = model, lambda m, v: m(v)
    with torch.inference_mode():
        whole = {**(onnx(wrap(call), contiguous[:2], ("n",)) if dtype == F32 else {}),
                 **vino(wrap(call), contiguous[:2], precision, [(b, 3, 224, 224) for b in (1, 4, 16)])}
    peers |= {f"{k}, batch {b}": lambda f=f, b=b: f(contiguous.split(b)) for k, f in whole.items() for b in (1, 4, 16)}
    hm, peer = best_of(lambda: hm_seconds("images.hmr", "--image", "init:resnet18", "--precision", precision), peers)
    name = min(peer, key=peer.get)
    row(f"ResNet18 encode {precision}", (MANY - FEW) / hm, "images/s", len(x) / peer[name], name, target, IMAGE_GFLOP, top)
    others(peer, len(x))


def others(peer, n):
    print("#   " + "; ".join(f"{k} {n / v:.3g}" for k, v in sorted(peer.items(), key=lambda p: p[1])[:8]), flush=True)


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
        for i, v in enumerate(ids[:FEW] + TIMES * ids[FEW:]):
            f.write(json.dumps({"id": i, "img": "x.png", "text": " ".join(f"w{t - 5}" for t in v[1:-1])}) + "\n")
    for part, n in (("few-", FEW), ("", FEW + TIMES * CAPTIONS)):
        tool("hm-jsonl2rec", "--limit", str(n), "-o", "lines.hmr", "captions.jsonl")
        tool("hm-tokenize", "--vocab", "vocab.txt", "-o", part + "captions.hmr", "lines.hmr")
    return ids[FEW:]


def padded(order, size):
    """Batches of `size` captions, each padded with 0 to its longest."""
    out = []
    for i in range(0, len(order), size):
        part = order[i : i + size]
        longest = max(map(len, part))
        out.append(torch.tensor([v + [0] * (longest - len(v)) for v in part]))
    return out


def bert(ids, dtype, top, targets):
    """f32: PyTorch, ONNX Runtime and OpenVINO; bf16: those of them that have it."""
    tokens, count = sum(map(len, ids)), TIMES * len(ids)
    precision = "f32" if dtype == F32 else "bf16"
    model = transformers.BertModel(transformers.BertConfig()).eval()
    low = transformers.BertModel(transformers.BertConfig()).eval().bfloat16()
    call = model, lambda m, v: m(input_ids=v, attention_mask=(v != 0).long()).pooler_output
    with torch.inference_mode():
        example = padded(ids, 2)[0]
        whole = {**(onnx(wrap(call), example, ("n", "t")) if dtype == F32 else {}), **vino(wrap(call), example, precision, [])}
    eager = wrap((model if dtype == F32 else low, call[1]))
    runs = {"eager": eager, "compile": torch.compile(eager, dynamic=True)}
    for order, data, target in zip(("as they come", "sorted by length"), (ids, sorted(ids, key=len)), targets):
        peers = {}
        for size in (8, 64):
            some = padded(data, size)
            peers |= {f"{k}, batch {size}": lambda f=f, some=some: [f(v) for v in some] for k, f in runs.items()}
            peers |= {f"{k}, batch {size}": lambda f=f, some=some: f(some) for k, f in whole.items()}
        hm, peer = best_of(lambda: hm_seconds("captions.hmr", "--text", "init:bert-base", "--precision", precision), peers)
        name = min(peer, key=peer.get)
        row(f"BERT-base encode {precision}, peer's captions {order}", count / hm, "captions/s", len(ids) / peer[name], name,
            target, TOKEN_GFLOP * tokens / len(ids), top)
        others(peer, len(ids))


def main():
    wanted = sys.argv[2:] or ["resnet", "bert"]
    torch.set_num_threads(THREADS)
    name_missing()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print("name | hm | peer | ratio | target")
        precisions = [F32, *([BF16] if "avx512_bf16" in open("/proc/cpuinfo", encoding="utf-8").read() else [])]
        if BF16 not in precisions:
            print("# bf16: this processor has no avx512_bf16")
        tops = {dtype: peak(dtype) for dtype in precisions}
        print("# shares count 3.64 GFLOP an image and 0.17 a token; Winograd convolutions and a last layer of [CLS] rows do less")
        if "resnet" in wanted:
            images()
            for dtype in precisions:
                resnet(dtype, tops[dtype], 1.5 if dtype == F32 else 1.1)
        if "bert" in wanted:
            ids = captions()
            for dtype in precisions:
                bert(ids, dtype, tops[dtype], (2.5, 2))


main()
