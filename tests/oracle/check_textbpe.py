"""hm-tokenize against transformers.CLIPTokenizer and RobertaTokenizer: every code point in four contexts, random strings
of many scripts, cut and not, special tokens as text, every form of the files. CLIP with OpenAI's list where
open_clip_torch is installed, else with the small one of tests/data. `.venv/bin/python tests/oracle/check_textbpe.py build/bin`."""
import importlib.util
import gzip
import json
import os
import random
import sys
import tempfile

from check_text import CODE_POINTS, SCRIPTS, compare, count_differences, hm
from make_bpe import WORDS, byte_symbols, samples
from transformers import CLIPTokenizer, GPT2Tokenizer, RobertaTokenizer

DATA = os.path.join(os.path.dirname(__file__), "..", "data", "text")
CONTEXTS = ("{0}", "a{0}b", "É{0}\u0301 {0}ing", "1{0}'s{0}{0} \u0323{0}x")
SPECIAL = ("<|startoftext|>", "<|endoftext|>", "<s>", "</s>", "<mask>", "<pad>", "<unk>")


def strings(rng, count):
    texts = samples() + ["word " * n for n in (5, 74, 75, 76, 77, 100, 510, 511)]
    for spans in SCRIPTS.values():
        for _ in range(count):
            pick = [chr(rng.randint(*rng.choice(spans))) for _ in range(rng.randint(1, 40))]
            texts.append("".join(c for c in pick if not 0xD800 <= ord(c) < 0xE000))
    every = [s for spans in SCRIPTS.values() for s in spans]
    bits = WORDS + list(SPECIAL) + [s.upper() for s in SPECIAL] + list(" .,!?'\"-_<|>\u0301\u0323\u0308\u200d\xa0 \n\tÀÉßΩЖ가ᄀᆨᅡ１²Ⅷ")
    for _ in range(4 * count):
        parts = []
        for _ in range(rng.randint(1, 20)):
            c = chr(rng.randint(*rng.choice(every)))
            parts.append(rng.choice(bits) if rng.random() < 0.7 or 0xD800 <= ord(c) < 0xE000 else c)
            parts.append(rng.choice(["", "", " "]))
        texts.append("".join(parts))
    for _ in range(count):  # long words, and marks in any order
        texts.append("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(1, 200))))
        texts.append("a" + "".join(chr(rng.choice((0x300, 0x323, 0x327, 0x345, 0x334, 0x591, 0x1D165, 0x93C))) for _ in range(rng.randint(1, 60))))
    return texts


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def small(name):
    vocab = read_json(os.path.join(DATA, name, "vocab.json"))
    with open(os.path.join(DATA, name, "merges.txt"), encoding="utf-8") as f:
        return vocab, [tuple(line.split()) for line in f.read().split("\n")[1:-1]]


def real_clip():
    """OpenAI's list: path, vocabulary, merges; of open_clip_torch, which need not be installed."""
    spec = importlib.util.find_spec("open_clip")
    path = os.path.join(os.path.dirname(spec.origin), "bpe_simple_vocab_16e6.txt.gz") if spec and spec.origin else ""
    if not os.path.exists(path):
        return None
    with gzip.open(path, "rt", encoding="utf-8") as f:
        merges = [tuple(line.split()) for line in f.read().split("\n")[1:48895]]
    symbols = byte_symbols()
    tokens = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    return path, {t: i for i, t in enumerate(tokens)}, merges


def compare_kind(name, rng, folder, kind, vocab, merges, path, length):
    reference, wrong = kind(vocab=vocab, merges=merges), 0
    call = dict(truncation=True, max_length=length)
    for i, context in enumerate(CONTEXTS):
        texts = [context.format(chr(c)) for c in CODE_POINTS[::1 if name == "clip" or i == 1 else 7]]
        for at in range(0, len(texts), 300_000):
            wrong += compare(f"{name}, {ascii(context)} from {at}", texts[at:at + 300_000], folder, reference, vocab=path, **call)
    texts = strings(rng, 4000)
    wrong += compare(f"{name}, random", texts, folder, reference, vocab=path, **call)
    for n in (2, 3, 9):
        wrong += compare(f"{name}, cut at {n}", texts[::4], folder, reference, "--max-length", str(n), vocab=path, truncation=True, max_length=n)
    plain = kind(vocab=vocab, merges=merges, split_special_tokens=True)
    wrong += compare(f"{name}, plain specials", texts, folder, plain, "--no-special-in-text", vocab=path, **call)
    few, forms = texts[::7], os.path.join(folder, name)
    want = [ids for ids in reference(few, **call)["input_ids"]]
    kind(vocab=vocab, merges=merges).save_pretrained(forms)
    wrong += count_differences(f"{name}, saved by transformers", few, hm(few, folder, "--max-length", str(length), vocab=forms), want)
    saved = read_json(os.path.join(forms, "tokenizer.json"))
    saved["model"]["merges"] = [" ".join(m) for m in saved["model"]["merges"]]
    with open(os.path.join(forms, "tokenizer.json"), "w", encoding="utf-8") as f:
        json.dump(saved, f)
    wrong += count_differences(f"{name}, merges as strings", few, hm(few, folder, "--max-length", str(length), vocab=forms), want)
    return wrong


def roberta_settings(rng, folder, vocab, merges):
    """A space in front, a mask that takes white space, and GPT-2 without tokens at the ends."""
    texts, wrong = strings(rng, 600), 0
    forms = os.path.join(folder, "settings")
    for space in (False, True):
        for lstrip in (False, True):
            reference = RobertaTokenizer(vocab=vocab, merges=merges, add_prefix_space=space)
            if lstrip:
                reference.save_pretrained(forms)
                saved, path = read_json(os.path.join(forms, "tokenizer.json")), os.path.join(forms, "tokenizer.json")
                for token in saved["added_tokens"]:
                    token["lstrip"], token["rstrip"] = token["content"] == "<mask>", token["content"] == "<pad>"
                with open(path, "w", encoding="utf-8") as f:
                    json.dump(saved, f)
                reference = RobertaTokenizer.from_pretrained(forms)
            reference.save_pretrained(forms)
            wrong += compare(f"roberta, space {space}, strip {lstrip}", texts, folder, reference, vocab=forms, truncation=True, max_length=512)
    reference = GPT2Tokenizer(vocab={**vocab, "<|endoftext|>": len(vocab)}, merges=merges)
    reference.save_pretrained(os.path.join(folder, "gpt2"))
    return wrong + compare("gpt2", texts, folder, reference, vocab=os.path.join(folder, "gpt2"), truncation=True, max_length=512)


def main():
    rng, wrong, real = random.Random(17), 0, real_clip()
    with tempfile.TemporaryDirectory() as folder:
        vocab, merges = small("roberta")
        wrong += roberta_settings(rng, folder, vocab, merges)
        wrong += compare_kind("roberta", rng, folder, RobertaTokenizer, vocab, merges, os.path.join(DATA, "roberta"), 512)
        if real:
            path, vocab, merges = real
            quoted = [t.replace("\u2019", "'") for t in strings(rng, 500)]
            curly = [t.replace("'", "\u2019") for t in quoted]
            want = CLIPTokenizer(vocab=vocab, merges=merges)([t.translate({c: "'" for c in (0x2BC, 0x2018, 0x2019, 0x201A, 0x201B)} | {
                c: '"' for c in (0x201C, 0x201D, 0x201E, 0x201F)}) for t in curly], truncation=True, max_length=77)["input_ids"]
            wrong += count_differences("straight quotes", curly, hm(curly, folder, vocab=path), want)
            link = os.path.join(folder, "kept")  # as HF's folders have it: quotes are kept
            os.makedirs(link)
            with open(os.path.join(link, "vocab.json"), "w", encoding="utf-8") as f:
                json.dump(vocab, f)
            with open(os.path.join(link, "merges.txt"), "w", encoding="utf-8") as f:
                f.write("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges))
            wrong += compare_kind("clip", rng, folder, CLIPTokenizer, vocab, merges, link, 77)
        else:
            print("open_clip_torch is not installed: CLIP with the small list of merges")
            vocab, merges = small("clip")
            wrong += compare_kind("clip", rng, folder, CLIPTokenizer, vocab, merges, os.path.join(DATA, "clip"), 77)
    print(f"check_textbpe: {'equal' if not wrong else f'{wrong} texts differ'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
