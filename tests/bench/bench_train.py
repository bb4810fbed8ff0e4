"""Training steps of whole networks on two threads, ResNet18 + BERT-base, batch 32, dropout .1, AdamW: late fusion (captions
padded to the longest of the batch) and early fusion (trunk frozen in train mode; padded to 88 words beside 49 image
positions), hm-fuse-train beside PyTorch eager and compiled, in f32 and bf16 (autocast; weights are f32 on both sides).
Both start from the same files and see the same batches; the peer's images are normalised beforehand. A figure is the mean
of the steps after the first, the best of the rounds, which are interleaved; each run is a process of its own, whose peak
memory counts. hm's clocks are train_s and first_step_s of --stats."""
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
os.environ["TORCH_LOGS"] = "-all"
import numpy
import torch

from trainkit import BATCH, BIN, PAD, STEPS, make_data, normalized, peer_model

THREADS, ROUNDS = 2, 2
IMAGE_GFLOP, TOKEN_GFLOP = 3.64, 0.17  # forward; training takes three times as many
TARGET = {("late", "f32"): 1.8, ("late", "bf16"): 1.5, ("early", "f32"): 2.8, ("early", "bf16"): 2.4}


def child(args):
    """Runs a process; its seconds a step, on its last line, and its peak memory in GB."""
    with open("out.txt", "w+", encoding="utf-8") as out:
        p = subprocess.Popen(args, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        lines = out.read().split("\n")
    if p.returncode:
        raise RuntimeError(f"exit {p.returncode}")
    return lines[-2] if len(lines) > 1 else "", usage.ru_maxrss / 1e6


def hm_step(kind, precision, source):
    early = ["--fusion", "early", "--frozen-mode", "eval" if source == "cached.hmr" else "train"] if kind == "early" else []
    image = [] if source == "cached.hmr" else ["--image", "image.safetensors"]
    _, memory = child([f"{BIN}/hm-fuse-train", "-q", "-j", str(THREADS), *early, *image, "--text", "text.safetensors",
                       "--precision", precision, "--lr", "1e-5", "--batch-size", str(BATCH), "--epochs", "1", "--no-shuffle",
                       "--stats", "stats.json", "-o", "/dev/null", source])
    with open("stats.json", encoding="utf-8") as f:
        stats = json.load(f)
    return (stats["train_s"] - stats["first_step_s"]) / (STEPS - 1), memory


def peer_main(kind, precision, compiled, channels_last):
    """In a process of its own: prints seconds a step."""
    torch.set_num_threads(THREADS)
    model = peer_model(kind)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    x = normalized(torch.from_numpy(numpy.load("pixels.npy")).float())
    x = x.to(memory_format=torch.channels_last) if channels_last else x
    label = torch.from_numpy(numpy.load("label.npy")).long()
    with open("ids.json", encoding="utf-8") as f:
        ids = json.load(f)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-5, weight_decay=0, fused=True)
    forward = torch.compile(model, dynamic=kind == "late") if compiled else model

    def step(i):
        part = ids[i : i + BATCH]
        longest = PAD if kind == "early" else max(map(len, part))
        rows = torch.tensor([v + [0] * (longest - len(v)) for v in part])
        mask = torch.tensor([[1] * len(v) + [0] * (longest - len(v)) for v in part])
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            pixels = x[i : i + BATCH]
            y = forward(pixels, rows, mask) if kind == "late" else forward(rows, mask.float(), pixels)["logits"]
        torch.nn.functional.cross_entropy(y.float(), label[i : i + BATCH]).backward()
        optimizer.step()

    for i in (0, BATCH) if compiled else (0,):
        step(i)
    start = time.perf_counter()
    for i in range(BATCH, BATCH * STEPS, BATCH):
        step(i)
    print((time.perf_counter() - start) / (STEPS - 1))


def peers(kind, precision):
    """Setting -> (seconds, memory), both settings of memory layout once, then the faster one compiled; the two fastest go
    through the other rounds."""
    best = {}

    def go(compiled, channels_last):
        name = ("compile" if compiled else "eager") + (", channels_last" if channels_last else "")
        try:
            line, memory = child([sys.executable, os.path.abspath(__file__), BIN, "peer", kind, precision,
                                  str(int(compiled)), str(int(channels_last))])
        except RuntimeError as err:
            print(f"# {kind} {precision}, {name}: {err}", flush=True)
            return
        seconds = float(line)
        print(f"# {kind} {precision}, {name}: {seconds:.2f} s, {memory:.2f} GB", flush=True)
        if name not in best or seconds < best[name][0]:
            best[name] = (seconds, memory, compiled, channels_last)

    for channels_last in (False, True):
        go(False, channels_last)
    go(True, min(best.values())[3])
    return best, go


def peak(dtype):
    """GFLOP/s of a large matmul on THREADS threads, the best of PyTorch's own and oneDNN's."""
    best = 0
    for n in (1024, 2048, 4096):
        a, b = torch.randn(n, n, dtype=dtype), torch.randn(n, n, dtype=dtype)
        for way in (lambda: a @ b, lambda m=a.to_mkldnn(), w=b.to_mkldnn(): torch._C._nn.mkldnn_linear(m, w)):
            for _ in range(6):
                start = time.perf_counter()
                way()
                best = max(best, 2 * n**3 / (time.perf_counter() - start) / 1e9)
    return best


def compare(kind, precision, tokens, top):
    sources = ["train.hmr"] + (["cached.hmr"] if kind == "early" else [])
    hm = {s: [] for s in sources}
    best, go = peers(kind, precision)
    for r in range(ROUNDS):
        for s in sources:
            hm[s].append(hm_step(kind, precision, s))
        for name in sorted(best, key=lambda k: best[k][0])[:2] if r else []:
            go(*best[name][2:])
    name = min(best, key=lambda k: best[k][0])
    eager = min(v[0] for k, v in best.items() if k.startswith("eager"))
    for s in sources:
        seconds, memory = min(hm[s])[0], max(m for _, m in hm[s])
        image = 0 if s == "cached.hmr" else IMAGE_GFLOP * BATCH * (3 if kind == "late" else 1)
        words = tokens + (49 * BATCH if kind == "early" else 0)
        share = 100 * (image + 3 * TOKEN_GFLOP * words) / seconds / top
        title = f"{kind} fusion step, {precision}" + (", grid cached" if s == "cached.hmr" else "")
        target = TARGET[kind, precision]
        short = "" if eager / seconds >= target else " (short)"
        print(f"{title} | {seconds:.2f} s, {share:.0f} % of {top:.0f} GFLOP/s | {eager:.2f} s (best eager) | "
              f"{eager / seconds:.2f} | {target}{short}", flush=True)
        print(f"{title}, beside the peer's best | {seconds:.2f} s | {best[name][0]:.2f} s ({name}) | "
              f"{best[name][0] / seconds:.2f} | ", flush=True)
        low = min(v[1] for v in best.values())
        print(f"{title}, peak memory | {memory:.2f} GB | {low:.2f} GB | {memory / low:.2f} | 1{'' if memory <= low else ' (more)'}",
              flush=True)


def main():
    torch.set_num_threads(THREADS)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        length = make_data()
        tokens = sum(length[BATCH:]) / (STEPS - 1)
        print("name | hm | peer | ratio | target")
        for precision, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
            if precision == "bf16" and "avx512_bf16" not in open("/proc/cpuinfo", encoding="utf-8").read():
                continue
            top = peak(dtype)
            for kind in ("late", "early"):
                compare(kind, precision, tokens, top)


if len(sys.argv) > 2 and sys.argv[2] == "peer":
    peer_main(sys.argv[3], sys.argv[4], sys.argv[5] == "1", sys.argv[6] == "1")
else:
    main()
