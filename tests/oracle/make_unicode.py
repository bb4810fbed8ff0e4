"""Writes lib/prep/unicode_table.c and charclass_table.c: what the normalisers and pre-tokenisers of BERT, CLIP and RoBERTa
do to each code point, found by asking Hugging Face's tokenizers about every one of them. What BERT's make of a decomposition
is checked to follow from the lists that both share. Run as `.venv/bin/python tests/oracle/make_unicode.py`."""
import os
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

OUT = os.path.join(os.path.dirname(__file__), "..", "..", "lib", "prep")
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
UNCLEANED_SPACE = (0xB, 0xC, 0x85)  # control characters that are white space where the text is not cleaned
HIGH, LOW = "\u302e", "\U0001d165"  # combining classes 224 and 216, neither is Mn


def step(**on):
    steps = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**steps, **on}).normalize_str


nfc, nfd, lower = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str, normalizers.Lowercase().normalize_str
clean, cjk = step(clean_text=True), step(handle_chinese_chars=True)
strip, lower_bert, both = step(strip_accents=True), step(lowercase=True), step(strip_accents=True, lowercase=True)
split_bert = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
split_bpe = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
removed = {name: pre_tokenizers.Split(Regex(regex), "removed").pre_tokenize_str
           for name, regex in (("SPACE", r"\s"), ("LETTER", r"\p{L}"), ("NUMBER", r"\p{N}"))}


# ---- the lists as C

def ranges(pairs):
    """[(code point, value)] in order -> [[first, last, value]]"""
    out = []
    for c, value in pairs:
        if out and out[-1][1] == c - 1 and out[-1][2] == value:
            out[-1][1] = c
        else:
            out.append([c, c, value])
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
        word = fmt % tuple(it) + ","
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "".join(f"\t{line}\n" for line in lines)


def write(name, what, lists):
    with open(os.path.join(OUT, name), "w", encoding="ascii", newline="\n") as f:
        f.write(f"""/* {what}: see unicode_table.h. Made by tests/oracle/make_unicode.py,
 * which asked tokenizers {tokenizers.__version__} about every one; change that script, not this file. */
#include "prep/unicode_table.h"

""")
        f.write("\n".join(f"const {kind} {name}[] = {{\n{text}}};\nconst size_t {name}_n = sizeof {name} / sizeof {name}[0];\n"
                          for kind, name, text in lists))


# ---- what all of them share

def marks():
    """A mark that the reference moves for each combining class, by Python's table."""
    ref = {}
    for m in range(0x300, 0x1D300):
        value, ch = unicodedata.combining(chr(m)), chr(m)
        if value and nfd(ch) == ch and (nfd("\u0345" + ch) != "\u0345" + ch or nfd(ch + "\u0334") != ch + "\u0334"):
            ref.setdefault(value, ch)
    return ref


def combining(ch, ref):
    """Canonical combining class, by which of two marks NFD puts first; 0 for what is never moved."""
    if nfd("\u0345" + ch) == "\u0345" + ch and nfd(ch + "\u0334") == ch + "\u0334":
        return 0
    for value, mark in ref.items():
        if nfd("a" + ch + mark) == "a" + ch + mark and nfd("a" + mark + ch) == "a" + mark + ch:
            return value
    raise SystemExit(f"U+{ord(ch):04X} has an unknown combining class")


def lowered():
    """[(code point, its lower case)] but for U+0130, the only one that becomes two."""
    lows = []
    for c in CODE_POINTS:
        small = lower(chr(c))
        assert lower_bert(chr(c)) == small
        if c == 0x130:
            assert small == "i\u0307"
        elif small != chr(c):
            assert len(small) == 1
            lows.append((c, ord(small)))
    return lows


def decompositions():
    """(combining classes, decompositions into one, into two, the numbers of the pairs that are composed again)"""
    ref, whole, orders = marks(), {}, []
    for c in CODE_POINTS:
        ch = chr(c)
        parts = nfd(ch)
        if c in HANGUL:
            s = c - 0xAC00
            jamo = [0x1100 + s // 588, 0x1161 + s % 588 // 28] + ([0x11A7 + s % 28] if s % 28 else [])
            assert [ord(x) for x in parts] == jamo and nfc(parts) == ch
        elif parts != ch:
            assert len(parts) <= 4
            whole[parts] = whole.get(parts, []) + [ch]
        else:
            order = combining(ch, ref)
            if order:
                orders.append((c, order))
    # One step of each decomposition: into one code point, or into what the last mark was put on and that mark.
    steps = []
    for parts, all_of in whole.items():
        for ch in all_of:
            if len(parts) == 1:
                steps.append((ord(ch), ord(parts), 0, False))
                continue
            front = parts[:-1] if len(parts) == 2 else nfc(parts[:-1])
            if len(front) > 1:
                front = whole[parts[:-1]][0]
            together = nfc(parts) == ch
            assert len(front) == 1 and nfd(front) + parts[-1] == parts and (not together or nfc(front + parts[-1]) == ch)
            steps.append((ord(ch), ord(front), ord(parts[-1]), together))
    steps.sort()
    order_of, seconds = dict(orders), {b for _, _, b, together in steps if together}
    for c, _, _, together in steps:
        first = ord(nfd(chr(c))[0])
        assert not together or (first not in order_of and first not in seconds), "a composite begins what it is part of"
    singles = [(c, a) for c, a, b, _ in steps if not b]
    pairs = [(c, a, b) for c, a, b, _ in steps if b]
    at = {c: i for i, (c, _, _) in enumerate(pairs)}
    composing = [(at[c],) for _, _, c in sorted((a, b, c) for c, a, b, together in steps if together)]
    return orders, singles, pairs, composing


# ---- BERT

def bert_class(c):
    """The name of the class before normalisation; None for what stays as it is."""
    ch = chr(c)
    cleaned, words = clean(f"a{ch}b"), [w for w, _ in split_bert(f"a{ch}b")]
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


def check_uncleaned(c, kind, orders):
    """Without cleaning a code point is white space or part of a word, and no step changes it."""
    ch = chr(c)
    words = [w for w, _ in split_bert(f"a{ch}b")]
    assert words == (["a", "b"] if kind == "SPACE" or c in UNCLEANED_SPACE else [f"a{ch}b"])
    assert both(ch) == ch or (kind == "SPACE" and all(bert_class(ord(x)) == "SPACE" for x in both(ch)))
    assert c not in orders


def check_stripped(c, kind, dropped, orders):
    """Stripping accents is the decomposition without the marks; what lib/prep/charmap.c takes for granted of it."""
    ch, out, small = chr(c), strip(chr(c)), lower(chr(c))
    parts = nfd(ch)
    assert out == "".join(x for x in parts if ord(x) not in dropped)
    if c == 0x130:
        assert not kind and not any(bert_class(ord(x)) for x in small)
    elif small != ch:
        assert kind == bert_class(ord(small)) is None and c not in orders
    if not out:
        blocks = strip("a" + HIGH + ch + LOW) == "a" + HIGH + LOW
        assert blocks or strip("a" + HIGH + ch + LOW) == "a" + LOW + HIGH
        assert blocks == (ord(parts[0]) not in orders)
    elif c not in HANGUL and len(out) > 1:
        assert not kind and len(out) <= 3 and not any(bert_class(ord(x)) or lower(x) != x for x in out)
    elif len(out) == 1:
        assert bert_class(ord(out)) in (None, "PUNCT", "CJK")


def bert(orders):
    """([(code point, class)], [the marks that are dropped])"""
    raw, dropped = [], {c for c in CODE_POINTS if not strip(chr(c))}
    for c in CODE_POINTS:
        ch, kind = chr(c), bert_class(c)
        if kind:
            raw.append((c, kind))
        assert "".join(map(lower, strip(ch))) == both(ch), "lower case follows the decomposition, code point by code point"
        assert max(len(strip(ch)), len(lower(ch)), len(both(ch))) <= len(ch.encode()), "a text of n bytes may have more than n tokens"
        if kind in ("REMOVED", "SPACE"):
            check_uncleaned(c, kind, orders)
        else:
            check_stripped(c, kind, dropped, orders)
    return raw, sorted(dropped)


# ---- CLIP and RoBERTa

def bpe_class(c):
    """The class of a code point; None for all others. GPT-2's own expression must have the same classes."""
    ch = chr(c)
    kinds = [name for name, call in removed.items() if not call(ch)]
    assert len(kinds) < 2
    kind = kinds[0] if kinds else None
    cuts = {"SPACE": (3, 3, 3), "LETTER": (1, 2, 2), "NUMBER": (2, 1, 2), None: (2, 2, 1)}
    joins = tuple(len(split_bpe(x + ch)) for x in "a1!")
    assert joins == tuple(min(n, 2) for n in cuts[kind]), (hex(c), kind, joins)
    return kind


def bpe():
    """(letters, numbers)"""
    kinds = {c: bpe_class(c) for c in CODE_POINTS}
    assert [c for c in CODE_POINTS if kinds[c] == "SPACE"] == [c for c in CODE_POINTS if chr(c).isspace() and not 0x1C <= c <= 0x1F]
    return tuple([(c, 0) for c in CODE_POINTS if kinds[c] == name] for name in ("LETTER", "NUMBER"))


def main():
    lows = lowered()
    orders, singles, pairs, composing = decompositions()
    raw, dropped = bert(dict(orders))
    letters, numbers = bpe()
    words = [(a, b) for a, b, _ in ranges(letters)], [(a, b) for a, b, _ in ranges(numbers)]
    write("unicode_table.c", "Lower case and normal forms of each code point", [
        ("struct hm_char_range", "hm_char_orders", rows(ranges(orders), "{0x%x, 0x%x, %d}")),
        ("struct hm_char_run", "hm_char_lower", rows(runs(lows), "{0x%x, 0x%x, %d, %d, %d}")),
        ("struct hm_char_run", "hm_char_single", rows(runs(singles), "{0x%x, 0x%x, %d, %d, %d}")),
        ("struct hm_char_pair", "hm_char_pairs", rows(pairs, "{0x%x, 0x%x, 0x%x}")),
        ("uint16_t", "hm_char_composing", rows(composing, "%d")),
    ])
    write("charclass_table.c", "Each tokenizer's classes of code points", [
        ("struct hm_char_range", "hm_bert_classes", rows(ranges(raw), "{0x%x, 0x%x, HM_CHAR_%s}")),
        ("struct hm_char_range", "hm_bert_marks", rows(ranges((c, "MARK") for c in dropped), "{0x%x, 0x%x, HM_CHAR_%s}")),
        ("struct hm_char_range", "hm_bpe_letters", rows(words[0], "{0x%x, 0x%x}")),
        ("struct hm_char_range", "hm_bpe_numbers", rows(words[1], "{0x%x, 0x%x}")),
    ])
    print(f"{len(orders)} combining classes, {len(singles) + len(pairs)} decompositions, {len(composing)} compositions, "
          f"{len(lows) + 1} lowered; BERT: {len(raw)} classed, {len(dropped)} marks; CLIP: {len(letters)} letters, {len(numbers)} numbers")


main()
