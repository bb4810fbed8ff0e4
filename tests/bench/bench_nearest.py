"""hm-nearest on 10,000 records against 10,000 training records of 1,792 numbers (1,024 + 768): the whole command, with
reading and writing, and its rate of multiplications as a share of torch.mm's on the same sizes; faiss-cpu's
IndexFlatIP, where it is installed, on arrays in memory, with the best of the kernels that its OpenBLAS has: an older one does not
know a newer processor. Best of 3, in turn. usage: python bench_nearest.py BIN"""
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import hmrkit

try:
    import faiss
except ImportError:
    faiss = None

BIN, HERE = os.path.abspath(sys.argv[1]), os.path.abspath(__file__)
N, IMAGE, TEXT, K, ROUNDS = 10000, 1024, 768, 20, 3
THREADS = len(os.sched_getaffinity(0))


def sh(line):
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=True, env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})


def timed(f):
    start = time.perf_counter()
    f()
    return time.perf_counter() - start


def features(rng, name):
    """Records with features in the manner of CLIP's: a direction that all share, clusters, noise."""
    x = []
    for width in (IMAGE, TEXT):
        centre = numpy.random.default_rng(width).standard_normal((100, width))
        x.append((0.7 * centre[0] + centre[rng.integers(100, size=N)] + rng.standard_normal((N, width))).astype(numpy.float32))
    hmrkit.write(f"{name}.hmr", {"id": [f"{name}{i}" for i in range(N)], "label": (numpy.arange(N) % 3 == 0).astype(numpy.int32),
                                 "image_feature": x[0], "text_feature": x[1]})
    return x


def search():
    """In a process of its own, which OPENBLAS_CORETYPE has told its kernels: the least seconds of a search."""
    train, test = numpy.load("train.npy"), numpy.load("test.npy")
    faiss.omp_set_num_threads(THREADS)
    index = faiss.IndexFlatIP(train.shape[1])
    index.add(train)
    print(min(timed(lambda: index.search(test, K)) for _ in range(ROUNDS)))


def faiss_seconds():
    """The best kernels' name and seconds."""
    flags = open("/proc/cpuinfo").read()
    kernels = ["", "Zen"] + ["Haswell"] * (" avx2 " in flags) + ["SkylakeX"] * (" avx512vl " in flags)
    seconds = {}
    for kernel in kernels:
        env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
        env |= {"OPENBLAS_CORETYPE": kernel} if kernel else {}
        run = subprocess.run([sys.executable, HERE, BIN, "search"], env=env, check=True, capture_output=True)
        seconds[kernel or "its own choice of kernels"] = float(run.stdout)
    return min(seconds.items(), key=lambda s: s[1])


def main():
    torch.set_num_threads(THREADS)
    rng = numpy.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        unit = []
        for name in ("train", "test"):
            parts = features(rng, name)
            e = numpy.concatenate([a / numpy.linalg.norm(a, axis=1, keepdims=True) for a in parts], 1) / 2**0.5
            unit.append(numpy.ascontiguousarray(e, numpy.float32))
        train, test = unit
        a, b = torch.tensor(test), torch.tensor(train).t()
        numpy.save("train.npy", train)
        numpy.save("test.npy", test)
        peak, whole, loop = [], [], []
        for _ in range(ROUNDS):
            peak.append(timed(lambda: torch.mm(a[:2048], b)) * N / 2048)
            whole.append(timed(lambda: sh("hm-nearest -q --stats s.json --train train.hmr test.hmr -o out.hmr")))
            loop.append(json.load(open("s.json"))["search_s"])
        kernel, peer = faiss_seconds() if faiss else ("", 0)
    flops = 2 * N * N * train.shape[1]
    mm, best = min(peak), min(loop)
    print("name | hm | peer | ratio | target")
    print(f"nearest, search | {flops / best / 1e9:.0f} GFLOP/s, {best:.2f} s | torch.mm {flops / mm / 1e9:.0f} GFLOP/s, {mm:.2f} s | {mm / best:.2f} | 0.9")
    print(f"nearest, whole command with reading and writing | {min(whole):.2f} s | torch.mm {mm:.2f} s | {mm / min(whole):.2f} | -")
    if faiss:
        print(f"nearest, search | {best:.2f} s | faiss-cpu {faiss.__version__} IndexFlatIP ({kernel}) {peer:.2f} s | {peer / best:.2f} | 1")
    else:
        print("nearest: faiss-cpu is not installed here (pip install faiss-cpu), so it was not measured")


search() if sys.argv[2:] == ["search"] else main()
