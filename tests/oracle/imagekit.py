"""Pictures for make_squares.py, check_images.py and check_squares.py: the library, compiled into a temporary shared object and
called directly; and what it must give, in Pillow's terms."""
import ctypes as c
import glob
import os
import subprocess

import numpy as np
from PIL import Image

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FITS, FILTERS, OFFSETS = ("squash", "crop", "pad"), ("bilinear", "bicubic"), ("even", "floor")


class Err(c.Structure):
    _fields_ = [("code", c.c_int), ("text", c.c_char * 768), ("machine", c.c_bool)]


class Picture(c.Structure):
    _fields_ = [("w", c.c_int), ("h", c.c_int), ("rgb", c.POINTER(c.c_uint8)), ("damage", c.c_char_p)]

    def array(self):
        return np.ctypeslib.as_array(self.rgb, (self.h, self.w, 3)).copy()


class Limits(c.Structure):
    _fields_ = [("pixels", c.c_uint64), ("side", c.c_uint32)]


class Options(c.Structure):
    _fields_ = [("limits", Limits), ("libpng", c.c_bool), ("damaged", c.c_bool), ("claim", c.c_void_p)]


class ImageOptions(c.Structure):
    _fields_ = [("limits", Limits), ("damaged", c.c_bool), ("claim", c.c_void_p)]


class Plan(c.Structure):
    _fields_ = [(n, c.c_int) for n in ("filter", "w", "h", "x", "y", "cw", "ch", "left", "top", "side")]


class Square(c.Structure):
    _fields_ = [(n, c.c_int) for n in ("size", "shorter", "fit", "filter", "offset")]


def square(size, fit, filter="bilinear", short=None, offset="even"):
    short = short or (size * 256 // 224 if filter == "bilinear" else size)
    return Square(size, short, FITS.index(fit), FILTERS.index(filter), OFFSETS.index(offset))


def pillow_square(image, size, fit, filter, short, offset):
    """The square that these five numbers make of an RGB image."""
    how, (w, h) = Image.BICUBIC if filter == "bicubic" else Image.BILINEAR, image.size
    if fit == "squash":
        return image.resize((size, size), how)
    if fit == "crop":
        w, h = (short, int(short * h / w)) if w < h else (int(short * w / h), short)
        half = (lambda d: round(d / 2)) if offset == "even" else (lambda d: d // 2)
        x, y = half(w - size), half(h - size)
        return image.resize((w, h), how).crop((x, y, x + size, y + size))
    ratio = max(w, h) / size
    w, h = max(round(w / ratio), 1), max(round(h / ratio), 1)
    to = Image.new("RGB", (size, size))
    to.paste(image.resize((w, h), how), ((size - w) // 2, (size - h) // 2))
    return to


class Library:
    def __init__(self, folder):
        src = [f for n in ("prep/png*", "prep/inflate*", "prep/jpeg", "prep/webp", "prep/resize*", "prep/square", "prep/image", "base/err", "base/mem", "base/utf8", "base/budget", "base/filekind",
                                 "json/*")
               for f in glob.glob(f"{ROOT}/lib/{n}.c")]
        subprocess.run(["cc", "-std=c11", "-D_GNU_SOURCE", "-O2", "-ffp-contract=off", "-shared", "-fPIC", f"-I{ROOT}/lib", "-o",
                        f"{folder}/hm.so", *src, "-lpng", "-ljpeg", "-lwebp", "-lwebpdemux", "-lz", "-ldeflate", "-lisal", "-lcjson", "-lm"], check=True)
        self.lib = c.CDLL(f"{folder}/hm.so")
        self.lib.hm_png_new.restype = c.c_void_p
        self.lib.hm_square_plan.restype = Plan
        self.decoder = self.lib.hm_png_new(None)
        self.lib.hm_image_decoder_new.restype = c.c_void_p
        self.images = self.lib.hm_image_decoder_new(None)
        self.resizer = c.create_string_buffer(72)

    def decode(self, data, libpng, damaged=False):
        """The array, or the reason for none."""
        im, e = Picture(), Err()
        rc = self.lib.hm_png_decode(c.c_void_p(self.decoder), data, c.c_size_t(len(data)),
                                    c.byref(Options(Limits(0, 0), libpng, damaged)), c.byref(im), c.byref(e))
        return e.text.decode() if rc else im.array()

    def read(self, data, damaged=False):
        """Of a file of any format: (the array, what is damaged) or (None, the reason)."""
        im, e = Picture(), Err()
        rc = self.lib.hm_image_decode(c.c_void_p(self.images), data, c.c_size_t(len(data)),
                                      c.byref(ImageOptions(Limits(0, 0), damaged)), c.byref(im), c.byref(e))
        return (None, e.text.decode()) if rc else (im.array(), im.damage and im.damage.decode())

    def _run(self, a, plan):
        im, out, e = Picture(), Picture(), Err()
        self.buf = np.concatenate([a.ravel(), np.zeros(32, np.uint8)])
        im.w, im.h, im.rgb = a.shape[1], a.shape[0], self.buf.ctypes.data_as(c.POINTER(c.c_uint8))
        if self.lib.hm_resize_run(self.resizer, c.byref(im), c.byref(plan), c.byref(out), c.byref(e)):
            raise RuntimeError(e.text.decode())
        return out

    def resize(self, a, w, h, filter):
        """The picture a[h,w,3] scaled to w×h."""
        return self._run(a, Plan(FILTERS.index(filter), w, h, 0, 0, w, h, 0, 0, 0)).array()

    def square(self, a, s):
        """The picture a[h,w,3] as planes [3,size,size], by the five numbers `s`."""
        plan = self.lib.hm_square_plan(c.byref(s), a.shape[1], a.shape[0])
        out, to = self._run(a, plan), np.full((3, s.size, s.size), 99, np.uint8)
        self.lib.hm_image_planes(c.byref(out), c.byref(plan), to.ctypes.data_as(c.POINTER(c.c_uint8)))
        return to
