"""The record codec on one core: GB/s of u8 pixels read (every hash checked) and written, on photo-like noise and on
drawn, flat pictures. The peer reads the same bytes with plain zstd, which checks fewer of them. And shards on all
cores: hm-cat --deal beside hm-cat of the same files. Best of 7."""
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy
from PIL import Image

BIN = os.path.abspath(sys.argv[1])
COUNT, SIDE, ROUNDS = 600, 224, 7


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


def tool(*args, **kw):
    subprocess.run([BIN + "/" + args[0], *args[1:]], check=True, **kw)


def best(command):
    """Seconds of the fastest run; hm's tools say their own time, others are timed from outside."""
    seconds = []
    for _ in range(ROUNDS):
        if command[0].startswith("hm-"):
            tool(*command, "--stats", "stats.json")
            with open("stats.json", encoding="utf-8") as f:
                seconds.append(json.load(f)["wall_s"])
        else:
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
    return min(seconds)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        photos("photos")
        tool("hm-synth", "-q", "--train", str(COUNT), "--dev", "1", "--test", "1", "flat")
        print("name | hm | peer | ratio | target")
        for kind in ("photos", "flat"):
            stream = kind + ".hmr"
            tool("hm-jsonl2rec", "-o", kind + ".rec", kind + "/train.jsonl")
            tool("hm-imgprep", "-q", "--root", kind + "/img", "-o", stream, kind + ".rec")
            giga = COUNT * 3 * SIDE * SIDE / 1e9
            read = giga / best(["hm-view", "-j", "1", "--verify", stream])
            peer = giga / best(["zstd", "-q", "-d", "-f", "-o", "/dev/null", stream])
            write = giga / best(["hm-cat", "-j", "1", "-o", "/dev/null", stream])
            size = os.path.getsize(stream) / 1e9 / giga
            print(f"codec read {kind} | {read:.2f} GB/s a core | zstd -d {peer:.2f} GB/s | {read / peer:.2f} | 1 GB/s"
                  f"{'' if read >= 1 else ' (short)'}")
            print(f"codec read and write {kind} | {write:.2f} GB/s a core, {100 * size:.0f} % of the bytes | - | - | -")
            for n in (3, 64):
                shards(stream, n)


def shards(stream, n):
    """A row: the stream cut into n, dealt out again and end to end."""
    files = [f"{i}of{n}.hmr" for i in range(n)]
    for i, file in enumerate(files):
        tool("hm-cat", "--shard", f"{i}/{n}", "-o", file, stream)
    deal = COUNT / best(["hm-cat", "--deal", "-o", "/dev/null", *files])
    cat = COUNT / best(["hm-cat", "-o", "/dev/null", *files])
    print(f"deal {n} shards of {stream} | {deal:.0f} records/s | hm-cat end to end {cat:.0f} records/s | {deal / cat:.2f} | 0.8"
          f"{'' if deal >= 0.8 * cat else ' (short)'}")


main()
