#!/usr/bin/env python3
"""hm-imgprep beside torchvision's DataLoader (2 workers), to 224x224 u8, in one run on 2 cores: 550x413 PNGs by both filters,
and JPEGs (quality 88, 4:2:0) of 550x413 and of 2000x1500. A further row per kind of PNG is hm's share of the inflate limit: its
rate beside that of two processes that do nothing but inflate the same files with ISA-L. Neither side stores its result: the peer drops its batches, hm compresses and hashes its stream and writes it to /dev/null.
usage: bench_imgprep.py BIN. Prints rows `name | hm | peer | ratio | target`, images a second."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Barrier

import numpy as np
import torch
import torchvision
from isal import isal_zlib
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

BIN = os.path.abspath(sys.argv[1])
N, ROUNDS, CORES = 300, 3, 2
# kind, photo, width, height, ending, files, filters, the ratio aimed at
SETS = [("photos", True, 550, 413, "png", N, ("bilinear", "bicubic"), 5), ("flat pictures", False, 550, 413, "png", N, ("bilinear", "bicubic"), 3),
        ("JPEG photos", True, 550, 413, "jpg", N, ("bilinear",), 2), ("JPEG photos of 2000x1500", True, 2000, 1500, "jpg", 96, ("bilinear",), 1.5)]


def picture(rng, photo, w=550, h=413):
    """Photo-like: octaves of smooth noise and grain, letters on top. Flat: a drawing of few colours."""
    if not photo:
        a = np.zeros((h, w, 3), np.uint8) + rng.integers(0, 256, 3, dtype=np.uint8)
        for _ in range(30):
            x, y = rng.integers(0, w - 60), rng.integers(0, h - 60)
            a[y : y + rng.integers(8, 60), x : x + rng.integers(8, 60)] = rng.integers(0, 256, 3, dtype=np.uint8)
        return Image.fromarray(a)
    a = np.zeros((h, w, 3), np.float32)
    for side in 4, 12, 40, 120:
        small = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
        a += np.asarray(small.resize((w, h), Image.BICUBIC), np.float32) / side**0.5
    a = (a - a.min()) / (a.max() - a.min()) * 255 + rng.normal(0, 3, a.shape)
    a[20:60, 100:450:9] = 255
    return Image.fromarray(a.clip(0, 255).astype(np.uint8))


class Files(Dataset):
    def __init__(self, paths, load):
        self.paths, self.load = paths, load

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        return self.load(self.paths[i])


class WithPillow:
    def __init__(self, mode):
        self.squash = transforms.Compose([transforms.Resize((224, 224), mode), transforms.PILToTensor()])

    def __call__(self, path):
        with Image.open(path) as im:
            return self.squash(im.convert("RGB"))


class WithTensors:
    def __init__(self, mode):
        self.squash = transforms.Resize((224, 224), mode, antialias=True)

    def __call__(self, path):
        return self.squash(torchvision.io.read_image(path, torchvision.io.ImageReadMode.RGB))


def loader(paths, load, batch, prefetch):
    made = DataLoader(Files(paths, load), batch_size=batch, num_workers=CORES, prefetch_factor=prefetch, persistent_workers=True)
    sum(1 for _ in made)  # its workers are up, the files are in memory
    return made


def rate(f, n):
    start = time.perf_counter()
    f()
    return n / (time.perf_counter() - start)


def row(name, hm, peer_rate, target=""):
    short = "  (short of it)" if target and hm / peer_rate < target else ""
    print(f"{name} | {hm:.0f}/s | {peer_rate:.0f}/s | {hm / peer_rate:.2f} | {f'>= {target}{short}' if target else '-'}")


def single(name, f, paths):
    best = 0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for p in paths:
            f(p)
        best = max(best, len(paths) / (time.perf_counter() - start))
    return best


def deflated(path):
    """The PNG's IDAT chunks joined: a zlib stream."""
    data, at, parts = open(path, "rb").read(), 8, []
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        parts.append(data[at + 8 : at + 8 + size] if kind == b"IDAT" else b"")
        at += 12 + size
    return b"".join(parts)


def wait_for(barrier):
    global together
    together = barrier


def inflate(job):
    """Seconds for one process's files; all processes begin at once. Without the checksum, into a buffer of the right size."""
    paths, size = job
    streams = [deflated(p)[2:-4] for p in paths]
    together.wait()
    start = time.perf_counter()
    for s in streams:
        isal_zlib.decompress(s, -15, size)
    return time.perf_counter() - start


def inflate_limit(paths, w, h):
    """Pictures a second that all cores inflate when they do nothing else."""
    with ProcessPoolExecutor(CORES, initializer=wait_for, initargs=(Barrier(CORES),)) as pool:
        jobs = [(paths[k::CORES], h * (3 * w + 1)) for k in range(CORES)]
        return max(len(paths) / max(pool.map(inflate, jobs)) for _ in range(3 * ROUNDS))


def compare(kind, filter, paths, d, target):
    mode = transforms.InterpolationMode(filter)
    call = [f"{BIN}/hm-imgprep", "-q", "-j", str(CORES), "--filter", filter, "--root", d, "-o", "/dev/null", f"{d}/x.hmr"]
    settings = [(16, 2), (16, 4), (64, 2)]  # batch size, prefetch; the best counts
    peers = [[loader(paths, f, *s) for s in settings] for f in (WithPillow(mode), WithTensors(mode))]
    hm, best = 0, [0, 0]
    for _ in range(ROUNDS):  # in turn, so that all meet the same machine
        hm = max(hm, *(rate(lambda: subprocess.run(call, check=True), len(paths)) for _ in range(3)))
        for i, made in enumerate(peers):
            best[i] = max(best[i], *(rate(lambda: sum(1 for _ in m), len(paths)) for m in made))
    row(f"imgprep, {filter}, {kind}, DataLoader(2 workers) on PIL", hm, best[0], target)
    row(f"imgprep, {filter}, {kind}, DataLoader(2 workers) on torchvision.io (other pixels)", hm, best[1])
    return hm


def main():
    torch.set_num_threads(1)
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:CORES]))
    print("name | hm | peer | ratio | target")
    for kind, photo, w, h, ending, n, filters, target in SETS:
        with tempfile.TemporaryDirectory() as d:
            rng = np.random.default_rng(1)
            paths = [f"{d}/{i}.{ending}" for i in range(n)]
            for p in paths:
                picture(rng, photo, w, h).save(p, **({"quality": 88} if ending == "jpg" else {}))
            with open(f"{d}/x.jsonl", "w") as f:
                for i in range(n):
                    f.write(json.dumps({"id": str(i), "img": f"{i}.{ending}", "text": "", "label": 0}) + "\n")
            subprocess.run([f"{BIN}/hm-jsonl2rec", "-o", f"{d}/x.hmr", f"{d}/x.jsonl"], check=True)
            rates = [compare(kind, filter, paths, d, target) for filter in filters]
            if ending == "png":
                row(f"imgprep, {filters[0]}, {kind}, share of the inflate limit: ISA-L alone, {CORES} processes", rates[0], inflate_limit(paths, w, h))
            size = sum(os.path.getsize(p) for p in paths) / n / 1024
            decode = single("decode", lambda p: Image.open(p).convert("RGB"), paths[:100])
            print(f"# {kind}: {size:.0f} KiB a file; Pillow decodes {decode:.0f}/s on one core")


main()
