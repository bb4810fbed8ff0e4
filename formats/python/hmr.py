"""Reads and writes .hmr streams, the records of the hm tools, as NumPy arrays.

    columns, header = hmr.read("train.hmr")         # {"id": ["a", ...], "image_feature": array [n,512], ...}
    hmr.write("train.hmr", columns, attributes={"image_feature": {"encoder": "openai/clip-vit-large-patch14"}})
    for block in hmr.blocks("large.hmr"): ...       # the same columns, some records at a time
    with hmr.Writer("large.hmr") as w:              # the same: records are added batch by batch
        w.add({"id": ids, "image_feature": features})

A path may be "-" (standard input, standard output) or a binary file that is open.

What a column is:   fixed    array [n, ...]
                    ragged   list of n arrays [any number, ...]
                    UTF8     list of n str
BF16 is widened to float32 when it is read; BOOL is read as bool. All else keeps its type. What is written has the type of the
array; a bfloat16 of ml_dtypes is BF16. The column "id" is text (integers become their digits), "label" is int32, as the tools want
them. `attributes` are the further members of a column's entry in the schema; hmr.attributes(header) gives those of a stream, with
"dtype" and "shape", by which hmr.write makes the same columns again.

A stream that is cut, damaged or that breaks a rule of the format raises hmr.Error, also where records were read before: read() gives
all or nothing, and a loop over blocks() has seen all records only when it ends by itself. A file that cannot be written whole is not
written at all. The format is formats/hmr.md of hm; this file was written from it, with numpy, zstandard and xxhash.
"""
import json
import os
import struct
import sys
import tempfile

import numpy as np
import xxhash
import zstandard

__all__ = ["Error", "Reader", "Writer", "attributes", "blocks", "read", "write"]
__version__ = "0.2.0"

MAGIC = 0x184D2A5B
MOST = 64 << 20  # bytes of a payload, of a row
MOST_RECORDS, MOST_HEAD, MOST_RECORD = 65536, 1 << 20, MOST - (64 << 10)
DTYPES = {"BOOL": "u1", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8", "I8": "i1", "I16": "<i2", "I32": "<i4", "I64": "<i8",
          "F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2", "UTF8": "u1"}
GIVEN = {**DTYPES, "BOOL": "?", "BF16": "<f4"}  # what a reader gives
NAMES = {"bool": "BOOL", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64", "int8": "I8", "int16": "I16",
         "int32": "I32", "int64": "I64", "float16": "F16", "float32": "F32", "float64": "F64", "bfloat16": "BF16"}


class Error(ValueError):
    """A stream that is no good, or columns that no stream can hold; the text says what is wrong."""


# ---- canonical JSON ----

ESCAPES = {ord(c): "\\" + e for c, e in zip('"\\\b\t\n\f\r', '"\\btnfr')}
ESCAPES.update({c: f"\\u{c:04x}" for c in (*range(32), 127) if c not in ESCAPES})


def _dump(v, depth=1):
    if isinstance(v, (dict, list, tuple)) and depth > 8:
        raise Error("the header is nested deeper than 8 levels")
    if isinstance(v, dict):
        if not all(isinstance(k, str) for k in v):
            raise Error("a key of the header is not a text")
        return "{" + ",".join(f"{_dump(k)}:{_dump(v[k], depth + 1)}" for k in sorted(v)) + "}"
    if isinstance(v, (list, tuple)):
        return "[" + ",".join(_dump(x, depth + 1) for x in v) + "]"
    if isinstance(v, str):
        if "\0" in v or any(0xD800 <= ord(c) <= 0xDFFF for c in v):
            raise Error("a text of the header holds U+0000 or half of a surrogate pair")
        return f'"{v.translate(ESCAPES)}"'
    if v is None or isinstance(v, (bool, np.bool_)):
        return "null" if v is None else "true" if v else "false"
    if not isinstance(v, (int, float, np.integer, np.floating)):
        raise Error(f"the header cannot hold a {type(v).__name__}")
    try:
        x = float(v)
    except OverflowError:
        x = float("inf")
    if x != x or x in (float("inf"), float("-inf")):
        raise Error("a number of the header is not finite")
    if x == int(x) and abs(x) < 1e15 and str(x) != "-0.0":
        return str(int(x))
    return next(s for s in (f"{x:.{p}g}" for p in range(1, 18)) if float(s) == x)


def _pairs(pairs):
    d = dict(pairs)
    if len(d) != len(pairs):
        raise Error("the header has a key twice")
    return d


def _constant(word):
    raise Error(f"the header holds {word}")


def _integer(digits):
    return -0.0 if digits == "-0" else int(digits)


def _load(text):
    try:
        v = json.loads(text.decode(), object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_integer)
        if _dump(v).encode() != text:
            raise Error("the header's JSON is not in canonical form")
    except Error:
        raise
    except (ValueError, RecursionError) as e:
        raise Error(f"the header is not JSON: {e}") from None
    return v


# ---- the schema ----

class _Column:
    """A column of the schema: kind 'fixed', 'ragged' or 'text'."""

    def __init__(self, entry):
        if not isinstance(entry, dict):
            raise Error("a column of the schema is not an object")
        self.entry, self.name, self.dtype, shape = entry, entry.get("name"), entry.get("dtype"), entry.get("shape")
        if not isinstance(self.name, str) or not 1 <= len(self.name.encode()) <= 64:
            raise Error("a column's name is not a text of 1 to 64 bytes")
        where = f'column "{self.name}": '
        if not isinstance(self.dtype, str) or self.dtype not in DTYPES:
            raise Error(f"{where}its dtype {self.dtype!r} is not known")
        if not isinstance(shape, list) or len(shape) > 8 or (self.dtype == "UTF8" and shape):
            raise Error(f"{where}its shape {shape!r} is none")
        ragged = shape[:1] == [-1]
        if not all(isinstance(d, int) and not isinstance(d, bool) and 0 <= d < 1 << 31 for d in shape[ragged:]):
            raise Error(f"{where}its shape {shape!r} is none")
        self.kind = "text" if self.dtype == "UTF8" else "ragged" if ragged else "fixed"
        self.row, self.raw = tuple(shape[ragged:]), np.dtype(DTYPES[self.dtype])
        self.count = 1
        for d in self.row:
            self.count *= d
        self.bytes = self.count * self.raw.itemsize
        if self.bytes > MOST or (ragged and not self.count):
            raise Error(f"{where}a row of {self.bytes} bytes cannot be")

    def none(self):
        return [] if self.kind != "fixed" else np.empty((0, *self.row), GIVEN[self.dtype])


def _schema(entries):
    if not isinstance(entries, list) or not 1 <= len(entries) <= 64:
        raise Error("a schema has 1 to 64 columns")
    columns = [_Column(entry) for entry in entries]
    if len({c.name for c in columns}) != len(columns):
        raise Error("the schema has a column twice")
    return columns


def attributes(header):
    """{column: its entry in the schema without "name"}, for hmr.write."""
    return {c["name"]: {k: v for k, v in c.items() if k != "name"} for c in header["schema"]}


# ---- reading ----

def _hash(content):
    return xxhash.xxh3_64_intdigest(content)


class Reader:
    """with hmr.Reader(path) as r: r.header; for block in r: ...

    header: {"meta", "pg", "schema"} and, after the last block, "end": {"records", "skipped", "blocks", "digest"}.
    columns: the names of those that are wanted, None: all. What the others hold is checked all the same, as far as its place goes.
    """

    def __init__(self, path, columns=None):
        self._own = None
        self._name = getattr(path, "name", "a stream") if hasattr(path, "read") else os.fspath(path)
        if hasattr(path, "read"):
            self._file = path
        elif self._name == "-":
            self._file, self._name = sys.stdin.buffer, "standard input"
        else:
            self._own = self._file = open(path, "rb")
        self._at, self._digest, self._blocks = 0, xxhash.xxh3_128(), []
        self._records = self._raw = 0
        self._zstd = zstandard.ZstdDecompressor(max_window_size=1 << 26)
        try:
            self._head()
            names = [c.name for c in self._columns]
            for name in columns or ():
                if name not in names:
                    raise Error(f'there is no column "{name}"; there are {", ".join(names)}')
            self._wanted = set(names if columns is None else columns)
        except Error as e:
            self.close()
            raise Error(f"{self._name}: {e}") from None

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        if self._own:
            self._own.close()

    def __iter__(self):
        """Each block as {name: array or list}."""
        try:
            yield from self._all()
        except Error as e:
            raise Error(f"{self._name}: {e}") from None
        finally:
            self.close()

    def _take(self, n):
        parts, left = [], n
        while left:
            part = self._file.read(left)
            if not part:
                raise Error("the stream ends before its end mark: it was cut, or its producer died")
            parts.append(part)
            left -= len(part)
        self._at += n
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _frame(self, limit):
        """Kind and content of the next skippable frame; limit(kind) says how many bytes it may have, and raises."""
        magic, n = struct.unpack("<II", self._take(8))
        if magic != MAGIC or n < 12:
            raise Error("no frame of an .hmr stream where one must be")
        kind = self._take(4)
        least, most = limit(kind)
        if not least <= n <= most:
            raise Error(f"a frame {kind.decode('ascii', 'replace')} of {n} bytes cannot be")
        content = kind + self._take(n - 4)
        if _hash(content[:-8]) != int.from_bytes(content[-8:], "little"):
            raise Error("a frame is damaged: its hash differs")
        return kind, content

    def _head(self):
        def limit(kind):
            if kind != b"HMRH":
                raise Error("not an .hmr stream: its header does not stand first")
            return 32, 32 + MOST_HEAD
        _, p = self._frame(limit)
        major, _, incompatible, _, n, reserved = struct.unpack_from("<HHIIII", p, 4)
        if major != 1:
            raise Error(f"its version is {major}, 1 is read")
        if incompatible or reserved or n != len(p) - 32:
            raise Error("the header sets flags that are not known, or its sizes contradict each other")
        self.header = _load(p[24:-8])
        if not isinstance(self.header, dict) or sorted(self.header) != ["meta", "pg", "schema"]:
            raise Error("the header does not hold meta, pg and schema, and these alone")
        if not isinstance(self.header["meta"], dict) or not isinstance(self.header["pg"], list):
            raise Error("the header's meta is not an object, or its pg not an array")
        self._columns = _schema(self.header["schema"])
        self._digest.update(_dump(self.header["schema"]).encode())

    def _all(self):
        index_at = 0

        def limit(kind):
            n = {b"HMRB": 64, b"HMRI": 24 + 32 * len(self._blocks), b"HMRE": 72}.get(kind)
            if n is None or (index_at and kind != b"HMRE"):
                raise Error("a frame that is not known, comes twice or stands in a wrong place")
            return n, n
        while True:
            start = self._at
            kind, p = self._frame(limit)
            if kind == b"HMRB":
                yield self._block(start, p)
            elif kind == b"HMRI":
                index_at = start
                self._index(p)
            else:
                self._end(p, index_at)
                return

    def _block(self, start, p):
        flags, seq, first, count, raw, packed, reserved, raw_hash, packed_hash = struct.unpack_from("<IQQIIIIQQ", p, 4)
        where = f"block {len(self._blocks)}: "
        if flags or reserved or seq != len(self._blocks) or first != self._records or not 1 <= count <= MOST_RECORDS:
            raise Error(f"{where}its header cannot be")
        if raw > MOST or packed > raw + raw // 128 + 3 * (raw // 131072 + 1) + 1041:
            raise Error(f"{where}{packed} bytes that become {raw} cannot be")
        frame = self._take(packed)
        if _hash(frame) != packed_hash:
            raise Error(f"{where}it is damaged: its hash differs")
        payload = self._unpack(frame, raw, where)
        if _hash(payload) != raw_hash:
            raise Error(f"{where}its payload is damaged: its hash differs")
        try:
            columns = self._split(payload, count)
        except Error as e:
            raise Error(f"{where}{e}") from None
        self._digest.update(payload)
        self._blocks.append((start, first, count, raw, packed, 0))
        self._records += count
        self._raw += raw
        return columns

    def _unpack(self, frame, raw, where):
        try:
            of = zstandard.get_frame_parameters(frame)
            # checksum, no dictionary, reserved bits zero; a size
            if frame[:4] != b"\x28\xb5\x2f\xfd" or frame[4] & 0x1F != 4 or of.content_size != raw or of.window_size > 1 << 26:
                raise Error(f"{where}a zstd frame as the format does not have it")
            if raw:  # into a buffer of that size: a frame that holds more ends there
                return self._zstd.decompress(frame, allow_extra_data=False)
            z = self._zstd.decompressobj()
            if z.decompress(frame) or not z.eof or z.unused_data:
                raise Error(f"{where}it is not one empty zstd frame")
            return b""
        except zstandard.ZstdError as e:
            raise Error(f"{where}{e}") from None

    def _split(self, payload, count):
        """The columns of a payload."""
        at, out = 0, {}

        def part(n, size):
            """n elements of `size` bytes, unshuffled, as bytes of shape [n*size]."""
            nonlocal at
            end = at + n * size
            padded = end + -end % 64
            if padded > len(payload):
                raise Error("the payload ends before its columns do")
            if any(payload[end:padded]):
                raise Error("padding that is not zero")
            a = np.frombuffer(payload, np.uint8, n * size, at)
            at = padded
            return a.reshape(size, n).T.copy().reshape(-1) if size > 1 and n else a
        for c in self._columns:
            if c.kind == "fixed":
                a = part(count * c.count, c.raw.itemsize)
                if c.name in self._wanted:
                    out[c.name] = _given(c, a).reshape(count, *c.row)
                continue
            cut = part(count + 1, 4).view("<u4").astype(np.int64)
            if cut[0] or (np.diff(cut) < 0).any():
                raise Error(f'column "{c.name}": offsets that fall, or do not begin with 0')
            rows = part(int(cut[-1]) * c.count, c.raw.itemsize)
            cut = cut.tolist()
            if c.kind == "text":
                data = rows.tobytes()
                try:
                    texts = [data[i:j].decode() for i, j in zip(cut, cut[1:])]
                except UnicodeDecodeError:
                    raise Error(f'column "{c.name}": text that is not UTF-8') from None
                if c.name in self._wanted:
                    out[c.name] = texts
            elif c.name in self._wanted:
                a = _given(c, rows).reshape(-1, *c.row)
                out[c.name] = [a[i:j] for i, j in zip(cut, cut[1:])]
        if at != len(payload):
            raise Error("the payload continues behind its columns")
        return out

    def _index(self, p):
        if p[4:8] != bytes(4) or int.from_bytes(p[8:16], "little") != len(self._blocks):
            raise Error("an index of other blocks")
        for i, block in enumerate(self._blocks):
            if struct.unpack_from("<QQIIII", p, 16 + 32 * i) != block:
                raise Error(f"an index that contradicts block {i}")

    def _end(self, p, index_at):
        status, records, skipped, blocks, raw, at = struct.unpack_from("<IQQQQQ", p, 4)
        if status:
            raise Error(f"its producer gave up after {self._records} records")
        if (records, blocks, raw, at) != (self._records, len(self._blocks), self._raw, index_at) or p[48:64] != self._digest.digest():
            raise Error("the end mark contradicts what was read")
        if self._file.read(1):
            raise Error("bytes follow the end mark")
        self.header["end"] = {"records": records, "skipped": skipped, "blocks": blocks, "digest": p[48:64].hex()}


def _given(c, a):
    """Bytes of a column as the elements that a reader gives."""
    a = a.view(c.raw)
    if c.dtype == "BF16":
        return (a.astype("<u4") << 16).view("<f4")
    return a != 0 if c.dtype == "BOOL" else a if a.flags.writeable else a.copy()


def blocks(path, columns=None):
    """Each block of a stream as {name: array or list}, some records at a time."""
    with Reader(path, columns) as r:
        yield from r


def read(path, columns=None):
    """A whole stream: ({name: array or list}, header). See Reader for both arguments and the header."""
    with Reader(path, columns) as r:
        parts = {c.name: [] for c in r._columns if c.name in r._wanted}
        for block in r:
            for name, v in block.items():
                parts[name].append(v)
        out = {}
        for c in r._columns:
            if c.name not in parts:
                continue
            some = parts[c.name]
            if c.kind == "fixed":
                out[c.name] = np.concatenate(some) if some else c.none()
            else:
                out[c.name] = [v for part in some for v in part]
        return out, r.header


# ---- writing ----

def _frame(content):
    content += _hash(content).to_bytes(8, "little")
    return struct.pack("<II", MAGIC, len(content)) + content


def _part(data, size):
    if size > 1 and len(data):
        data = np.frombuffer(data, np.uint8).reshape(-1, size).T.tobytes()
    return data + bytes(-len(data) % 64)


def _narrow(a):
    """float32 as BF16, rounded to nearest even; what is BF16 already stays as it is, NaN too."""
    if a.dtype.name == "bfloat16":
        return a.view(np.uint16).astype("<u2")
    bits = np.array(a, "<f4", order="C", ndmin=1).view("<u4").reshape(a.shape)
    half = (bits >> 16).astype("<u2")
    up = ((bits.astype(np.uint64) + 0x7FFF + (half & 1)) >> 16).astype("<u2")
    return np.where(np.isnan(a), half | ((bits & 0xFFFF != 0) * np.uint16(0x40)), up)


def _plain(name, v):
    """A column as a caller gives it -> list of str, list of arrays, or array."""
    if name == "id" and not (isinstance(v, list) and all(isinstance(s, str) for s in v)):
        v = np.asarray(v)
        v = [str(int(x)) for x in v] if v.dtype.kind in "iu" else v
    if isinstance(v, (list, tuple)):
        if all(isinstance(s, str) for s in v):
            return list(v)
        if all(np.ndim(x) for x in v):
            return [np.asarray(x) for x in v]
    v = np.asarray(v)
    if v.dtype.kind == "U":
        if v.ndim != 1:
            raise Error(f'column "{name}": texts of {v.ndim} dimensions')
        return v.tolist()
    if not v.ndim:
        raise Error(f'column "{name}": one value, not one for each record')
    if name == "label" and v.dtype.kind in "iub":
        if v.size and not -1 <= int(v.min()) <= int(v.max()) < 1 << 31:
            raise Error("a label is from 0 to 2147483647, or -1 where it is not known")
        v = v.astype(np.int32)
    return v


def _entry(name, v, attr):
    """A column's entry in the schema."""
    text = isinstance(v, list) and all(isinstance(s, str) for s in v)
    if isinstance(v, list) and v and not text:
        dtype, shape = NAMES.get(v[0].dtype.name), [-1, *v[0].shape[1:]]
    else:
        dtype, shape = ("UTF8", []) if text else (NAMES.get(v.dtype.name), list(v.shape[1:]))
    if dtype is None and "dtype" not in attr:
        raise Error(f'column "{name}": elements of type {(v[0] if isinstance(v, list) else v).dtype} are no type of a column')
    return {"dtype": dtype, "shape": shape, **attr, "name": name}


class Writer:
    """with hmr.Writer(path) as w: w.add(columns); w.add(more) ...

    The first batch decides types and shapes, unless attributes have them ("dtype", "shape"). Leaving the block commits the file;
    an exception leaves what was there before. Of a pipe, an exception makes the end mark say that the producer failed.
    meta, pg: what the header holds beside the schema. level: zstd's. block_size: bytes of a block.
    """

    def __init__(self, path, attributes=None, meta=None, pg=None, level=1, block_size=1 << 20):
        self._attr, self._meta, self._pg = attributes or {}, meta or {}, pg or []
        self._zstd = zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)
        self._size = min(block_size, MOST_RECORD)
        self._digest, self._blocks, self._columns = xxhash.xxh3_128(), [], None
        self._at = self._records = self._raw = 0
        self._temporary, self._own = None, None
        if hasattr(path, "write"):
            self._file = path
        elif os.fspath(path) == "-":
            self._file = sys.stdout.buffer
        elif os.path.exists(path) and not os.path.isfile(path):  # a pipe, a device
            self._own = self._file = open(path, "wb")
        else:
            self._path = os.path.realpath(path)
            fd, self._temporary = tempfile.mkstemp(prefix=".hmr-", dir=os.path.dirname(self._path))
            self._own = self._file = os.fdopen(fd, "wb")

    def __enter__(self):
        return self

    def __exit__(self, kind, *ignored):
        if kind:
            self.abort()
        else:
            self.close()

    def add(self, columns):
        """Records: {name: array or list}, all of the same length, the same names each time."""
        columns = {name: _plain(name, v) for name, v in columns.items()}
        if self._columns is None:
            self._begin(columns)
        if list(columns) != [c.name for c in self._columns]:
            raise Error(f"the columns are {', '.join(columns)}, and were {', '.join(c.name for c in self._columns)}")
        lengths = {len(v) for v in columns.values()}
        if len(lengths) != 1:
            raise Error("columns of different lengths: " + ", ".join(f"{name} {len(v)}" for name, v in columns.items()))
        n = lengths.pop()
        size = np.zeros(n, np.int64)
        ready = [self._ready(c, columns[c.name], size) for c in self._columns]
        if n and size.max() > MOST_RECORD:
            raise Error(f"record {self._records + self._count + int(size.argmax())} is larger than 64 MiB less 64 KiB")
        self._gather(ready, size)

    def _begin(self, columns):
        unknown = [name for name in self._attr if name not in columns]
        if unknown:
            raise Error(f"attributes of columns that are not there: {', '.join(unknown)}")
        schema = [_entry(name, v, self._attr.get(name, {})) for name, v in columns.items()]
        self._columns = _schema(schema)
        text = _dump({"meta": self._meta, "pg": self._pg, "schema": schema}).encode()
        if len(text) > MOST_HEAD:
            raise Error("the header is larger than 1 MiB")
        self._put(_frame(b"HMRH" + struct.pack("<HHIIII", 1, 0, 0, 0, len(text), 0) + text))
        self._digest.update(_dump(schema).encode())
        self._empty()

    def _empty(self):
        self._held, self._count, self._bytes = [[] for _ in self._columns], 0, 0

    def _ready(self, c, v, size):
        """A column's values as bytes of its type: array [n,...], or (array of all rows, offsets); adds up the records' sizes."""
        where = f'column "{c.name}": '
        listed = isinstance(v, list)
        if c.kind == "fixed":
            v = c.none() if listed and not v else v
            if isinstance(v, list) or v.shape[1:] != c.row:
                raise Error(f"{where}shape {'ragged' if isinstance(v, list) else list(v.shape[1:])}, not {list(c.row)}")
            size += c.bytes
            return self._convert(c, v)
        if c.kind == "text":
            if not listed or not all(isinstance(s, str) for s in v):
                raise Error(f"{where}a list of str is wanted")
            try:
                rows = [s.encode() for s in v]
            except UnicodeEncodeError:
                raise Error(f"{where}text with half of a surrogate pair") from None
            data = np.frombuffer(b"".join(rows), np.uint8)
        else:
            if not listed or any(isinstance(a, str) or a.shape[1:] != c.row for a in v):
                raise Error(f"{where}a list of arrays [any number,{','.join(map(str, c.row))}] is wanted")
            rows = v
            data = self._convert(c, np.concatenate(v)) if v else np.empty((0, *c.row), c.raw)
        cut = np.cumsum([0] + [len(r) for r in rows])
        size += np.diff(cut) * c.bytes + 4
        return data, cut

    def _convert(self, c, v):
        if c.dtype == "BF16" and v.dtype.name in ("float32", "float16", "bfloat16"):
            return _narrow(v)
        if NAMES.get(v.dtype.name) != c.dtype:
            raise Error(f'column "{c.name}": {v.dtype}, and {c.dtype} is wanted')
        return v.astype(c.raw, copy=False) if v.dtype.kind != "b" else v.astype("u1")

    def _gather(self, ready, size):
        """Puts records into blocks: a block ends before the record that would make it too large."""
        total, i, n = np.concatenate([[0], np.cumsum(size)]), 0, len(size)
        while i < n:
            room = total[i] + self._size - self._bytes
            j = min(int(np.searchsorted(total, room, "right")) - 1, i + MOST_RECORDS - self._count, n)
            j = max(j, i + (not self._count))
            if j > i:
                for held, v in zip(self._held, ready):
                    held.append((v[0][v[1][i]:v[1][j]], np.diff(v[1][i:j + 1])) if isinstance(v, tuple) else v[i:j])
                self._count += j - i
                self._bytes += int(total[j] - total[i])
                i = j
            if i < n:
                self._flush()

    def _flush(self):
        if not self._count:
            return
        parts = []
        for c, held in zip(self._columns, self._held):
            if c.kind != "fixed":
                lengths = np.concatenate([h[1] for h in held])
                parts.append(_part(np.concatenate([[0], np.cumsum(lengths)]).astype("<u4").tobytes(), 4))
                held = [h[0] for h in held]
            parts.append(_part(b"".join(h.tobytes() for h in held), c.raw.itemsize))
        payload = b"".join(parts)
        packed = self._zstd.compress(payload)
        place = self._at, self._records, self._count, len(payload), len(packed), 0
        self._put(_frame(b"HMRB" + struct.pack("<IQQIIIIQQ", 0, len(self._blocks), *place[1:], _hash(payload), _hash(packed))))
        self._put(packed)
        self._digest.update(payload)
        self._blocks.append(place)
        self._records += self._count
        self._raw += len(payload)
        self._empty()

    def _put(self, data):
        self._file.write(data)
        self._at += len(data)

    def close(self):
        """Writes the end and commits the file."""
        try:
            if self._columns is None:
                raise Error("a stream needs columns: add() was not called")
            self._flush()
            index = self._at
            self._put(_frame(b"HMRI" + struct.pack("<IQ", 0, len(self._blocks)) + b"".join(struct.pack("<QQIIII", *b) for b in self._blocks)))
            self._put(self._mark(0, index, self._digest.digest()))
            self._file.flush()
            if self._temporary:
                os.fsync(self._own.fileno())
                mask = os.umask(0)
                os.umask(mask)
                mode = os.stat(self._path).st_mode & 0o7777 if os.path.exists(self._path) else 0o666 & ~mask
                os.chmod(self._temporary, mode)
                os.replace(self._temporary, self._path)
                self._temporary = None
            if self._own:
                self._own.close()
        except BaseException:
            self.abort()
            raise

    def _mark(self, status, index, digest):
        return _frame(b"HMRE" + struct.pack("<IQQQQQ", status, self._records, 0, len(self._blocks), self._raw, index) + digest)

    def abort(self):
        """Leaves no file; a pipe gets an end mark by which its reader fails."""
        try:
            if not self._temporary:
                self._file.write(self._mark(1, 0, bytes(16)))
                self._file.flush()
        except (OSError, ValueError):
            pass  # the end mark is missing then, which says the same
        finally:
            if self._own:
                self._own.close()
            if self._temporary:
                os.unlink(self._temporary)
                self._temporary = None


def write(path, columns, attributes=None, **options):
    """A whole stream of columns {name: array or list}. attributes: {name: {key: value}}; options: see Writer."""
    with Writer(path, attributes, **options) as w:
        w.add(columns)
