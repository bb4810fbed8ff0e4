"""hm-csv2rec on random tables: what Python's csv reads of files that csv.writer wrote, in every dialect; what a second
reader of RFC 4180, by regular expressions, makes of broken ones, row by row; what hm-jsonl2rec makes of the same data, to
the byte. usage: check_csv.py build/bin [files [seed]]"""
import collections
import csv
import io
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

BIN = os.path.abspath(sys.argv[1])
FILES, SEED = (int(a) for a in (sys.argv[2:] + ["1500", "1"][len(sys.argv) - 2:]))
count = collections.Counter()
Row = collections.namedtuple("Row", "kind line fields")  # kind: row, bad, lost; line: where it starts, or what is wrong with it


def run(tool, *args, data=b""):
    done = subprocess.run([f"{BIN}/{tool}", *args], input=data, capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode()


def records(stream):
    code, out, err = run("hm-view", data=stream)
    assert code == 0, err
    return [json.loads(line) for line in out.decode().split("\n")[:-1]]


def word(delimiter):
    return "tab" if delimiter == "\t" else delimiter


# ---- the second reader

def read_rows(data, delimiter):
    """RFC 4180 with LF too, without empty lines; a bad row ends where its line does, if it began on that line."""
    d = re.escape(delimiter.encode())
    quoted, plain = re.compile(rb'"((?:[^"]|"")*+)"'), re.compile(rb'[^"\r\n' + d + rb"]*")
    at = re.compile(rb"(?P<next>" + d + rb")|(?P<end>\r?\n|\r?\Z)")
    pos = 3 if data[:3] == b"\xef\xbb\xbf" else 0
    line_of = lambda p: data.count(b"\n", 0, p) + 1
    end_of = lambda p: data.find(b"\n", p) + 1 or len(data)

    def text_fault(begin, end):
        """The line of the first byte that is NUL or no UTF-8, or None."""
        try:
            data[begin:end].decode()
            bad = len(data)
        except UnicodeDecodeError as e:
            bad = begin + e.start
        nul = data.find(b"\0", begin, end)
        bad = min(bad, nul if nul >= 0 else bad)
        return line_of(bad) if bad < end else None

    while pos < len(data):
        blank = re.compile(rb"\r?\n|\r\Z").match(data, pos)
        if blank:
            pos = blank.end()
            continue
        begin, fields, kind = pos, [], None
        while kind is None:
            field = pos
            m = (quoted if data[pos:pos + 1] == b'"' else plain).match(data, pos)
            if not m:
                yield Row("lost", line_of(field), None)
                return
            after = at.match(data, m.end())
            if not after:
                fault, kind = line_of(m.end()), "bad" if line_of(m.end()) == line_of(begin) else "lost"
                wrong = text_fault(begin, end_of(m.end()))
                yield Row(kind, min(wrong or fault, fault), None)
                if kind == "lost":
                    return
                pos = end_of(m.end())
                break
            fields.append(m.group(1).replace(b'""', b'"') if m.re is quoted else m.group())
            pos = after.end()
            if after["end"] is not None:
                wrong = text_fault(begin, pos)
                kind = "bad" if wrong else "row"
                yield Row(kind, wrong or line_of(begin), None if wrong else [f.decode() for f in fields])


# ---- what a row means

def is_number(s):
    return re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", s, re.ASCII)


def f32(x):
    try:
        return struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return None


def meaning(names, fields, seen, words):
    """The record, or None: the columns id, text (--null-text empty), label, s:utf8, n:i32, f:f32."""
    cell = {"text": "", "label": "", **dict(zip(names, fields))}
    if fields == names or not cell["id"]:
        return None
    label = cell["label"]
    if not label:
        label = -1
    elif words:
        by_value = [i for i, w in enumerate(words) if w == label or (is_plain(w) and is_plain(label) and float(w) == float(label))]
        label = by_value[0] if by_value else None
    else:
        label = int(label) if re.fullmatch("0|[1-9][0-9]*", label, re.ASCII) and int(label) < 2**31 else None
    n = int(cell["n"]) if re.fullmatch("-?(0|[1-9][0-9]*)", cell["n"], re.ASCII) else None
    f = float(cell["f"]) if is_number(cell["f"]) else None
    f = f32(f) if f is not None and abs(f) < 3.4028235e38 else None
    if label is None or n is None or not -2**31 <= n < 2**31 or f is None or cell["id"] in seen:
        return None
    return {"id": cell["id"], "text": cell["text"], "label": label, "s": cell["s"], "n": n, "f": f}


def is_plain(s):
    return re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", s, re.ASCII)


OPTIONS = ["--no-img", "--null-text", "empty", "--keep-field", "s", "--keep-field", "n:i32", "--keep-field", "f:f32"]


def same(got, want):
    """Floats by their 32 bits: hm-view prints the shortest that reads back."""
    return got.keys() == want.keys() and all(f32(got[k]) == want[k] if k == "f" else got[k] == want[k] for k in want)


def check_table(rng, data, delimiter, words):
    rows = list(read_rows(data, delimiter))
    header = rows[0] if rows else None
    options = ["--delimiter", word(delimiter), *OPTIONS, *(["--labels", ",".join(words)] if words else [])]
    code, out, err = run("hm-csv2rec", "--on-error", "skip", *options, data=data)
    strict_code, _, strict_err = run("hm-csv2rec", *options, data=data)
    names = header.fields if header else None
    if not header or header.kind != "row" or any(names.count(n) != 1 for n in ("id", "s", "n", "f")) or \
            max(names.count("text"), names.count("label")) > 1 or (words and "label" not in names):
        assert code == strict_code == 1, (data, code, err)
        count["headers refused"] += 1
        return
    want, bad, lost, first, seen = [], 0, None, None, set()
    for r in rows[1:]:
        record = None
        if r.kind == "row" and len(r.fields) == len(names):
            record = meaning(names, r.fields, seen, words)
        if record:
            want.append(record)
            seen.add(record["id"])
        else:
            first = first or r.line
            if r.kind == "lost":
                lost = r.line
                break
            bad += 1
    at = re.search(r"error: standard input: line (\d+)", strict_err)
    assert (at and int(at[1])) == first and strict_code == (first is not None), (data, strict_err, first)
    if lost:
        at = re.search(r"error: standard input: line (\d+)", err)
        assert code == 1 and int(at[1]) == lost, (data, err, lost)
        count["tables lost"] += 1
        return
    assert code == 0, (data, err)
    got = records(out)
    if len(got) != len(want) or not all(map(same, got, want)):
        raise AssertionError((data, got, want))
    said = re.search(r"(\d+) bad rows? left out", err)
    assert (int(said[1]) if said else 0) == bad, (data, err, bad)
    count["rows"] += len(got)
    count["bad rows"] += bad
    if all(r.kind == "row" for r in rows):  # Python's reader agrees with the second one
        text = data.decode("utf-8-sig")
        peer = [r for r in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if r]
        assert peer == [r.fields for r in rows], (data, peer)
        count["tables as Python reads them"] += 1


# ---- random tables

TEXTS = ["", "", "a", "cat", "NaN", "NA", "null", "None", "0", "1", "1.0", "-0", "007", " x ", "\t", "x;y", "x,y", "|", '"', '""', 'say "hi"',
         "l1\nl2", "CR\r\nLF", "\r", "\n", "é", "😀", "\u2028", "\ufeff", "\x1a", "\\", "'", "=1+1", "#c", "\x85"]
NUMBERS = ["0", "-0", "1", "-5", "2147483647", "-2147483648", "2147483648", "01", "+1", "1.0", "", "x", "99999999999999999999", "1e3"]
REALS = ["0", "-0.0", "1.5", ".5", "5.", "1e-3", "1E+5", "1e400", "3.4e38", "3.5e38", "1e-50", "nan", "inf", "0x1", "", "-", "1e", "1_0", "٣"]
LABELS = ["0", "1", "", "", "1.0", "yes", "no", "Yes", "true", "-1", "2147483648", " 1", "01"]
NAMES = ["id", "text", "label", "s", "n", "f"]
WORDS = [None, None, ["no", "yes"], ["0", "1"], ["-1", "1.5", "true"]]


def good(rng, i):
    return [str(i), rng.choice(TEXTS), rng.choice(["0", "1", ""]), rng.choice(TEXTS), rng.choice(["0", "-7"]), rng.choice(["0.1", "-2e3"])]


def hostile(rng, i):
    return [rng.choice([str(i), "", "1", rng.choice(TEXTS)]), rng.choice(TEXTS), rng.choice(LABELS), rng.choice(TEXTS), rng.choice(NUMBERS),
            rng.choice(REALS)]


def written(rng, delimiter):
    """A table by csv.writer; sometimes a cell too many or too few."""
    order = rng.sample(range(6), 6)
    out = io.StringIO(newline="")
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
    w = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=rng.choice(["\n", "\r\n"]))
    extra = rng.random() < 0.3
    w.writerow([NAMES[k] for k in order] + ["zz"] * extra)
    for i in range(rng.randrange(12)):
        cells = (hostile if rng.random() < 0.2 else good)(rng, i)
        row = [cells[k] for k in order] + [rng.choice(TEXTS)] * extra
        if rng.random() < 0.03:
            row = row[:-1] if rng.random() < 0.5 else row + ["more"]
        w.writerow(row)
    text = out.getvalue()
    if rng.random() < 0.2:
        text = text.rstrip("\r\n")
    return rng.choice([b"", b"", b"\xef\xbb\xbf"]) + text.encode()


def damaged(rng, data, delimiter):
    """A few bytes out, in, or changed."""
    pieces = [b'"', b'""', b"\n", b"\r\n", b"\r", delimiter.encode(), b"a", b"\xe9", b"\xc3", b"\0", b" ", b'"\n"', b'",', b'"x"']
    head = data.find(b"\n") + 1 if rng.random() < 0.9 else 0
    for _ in range(rng.choice([1, 1, 1, 2, 3, 6])):
        p = rng.randrange(head, len(data) + 1)
        if rng.random() < 0.3:
            data = data[:p] + data[p + rng.randrange(1, 5):]
        else:
            data = data[:p] + rng.choice(pieces) + data[p:]
    return data


def soup(rng, delimiter):
    d = delimiter.encode()
    head = d.join(n.encode() for n in NAMES) + b"\n"
    pieces = [b'"', b'"', b'""', b"\n", b"\n", b"\r\n", b"\r", d, d, d, b"1", b"0", "é".encode(), b"\xff", b"x", b"7" + d + d + d + d + b"1" + d + b"1\n"]
    return head + b"".join(rng.choice(pieces) for _ in range(rng.randrange(60)))


def check_alike(rng, i):
    """The same data as JSON lines and as a table: the same bytes."""
    names = ["id", "img", "text", "label", "s", "n", "f"]
    rows = []
    for k in range(rng.randrange(200)):
        text = "".join(rng.choice(TEXTS) for _ in range(rng.randrange(1, 6)))
        rows.append({"id": rng.choice([k, f"x{k}", f"{k},{k}"]), "img": rng.choice(["img/", "", "./img//", "a b/"]) + f"{k}.png", "text": text,
                     "label": rng.choice([0, 1, 5, None]), "s": rng.choice(TEXTS), "n": rng.randrange(-2**31, 2**31),
                     "f": rng.choice([rng.random(), rng.gauss(0, 1e9), rng.randrange(-5, 5), rng.random() * 1e-40])})
    options = ["--no-pg", "-q", "--null-text", "empty", "--keep-field", "s", "--keep-field", "n:i32", "--keep-field", "f:f32"]
    options += rng.choice([[], ["--shard", "1/3"], ["--limit", "7"], ["--no-img"], ["--labels", "0,1,5"], ["--block-size", "4K"]])
    lines = "".join(json.dumps(r, ensure_ascii=rng.random() < 0.5) + "\n" for r in rows).encode()
    code, want, err = run("hm-jsonl2rec", *options, data=lines)
    assert code == 0, err
    for delimiter in ",\t;":
        out = io.StringIO(newline="")
        # with "\n" as the end of lines csv.writer leaves a bare "\r" without quotes
        w = csv.writer(out, delimiter=delimiter, **rng.choice([{"lineterminator": "\n", "quoting": csv.QUOTE_ALL}, {}]))
        order = rng.sample(names, len(names))
        w.writerow(order)
        w.writerows([r[n] for n in order] for r in rows)
        code, got, err = run("hm-csv2rec", "--delimiter", word(delimiter), *options, data=out.getvalue().encode())
        if code or got != want:
            differ = [(a, b) for a, b in zip(records(want), records(got)) if a != b] if not code else err
            raise AssertionError((i, delimiter, options, differ[:3]))
        count["streams alike"] += 1


def main():
    rng = random.Random(SEED)
    csv.field_size_limit(1 << 30)
    for i in range(FILES):
        delimiter = rng.choice(",,\t\t;|: ^")
        data = written(rng, delimiter) if rng.random() < 0.8 else soup(rng, delimiter)
        if rng.random() < 0.6:
            data = damaged(rng, data, delimiter)
        check_table(rng, data, delimiter, rng.choice(WORDS))
    for i in range(FILES // 10):
        check_alike(rng, i)
    print(", ".join(f"{n} {what}" for what, n in sorted(count.items())))


main()
