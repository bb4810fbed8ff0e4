"""Writes an .hmr stream from numpy arrays, by formats/hmr.md alone: blocks of raw zstd frames, no index. For checks and
benches that need features of their own."""
import json
import struct

import numpy as np
import xxhash

MAGIC, BLOCK = bytes.fromhex("5b2a4d18"), 1 << 17
DTYPES = {"float32": "F32", "float16": "F16", "int32": "I32"}


def frame(kind, content):
    content = kind + content
    content += struct.pack("<Q", xxhash.xxh3_64_intdigest(content))
    return MAGIC + struct.pack("<I", len(content)) + content


def zstd(payload):
    """A frame of raw blocks, with content size and checksum; one segment."""
    out = bytearray(b"\x28\xb5\x2f\xfd\xe4" + struct.pack("<Q", len(payload)))
    for at in range(0, len(payload), BLOCK):
        part = payload[at : at + BLOCK]
        out += (len(part) << 3 | (at + BLOCK >= len(payload))).to_bytes(3, "little") + part
    return bytes(out + struct.pack("<I", xxhash.xxh64_intdigest(payload) & 0xFFFFFFFF))


def part(array):
    raw = np.ascontiguousarray(array)
    size = raw.dtype.itemsize
    b = raw.view(np.uint8).reshape(-1, size).T.tobytes() if raw.size else b""
    return b + bytes(-len(b) % 64)


def write(path, columns):
    """columns: name -> list of texts, or an array [n,...] of f32, f16 or i32; `attributes` after a tuple's comma."""
    schema, n = [], None
    for name, v in columns.items():
        v, more = v if isinstance(v, tuple) else (v, {})
        text = isinstance(v, list)
        schema.append({"name": name, "dtype": "UTF8" if text else DTYPES[str(v.dtype)],
                       "shape": [] if text else list(v.shape[1:]), **more})
        n = len(v)
    data = [v[0] if isinstance(v, tuple) else v for v in columns.values()]
    canonical = lambda o: json.dumps(o, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    head = canonical({"meta": {}, "pg": [], "schema": schema})
    digest = xxhash.xxh3_128(canonical(schema))
    step = max(1, (1 << 22) // max(1, sum(v.nbytes // max(1, n) for v in data if not isinstance(v, list))))
    step = min(step, 65536)
    with open(path, "wb") as f:
        f.write(frame(b"HMRH", struct.pack("<HHIIII", 1, 0, 0, 0, len(head), 0) + head))
        blocks = total = 0
        for at in range(0, n, step):
            payload = b""
            for v in data:
                rows = v[at : at + step]
                if isinstance(v, list):
                    texts = [t.encode() for t in rows]
                    payload += part(np.cumsum([0] + [len(t) for t in texts], dtype=np.uint32))
                    joined = b"".join(texts)
                    payload += joined + bytes(-len(joined) % 64)
                else:
                    payload += part(rows)
            packed = zstd(payload)
            f.write(frame(b"HMRB", struct.pack("<IQQIIIIQQ", 0, blocks, at, min(step, n - at), len(payload), len(packed), 0,
                                               xxhash.xxh3_64_intdigest(payload), xxhash.xxh3_64_intdigest(packed))))
            f.write(packed)
            digest.update(payload)
            blocks, total = blocks + 1, total + len(payload)
        f.write(frame(b"HMRE", struct.pack("<IQQQQQ", 0, n, 0, blocks, total, 0) + digest.digest()))
