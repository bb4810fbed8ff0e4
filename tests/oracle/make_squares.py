#!/usr/bin/env python3
"""Makes tests/data/png/squares.vec for tests/unit/test_square.c: pictures as in the other .vec files (make_png.py), then behind a
line `squares` a line `NAME FIT FILTER SHORT OFFSET SIZE CRC32` per square, by Pillow. CRC32 is of the square's RGB bytes,
interleaved."""
import os
import sys
import zlib

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.dirname(__file__))
import imagekit
import pngkit as k

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "png", "squares.vec")
rng = np.random.default_rng(13)


def pictures():
    """Gradients; and noise of black and white, where bicubic's negative weights overshoot most."""
    for w, h in (1, 1), (1, 40), (40, 1), (300, 7), (31, 97), (224, 227), (227, 224), (261, 256), (90, 400):
        y, x = np.mgrid[0:h, 0:w]
        a = np.stack([(x * 7 + y * 3) % 256, (x * 2 + y * 5) % 256, (x // 4 ^ y // 4) * 9 % 256], 2)
        yield f"{w}x{h}", k.png(a, 8, 2, level=9, choose=lambda i: 1), a.astype(np.uint8)
    # the last three: to 32×32 the order of the passes turns between the heights 88 and 89
    for w, h in (113, 150), (60, 301), (301, 60), (60, 105), (60, 89), (60, 88):
        a = rng.integers(0, 2, (h, w, 1))
        yield f"noise-{w}x{h}", k.png(a, 1, 0, level=9, choose=lambda i: 0), np.repeat(a * 255, 3, 2).astype(np.uint8)


def numbers(size):
    for filter in imagekit.FILTERS:
        yield "squash", filter, size, "even"
        yield "pad", filter, size, "even"
        for short in size, size * 256 // 224, size + 41:
            for offset in imagekit.OFFSETS:
                yield "crop", filter, short, offset


out, lines = b"", b""
for name, data, a in pictures():
    image = Image.fromarray(a)
    out += f"{name} {a.shape[1]} {a.shape[0]} {zlib.crc32(a.tobytes())} {len(data)}\n".encode() + data + b"\n"
    for size in 5, 32, 224:
        for fit, filter, short, offset in numbers(size):
            to = imagekit.pillow_square(image, size, fit, filter, short, offset)
            lines += f"{name} {fit} {filter} {short} {offset} {size} {zlib.crc32(to.tobytes())}\n".encode()
with open(OUT, "wb") as f:
    f.write(out + b"squares\n" + lines)
print(f"squares: {lines.count(10)} of 15 pictures, {len(out + lines)} bytes")
