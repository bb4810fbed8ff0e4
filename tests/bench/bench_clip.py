"""CLIP's towers on two threads: hm-encode beside what a user of a processor would pick instead. Images through B/32, B/16
and L/14, captions of real lengths through the text towers of B/32 and L/14, f32, and bf16 where the processor has it. Peers:
transformers (eager, compiled), open_clip, ONNX Runtime and OpenVINO, each by batch size and, the last two, by one stream of
two threads or two of one thread. hm-encode gets the captions four times, since its start is long. Weights are random, the same in all: features are compared before anything is timed. Every
setting runs twice, once if it is slow; the two fastest run in all rounds (of L/14 there is one), in turn with hm-encode, whose
start is taken off; the best round counts. A peer that is not installed is named and left out.
usage: python bench_clip.py BIN [TOWER ...]"""
import json
import os
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
os.environ["TORCH_LOGS"] = "-all"
import numpy
import torch
import transformers

from encodekit import THREADS, best_of, hm_seconds, name_missing, onnx, peak, row, tool, vino, wrap

try:
    import open_clip
except ImportError:
    open_clip = None

ROUNDS, CAPTIONS, TIMES, PADDED, FEW, TOKENS_MEDIAN, TOKENS_P99 = 3, 256, 4, 64, 32, 14, 45  # hm-encode gets the captions TIMES times
HERE = os.path.dirname(os.path.abspath(__file__))
VOCAB = os.path.join(HERE, "..", "data", "text", "clip")
BF16_HERE = "avx512_bf16" in open("/proc/cpuinfo", encoding="utf-8").read()
# images: patch, width, layers, heads, GFLOP an image, images of a peer's run, batches, images of hm's two runs (of two lanes
# with batches of 8), target
IMAGES = {"b32": (32, 768, 12, 12, 8.8, 32, (1, 8, 32), (32, 160), 1.3),
          "b16": (16, 768, 12, 12, 35.1, 8, (1, 4, 8), (16, 64), 1.15),
          "l14": (14, 1024, 24, 16, 162.0, 4, (4,), (16, 64), 1.15)}
# text: width, layers, heads, projection, image tower's layers, GFLOP a token
TEXTS = {"text-b": (512, 12, 8, 512, 0.075), "text-l": (768, 12, 12, 768, 0.17)}


def vision(name):
    """Random weights in `name`/ and the model, whose pooled row is the feature."""
    patch, width, layers, heads = IMAGES[name][:4]
    torch.manual_seed(0)
    model = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=heads, patch_size=patch)).eval()
    model.save_pretrained(name)
    return model, lambda m, x: m(pixel_values=x).pooler_output


def text(name):
    width, layers, heads, projection, _ = TEXTS[name]
    torch.manual_seed(0)
    model = transformers.CLIPTextModel(transformers.CLIPTextConfig(
        vocab_size=797, hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=heads,
        projection_dim=projection, bos_token_id=795, eos_token_id=796)).eval()
    model.save_pretrained(name)
    return model, lambda m, x: m(input_ids=x).pooler_output


def openclip_image(name):
    """open_clip's tower of the same size; its speed does not depend on the weights."""
    if not open_clip:
        return {}
    model = open_clip.create_model({"b32": "ViT-B-32-quickgelu", "b16": "ViT-B-16-quickgelu", "l14": "ViT-L-14-quickgelu"}[name])
    return {"open_clip": model.visual.eval()}


def hm_of(name, stream, *options):
    """Seconds of hm-encode's two runs, both with the weights in the page cache, from which the peers' memory drives them."""
    with open(os.path.join(name, "model.safetensors"), "rb") as f:
        while f.read(1 << 24):
            pass
    return hm_seconds(stream, *options)


def check(features, expected, name):
    """A speed counts only for the same numbers."""
    worst = float(numpy.abs(features - expected).max() / numpy.abs(expected).max())
    if worst > 1e-4:
        sys.exit(f"{name}: hm-encode's features differ from transformers' by {worst:.1e} of the largest")


def torch_runs(call):
    module = wrap(call)
    compiled = torch.compile(module, dynamic=True)
    return {"transformers": module, "transformers, compiled": compiled}


def row_of(kind, hm, unit, many, n, peers, target, gflop, top):
    seconds, peer = best_of(hm, peers, ROUNDS if gflop < 100 else 1)  # an image of L/14 takes a second
    name = min(peer, key=peer.get)
    row(kind, many / seconds, unit, n / peer[name], name, target, gflop, top)
    print("#   " + "; ".join(f"{k} {n / v:.3g}" for k, v in sorted(peer.items(), key=lambda p: p[1])[:8]), flush=True)


def images(name, precision, top):
    gflop, n, batches, (few, many), target = IMAGES[name][4:]
    call = vision(name)
    data = f"{name}-{precision}"
    tool("hm-synth", "--train", str(many), "--dev", "1", "--test", "1", data)
    for part, k in (("few-", few), ("", many)):
        tool("hm-jsonl2rec", "--limit", str(k), "-o", "lines.hmr", f"{data}/train.jsonl")
        tool("hm-imgprep", "--filter", "bicubic", "--root", f"{data}/img", "-o", part + "images.hmr", "lines.hmr")
    tool("hm-encode", "--image", name, "-o", "f.hmr", "few-images.hmr")
    tool("hm-view", "--npy", "image_feature=f.npy", "f.hmr")
    tool("hm-view", "--npy", "pixels=p.npy", "few-images.hmr")
    p = torch.tensor(numpy.load("p.npy")[:4].reshape(-1, 3, 224, 224)).float()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((.48145466, .4578275, .40821073), (.26862954, .26130258, .27577711)))
    x = torch.rand(n, 3, 224, 224)
    with torch.inference_mode():
        check(numpy.load("f.npy")[:4], call[1](call[0], (p / 255 - mean) / std).numpy(), name)
        runs = {**(torch_runs(call) if precision == "f32" else {}), **(openclip_image(name) if precision == "f32" else {})}
        peers = {f"{k}, batch {b}": lambda f=f, b=b: [f(part) for part in x.split(b)] for k, f in runs.items() for b in batches}
        whole = {**(onnx(wrap(call), x[:2], ("n",)) if precision == "f32" else {}),
                 **vino(wrap(call), x[:2], precision, [(b, 3, 224, 224) for b in batches])}
    peers |= {f"{k}, batch {b}": lambda f=f, b=b: f(x.split(b)) for k, f in whole.items() for b in batches}
    row_of(f"CLIP {name} image, {precision}", lambda: hm_of(name, "images.hmr", "--image", name, "--precision", precision), "images/s",
           many - few, n, peers, target, gflop, top)


def captions():
    """Captions of so many letters, each a token, of the lengths that memes have, and their ids; and the first few alone."""
    rng = numpy.random.default_rng(0)
    sigma = numpy.log(TOKENS_P99 / TOKENS_MEDIAN) / 2.326
    length = numpy.clip(numpy.exp(rng.normal(numpy.log(TOKENS_MEDIAN), sigma, CAPTIONS + FEW)).round().astype(int), 3, 77)
    with open(os.path.join(VOCAB, "vocab.json"), encoding="utf-8") as f:
        vocab = json.load(f)
    letters = [[chr(int(c)) for c in rng.integers(97, 123, n - 2)] for n in length]
    with open("captions.jsonl", "w", encoding="utf-8") as f:
        for i, v in enumerate(letters[:FEW] + TIMES * letters[FEW:]):
            f.write(json.dumps({"id": i, "img": "x.png", "text": " ".join(v)}) + "\n")
    for part, n in (("few-", FEW), ("", FEW + TIMES * CAPTIONS)):
        tool("hm-jsonl2rec", "--limit", str(n), "-o", "lines.hmr", "captions.jsonl")
        tool("hm-tokenize", "--vocab", VOCAB, "--max-length", "77", "-o", part + "captions.hmr", "lines.hmr")
    return [[795, *(vocab[c + "</w>"] for c in v), 796] for v in letters][FEW:]


def padded(ids, size, longest=None):
    """Batches of `size` captions, padded with the end token to 77 or to the batch's longest."""
    out = []
    for i in range(0, len(ids), size):
        part = ids[i:i + size]
        width = longest or max(map(len, part))
        out.append(torch.tensor([v + [796] * (width - len(v)) for v in part]))
    return out


def texts(name, precision, ids, top):
    call = text(name)
    tool("hm-encode", "--text", name, "-o", "f.hmr", "captions.hmr")
    tool("hm-view", "--npy", "text_feature=f.npy", "f.hmr")
    mean_tokens = sum(map(len, ids)) / len(ids)
    with torch.inference_mode():
        check(numpy.load("f.npy")[FEW:FEW + CAPTIONS], torch.cat([call[1](call[0], b) for b in padded(ids, 64)]).numpy(), name)
        runs = torch_runs(call) if precision == "f32" else {}
        example = padded(ids, 2)[0]
        many = {**(onnx(wrap(call), example, ("n", "t")) if precision == "f32" else {})}
        many |= vino(wrap(call), example, precision, [(b, 77) for b in (8, 32)])
    for order, longest, target in (("padded to 77", 77, 3), ("sorted by length", None, 1.3)):
        data = ids[:PADDED] if longest else sorted(ids, key=len)
        peers = {}
        for b in (8, 32):
            some = padded(data, b, longest)
            peers |= {f"{k}, batch {b}": lambda f=f, some=some: [f(v) for v in some] for k, f in runs.items()}
            peers |= {f"{k}, batch {b}": lambda f=f, some=some: f(some) for k, f in many.items()}
        row_of(f"CLIP {name}, {precision}, peers' captions {order}",
               lambda: hm_of(name, "captions.hmr", "--text", name, "--precision", precision), "captions/s", TIMES * len(ids), len(data), peers,
               target, TEXTS[name][4] * mean_tokens, top)


def main():
    torch.set_num_threads(THREADS)
    wanted = sys.argv[2:] or [*IMAGES, *TEXTS]
    name_missing(("open_clip", open_clip))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print("name | hm | peer | ratio | target")
        for precision, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
            if precision == "bf16" and not BF16_HERE:
                print("# bf16: this processor has no avx512_bf16")
                continue
            top = peak(dtype)
            for name in wanted:
                if name in IMAGES:
                    images(name, precision, top)
            if set(wanted) & set(TEXTS):
                ids = captions()
                for name in TEXTS:
                    if name in wanted:
                        texts(name, precision, ids, top)


main()
