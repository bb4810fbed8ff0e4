"""Writes lib/prep/unicode_table.c: what BERT's normaliser and pre-tokeniser do to each code point, found by asking
Hugging Face's tokenizers about every one of them. Run as `.venv/bin/python tests/oracle/make_unicode.py`."""
import os
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

OUT = os.path.join(os.path.dirname(__file__), "..", "..", "lib", "prep", "unicode_table.c")
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
UNCLEANED_SPACE = (0xB, 0xC, 0x85)  # control characters that are white space where the text is not cleaned
HIGH, LOW = "\u302e", "\U0001d165"  # combining classes 224 and 216, neither is Mn


def step(**on):
    steps = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**steps, **on}).normalize_str


clean, cjk = step(clean_text=True), step(handle_chinese_chars=True)
strip, lower, both = step(strip_accents=True), step(strip_accents=False, lowercase=True), step(strip_accents=True, lowercase=True)
nfd, split = normalizers.NFD().normalize_str, pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def raw_class(c):
    """The name of the class before normalisation; None for what stays as it is."""
    ch = chr(c)
    cleaned, words = clean(f"a{ch}b"), [w for w, _ in split(f"a{ch}b")]
    if cleaned != f"a{ch}b":
        return {"ab": "REMOVED", "a b": "SPACE"}[cleaned]
    if cjk(ch) != ch:
        assert cjk(ch) == f" {ch} " and len(words) == 1
        return "CJK"
    if len(words) == 3:
        assert words == ["a", ch, "b"]
        return "PUNCT"
    assert words == [f"a{ch}b"] or (c == 0x20 and words == ["a", "b"])
    return "SPACE" if c == 0x20 else None


def combining(c):
    """Canonical combining class, by which of two marks NFD puts first; the marks are as old as Unicode 5."""
    ch, ref = chr(c), {}
    for m in range(0x300, 0x1D300):
        if unicodedata.ucd_3_2_0.combining(chr(m)) and len(nfd(chr(m))) == 1:
            ref.setdefault(unicodedata.ucd_3_2_0.combining(chr(m)), chr(m))
    for value, mark in ref.items():
        if nfd("a" + ch + mark) == "a" + ch + mark and nfd("a" + mark + ch) == "a" + mark + ch:
            return value
    raise SystemExit(f"U+{c:04X} has an unknown combining class")


def ranges(pairs):
    """[(code point, word)] in order -> [[first, last, word]]"""
    out = []
    for c, word in pairs:
        if out and out[-1][1] == c - 1 and out[-1][2] == word:
            out[-1][1] = c
        else:
            out.append([c, c, word])
    return out


def runs(single):
    """[(from, to)] in order -> [[from, to, count, step, to's step]]"""
    out, i = [], 0
    while i < len(single):
        n, df, dt = 1, 0, 0
        if i + 1 < len(single):
            df, dt = (single[i + 1][k] - single[i][k] for k in (0, 1))
            if 0 < df < 3 and 0 <= dt < 3:
                while i + n < len(single) and all(single[i + n][k] - single[i + n - 1][k] == d for k, d in ((0, df), (1, dt))):
                    n += 1
        if n == 1:
            df = dt = 0
        out.append([*single[i], n, df, dt])
        i += n
    return out


def rows(items, fmt, width=100):
    lines = [""]
    for it in items:
        word = fmt(*it) + ","
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "".join(f"\t{line}\n" for line in lines)


def check_uncleaned(c, kind):
    """Without cleaning a code point is white space or part of a word, and no step changes it."""
    ch = chr(c)
    words = [w for w, _ in split(f"a{ch}b")]
    assert words == (["a", "b"] if kind == "SPACE" or c in UNCLEANED_SPACE else [f"a{ch}b"])
    assert both(ch) == ch or (kind == "SPACE" and all(raw_class(ord(x)) == "SPACE" for x in both(ch)))


def main():
    raw, marks, order, single, multi, low, low_multi = [], [], [], [], [], [], []
    for c in CODE_POINTS:
        ch = chr(c)
        kind, out, small = raw_class(c), strip(ch), lower(ch)
        if kind:
            raw.append((c, kind))
        assert "".join(map(lower, out)) == both(ch), "lower case follows the decomposition, code point by code point"
        assert max(len(out), len(small), len(both(ch))) <= len(ch.encode()), "a text of n bytes may have more than n tokens"
        if kind in ("REMOVED", "SPACE"):
            check_uncleaned(c, kind)
            continue
        if len(small) > 1:
            assert not kind and len(small) <= 3 and not any(raw_class(ord(x)) for x in small)
            low_multi.append([c] + [ord(x) for x in small] + [0] * (3 - len(small)))
        elif small != ch:
            assert kind == raw_class(ord(small)) is None
            low.append((c, ord(small)))
        if c in HANGUL:
            s = c - 0xAC00
            jamo = [0x1100 + s // 588, 0x1161 + s % 588 // 28] + ([0x11A7 + s % 28] if s % 28 else [])
            assert [ord(x) for x in out] == jamo
        elif not out:
            blocks = strip("a" + HIGH + ch + LOW) == "a" + HIGH + LOW
            assert blocks or strip("a" + HIGH + ch + LOW) == "a" + LOW + HIGH
            marks.append((c, "MARK_STARTER" if blocks else "MARK"))
        elif len(out) > 1:
            assert not kind and len(out) <= 3 and not any(raw_class(ord(x)) for x in out)
            multi.append([c] + [ord(x) for x in out] + [0] * (3 - len(out)))
        else:
            assert raw_class(ord(out)) in (None, "PUNCT", "CJK")
            if out != ch:
                single.append((c, ord(out)))
            elif nfd("\u0345" + ch) != "\u0345" + ch or nfd(ch + "\u0334") != ch + "\u0334":
                order.append((c, combining(c)))
    assert not any(lower(chr(x)) != chr(x) for _, *to in multi + low_multi for x in to if x), "what becomes several is lower case"
    assert not any(c == x for c, _ in low for x, _ in order), "what is reordered has no lower case"
    classes = rows(ranges(raw), lambda a, b, w: f"{{0x{a:x}, 0x{b:x}, HM_CHAR_{w}}}")
    dropped = rows(ranges(marks), lambda a, b, w: f"{{0x{a:x}, 0x{b:x}, HM_CHAR_{w}}}")
    ordered = rows(ranges(order), lambda a, b, w: f"{{0x{a:x}, 0x{b:x}, {w}}}")
    singles = rows(runs(single), lambda *r: "{0x%x, 0x%x, %d, %d, %d}" % tuple(r))
    multis = rows(multi + low_multi, lambda *r: "{0x%x, {0x%x, 0x%x, 0x%x}}" % tuple(r))
    lows = rows(runs(low), lambda *r: "{0x%x, 0x%x, %d, %d, %d}" % tuple(r))
    with open(OUT, "w", encoding="ascii") as f:
        f.write(f"""/* What BERT's tokenizer does to each code point: see unicode_table.h. Made by tests/oracle/make_unicode.py,
 * which asked tokenizers {tokenizers.__version__} about every one; change that script, not this file. */
#include "prep/unicode_table.h"

""")
        for kind, name, text in [
            ("struct hm_char_range", "hm_char_raw", classes),
            ("struct hm_char_range", "hm_char_marks", dropped),
            ("struct hm_char_range", "hm_char_order", ordered),
            ("struct hm_char_run", "hm_char_single", singles),
            ("struct hm_char_run", "hm_char_lower", lows),
            ("struct hm_char_multi", "hm_char_multi", multis),
        ]:
            f.write(f"const {kind} {name}[] = {{\n{text}}};\n")
            f.write(f"const size_t {name}_n = sizeof {name} / sizeof {name}[0];\n\n")
        f.write(f"const size_t hm_char_multi_lower = {len(multi)};\n")
    with open(OUT, encoding="ascii") as f:
        text = f.read().rstrip("\n") + "\n"
    with open(OUT, "w", encoding="ascii") as f:
        f.write(text)
    print(f"unicode_table.c: {len(raw)} classed, {len(marks)} marks, {len(order)} ordered, {len(single)} and {len(multi)} decomposed, "
          f"{len(low)} and {len(low_multi)} lowered")


main()
