"""Writes tests/data/text/clip and tests/data/text/roberta, two small trained BPE tokenizers as vocab.json and
merges.txt, and bpe.jsonl: texts with the ids that transformers.CLIPTokenizer and RobertaTokenizer give them. Seeded.
Run as `.venv/bin/python tests/oracle/make_bpe.py`."""
import collections
import json
import os
import random

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer, RobertaTokenizer

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "text")
WORDS = """the a and of to in is you that it for was on are with they be at one have this from when nobody: me friend boss mom dad
girlfriend people what how why can't don't won't it's i'm you're they've we'll she'd monday morning coffee cat cats dog dogs meme memes
running playing loved hating hate love world happy birthday covid vaccine president trump biden weather photo picture painting café naïve
über señor straße 日本 語 한국어 привет мир γεια σου 😂 😂😂 ❤️ … — “quoted” ’s 100% 2020 2024 10,000 #hashtag @user_1 https://t.co/abc
!!! ??? ... :) lol lmao bruh literally nobody""".split()
SAMPLES = """|a photo of a cat|A PHOTO OF A CAT|  many   spaces\tand\nlines  |don't|DON'T|I'LL we've she'd they're it's i'm|'''s|''s 's
rock 'n' roll 's|don\u2019t|\u201cquoted\u201d|\u2026|hello,world|wait...what?!|100% of $5.99|covid-19|café|cafe\u0301|CAFE\u0301|\u00c5 A\u030a \u212b
\u0130stanbul|I\u0307|\u03a3\u0391\u03a3|\u1e9e|na\u00efve \ufb01ne|\uff28\uff45|日本語|한국어|\u1112\u1161\u11ab|\u1112\u1161|가\u11a8|각\u11a8|😂😂|👨\u200d👩\u200d👧|a\u200bb|a\u00adb
a\u0085b|a\u00a0b|a\u3000b|a\u2028b|a\u180eb|a\x1cb|\u0663 \u00b2 \u2167 \u2460|x<|endoftext|>y|x<|ENDOFTEXT|>y|<|startoftext|>|a<|STARTOFTEXT|>!!|!<|ENDOFTEXT|>!!
<|endoftext|| <s>x</s> |<s> a <mask> b|<pad><unk>|a  <mask>  b|\u00e2\u0080\u0099|\ufeffbom|q\u0308x|a\u0308b|a\u0323\u0302|a\u0302\u0323|\u1ea5\u0323|e\u0301\u0327\u0301
\u0344|\u0958|\U0001d15e|\U0001d160|\U0001d165a\U0001d16d\U0001d165|\u0f73\u0f71|\u0c46\u0c56|\u09c7\u09be|\u1100\u1161\u11a7|\u0345\u0301|\ufb2c|豈|\U0002f800|\u023a|\u2126\u0301
'|''|'t|'T|'lll|'r|'v|'ve|'\u017f| 's| 't|\u00a0's| '|\t't|\n\n\na|a \n|a\n b|   |\t|1234|12.5|\u0664\u0665|x2y|_a_|-a-|\u0301|\u0301a""".replace("\n", "|")


def samples():
    """The list above; a bar between letters of a special token does not part two of them."""
    held = SAMPLES.replace("<|", "\x01").replace("|>", "\x02").replace("endoftext||", "endoftext\x03|")
    return [t.replace("\x01", "<|").replace("\x02", "|>").replace("\x03", "|") for t in held.split("|")]


def merge(symbols, pair):
    """The word's symbols with every occurrence of the pair joined, from the left."""
    out, at = [], 0
    while at < len(symbols):
        joined = symbols[at:at + 2] == pair
        out.append("".join(pair) if joined else symbols[at])
        at += 2 if joined else 1
    return tuple(out)


def train(pre_tokenizer, suffix):
    """Merges until every word of a seeded corpus is whole: the most frequent pair, of several the first by its strings. (The
    trainer of tokenizers takes them in the order of a hash table, another one each time.)"""
    rng = random.Random(5)
    counts = collections.Counter()
    for _ in range(4000):
        line = " ".join(rng.choice(WORDS) for _ in range(12))
        counts.update(piece for piece, _ in pre_tokenizer.pre_tokenize_str(line))
    words = [(tuple(w[:-1]) + (w[-1] + suffix,), n) for w, n in sorted(counts.items())]
    merges = []
    while True:
        pairs = collections.Counter()
        for symbols, n in words:
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
        if not pairs:
            return merges
        merges.append(min(pairs, key=lambda p: (-pairs[p], p)))
        words = [(merge(symbols, merges[-1]), n) for symbols, n in words]


def byte_symbols():
    first = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in first]
    return [chr(b) for b in first] + [chr(256 + i) for i in range(len(rest))]


def save(name, vocab, merges):
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8", newline="\n") as f:
        json.dump({t: i for i, t in enumerate(vocab)}, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8", newline="\n") as f:
        f.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return {t: i for i, t in enumerate(vocab)}, merges


def tokenizers():
    symbols = byte_symbols()
    clip_cut = CLIPTokenizer(vocab={"<|startoftext|>": 0, "<|endoftext|>": 1}, merges=[]).backend_tokenizer.pre_tokenizer
    merges = train(clip_cut, "</w>")
    vocab = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(vocab)) == len(vocab)
    clip = save("clip", vocab, merges)
    merges = train(pre_tokenizers.ByteLevel(add_prefix_space=False), "")
    rng = random.Random(6)
    tokens = symbols + [a + b for a, b in merges]
    rng.shuffle(tokens)  # RoBERTa's ids do not follow the merges
    roberta = save("roberta", ["<s>", "<pad>", "</s>", "<unk>"] + tokens + ["<mask>"], merges)
    return clip, roberta


def main():
    rng, cases = random.Random(12), []
    clip, roberta = tokenizers()
    texts = samples()
    bits = WORDS + list(" ,.!?'\"-\u0301\u0327\u0308\u0323\u200d\xa0  \n\tÀÉßΩЖ字가ᄀᆨᅡ0１²Ⅷ_<|>") + ["<|endoftext|>", "<s>", "</s>", "<mask>", "THE", "'S", "ﬁ", "…"]
    texts += ["".join(rng.choice(bits) + rng.choice(["", " "]) for _ in range(rng.randint(1, 14))) for _ in range(110)]
    texts += ["".join(rng.choice("abcdehilmnoprstu") for _ in range(n)) for n in (15, 16, 47, 48, 49, 50, 120)]
    texts += [c * n for c in ("a", "th", "é", "😂", "日") for n in (17, 49)]
    for name, (vocab, merges), kind in (("clip", clip, CLIPTokenizer), ("roberta", roberta, RobertaTokenizer)):
        for plain in (False, True):
            reference = kind(vocab=vocab, merges=merges, split_special_tokens=plain)
            for i, text in enumerate(texts):
                special = any(s in text for s in ("<s>", "</s>", "<mask>", "<pad>", "<|"))
                length = (77 if name == "clip" else 512) if i % 5 else 2 + i % 11
                if not plain or special:
                    ids = reference(text, truncation=True, max_length=length)["input_ids"]
                    cases.append({"kind": name, "text": text, "plain": plain, "max_length": length, "ids": ids})
    with open(os.path.join(OUT, "bpe.jsonl"), "w", encoding="ascii", newline="\n") as f:
        f.writelines(json.dumps(c, separators=(",", ":")) + "\n" for c in cases)
    print(f"bpe.jsonl: {len(cases)} texts, {len(clip[1])} and {len(roberta[1])} merges")


if __name__ == "__main__":
    main()
