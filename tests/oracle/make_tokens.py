"""Writes tests/data/text/vocab.txt, a small made vocabulary, and tokens.jsonl: texts with the ids that
transformers.BertTokenizer gives them with it. Seeded. Run as `.venv/bin/python tests/oracle/make_tokens.py`."""
import json
import os
import random

from transformers import BertTokenizer

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "text")
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGÉéßøждяαβσςبتक中日本語가ᄀᆨᅡᅵᄒᆫᆮ🙂€"
WORDS = "the cat sat on mat run ##ning ##s un ##able ##aff ##ff play ##ing love hate meme Hello HELLO café cafe ##é naive ınce".split()
SAMPLES = """the cats sat on the mat.|running UNABLE unaffable|Hello HELLO hello|café CAFÉ cafe\u0301|naïve|don't|10,000%|a\u200bb|a\x0bb
a\x85b|a\u0378b|a\u2028b|[MASK]ed|[[CLS]]|ÀÉ[MASK]É|[MA\u0301SK]|a$b|a€b|¿que?|xİy|가각|日本語|中a中|##ing|hello[PAD]world|[cls]|[Sep]
[MASK|≠|ẞ|ǅ|\u212a|a\u0301[MASK]\u0301b|∑×´|〄々〇|a\u00adb|\ufeffa|\u180e|“a”—b|σς ΣΣ|힏 한 기|ЖДЯ|बक|\U0001d15e|a\u302e\u0301\U0001d165
a\u302e\u034f\U0001d165||   |\t\n|🙂🙂 🙂|\ufffd|\U000e0041|\ue000a|a\u3000b|\u1680|ﬁ|\u0344|\u0cca\u0ccb|豈\uf900""".replace("\n", "|").split("|")


def main():
    rng, cases = random.Random(11), []
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab += [c for c in map(chr, range(33, 127)) if not c.isalnum()] + list("¿“”—=")
    vocab += list(ALPHABET) + ["##" + c for c in ALPHABET] + WORDS + ["\U0001d158", "##\U0001d165", "##\u302e", "##क"]
    vocab = list(dict.fromkeys(vocab))
    path = os.path.join(OUT, "vocab.txt")
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.writelines(t + "\n" for t in vocab)
    texts = list(SAMPLES)
    texts += [c * n for c in ("a", "é", "e\u0301", "가", "각", "中", "🙂") for n in (50, 51, 99, 100, 101)]
    bits = WORDS + list(ALPHABET) + list(" .,!?[]\u0301\u0327\u200b\xa0 '") + ["[MASK]", "[SEP]", "  ", "ÀÉ", "Ж"]
    texts += ["".join(rng.choice(bits).replace("##", "") for _ in range(rng.randint(1, 25))) for _ in range(120)]
    for cased in (False, True):
        reference = BertTokenizer(vocab=path, do_lower_case=not cased)
        for i, text in enumerate(texts):
            length = 512 if i % 5 else 2 + i % 11
            ids = reference(text, truncation=True, max_length=length)["input_ids"]
            cases.append({"text": text, "cased": cased, "max_length": length, "ids": ids})
    with open(os.path.join(OUT, "tokens.jsonl"), "w", encoding="ascii", newline="\n") as f:
        f.writelines(json.dumps(c, separators=(",", ":")) + "\n" for c in cases)
    print(f"tokens.jsonl: {len(cases)} texts, {len(vocab)} tokens, {sum(1 in c['ids'] for c in cases)} with [UNK]")


main()
