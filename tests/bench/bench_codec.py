"""The record codec on one core: GB/s of u8 pixels read (every hash checked) and written, on photo-like noise and on
drawn, flat pictures. The peer reads the same bytes with plain zstd, which checks fewer of them. What writing takes is
hm-cat less hm-view --verify, which reads; its peer is zstd -1 over the same payloads, reading a cached file, by the faster
of -T1 and --single-thread. And shards on all cores: hm-cat --deal beside hm-cat of the same files, of TIMES as many records: with
64 shards of the first number, nine records each, all that is measured is memory that is new. Best of 7, in turn."""
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy
from PIL import Image

BIN = os.path.abspath(sys.argv[1])
COUNT, TIMES, SIDE, ROUNDS = 600, 8, 224, 7


def photos(folder):
    """Pictures of soft waves under sensor noise: about as incompressible as photographs."""
    rng = numpy.random.default_rng(1)
    y, x = numpy.mgrid[0:SIDE, 0:SIDE]
    os.makedirs(folder + "/img")
    with open(folder + "/train.jsonl", "w", encoding="utf-8") as lines:
        for i in range(COUNT):
            waves = numpy.stack([127 + 100 * numpy.sin(x / (20 + i % 30) + c) + 20 * numpy.cos(y / (15 + c)) for c in range(3)], -1)
            pixels = numpy.clip(waves + rng.normal(0, 10, waves.shape), 0, 255).astype(numpy.uint8)
            Image.fromarray(pixels).save(f"{folder}/img/{i}.png", compress_level=1)
            lines.write(json.dumps({"id": i, "img": f"img/{i}.png", "text": "", "label": 0}) + "\n")


def repeat(folder):
    """many.jsonl: the lines of train.jsonl TIMES times, with ids of their own."""
    with open(folder + "/train.jsonl", encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    with open(folder + "/many.jsonl", "w", encoding="utf-8") as f:
        for k in range(TIMES):
            f.writelines(json.dumps({**v, "id": f"{k}-{v['id']}"}) + "\n" for v in lines)


def tool(*args, **kw):
    subprocess.run([BIN + "/" + args[0], *args[1:]], check=True, **kw)


def seconds(command):
    """Of one run; hm's tools say their own time, others are timed from outside."""
    if command[0].startswith("hm-"):
        tool(*command, "--stats", "stats.json")
        with open("stats.json", encoding="utf-8") as f:
            return json.load(f)["wall_s"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def best(*commands):
    """Seconds of the fastest run of each, in turn."""
    rounds = [[seconds(c) for c in commands] for _ in range(ROUNDS)]
    return [min(r) for r in zip(*rounds)]


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        photos("photos")
        tool("hm-synth", "-q", "--train", str(COUNT), "--dev", "1", "--test", "1", "flat")
        print("name | hm | peer | ratio | target")
        for kind in ("photos", "flat"):
            stream, many = kind + ".hmr", "many-" + kind + ".hmr"
            repeat(kind)
            for lines, out in (("train", stream), ("many", many)):
                tool("hm-jsonl2rec", "-o", kind + ".rec", f"{kind}/{lines}.jsonl")
                tool("hm-imgprep", "-q", "--root", kind + "/img", "-o", out, kind + ".rec")
            giga = COUNT * 3 * SIDE * SIDE / 1e9
            with open("payloads", "wb") as f:
                subprocess.run(["zstd", "-q", "-d", "-c", stream], check=True, stdout=f)
            compress = ["zstd", "-q", "-1", "-f", "-o", "/dev/null", "payloads"]
            view, unzip, cat, *zips = best(
                ["hm-view", "-j", "1", "--verify", stream], ["zstd", "-q", "-d", "-f", "-o", "/dev/null", stream],
                ["hm-cat", "-j", "1", "-o", "/dev/null", stream], [*compress, "-T1"], [*compress, "--single-thread"])
            read, peer, write, level1 = giga / view, giga / unzip, giga / (cat - view), giga / min(zips)
            size = os.path.getsize(stream) / 1e9 / giga
            print(f"codec read {kind} | {read:.2f} GB/s a core | zstd -d {peer:.2f} GB/s | {read / peer:.2f} | 1 GB/s"
                  f"{'' if read >= 1 else ' (short)'}")
            print(f"codec write {kind} | {write:.2f} GB/s a core, {100 * size:.0f} % of the bytes | zstd -1 {level1:.2f} GB/s | "
                  f"{write / level1:.2f} | 0.9{'' if write >= 0.9 * level1 else ' (short)'}")
            for n in (3, 64):
                shards(many, n)


def shards(stream, n):
    """A row: the stream cut into n, dealt out again and end to end."""
    files = [f"{i}of{n}.hmr" for i in range(n)]
    for i, file in enumerate(files):
        tool("hm-cat", "--shard", f"{i}/{n}", "-o", file, stream)
    deal, cat = (TIMES * COUNT / s for s in best(["hm-cat", "--deal", "-o", "/dev/null", *files], ["hm-cat", "-o", "/dev/null", *files]))
    print(f"deal {n} shards of {stream} | {deal:.0f} records/s | hm-cat end to end {cat:.0f} records/s | {deal / cat:.2f} | 0.8"
          f"{'' if deal >= 0.8 * cat else ' (short)'}")


main()
