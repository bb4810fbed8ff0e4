#!/usr/bin/env python3
"""Makes tests/data/jpeg/*.vec: JPEG files of every kind and what Pillow makes of them, read by tests/unit/test_pictures.c, in the form of
veckit.py. Those of damaged.vec must be refused, and read as Pillow reads them where damaged files are to be read."""
import io
import os
import sys

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.dirname(__file__))
import jpegkit as j
from veckit import entry, refused, write

rng = np.random.default_rng(6)
FACTORS = {"444": [(1, 1)] * 3, "422": [(2, 1), (1, 1), (1, 1)], "420": [(2, 2), (1, 1), (1, 1)], "440": [(1, 2), (1, 1), (1, 1)],
           "411": [(4, 1), (1, 1), (1, 1)], "410": [(4, 2), (1, 1), (1, 1)], "311": [(3, 1), (1, 1), (1, 1)],
           "mixed": [(2, 2), (2, 1), (1, 2)]}
APART = [((i,), 0, 63, 0, 0) for i in range(3)]
# Everything but the last bits of the brightness's first coefficients; then those.
UNFINISHED = [((0, 1, 2), 0, 0, 0, 0), ((0,), 1, 63, 0, 1), ((1,), 1, 63, 0, 0), ((2,), 1, 63, 0, 0)]
FINISHED = [*UNFINISHED, ((0,), 1, 63, 1, 0)]


def small(w, h, parts=3):
    return j.photo(rng, w, h, parts) if rng.random() < 0.5 else j.noise(rng, w, h, parts)


def ycc(w, h, **more):
    return j.jpeg(small(w, h), j.YCC, optimize=True, **more)


def kinds():
    out = b""
    for name, factors in FACTORS.items():
        for w, h in (1, 1), (13, 11), (33, 18):
            out += entry(f"{name}-{w}x{h}", ycc(w, h, factors=factors, quality=80))
        out += entry(f"{name}-progressive", ycc(21, 19, factors=factors, progressive=True))
        out += entry(f"{name}-restart", ycc(35, 19, factors=factors, restart=1))
    for w, h in (2, 2), (8, 8), (9, 17), (1, 90), (90, 1), (97, 31):
        out += entry(f"420-{w}x{h}", ycc(w, h, factors=FACTORS["420"], quality=50))
    for q in 1, 30, 95, 100:
        out += entry(f"quality-{q}", ycc(19, 14, quality=q))
    out += entry("apart", ycc(19, 14, scans=APART))
    out += entry("finished", ycc(19, 14, scans=FINISHED))
    for kind, more in ("grey", {}), ("grey-progressive", {"progressive": True}), ("grey-restart", {"restart": 2}), ("grey-2x2", {"factors": [(2, 2)]}):
        out += entry(kind, j.jpeg(small(19, 14, 1), j.GREY, optimize=True, **more))
    return out


def colours():
    """What components are: told by markers and numbers."""
    out = b""
    for space, name in (j.CMYK, "cmyk"), (j.YCCK, "ycck"):
        for more in {}, {"progressive": True}, {"adobe": 0}, {"adobe": 1}, {"factors": [(2, 2), (1, 1), (1, 1), (2, 2)]}:
            out += entry("-".join([name, *more, *(str(v) for v in more.values() if v in (0, 1))]),
                         j.jpeg(small(19, 14, 4), space, optimize=True, **more))
    for n, more in enumerate([{}, {"adobe": 0}, {"adobe": 0, "ids": [1, 2, 3]}, {"adobe": 0, "ids": [0, 1, 2]}, {"adobe": 0, "jfif": 1},
                              {"adobe": 1, "jfif": 1}, {"factors": [(1, 1), (2, 2), (1, 1)]}]):
        out += entry(f"rgb-{n}", j.jpeg(small(19, 14), j.RGB, optimize=True, **more))
    for n, more in enumerate([{"jfif": 0}, {"jfif": 0, "ids": [82, 71, 66]}, {"jfif": 1, "ids": [82, 71, 66]}, {"jfif": 0, "adobe": 1}]):
        out += entry(f"ycc-{n}", ycc(19, 14, **more))
    plain = ycc(19, 14)
    adobe = j.with_segment(j.without(plain, 0xE0), 0xEE, b"Adobe\0\x64\0\0\0\0\x07")
    out += entry("adobe-7", adobe)
    out += entry("jfif-3", j.with_segment(j.without(plain, 0xE0), 0xE0, b"JFIF\0\3\1\0\0\1\0\1\0\0"))
    out += entry("exif-6", j.with_segment(plain, 0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"))
    out += entry("comment", j.with_segment(plain, 0xFE, b"x" * 700))
    out += entry("tail", plain + b"more bytes" + plain)
    out += entry("fill", plain[:-2] + b"\xff\xff\xff" + plain[-2:])
    out += entry("no-huffman-tables", j.without(j.jpeg(small(19, 14), j.YCC), 0xC4))
    two = io.BytesIO()
    Image.fromarray(small(19, 14)).save(two, "MPO", save_all=True, append_images=[Image.fromarray(small(19, 14))])
    return out + entry("mpo", two.getvalue())


def begin(data):
    """Where the data of the first scan begins."""
    return [at + n for marker, at, n in j.segments(data)][-1]


def damaged():
    out = b""

    def add(name, data):
        nonlocal out
        out += entry(name, data, j.pillow(data, damaged=True))

    for name, data in ("444", ycc(30, 40)), ("420", ycc(37, 45, factors=FACTORS["420"])), ("422", ycc(37, 45, factors=FACTORS["422"], restart=2)), \
            ("grey", j.jpeg(small(30, 40, 1), j.GREY)), ("ycck", j.jpeg(small(19, 30, 4), j.YCCK, optimize=True)):
        at = begin(data)
        for part in 0.0, 0.1, 0.5, 0.9:
            cut = at + int(part * (len(data) - at))
            add(f"{name}-cut-{cut}", data[:cut])
        add(f"{name}-no-end", data[:-2])
        add(f"{name}-half-end", data[:-1])
    apart = ycc(19, 14, scans=APART)
    add("apart-cut", apart[: begin(apart) + 20])
    plain = ycc(19, 14)
    add("zeros", plain[:-2] + bytes(40) + plain[-2:])
    add("early-end", plain[: begin(plain) + 40] + b"\xff\xd9" + plain[begin(plain) + 40 :])
    return out


def refusals():
    plain = j.jpeg(small(19, 14), j.YCC, optimize=True)
    sof = [at for marker, at, n in j.segments(plain) if marker == 0xC0][0]
    bad = {
        "arithmetic": j.jpeg(small(9, 7), j.YCC, arithmetic=True),
        "lossless": plain[: sof + 1] + b"\xc3" + plain[sof + 2 :],
        "hierarchical": plain[: sof + 1] + b"\xc5" + plain[sof + 2 :],
        "12-bits": plain[: sof + 4] + b"\x0c" + plain[sof + 5 :],
        "height-0": plain[: sof + 5] + b"\0\0" + plain[sof + 7 :],
        "wide": plain[: sof + 7] + b"\x40\x01" + plain[sof + 9 :],
        "no-quantization": j.without(plain, 0xDB),
        "no-frame": j.without(plain, 0xC0),
        "two-frames": plain[:sof] + plain[sof : sof + 19] + plain[sof:],
        "only-begun": b"\xff\xd8",
    }
    for cut in 3, 20, sof + 5, begin(plain) - 1:
        bad[f"cut-{cut}"] = plain[:cut]
    apart = j.jpeg(small(19, 14), j.YCC, optimize=True, scans=APART)
    second = apart.index(b"\xff\xc4", begin(apart))
    bad["apart-cut-in-tables"] = apart[: second + 9]
    two = bytearray(j.jpeg(small(9, 7, 1), j.GREY, optimize=True))
    at = [a for marker, a, n in j.segments(two) if marker == 0xC0][0]
    two[at + 3], two[at + 9] = two[at + 3] + 3, 2
    bad["two-components"] = bytes(two[: at + 13] + b"\2\x11\0" + two[at + 13 :])
    return b"".join(refused(name, data) for name, data in bad.items())


write("jpeg", [("kinds", kinds()), ("colours", colours()), ("damaged", damaged()), ("refusals", refusals())])
