"""Writes `.hmr` files of fixed columns and text from numpy arrays, by formats/hmr.md, with the C libraries zstd and xxHash."""
import ctypes, ctypes.util, json, struct

import numpy

zstd, xxh = (ctypes.CDLL(ctypes.util.find_library(n)) for n in ("zstd", "xxhash"))
zstd.ZSTD_createCCtx.restype = ctypes.c_void_p
zstd.ZSTD_compressBound.restype = zstd.ZSTD_compress2.restype = ctypes.c_size_t
xxh.XXH3_64bits.restype = ctypes.c_uint64
CHECKSUM, LEVEL = 201, 100


class Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


xxh.XXH3_128bits.restype = Hash128


def hash64(b):
    return struct.pack("<Q", xxh.XXH3_64bits(b, ctypes.c_size_t(len(b))))


def frame(content):
    content += hash64(content)
    return struct.pack("<II", 0x184D2A5B, len(content)) + content


def compress(raw):
    c = ctypes.c_void_p(zstd.ZSTD_createCCtx())
    for key, value in ((LEVEL, 1), (CHECKSUM, 1)):
        zstd.ZSTD_CCtx_setParameter(c, key, value)
    room = zstd.ZSTD_compressBound(ctypes.c_size_t(len(raw)))
    out = ctypes.create_string_buffer(room)
    n = zstd.ZSTD_compress2(c, out, ctypes.c_size_t(room), raw, ctypes.c_size_t(len(raw)))
    zstd.ZSTD_freeCCtx(c)
    return out.raw[:n]


def part(a):
    """An array's bytes: shuffled by the elements' bytes, padded to 64."""
    b = numpy.ascontiguousarray(a)
    size = b.dtype.itemsize
    raw = numpy.frombuffer(b.tobytes(), numpy.uint8).reshape(-1, size).T.tobytes() if size > 1 else b.tobytes()
    return raw + bytes(-len(raw) % 64)


NAMES = {"float32": "F32", "float16": "F16", "int32": "I32"}


def write(path, columns, attributes=None, rows=500):
    """columns: {name: array [n,...] or list of str, or a pair of this and its attributes}; attributes: {name: {key: value}}."""
    attributes = {**(attributes or {}), **{name: c[1] for name, c in columns.items() if isinstance(c, tuple)}}
    columns = {name: c[0] if isinstance(c, tuple) else c for name, c in columns.items()}
    schema = []
    for name, c in columns.items():
        text = isinstance(c, list)
        schema.append({"name": name, "dtype": "UTF8" if text else NAMES[str(c.dtype)], "shape": [] if text else list(c.shape[1:]),
                       **attributes.get(name, {})})
    dump = lambda o: json.dumps(o, sort_keys=True, separators=(",", ":")).encode()
    digest, total, block, n = dump(schema), 0, 0, len(next(iter(columns.values())))
    head = dump({"meta": {}, "pg": [], "schema": schema})
    with open(path, "wb") as f:
        f.write(frame(b"HMRH" + struct.pack("<HHIIII", 1, 0, 0, 0, len(head), 0) + head))
        for first in range(0, n, rows):
            count, payload = min(rows, n - first), b""
            for c in columns.values():
                some = c[first:first + count]
                if isinstance(c, list):
                    coded = [s.encode() for s in some]
                    payload += part(numpy.cumsum([0] + [len(s) for s in coded]).astype(numpy.uint32))
                    payload += part(numpy.frombuffer(b"".join(coded), numpy.uint8))
                else:
                    payload += part(some)
            packed = compress(payload)
            f.write(frame(b"HMRB" + struct.pack("<IQQIIII", 0, block, first, count, len(payload), len(packed), 0)
                          + hash64(payload) + hash64(packed)))
            f.write(packed)
            digest, total, block = digest + payload, total + len(payload), block + 1
        h = xxh.XXH3_128bits(digest, ctypes.c_size_t(len(digest)))
        f.write(frame(b"HMRE" + struct.pack("<IQQQQQ", 0, n, 0, block, total, 0) + struct.pack(">QQ", h.high, h.low)))
