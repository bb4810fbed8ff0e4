#!/usr/bin/env python3
"""JPEG, WebP and damaged files against Pillow, on thousands of random files of every kind: equal bit for bit, and through hm-imgprep
equal to torchvision. usage: check_jpeg.py BIN."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from torchvision import transforms

sys.path.insert(0, os.path.dirname(__file__))
import imagekit
import jpegkit as j
import webpkit as w

BIN = os.path.abspath(sys.argv[1])
JPEGS, WEBPS, CUTS, FLIPS, FILES = 3000, 1200, 3000, 3000, 200
rng = np.random.default_rng(21)
bad = []
FACTORS = [[(1, 1)] * 3, [(2, 1), (1, 1), (1, 1)], [(2, 2), (1, 1), (1, 1)], [(1, 2), (1, 1), (1, 1)], [(4, 1), (1, 1), (1, 1)],
           [(4, 2), (1, 1), (1, 1)], [(1, 4), (1, 1), (1, 1)], [(3, 1), (1, 1), (1, 1)], [(1, 3), (1, 1), (1, 1)], [(2, 2), (2, 1), (1, 2)],
           [(2, 1), (1, 2), (2, 2)], [(1, 1), (2, 2), (2, 1)], [(2, 3), (1, 1), (1, 3)], [(3, 2), (1, 1), (1, 2)], [(2, 1)] * 3]
APART = [((i,), 0, 63, 0, 0) for i in range(3)]
# Scans that leave out only what no version of libjpeg-turbo smooths by.
HIGH = [((0, 1, 2), 0, 0, 0, 0), *(((i,), 1, 20, 0, 0) for i in range(3))]


def fail(what):
    bad.append(what)
    if len(bad) <= 10:
        print("check_jpeg: " + what)


def size():
    if rng.random() < 0.08:
        return [(1, 1), (1, 300), (300, 1), (997, 31), (31, 997), (640, 480)][rng.integers(6)]
    return tuple(int(v) for v in rng.integers(1, 100, 2))


def samples(parts, dims=None):
    return (j.photo if rng.random() < 0.6 else j.noise)(rng, *(dims or size()), parts)


def random_jpeg(progressive=True):
    kind = rng.integers(8)
    how = {"quality": int(rng.integers(1, 101)), "optimize": bool(rng.integers(2)), "restart": int(rng.choice([0, 0, 0, 1, 2, 7]))}
    if progressive and rng.random() < 0.3:
        how["progressive"] = True
    if kind == 0:
        return j.jpeg(samples(1), j.GREY, factors=[FACTORS[rng.integers(len(FACTORS))][0]], **how)
    if kind == 1:
        return j.jpeg(samples(4), int(rng.choice([j.CMYK, j.YCCK])), adobe=int(rng.choice([-1, 0, 1])),
                      factors=[[(1, 1)] * 4, [(2, 2), (1, 1), (1, 1), (2, 2)], [(2, 1), (1, 1), (1, 1), (2, 1)]][rng.integers(3)], **how)
    ids = [None, [1, 2, 3], [0, 1, 2], [82, 71, 66], [5, 6, 7]][rng.integers(5)]
    if kind == 2:
        return j.jpeg(samples(3), j.RGB, adobe=int(rng.choice([-1, 0, 1])), jfif=int(rng.choice([-1, 0, 1])), ids=ids, **how)
    if kind == 3 and "progressive" not in how:
        how["scans"] = HIGH if progressive and rng.random() < 0.3 else APART
    return j.jpeg(samples(3), j.YCC, factors=FACTORS[rng.integers(len(FACTORS))], jfif=int(rng.choice([-1, 0])), ids=ids, **how)


def random_webp():
    alpha = bool(rng.integers(2))
    a = samples(3 + alpha)
    if alpha and rng.random() < 0.5:
        a[:, :, 3] = rng.choice([0, 255, 128], a.shape[:2])
    data = w.webp(a, lossless=bool(rng.integers(2)), quality=int(rng.integers(1, 101)), method=int(rng.integers(5)), exact=bool(rng.integers(2)),
                  alpha_quality=int(rng.choice([0, 50, 100])))
    high, wide = a.shape[:2]
    kind = rng.integers(3)
    if kind == 1:
        return w.still(data, wide, high, alpha, w.chunk(b"EXIF", b"abc") if rng.integers(2) else b"")
    if kind == 2:
        canvas = wide + int(rng.integers(0, 20)), high + int(rng.integers(0, 20))
        x, y = 2 * int(rng.integers(0, (canvas[0] - wide) // 2 + 1)), 2 * int(rng.integers(0, (canvas[1] - high) // 2 + 1))
        frame = data, wide, high, x, y, int(rng.integers(4))
        return w.animation([frame] * int(rng.integers(1, 4)), canvas, bool(rng.integers(2)), rng.integers(0, 256, 4, dtype=np.uint8).tobytes())
    return data


def check_whole(lib, make, n, name):
    for i in range(n):
        data = make() + (b"" if i % 10 else b"more bytes")
        theirs = j.pillow(data)
        for damaged in False, True:
            ours, why = lib.read(data, damaged)
            if ours is None or why or isinstance(theirs, str) or not np.array_equal(ours, theirs):
                fail(f"{name} {i}: {why or 'other pixels'}; Pillow: {theirs if isinstance(theirs, str) else 'read'}")


def compare(lib, name, data, equal=True):
    """What we take, Pillow takes, with the same pixels; by default, and with damaged files read. (whether we took it)"""
    took = [False, False]
    for damaged in False, True:
        ours, why = lib.read(data, damaged)
        if ours is None:
            continue
        took[damaged] = True
        theirs = j.pillow(data, damaged)
        if damaged and why and not equal:
            continue
        if isinstance(theirs, str) or not np.array_equal(ours, theirs):
            fail(f"{name}, damaged {damaged}: {why}; Pillow: {theirs if isinstance(theirs, str) else 'other pixels'}")
    return took


def check_cuts(lib):
    """Anywhere in the data of files that are not progressive; a file in several scans may also be refused, in its tables."""
    refused = 0
    for i in range(CUTS):
        data = random_jpeg(progressive=False)
        begin = [at + n for marker, at, n in j.segments(data)][-1]
        took = compare(lib, f"cut {i}", data[: rng.integers(begin, len(data))])
        if took[0]:
            fail(f"cut {i}: accepted by default")
        if not took[1]:
            refused += 1
            if data.count(b"\xff\xda") == 1:
                fail(f"cut {i}: not read")
    return refused


def check_flips(lib):
    counts = [0, 0]
    for i in range(FLIPS):
        data = bytearray(random_webp() if i % 4 == 0 else random_jpeg())
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(2 if rng.random() < 0.8 else len(data) // 2, len(data))] ^= 1 << rng.integers(8)
        took = compare(lib, f"flip {i}", bytes(data), equal=b"\xff\xc2" not in data)
        counts = [a + b for a, b in zip(counts, took)]
    return counts


def check_tool(folder):
    names = []
    for i in range(FILES):
        names.append(f"{folder}/{i}.png")  # the name says nothing
        open(names[-1], "wb").write(random_webp() if i % 4 == 0 else random_jpeg())
    with open(f"{folder}/x.jsonl", "w") as f:
        f.writelines(json.dumps({"id": i, "img": f"{i}.png", "text": "", "label": 0}) + "\n" for i in range(FILES))
    peer = transforms.Compose([transforms.Resize((224, 224)), transforms.PILToTensor()])
    subprocess.run(f"{BIN}/hm-jsonl2rec {folder}/x.jsonl | {BIN}/hm-imgprep --root {folder} | "
                   f"{BIN}/hm-view --npy pixels={folder}/x.npy - >{folder}/view", shell=True, check=True)
    got = np.load(f"{folder}/x.npy")
    for i, p in enumerate(names):
        if not np.array_equal(got[i], peer(Image.open(p).convert("RGB")).numpy()):
            fail(f"hm-imgprep: file {i} differs from torchvision")


with tempfile.TemporaryDirectory() as folder:
    hm = imagekit.Library(folder)
    check_whole(hm, random_jpeg, JPEGS, "JPEG")
    check_whole(hm, random_webp, WEBPS, "WebP")
    in_tables = check_cuts(hm)
    plain, read = check_flips(hm)
    check_tool(folder)
print(f"check_jpeg: {JPEGS} JPEG and {WEBPS} WebP files, {CUTS} cut JPEG files ({in_tables} in their tables), {FLIPS} with changed bits "
      f"({plain} taken, {read} with --damaged read), {FILES} through hm-imgprep: {len(bad)} differ from Pillow and torchvision")
sys.exit(bool(bad))
