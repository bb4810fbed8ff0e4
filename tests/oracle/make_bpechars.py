"""Writes lib/prep/bpechars_table.c: what the normaliser and the pre-tokeniser of CLIP's tokenizer, and RoBERTa's, do to
each code point, found by asking Hugging Face's tokenizers about every one of them. Run as `.venv/bin/python
tests/oracle/make_bpechars.py`."""
import os
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

OUT = os.path.join(os.path.dirname(__file__), "..", "..", "lib", "prep", "bpechars_table.c")
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)
nfc, nfd, lower = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str, normalizers.Lowercase().normalize_str
split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
removed = {name: pre_tokenizers.Split(Regex(regex), "removed").pre_tokenize_str
           for name, regex in (("SPACE", r"\s"), ("LETTER", r"\p{L}"), ("NUMBER", r"\p{N}"))}


def kind_of(c):
    """The class of a code point; None for all others. GPT-2's own expression must have the same classes."""
    ch = chr(c)
    kinds = [name for name, call in removed.items() if not call(ch)]
    assert len(kinds) < 2
    kind = kinds[0] if kinds else None
    cuts = {"SPACE": (3, 3, 3), "LETTER": (1, 2, 2), "NUMBER": (2, 1, 2), None: (2, 2, 1)}
    joins = tuple(len(split(x + ch)) for x in "a1!")
    assert joins == tuple(min(n, 2) for n in cuts[kind]), (hex(c), kind, joins)
    return kind


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


def main():
    ref, whole = marks(), {}
    kinds, orders, lows = [], [], []
    for c in CODE_POINTS:
        ch = chr(c)
        kind, small, parts = kind_of(c), lower(ch), nfd(ch)
        if kind:
            kinds.append((c, kind))
        if c == 0x130:
            assert small == "i\u0307"  # the only one that becomes two
        elif small != ch:
            assert len(small) == 1
            lows.append((c, ord(small)))
        if c in HANGUL:
            s = c - 0xAC00
            jamo = [0x1100 + s // 588, 0x1161 + s % 588 // 28] + ([0x11A7 + s % 28] if s % 28 else [])
            assert [ord(x) for x in parts] == jamo and nfc(parts) == ch
        elif parts != ch:
            whole[parts] = whole.get(parts, []) + [ch]
        if parts == ch and c not in HANGUL:
            order = combining(ch, ref)
            if order:
                orders.append((c, order))
    # One step of each decomposition: into one code point, or into what the last mark was put on and that mark.
    steps, composed = [], 0
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
            composed += together
            steps.append((ord(ch), ord(front), ord(parts[-1]), together))
    steps.sort()
    by_pair = sorted((a, b, i) for i, (_, a, b, together) in enumerate(steps) if together)
    order_of, seconds = dict(orders), {b for _, b, _ in by_pair}
    for c, _, _, together in steps:
        first = nfd(chr(c))[0]
        assert not together or (ord(first) not in order_of and ord(first) not in seconds), "a composite begins what it is part of"
    singles = [(c, a) for c, a, b, _ in steps if not b]
    pairs = [(c, a, b) for c, a, b, _ in steps if b]
    at = {c: i for i, (c, _, _) in enumerate(pairs)}
    by_pair = [(at[steps[i][0]],) for _, _, i in by_pair]

    def of_kind(name):
        return [(a, b) for a, b, _ in ranges([k for k in kinds if k[1] == name])]

    assert [k[0] for k in kinds if k[1] == "SPACE"] == [c for c in CODE_POINTS if chr(c).isspace() and not 0x1C <= c <= 0x1F]
    with open(OUT, "w", encoding="ascii") as f:
        f.write(f"""/* What CLIP's tokenizer does to each code point: see bpechars.h. Made by tests/oracle/make_bpechars.py, which
 * asked tokenizers {tokenizers.__version__} about every one; change that script, not this file. */
#include "prep/bpechars_table.h"

""")
        lists = [
            ("struct hm_char_range", "hm_bpe_letters", rows(of_kind("LETTER"), "{0x%x, 0x%x}")),
            ("struct hm_char_range", "hm_bpe_numbers", rows(of_kind("NUMBER"), "{0x%x, 0x%x}")),
            ("struct hm_char_range", "hm_bpe_orders", rows(ranges(orders), "{0x%x, 0x%x, %d}")),
            ("struct hm_char_run", "hm_bpe_lower", rows(runs(lows), "{0x%x, 0x%x, %d, %d, %d}")),
            ("struct hm_char_run", "hm_bpe_single", rows(runs(singles), "{0x%x, 0x%x, %d, %d, %d}")),
            ("struct hm_bpe_pair", "hm_bpe_pairs", rows(pairs, "{0x%x, 0x%x, 0x%x}")),
            ("uint16_t", "hm_bpe_composing", rows(by_pair, "%d")),
        ]
        f.write("\n".join(f"const {kind} {name}[] = {{\n{text}}};\nconst size_t {name}_n = sizeof {name} / sizeof {name}[0];\n"
                          for kind, name, text in lists))
    count = {k: sum(x == k for _, x in kinds) for k in ("SPACE", "LETTER", "NUMBER")}
    print(f"bpechars_table.c: {count}, {len(orders)} combining classes, {len(steps)} decompositions, {composed} compositions, "
          f"{len(lows) + 1} lowered")


main()
