#!/usr/bin/env python3
"""Decoder, resize and hm-imgprep against Pillow and torchvision, on thousands of random images of every kind: equal
bit for bit; check_squares.py has the other ways to a square. usage: check_images.py BIN."""
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
import zlib

import numpy as np
from PIL import Image
from torchvision import transforms

sys.path.insert(0, os.path.dirname(__file__))
import imagekit
import jpegkit
import pngkit as k

warnings.simplefilter("ignore")
BIN = os.path.abspath(sys.argv[1])
DECODES, DAMAGED, LARGE, RESIZES, FILES = 3000, 4000, 100, 1200, 300
rng = np.random.default_rng(20)
bad = []


def fail(what):
    bad.append(what)
    if len(bad) <= 10:
        print("check_images: " + what)


def pillow(data):
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except Exception as x:
        return f"{type(x).__name__}: {x}"


def random_png(plain=False):
    """A file and, where Pillow's answer is not ours (16-bit grey), the answer."""
    color, depth = k.KINDS[rng.integers(len(k.KINDS))]
    w, h = rng.integers(1, 70, 2)
    if rng.random() < 0.1:
        w, h = [(1, 300), (300, 1), (997, 31), (1, 1), (3, 500)][rng.integers(5)]
    palette, before, after = None, b"", b""
    if color == 3:
        palette = rng.integers(0, 256, 3 * rng.integers(1, (1 << depth) + 1), dtype=np.uint8).tobytes()
    if not plain:
        for name, data in ((b"gAMA", b"\0\0\xb1\x8f"), (b"sRGB", b"\0"), (b"iCCP", b"x\0\0junk"), (b"tEXt", b"a\0b"),
                           (b"pHYs", b"\0\0\1\0\0\0\1\0\1"), (b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0")):
            before += k.chunk(name, data) if rng.random() < 0.2 else b""
            after += k.chunk(name, data) if rng.random() < 0.1 else b""
        if rng.random() < 0.4 and color in (0, 2, 3):
            n = {0: 2, 2: 6, 3: rng.integers(1, len(palette) // 3 + 1) if palette else 1}[color]
            before += k.chunk(b"tRNS", rng.integers(0, 1 << min(depth, 8), n, dtype=np.uint8).tobytes())
    a = k.random_samples(rng, h, w, color, depth)
    one = rng.integers(6)
    choose = (lambda y: int(rng.integers(5))) if one == 5 else (lambda y: int(one))
    data = k.png(a, depth, color, int(rng.integers(2)), choose, palette, before, after, rng.choice([None, 1, 7, 100, 8192]),
                 int(rng.integers(10)), int(rng.integers(5)))
    return data, np.repeat((a >> 8).astype(np.uint8), 3, 2) if (color, depth) == (0, 16) else None


def saved_by_pillow():
    mode = ["1", "L", "LA", "P", "RGB", "RGBA"][rng.integers(6)]
    w, h = rng.integers(1, 90, 2)
    im = Image.fromarray(k.random_samples(rng, h, w, 6, 8).astype(np.uint8), "RGBA").convert(mode)
    out = io.BytesIO()
    im.save(out, "PNG", optimize=bool(rng.integers(2)))
    return out.getvalue()


def check_decodes(lib):
    for i in range(DECODES):
        data, want = (saved_by_pillow(), None) if i % 8 == 0 else random_png()
        want = pillow(data) if want is None else want
        for libpng in False, True:
            got = lib.decode(data, libpng)
            if isinstance(got, str) or isinstance(want, str) or not np.array_equal(got, want):
                fail(f"decode {i} (libpng {libpng}): {got if isinstance(got, str) else 'other pixels'}")


def mended(data):
    out, at = bytearray(data), 8
    while at + 12 <= len(out):
        n = int.from_bytes(out[at : at + 4], "big")
        if at + 12 + n > len(out):
            break
        out[at + 8 + n : at + 12 + n] = zlib.crc32(bytes(out[at + 4 : at + 8 + n])).to_bytes(4, "big")
        at += 12 + n
    return bytes(out)


def rearranged(data):
    """A chunk is dropped, doubled, put in, or changes its place."""
    chunks, at = [], 8
    while at + 12 <= len(data):
        n = 12 + int.from_bytes(data[at : at + 4], "big")
        chunks.append(data[at : at + n])
        at += n
    i, k2 = (int(v) for v in rng.integers(len(chunks), size=2))
    how = rng.integers(4)
    if how == 0:
        del chunks[i]
    elif how == 3:
        chunks[i], chunks[k2] = chunks[k2], chunks[i]
    else:
        chunks.insert(i, chunks[k2] if how == 1 else k.chunk(b"ABCD", b"x"))
    return data[:8] + b"".join(chunks)


def check_damage(lib):
    """What we accept, Pillow accepts with the same pixels; and where damaged files are read, what both read has the same pixels
    (Pillow refuses more then, for what other chunks hold)."""
    accepted = read = 0
    for i in range(DAMAGED):
        data, want = random_png(plain=i % 4 != 0)
        if want is not None:
            continue
        hurt = bytearray(data)
        for _ in range(rng.integers(1, 3)):
            hurt[rng.integers(len(hurt) if i % 3 else 60) % len(hurt)] ^= 1 << rng.integers(8)
        hurt = bytes(data[: rng.integers(1, len(hurt))]) if i % 4 == 0 else rearranged(data) if i % 5 == 0 else bytes(hurt)
        hurt = mended(hurt) if i % 2 else hurt
        if hurt[24:26] == b"\x10\0":  # became 16-bit grey
            continue
        for damaged in False, True:
            fast, slow = (lib.decode(hurt, libpng, damaged) for libpng in (False, True))
            if isinstance(fast, str) != isinstance(slow, str) or (not isinstance(fast, str) and not np.array_equal(fast, slow)):
                fail(f"damage {i}: the two paths differ")
            if isinstance(fast, str):
                continue
            accepted, read = accepted + (not damaged), read + damaged
            theirs = jpegkit.pillow(hurt, damaged)
            if isinstance(theirs, str) and (damaged or "in iCCP" in theirs or "cannot identify" in theirs):
                continue
            if isinstance(theirs, str) or not np.array_equal(fast, theirs):
                fail(f"damage {i} ({damaged}): accepted, but Pillow has {theirs if isinstance(theirs, str) else 'other pixels'}")
    return accepted, read


def check_large_damage(lib):
    """Image data of more than 64 KiB, which Pillow takes in pieces: where they end decides which row is the last."""
    for i in range(LARGE):
        w, h = (int(v) for v in rng.integers(150, 400, 2))
        color, depth = [(2, 8), (6, 8), (0, 8), (2, 16)][i % 4]
        a = rng.integers(0, 1 << depth, (h, w, k.CHANNELS[color]))
        data = bytearray(k.png(a, depth, color, i % 2, split=[None, 100000, 70000][i % 3], level=1))
        if i % 5:
            data[rng.integers(50, len(data))] ^= 1 << rng.integers(8)
        else:
            del data[rng.integers(len(data) // 2, len(data)) :]
        ours, theirs = lib.decode(bytes(data), False, True), jpegkit.pillow(bytes(data), True)
        if not isinstance(ours, str) and not isinstance(theirs, str) and not np.array_equal(ours, theirs):
            fail(f"large damage {i}: other pixels")


def check_resizes(lib):
    for i in range(RESIZES):
        w, h, ow, oh = (int(v) for v in rng.integers(1, [700, 700, 400, 400] if i % 2 else [60, 60, 300, 300]))
        if i % 10 == 0:
            w, h = (1, int(rng.integers(1, 3000))) if i % 20 else (int(rng.integers(1, 3000)), 1)
        a = k.random_samples(rng, h, w, 2, 8).astype(np.uint8)
        im = Image.fromarray(a)
        if not np.array_equal(lib.resize(a, ow, oh, "bilinear"), np.asarray(im.resize((ow, oh), Image.BILINEAR))):
            fail(f"resize {w}x{h} to {ow}x{oh}: other pixels")
        size = 224 if i % 2 else int(rng.integers(7, 300))
        crop = transforms.Compose([transforms.Resize(size * 256 // 224), transforms.CenterCrop(size), transforms.PILToTensor()])
        if max(w, h) <= 40 * min(w, h):
            if not np.array_equal(lib.square(a, imagekit.square(size, "crop")), crop(im).numpy()):
                fail(f"crop {w}x{h} to {size}: other pixels than torchvision")


def check_tool(folder):
    names = []
    for i in range(FILES):
        data, grey16 = random_png()
        if grey16 is not None:
            data = saved_by_pillow()
        open(f"{folder}/{i}.png", "wb").write(data)
        names.append(f"{folder}/{i}.png")
    with open(f"{folder}/x.jsonl", "w") as f:
        f.writelines(json.dumps({"id": i, "img": f"{i}.png", "text": "", "label": 0}) + "\n" for i in range(FILES))
    to = {"squash": [transforms.Resize((224, 224))], "crop": [transforms.Resize(256), transforms.CenterCrop(224)]}
    for fit, steps in to.items():
        peer = transforms.Compose([*steps, transforms.PILToTensor()])
        subprocess.run(f"{BIN}/hm-jsonl2rec {folder}/x.jsonl | {BIN}/hm-imgprep --fit {fit} --root {folder} | "
                       f"{BIN}/hm-view --npy pixels={folder}/x.npy - >{folder}/view", shell=True, check=True)
        got = np.load(f"{folder}/x.npy")
        for i, p in enumerate(names):
            if not np.array_equal(got[i], peer(Image.open(p).convert("RGB")).numpy()):
                fail(f"hm-imgprep --fit {fit}: file {i} differs from torchvision")


with tempfile.TemporaryDirectory() as folder:
    hm = imagekit.Library(folder)
    check_decodes(hm)
    accepted, read = check_damage(hm)
    check_large_damage(hm)
    check_resizes(hm)
    check_tool(folder)
print(f"check_images: {DECODES} decodes by two paths, {DAMAGED} damaged files ({accepted} still whole, {read} read with --damaged read), {LARGE} large ones, {RESIZES} resizes and crops, "
      f"{2 * FILES} images through hm-imgprep: {len(bad)} differ from Pillow and torchvision")
sys.exit(bool(bad))
