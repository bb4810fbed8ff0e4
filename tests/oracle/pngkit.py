"""A PNG writer that can write what Pillow's cannot: every colour type, depth, filter and chunk, interlaced, damaged.
Shared by make_png.py, check_images.py and bench_imgprep.py."""
import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
KINDS = [(c, d) for c in DEPTHS for d in DEPTHS[c]]
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name, data=b"", crc=None):
    real = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", real if crc is None else crc)


def header(w, h, depth, color, interlace=0, compression=0, filtering=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, color, compression, filtering, interlace))


def pack_rows(a, depth):
    """[h, w, channels] samples -> [h, bytes] packed as PNG packs them."""
    h, w, c = a.shape
    a = a.reshape(h, w * c)
    if depth == 8:
        return a.astype(np.uint8)
    if depth == 16:
        return a.astype(">u2").view(np.uint8).reshape(h, 2 * w * c)
    bits = ((a[:, :, None] >> np.arange(depth - 1, -1, -1)) & 1).reshape(h, -1).astype(np.uint8)
    return np.packbits(bits, axis=1)


def filtered(rows, bpp, choose):
    """Rows with their filter bytes; choose(y) names each row's filter."""
    h, n = rows.shape
    cur = rows.astype(np.int32)
    up = np.zeros_like(cur)
    up[1:] = cur[:-1]
    left = np.zeros_like(cur)
    left[:, bpp:] = cur[:, :-bpp]
    corner = np.zeros_like(cur)
    corner[1:, bpp:] = cur[:-1, :-bpp]
    p = left + up - corner
    pa, pb, pc = abs(p - left), abs(p - up), abs(p - corner)
    paeth = np.where((pa <= pb) & (pa <= pc), left, np.where(pb <= pc, up, corner))
    predicted = [np.zeros_like(cur), left, up, (left + up) // 2, paeth]
    out = np.empty((h, n + 1), np.uint8)
    for y in range(h):
        f = choose(y)
        out[y, 0] = f
        out[y, 1:] = (cur[y] - (predicted[f][y] if f < 5 else 0)) & 255
    return out.tobytes()


def image_data(a, depth, interlace=0, choose=lambda y: y % 5):
    """The bytes that IDAT holds before compression."""
    h, w, c = a.shape
    bpp = max(1, c * depth // 8)
    if not interlace:
        return filtered(pack_rows(a, depth), bpp, choose)
    out = b""
    for x0, y0, dx, dy in ADAM7:
        part = a[y0::dy, x0::dx]
        if part.size:
            out += filtered(pack_rows(part, depth), bpp, choose)
    return out


def png(a, depth, color, interlace=0, choose=lambda y: y % 5, palette=None, before=b"", after=b"", split=None, level=6,
        strategy=0, raw=None):
    """A whole file. split: bytes an IDAT chunk. before, after: ready chunks around IDAT. raw: instead of the rows."""
    h, w, _ = a.shape
    z = zlib.compressobj(level, 8, 15, 9, strategy)
    data = z.compress(image_data(a, depth, interlace, choose) if raw is None else raw) + z.flush()
    split = split or max(1, len(data))
    out = SIGNATURE + header(w, h, depth, color, interlace)
    if palette is not None:
        out += chunk(b"PLTE", palette)
    out += before
    for i in range(0, len(data), split):
        out += chunk(b"IDAT", data[i : i + split])
    return out + after + chunk(b"IEND")


def random_samples(rng, h, w, color, depth, entries=None):
    """Noise, flat areas and gradients, so that all filters and match lengths occur."""
    c, top = CHANNELS[color], (1 << depth) if entries is None else entries
    style = rng.integers(4)
    if style == 0:
        a = rng.integers(0, top, (h, w, c))
    elif style == 1:
        a = np.full((h, w, c), rng.integers(0, top)) + (rng.random((h, w, c)) < 0.02) * rng.integers(0, top)
    else:
        y, x = np.mgrid[0:h, 0:w]
        f = rng.random((c, 3)) * top / max(h, w)
        a = np.stack([f[k, 0] * x + f[k, 1] * y for k in range(c)], 2) + rng.integers(0, 1 + top // 16, (h, w, c))
    return a.astype(np.int64) % top
