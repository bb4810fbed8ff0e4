"""WebP files of every kind: Pillow's, and containers put together by hand. Shared by make_webp.py and check_jpeg.py."""
import io
import struct

from PIL import Image


def webp(a, **how):
    """A file of the samples a[h,w,3 or 4], by Pillow."""
    out = io.BytesIO()
    Image.fromarray(a).save(out, "WEBP", **how)
    return out.getvalue()


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def riff(body):
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def picture(data):
    """The chunks of a file that hold its picture."""
    out, at = b"", 12
    while at + 8 <= len(data):
        n = struct.unpack("<I", data[at + 4 : at + 8])[0]
        if data[at : at + 4] in (b"VP8 ", b"VP8L", b"ALPH"):
            out += chunk(data[at : at + 4], data[at + 8 : at + 8 + n])
        at += 8 + n + (n & 1)
    return out


def _u24(*numbers):
    return b"".join(struct.pack("<I", n)[:3] for n in numbers)


def still(data, w, h, alpha, between=b""):
    return riff(chunk(b"VP8X", bytes([0x10 * alpha, 0, 0, 0]) + _u24(w - 1, h - 1)) + between + picture(data))


def animation(frames, canvas, alpha=True, background=b"\1\2\3\xff"):
    """frames: (file, w, h, x, y, flags); x and y are even."""
    body = chunk(b"VP8X", bytes([2 + 0x10 * alpha, 0, 0, 0]) + _u24(canvas[0] - 1, canvas[1] - 1)) + chunk(b"ANIM", background + b"\0\0")
    for data, w, h, x, y, flags in frames:
        body += chunk(b"ANMF", _u24(x // 2, y // 2, w - 1, h - 1, 100) + bytes([flags]) + picture(data))
    return riff(body)
