#!/usr/bin/env python3
"""Makes tests/data/png/*.vec: PNG files of every kind and what Pillow makes of them, read by tests/unit/test_png.c and
test_resize.c, in the form of veckit.py. Those of damaged.vec must be refused, and read as Pillow reads them where damaged files are
to be read. Resizes: lines `NAME FIT SIZE CRC32` behind a line `resize`."""
import io
import os
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageFile

sys.path.insert(0, os.path.dirname(__file__))
import pngkit as k
from veckit import entry, refused, write

rng = np.random.default_rng(3)


def sample(w, h, color, depth, **more):
    palette = rng.integers(0, 256, 3 << depth, dtype=np.uint8).tobytes() if color == 3 else None
    a = k.random_samples(rng, h, w, color, depth)
    data = k.png(a, depth, color, palette=palette, **more)
    grey16 = np.repeat((a >> 8).astype(np.uint8), 3, 2) if (color, depth) == (0, 16) else None
    return data, grey16


def kinds():
    """Every colour type and depth, plain and interlaced, small and odd sizes."""
    out = b""
    for color, depth in k.KINDS:
        for interlace in 0, 1:
            for w, h in (1, 1), (13, 11):
                data, grey16 = sample(w, h, color, depth, interlace=interlace)
                out += entry(f"c{color}d{depth}i{interlace}-{w}x{h}", data, grey16)
    for w, h in (1, 300), (300, 1), (997, 31), (2, 2), (5, 3), (8, 8):
        for color, depth in (0, 8), (2, 8), (3, 8), (4, 8), (6, 8), (0, 1), (3, 4):
            if w != 997 or (color, depth) in ((0, 1), (2, 8)):
                data, _ = sample(w, h, color, depth, level=9, choose=lambda y: 4 - y % 5)
                out += entry(f"c{color}d{depth}-{w}x{h}", data) if w != 997 or color != 2 else b""
    flat = np.arange(997 * 31 * 3).reshape(31, 997, 3) // 7 % 256
    return out + entry("rgb-997x31", k.png(flat, 8, 2, level=9))


def oddities():
    """Chunks that change nothing, and ways to lay the data out."""
    out = b""
    trns = {0: struct.pack(">H", 3), 2: struct.pack(">HHH", 1, 2, 3), 3: bytes([0, 128, 255])}
    for color, depth in (0, 1), (0, 8), (2, 8), (2, 16), (3, 2), (3, 8):
        data, _ = sample(9, 7, color, depth, before=k.chunk(b"tRNS", trns[color]))
        out += entry(f"trns-c{color}d{depth}", data)
    a = k.random_samples(rng, 7, 9, 2, 8)
    colour = {
        "gama": k.chunk(b"gAMA", struct.pack(">I", 45455)),
        "gama-linear": k.chunk(b"gAMA", struct.pack(">I", 100000)),
        "srgb": k.chunk(b"sRGB", b"\0"),
        "iccp-broken": k.chunk(b"iCCP", b"x\0\0not zlib"),
        "sbit": k.chunk(b"sBIT", b"\5\5\5"),
        "bkgd": k.chunk(b"bKGD", b"\0\1\0\2\0\3"),
        "exif": k.chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"),
        "plte-on-rgb": k.chunk(b"PLTE", b"\1\2\3"),
        "text": k.chunk(b"tEXt", b"Comment\0hello"),
        "private": k.chunk(b"prVt", b"anything"),
    }
    for name, c in colour.items():
        out += entry(name, k.png(a, 8, 2, before=c))
    # Pillow refuses these for what the chunk holds; the picture is whole.
    for name in b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"pHYs":
        out += entry(f"short-{name.decode()}", k.png(a, 8, 2, before=k.chunk(name, b"")), a.astype(np.uint8))
    out += entry("plte-on-grey", k.png(a[:, :, :1], 8, 0, before=k.chunk(b"PLTE", b"\1\2\3")))
    animated = k.chunk(b"acTL", struct.pack(">II", 1, 0)), k.chunk(b"fdAT", struct.pack(">I", 0) + b"junk")
    out += entry("apng", k.png(a, 8, 2, before=animated[0], after=animated[1]), a.astype(np.uint8))
    out += entry("palette-short", k.png(k.random_samples(rng, 7, 9, 3, 8), 8, 3, palette=bytes(range(9))))
    out += entry("palette-short-4", k.png(k.random_samples(rng, 7, 9, 3, 4), 4, 3, palette=bytes(range(9))))
    out += entry("idat-bytes", k.png(a, 8, 2, split=1))
    out += entry("idat-7", k.png(a, 8, 2, split=7, interlace=1))
    out += entry("stored", k.png(a, 8, 2, level=0))
    out += entry("huffman", k.png(a, 8, 2, strategy=2))
    out += entry("fixed", k.png(a, 8, 2, strategy=4))
    out += entry("after-iend", k.png(a, 8, 2) + b"more bytes")
    z = zlib.compress(k.image_data(a, 8)) + b"junk"
    out += entry("idat-tail", k.SIGNATURE + k.header(9, 7, 8, 2) + k.chunk(b"IDAT", z) + k.chunk(b"IEND"))
    z = zlib.compress(k.image_data(a, 8))
    empty = k.chunk(b"IDAT")
    out += entry("idat-empty", k.SIGNATURE + k.header(9, 7, 8, 2) + empty + k.chunk(b"IDAT", z) + empty + k.chunk(b"IEND"))
    for f in range(5):
        out += entry(f"filter-{f}", k.png(a, 8, 2, choose=lambda y: f))
        out += entry(f"filter-{f}-rgba", k.png(k.random_samples(rng, 7, 9, 6, 8), 8, 6, choose=lambda y: f))
    return out


def refusals():
    a = k.random_samples(rng, 7, 9, 2, 8)
    good = k.png(a, 8, 2)
    z = zlib.compress(k.image_data(a, 8))
    sig, idat, iend = k.SIGNATURE, k.chunk(b"IDAT", z), k.chunk(b"IEND")
    head = k.header(9, 7, 8, 2)
    p8 = k.random_samples(rng, 7, 9, 3, 8)
    bad = {
        "empty": b"",
        "text": b"this is no picture\n" * 5,
        "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        "signature-only": sig,
        "crlf": good.replace(b"\r\n", b"\n", 1),
        "header-crc": good[:29] + b"\0\0\0\0" + good[33:],
        "idat-crc": sig + head + k.chunk(b"IDAT", z, 1) + iend,
        "text-crc": sig + head + k.chunk(b"tEXt", b"a\0b", 1) + idat + iend,
        "iend-crc": good[:-1] + bytes([good[-1] ^ 1]),
        "no-iend": good[:-12],
        "cut-iend": good[:-1],
        "no-idat": sig + head + iend,
        "no-header": sig + idat + iend,
        "text-first": sig + k.chunk(b"tEXt", b"a\0b") + head + idat + iend,
        "two-headers-apart": sig + head + idat + head + iend,
        "header-14": sig + k.chunk(b"IHDR", struct.pack(">IIBBBBBB", 9, 7, 8, 2, 0, 0, 0, 0)) + idat + iend,
        "behind-crc": sig + head + idat + k.chunk(b"tEXt", b"a\0b", 1) + iend,
        "two-headers": sig + head + head + idat + iend,
        "idat-apart": sig + head + k.chunk(b"IDAT", z[:9]) + k.chunk(b"tEXt", b"a\0b") + k.chunk(b"IDAT", z[9:]) + iend,
        "critical": sig + head + k.chunk(b"ABCD", b"x") + idat + iend,
        "bad-name": sig + head + k.chunk(b"t xt", b"x") + idat + iend,
        "zero-wide": sig + k.header(0, 7, 8, 2) + idat + iend,
        "zero-high": sig + k.header(9, 0, 8, 2) + idat + iend,
        "side-2-31": sig + k.header(1 << 31, 1, 8, 2) + idat + iend,
        "pixels-2-31": sig + k.header(65536, 32768, 8, 2) + idat + iend,
        "side-16385": sig + k.header(16385, 1, 8, 2) + idat + iend,
        "pixels-64M": sig + k.header(16384, 16384, 8, 2) + idat + iend,
        "bomb": sig + k.header(8000, 8000, 16, 6) + idat + iend,
        "color-1": sig + k.header(9, 7, 8, 1) + idat + iend,
        "depth-3": sig + k.header(9, 7, 3, 0) + idat + iend,
        "rgb-4-bit": sig + k.header(9, 7, 4, 2) + idat + iend,
        "interlace-2": sig + k.header(9, 7, 8, 2, 2) + idat + iend,
        "compression-1": sig + k.header(9, 7, 8, 2, 0, 1) + idat + iend,
        "filtering-1": sig + k.header(9, 7, 8, 2, 0, 0, 1) + idat + iend,
        "no-palette": k.png(p8, 8, 3),
        "palette-0": k.png(p8, 8, 3, palette=b""),
        "palette-4": k.png(p8, 8, 3, palette=b"1234"),
        "palette-771": k.png(p8, 8, 3, palette=bytes(771)),
        "palette-late": sig + k.header(9, 7, 8, 3) + idat + k.chunk(b"PLTE", b"123") + iend,
        "palettes": k.png(p8, 8, 3, palette=b"123", before=k.chunk(b"PLTE", b"123")),
        "no-adler": sig + head + k.chunk(b"IDAT", z[:-4]) + iend,
        "wrong-adler": sig + head + k.chunk(b"IDAT", z[:-1] + bytes([z[-1] ^ 1])) + iend,
        "rows-missing": k.png(a, 8, 2, raw=k.image_data(a, 8)[: 28 * 4]),
        "rows-missing-adam7": k.png(a, 8, 2, interlace=1, raw=k.image_data(a, 8, 1)[:-28]),
        "rows-too-many": k.png(a, 8, 2, raw=k.image_data(a, 8) + bytes(28)),
        "zlib-header": sig + head + k.chunk(b"IDAT", b"\0\0" + z[2:]) + iend,
        "filter-5": k.png(a, 8, 2, choose=lambda y: 5 if y == 3 else 0),
        "filter-255": k.png(a, 8, 6, choose=lambda y: 255, raw=b"\xff" * (37 * 7)),
        "filter-5-16-bit": k.png(a, 16, 2, choose=lambda y: 5),
        "filter-9-adam7": k.png(a, 8, 2, interlace=1, choose=lambda y: 9),
        "chunk-2-31": sig + head + struct.pack(">I", 1 << 31) + b"IDAT" + z,
        "chunk-4G": sig + head + struct.pack(">I", (1 << 32) - 1) + b"IDAT" + z,
    }
    for n in range(1, len(good), 17):
        bad[f"cut-{n}"] = good[:n]
    return b"".join(refused(name, data) for name, data in bad.items())


def damaged():
    """Faults that Pillow reads over under its switch, and its pixels then."""
    rng = np.random.default_rng(4)
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    out = b""
    for color, depth, interlace in (2, 8, 0), (2, 8, 1), (6, 8, 0), (3, 4, 0), (3, 8, 1), (0, 1, 0), (4, 16, 1):
        a = k.random_samples(rng, 11, 13, color, depth)
        palette = rng.integers(0, 256, 3 << depth, dtype=np.uint8).tobytes() if color == 3 else None
        good = k.png(a, depth, color, interlace, palette=palette, split=50)
        name, begin = f"c{color}d{depth}i{interlace}", good.index(b"IDAT") + 4
        for cut in begin + 30, (begin + len(good)) // 2, len(good) - 30, len(good) - 13:
            try:
                out += entry(f"{name}-cut-{cut}", good[:cut])
            except OSError:  # in the length or name of a chunk, which Pillow takes for a chunk that is cut
                pass
        for at in begin + 20, begin + 45, len(good) - 20:
            hurt = bytearray(good)
            hurt[at] ^= 4
            out += entry(f"{name}-flip-{at}", bytes(hurt))
    a = k.random_samples(rng, 7, 9, 2, 8)
    good, z = k.png(a, 8, 2), zlib.compress(k.image_data(a, 8))
    sig, head, idat, iend = k.SIGNATURE, k.header(9, 7, 8, 2), k.chunk(b"IDAT", z), k.chunk(b"IEND")
    p8 = k.random_samples(rng, 7, 9, 3, 8)
    for name, data in {
        "no-iend": good[:-12], "cut-iend": good[:-1], "iend-crc": good[:-1] + bytes([good[-1] ^ 1]),
        "idat-crc": sig + head + k.chunk(b"IDAT", z, 1) + iend,
        "text-crc": sig + head + k.chunk(b"tEXt", b"a\0b", 1) + idat + iend,
        "behind-crc": sig + head + idat + k.chunk(b"tEXt", b"a\0b", 1) + iend,
        "text-first": sig + k.chunk(b"tEXt", b"a\0b") + head + idat + iend,
        "header-14": sig + k.chunk(b"IHDR", struct.pack(">IIBBBBBB", 9, 7, 8, 2, 0, 0, 0, 0)) + idat + iend,
        "critical": sig + head + k.chunk(b"ABCD", b"x") + idat + iend,
        "compression-1": sig + k.header(9, 7, 8, 2, 0, 1) + idat + iend,
        "interlace-2": k.png(a, 8, 2, 1)[:8] + k.header(9, 7, 8, 2, 2) + k.png(a, 8, 2, 1)[33:],
        "idat-apart": sig + head + k.chunk(b"IDAT", z[:40]) + k.chunk(b"tEXt", b"a\0b") + k.chunk(b"IDAT", z[40:]) + iend,
        "palettes": k.png(p8, 8, 3, palette=bytes(range(9)), before=k.chunk(b"PLTE", bytes(range(90, 150)))),
        "palette-4": k.png(p8, 8, 3, palette=b"1234"),
        "rows-missing": k.png(a, 8, 2, raw=k.image_data(a, 8)[: 28 * 4]),
        "rows-too-many": k.png(a, 8, 2, raw=k.image_data(a, 8) + bytes(28)),
        "no-adler": sig + head + k.chunk(b"IDAT", z[:-4]) + iend,
        "wrong-adler": sig + head + k.chunk(b"IDAT", z[:-1] + bytes([z[-1] ^ 1])) + iend,
        "zlib-header": sig + head + k.chunk(b"IDAT", b"\0\0" + z[2:]) + iend,
        "filter-5": k.png(a, 8, 2, choose=lambda y: 5 if y == 3 else 0),
    }.items():
        out += entry(name, data)
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return out


def crop(image, size):
    """torchvision's Resize(size·256/224) and CenterCrop(size), in Pillow's terms."""
    side, (w, h) = size * 256 // 224, image.size
    w, h = (side, int(side * h / w)) if w < h else (int(side * w / h), side)
    image = image.resize((w, h), Image.BILINEAR)
    x, y = round((w - size) / 2), round((h - size) / 2)
    return image.crop((x, y, x + size, y + size))


def resizes():
    out, lines = b"", b""
    for w, h in (1, 1), (1, 300), (300, 1), (997, 31), (31, 97), (224, 224), (224, 100), (100, 224), (256, 257), (261, 256), (40, 1200):
        y, x = np.mgrid[0:h, 0:w]
        a = np.stack([(x * 7 + y * 3) % 256, (x * 2 + y * 5) % 256, (x // 4 ^ y // 4) * 9 % 256], 2)
        data = k.png(a, 8, 2, level=9, choose=lambda i: 1)
        out += entry(f"{w}x{h}", data)
        image = Image.open(io.BytesIO(data)).convert("RGB")
        for size in 1, 7, 32, 224, 255:
            for fit in "squash", "crop":
                to = image.resize((size, size), Image.BILINEAR) if fit == "squash" else crop(image, size)
                lines += f"{w}x{h} {fit} {size} {zlib.crc32(to.tobytes())}\n".encode()
    return out + b"resize\n" + lines


write("png", [("kinds", kinds()), ("oddities", oddities()), ("refusals", refusals()), ("resizes", resizes()), ("damaged", damaged())])
