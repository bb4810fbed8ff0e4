#!/usr/bin/env python3
"""Makes tests/data/webp/*.vec: WebP files of every kind and what Pillow makes of them, read by tests/unit/test_pictures.c, in the form of
veckit.py."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(__file__))
import jpegkit as j
import webpkit as k
from veckit import entry, refused, write

rng = np.random.default_rng(7)


def sample(w, h, alpha):
    a = j.photo(rng, w, h, 4 if alpha else 3)
    if alpha:
        a[:, :, 3] = rng.choice([0, 0, 128, 255], (h, w))
    return a


def kinds():
    out = b""
    for w, h in (1, 1), (13, 11), (33, 18), (1, 90), (90, 1):
        for lossless in False, True:
            for alpha in False, True:
                how = {"lossless": lossless, "quality": 60}
                out += entry(f"{'lossless' if lossless else 'lossy'}-{'alpha-' * alpha}{w}x{h}", k.webp(sample(w, h, alpha), **how))
    for name, how in ("exact", {"lossless": True, "exact": True}), ("alpha-quality", {"alpha_quality": 20}), ("method-0", {"method": 0}), \
            ("method-6", {"method": 6}), ("quality-1", {"quality": 1}), ("quality-100", {"quality": 100}):
        out += entry(name, k.webp(sample(20, 15, True), **how))
    one, two = k.webp(sample(14, 9, True), lossless=True), k.webp(sample(20, 15, False))
    out += entry("still", k.still(two, 20, 15, False))
    out += entry("still-exif", k.still(one, 14, 9, True, k.chunk(b"EXIF", b"abc")))
    out += entry("whole-canvas", k.animation([(two, 20, 15, 0, 0, 0), (one, 14, 9, 2, 4, 1)], (20, 15)))
    for flags in range(4):
        out += entry(f"part-{flags}", k.animation([(one, 14, 9, 4, 2, flags), (two, 20, 15, 0, 0, 0)], (25, 17), flags % 2))
    return out + entry("tail", two + b"more bytes")


def refusals():
    lossy, lossless = k.webp(sample(20, 15, True)), k.webp(sample(20, 15, False), lossless=True)
    bad = {"header": b"RIFF\x1a\0\0\0WEBP", "other-chunk": k.riff(k.chunk(b"abcd", b"1234")), "no-frame": k.animation([], (3, 3)),
           "outside": k.animation([(lossless, 20, 15, 2, 0, 0)], (20, 15)),
           "bad-lossless": k.riff(k.chunk(b"VP8L", k.picture(lossless)[8:16] + b"\xff" * 20)),
           "large": k.animation([(lossless, 20, 15, 0, 0, 0)], (20000, 15))}
    for name, data in ("lossy", lossy), ("lossless", lossless):
        for cut in 13, 20, 31, len(data) // 2, len(data) - 2:
            bad[f"{name}-cut-{cut}"] = data[:cut]
    return b"".join(refused(name, data) for name, data in bad.items())


write("webp", [("kinds", kinds()), ("refusals", refusals())])
