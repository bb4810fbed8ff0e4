#!/usr/bin/env python3
"""What each stage costs per record on this machine: core-seconds (user and system time), bytes in and out, peak memory; and what
a training step costs, its fixed part and the optimizer's apart. Writes the JSON from which scale_model.sh makes the tables of
pipelines/AT-SCALE.md. Each stage runs on few and on many records: the difference is what a record costs, the rest is the start.
Needs no package of PyPI, a C compiler and libjpeg's header. Weights are random, pictures and captions are made; about three minutes.
usage: scale_measure.py BIN OUT.json"""
import ctypes as c
import datetime
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
BIN, OUT = (os.path.abspath(a) for a in sys.argv[1:3])
CORES = len(os.sched_getaffinity(0))
W, H = 550, 413
JPEGS, PNGS = 160, 10


def run(line):
    """User and system time of a shell line with all its processes. (The last colon makes bash fork: a process counts the memory from before its exec.)"""
    pid = os.posix_spawn("/bin/bash", ["bash", "-euo", "pipefail", "-c", line + "\n:"], {**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})
    _, status, used = os.wait4(pid, 0)
    if status:
        sys.exit(f"scale_measure.py: failed: {line}")
    return used.ru_utime, used.ru_stime


def run_last(line):
    """The same, and the peak memory of the line's last tool in bytes, as its --stats has it."""
    at = [m.end() for m in re.finditer(r"\bhm-[a-z0-9-]+ ", line)][-1]
    used = run(f"{line[:at]}--stats stats.json {line[at:]}")
    with open("stats.json") as f:
        return used, json.load(f)["peak_memory_bytes"]


def spread(xs, n):
    """Numbers of n places between those of xs."""
    out = []
    for i in range(n):
        at, part = divmod(i * (len(xs) - 1) / (n - 1), 1)
        out.append(xs[int(at)] + (xs[min(int(at) + 1, len(xs) - 1)] - xs[int(at)]) * part)
    return out


def photo(rng, w, h):
    """Samples [h,w,3] like a photo's: four octaves of smooth noise, and grain."""
    octaves = []
    for side in 4, 12, 40, 120:
        rows = []
        for _ in range(side):
            colours = [spread([rng.random() / side**0.5 for _ in range(side)], w) for _ in range(3)]
            rows.append([v for pixel in zip(*colours) for v in pixel])
        octaves.append(rows)
    out = bytearray()
    for y in range(h):
        total = [0.0] * (3 * w)
        for rows in octaves:
            at, part = divmod(y * (len(rows) - 1) / (h - 1), 1)
            a, b = rows[int(at)], rows[min(int(at) + 1, len(rows) - 1)]
            total = [t + u + (v - u) * part for t, u, v in zip(total, a, b)]
        out += bytes([min(255, max(0, int(220 * t + (g & 7) - 24))) for t, g in zip(total, rng.randbytes(3 * w))])
    return bytes(out)


def png(samples):
    """A PNG file whose rows take the filters Sub, Up and Paeth in turn."""
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def paeth(a, b, c):
        p, q, r = abs(b - c), abs(a - c), abs(a + b - 2 * c)
        return a if p <= q and p <= r else b if q <= r else c
    raw, above = bytearray(), bytes(3 * W)
    for y in range(H):
        row = samples[y * 3 * W : (y + 1) * 3 * W]
        left, corner = bytes(3) + row[:-3], bytes(3) + above[:-3]
        guess = (left, above, None)[y % 3] or [paeth(*abc) for abc in zip(left, above, corner)]
        raw.append((1, 2, 4)[y % 3])
        raw += bytes([v - g & 255 for v, g in zip(row, guess)])
        above = row
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", W, H, 8, 2, 0, 0, 0)) +
            part(b"IDAT", zlib.compress(bytes(raw), 6)) + part(b"IEND", b""))


class Make(c.Structure):
    """struct jpegmake of tests/oracle/jpegmake.c."""
    _fields_ = [(n, c.c_int) for n in ("w", "h", "parts", "source", "to", "quality", "restart")] + \
               [(n, c.c_int * 4) for n in ("across", "down", "id")] + \
               [(n, c.c_int) for n in ("progressive", "arithmetic", "optimize", "jfif", "adobe")] + [("scan", c.POINTER(c.c_int)), ("scans", c.c_int)]


def jpeg(lib, samples):
    """A JPEG file of quality 88, 4:2:0."""
    m = Make(w=W, h=H, parts=3, source=2, to=3, quality=88, id=(-1, -1, -1, -1), jfif=-1, adobe=-1)
    out, n = c.POINTER(c.c_ubyte)(), c.c_ulong()
    lib.jpegmake(c.byref(m), c.create_string_buffer(samples, len(samples)), c.byref(out), c.byref(n))
    return c.string_at(out, n.value)


def pictures():
    """img/K.jpg and img/K.png: windows of two photos, no two alike."""
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", "jpegmake.so", f"{HERE}/../oracle/jpegmake.c", "-ljpeg"], check=True)
    lib, rng, wide, high = c.CDLL(os.path.abspath("jpegmake.so")), random.Random(1), 900, 700
    photos = [photo(rng, wide, high) for _ in range(2)]
    os.mkdir("img")
    for k in range(JPEGS):
        x, y = rng.randrange(wide - W), rng.randrange(high - H)
        samples = b"".join([photos[k % 2][3 * (r * wide + x) : 3 * (r * wide + x + W)] for r in range(y, y + H)])
        for name, make in ((f"img/{k}.jpg", lambda s: jpeg(lib, s)), (f"img/{k}.png", png)):
            if k < PNGS or make is not png:
                with open(name, "wb") as f:
                    f.write(make(samples))


def mean_size(kind):
    many = JPEGS if kind == "jpg" else PNGS
    return sum(os.path.getsize(f"img/{k}.{kind}") for k in range(many)) / many


def lines(kind, n):
    """KIND-N.jsonl: n records, captions of random words of hm-synth's, pictures that come again. Gives its name without the ending."""
    with open("d/train.jsonl") as f:
        made = [json.loads(line)["text"].split() for line in f]
    words, rng, name = sorted({w for text in made for w in text}), random.Random(n), f"{kind}-{n}"
    with open(name + ".jsonl", "w") as f:
        for i in range(n):
            text = " ".join(rng.choices(words, k=len(made[i % len(made)])))
            f.write(json.dumps({"id": i, "img": f"img/{i % (JPEGS if kind == 'jpg' else PNGS)}.{kind}", "label": rng.randrange(2), "text": text}) + "\n")
    return name


def clip_vocabulary():
    """clip/: a byte-pair vocabulary that has every word of the captions as one token, as CLIP's has common words. Gives its size."""
    with open("d/train.jsonl") as f:
        words = sorted({w for line in f for w in json.loads(line)["text"].lower().split()})
    parts = [[*w[:-1], w[-1] + "</w>"] for w in words]
    signs = [chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]] + [chr(256 + k) for k in range(68)]
    tokens, merges = signs + [s + "</w>" for s in signs], []
    while any(len(p) > 1 for p in parts):
        count = {}
        for p in parts:
            for pair in zip(p, p[1:]):
                count[pair] = count.get(pair, 0) + 1
        a, b = max(count, key=lambda pair: (count[pair], pair))
        merges.append(f"{a} {b}")
        tokens.append(a + b)
        for p in parts:
            k = 0
            while k + 1 < len(p):
                if p[k] == a and p[k + 1] == b:
                    p[k : k + 2] = [a + b]
                k += 1
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    os.mkdir("clip")
    with open("clip/vocab.json", "w") as f:
        json.dump({t: i for i, t in enumerate(tokens)}, f)
    with open("clip/merges.txt", "w") as f:
        f.write("\n".join(["#version: 0.2", *merges]) + "\n")
    return len(tokens)


def matrix(name, n, width, seed):
    """A .npy of f32 [n,width], all of -2 to 2: signs and the bits behind the point are random, so that nothing is gained by packing."""
    size = 4 * n * width
    keep, put = (int.from_bytes(struct.pack("<I", v) * (n * width), "little") for v in (0x80FFFFFF, 0x3F000000))
    data = (int.from_bytes(random.Random(seed).randbytes(size), "little") & keep | put).to_bytes(size, "little")
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({n}, {width}), }}"
    with open(name, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + head.ljust(117).encode() + b"\n" + data)


def features(name, n, wide):
    """NAME-N.hmr: n records of made features, so many numbers of an image and of a caption."""
    run(f"hm-jsonl2rec {lines('jpg', n)}.jsonl -o l.hmr")
    for side, width in zip(("image", "text"), wide):
        matrix(side + ".npy", n, width, side)
    run(f"hm-npy2rec --ids l.hmr --column image_feature=image.npy,encoder=a --column text_feature=text.npy,encoder=b -o {name}-{n}.hmr")


def size(path):
    return os.path.getsize(path)


def stage(name, line, few, many, bytes_in, bytes_out, rounds=1, weights=False):
    """A row of the JSON. line(n): the call on n records; bytes_in(n) and bytes_out(n) are asked when it has run. weights: the system
    time is that of getting pages for them; it varies by seconds, and all of it counts as the start's."""
    cost, wire, peak = {}, {}, 0
    for _ in range(rounds):
        for n in few, many:
            (user, system), peak = run_last(line(n))
            used = user if weights else user + system
            cost[n] = min(used, cost.get(n, used))
            paging = system if weights else 0
            wire[n] = bytes_in(n), bytes_out(n)
    per = (cost[many] - cost[few]) / (many - few)
    got = [(a - b) / (many - few) for a, b in zip(wire[many], wire[few])]
    row = {"stage": name, "records": many, "core_s": float(f"{per:.4g}"), "start_s": round(max(0, paging + cost[few] - few * per), 3),
           "bytes_in": round(got[0]), "bytes_out": round(got[1]), "peak_bytes": peak}
    print(json.dumps(row), flush=True)
    return row


def parameters(model):
    """How many numbers of a model file are trained."""
    with open(model, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    total = 0
    for name, tensor in head.items():
        if name != "__metadata__" and not name.endswith(("running_mean", "running_var", "num_batches_tracked")) and tensor["dtype"] == "F32":
            many = 1
            for d in tensor["shape"]:
                many *= d
            total += many
    return total


def training(name, options, source, batches, steps):
    """A row of the JSON: what a step of one process with one thread costs: fixed_s + update_s + batch * example_s. Two batch sizes
    part the example from the step. Adam's update moves 28 bytes per parameter, at the rate of copying, which moves two bytes for one that
    is copied. User time alone: a step asks for no memory, and what the start takes of the system varies by seconds."""
    def step(batch):
        run(f"hm-cat --head {batch} {source} -o t.hmr")
        took = [run_last(f"hm-fuse-train -q -j 1 {options} --classes 2 --optimizer adam --lr 1e-6 --batch-size {batch} --epochs {n} -o t.safetensors t.hmr 2>words.txt")
                for n in (2, 2 + steps)]
        return (took[1][0][0] - took[0][0][0]) / steps, took[1][1]
    small, large = batches
    a, _ = step(small)
    b, peak = step(large)
    example = (b - a) / (large - small)
    whole = max(0, a - small * example)
    count = parameters("t.safetensors")
    update = min(whole, 28 * count / (2 * copy_rate()))
    row = {"training": name, "parameters": count, "example_s": float(f"{example:.4g}"), "fixed_s": float(f"{whole - update:.4g}"),
           "update_s": float(f"{update:.4g}"), "step_batch": large, "step_s": float(f"{b:.4g}"), "peak_bytes": peak}
    print(json.dumps(row), flush=True)
    return row


def copy_rate():
    """Bytes per second that one thread copies from memory to memory, best of five."""
    a, b, best = bytearray(1 << 28), bytearray(1 << 28), 0
    memmove, at, to = c.memmove, (c.c_char * len(a)).from_buffer(a), (c.c_char * len(b)).from_buffer(b)
    for _ in range(5):
        start = time.thread_time()
        memmove(to, at, len(a))
        best = max(best, len(a) / (time.thread_time() - start))
    return best


def models(clip_size):
    """pair.safetensors: ResNet18, BERT-base and a head. The CLIP in clip.safetensors has only the word table of its captions."""
    for name, image, text, vocab, more in (("pair", "resnet18", "bert-base", "d/vocab.txt", ""),
                                           ("clip", "clip-b32-image", "clip-b32-text", "clip", f"--vocab-size {clip_size}")):
        run(f"hm-jsonl2rec --limit 8 jpg-600.jsonl | hm-imgprep --root img | hm-tokenize --vocab {vocab} |"
            f"hm-encode -q --image init:{image} --text init:{text} {more} -o x.hmr; hm-fuse-train -q --epochs 1 -o x.safetensors x.hmr;"
            f"hm-bundle -q --image init:{image} --text init:{text} {more} --vocab {vocab} -o {name}.safetensors x.safetensors")


def prepared():
    """The stages from lines to prepared records, which are left as KIND-N.pixels.hmr, .bert.hmr and .clip.hmr."""
    few, many = 2000, 200000
    for n in 40, 600, 16, 64, 32, 128, 160, few, many:
        lines("jpg", n)
    for n in 40, 600:
        lines("png", n)
    name = lambda n: f"jpg-{n}"
    rows = [stage("jsonl2rec", lambda n: f"hm-jsonl2rec {name(n)}.jsonl -o {name(n)}.hmr", few, many,
                  lambda n: size(name(n) + ".jsonl"), lambda n: size(name(n) + ".hmr"), 2)]
    for n in few, many:
        with open(name(n) + ".jsonl") as f, open(name(n) + ".csv", "w") as to:
            to.write("id,img,label,text\n")
            to.writelines("{id},{img},{label},\"{text}\"\n".format(**json.loads(line)) for line in f)
    rows.append(stage("csv2rec", lambda n: f"hm-csv2rec {name(n)}.csv -o x.hmr", few, many, lambda n: size(name(n) + ".csv"), lambda n: size("x.hmr"), 2))
    for vocab, ending in ("d/vocab.txt", "bert"), ("clip", "clip"):
        rows.append(stage(f"tokenize-{ending}", lambda n: f"hm-tokenize --vocab {vocab} {name(n)}.hmr -o {name(n)}.{ending}.hmr", few, many,
                          lambda n: size(name(n) + ".hmr"), lambda n: size(f"{name(n)}.{ending}.hmr"), 2))
    for kind in "jpg", "png":
        for n in 40, 600:
            run(f"hm-jsonl2rec {kind}-{n}.jsonl -o {kind}-{n}.hmr")
        rows.append(stage(f"imgprep-{kind}", lambda n: f"hm-imgprep --root img {kind}-{n}.hmr -o {kind}-{n}.pixels.hmr", 40, 600,
                          lambda n: size(f"{kind}-{n}.hmr") + n * mean_size(kind), lambda n: size(f"{kind}-{n}.pixels.hmr"), 2))
    rows.append(stage("tokenize-pixels", lambda n: f"hm-tokenize --vocab d/vocab.txt jpg-{n}.pixels.hmr -o x.hmr", 40, 600,
                      lambda n: size(f"jpg-{n}.pixels.hmr"), lambda n: size("x.hmr"), 2))
    return rows


def encoded():
    """Encoders, the whole pipe, hm-classify."""
    rows = []
    for n in 16, 64, 32, 128, 160:
        run(f"hm-jsonl2rec jpg-{n}.jsonl | hm-tokenize --vocab d/vocab.txt -o jpg-{n}.bert.hmr; hm-jsonl2rec jpg-{n}.jsonl | hm-tokenize --vocab clip -o jpg-{n}.clip.hmr;"
            f"hm-imgprep --root img jpg-{n}.bert.hmr -o jpg-{n}.pixels.hmr")
    for name, model, side, ending, few, many in (("resnet18", "pair", "image", "pixels", 32, 160), ("bert-base", "pair", "text", "bert", 32, 160),
                                                 ("clip-b32-image", "clip", "image", "pixels", 16, 64), ("clip-b32-text", "clip", "text", "clip", 32, 160)):
        rows.append(stage(f"encode-{name}", lambda n: f"hm-encode -q --{side} {model}.safetensors jpg-{n}.{ending}.hmr -o x.hmr", few, many,
                          lambda n: size(f"jpg-{n}.{ending}.hmr"), lambda n: size("x.hmr"), weights=True))
    whole = ("hm-jsonl2rec {0}.jsonl | hm-tokenize --vocab d/vocab.txt | hm-imgprep --root img | "
             "hm-encode -q --image pair.safetensors --text pair.safetensors -o x.hmr")
    read = lambda n: size(f"jpg-{n}.jsonl") + n * mean_size("jpg")
    rows.append(stage("pipe", lambda n: whole.format(f"jpg-{n}"), 32, 160, read, lambda n: size("x.hmr"), weights=True))
    rows.append(stage("classify", lambda n: f"hm-classify -q --root . --img-prefix '' pair.safetensors jpg-{n}.jsonl >x.jsonl", 32, 128, read, lambda n: size("x.jsonl"), weights=True))
    return rows


def heads():
    """What is done to features: copies, heads, scores."""
    few, many = 2000, 20000
    for n in few, many:
        features("f", n, (512, 768))
    features("clip", few, (512, 512))
    name = lambda n: f"f-{n}.hmr"
    rows = [stage("cat", lambda n: f"hm-cat {name(n)} -o x.hmr", few, many, lambda n: size(name(n)), lambda n: size("x.hmr"), 2)]
    nothing = lambda n: 0
    rows.append(stage("head-read", lambda n: f"hm-fuse-train -q -j 1 --epochs 1 -o h.safetensors {name(n)}", few, many, lambda n: size(name(n)), nothing, 2))
    for what, call, source, short, long in (("late", "hm-fuse-train -j 1", f"f-{many}", 1, 41), ("late-file", "hm-cat {} | hm-fuse-train -j 1 --memory 1M", f"f-{many}", 1, 11),
                                            ("late-index", "hm-fuse-train -j 1 --memory 1M", f"f-{few}", 1, 3),
                                            ("align", "hm-fuse-train -j 1 --fusion align --map-dim 1024 --pre-layers 1", f"clip-{few}", 1, 4)):
        n = int(source.split("-")[1])
        # n records, k epochs: a record per epoch is what is counted
        def train(k):
            read = "" if "{}" in call else source + ".hmr"
            return f"{call.format(source + '.hmr')} -q --batch-size 64 --optimizer adam --epochs {k // n} -o {what}.safetensors {read}"
        rows.append(stage(f"head-{what}", train, short * n, long * n, nothing, nothing))
    for what, options in ("score", "--bootstrap 0"), ("score-bootstrap", ""):
        rows.append(stage(what, lambda n: f"hm-score -q {options} --model late.safetensors --csv x.csv {name(n)} >x.txt", few, many, lambda n: size(name(n)), lambda n: size("x.csv"), 2))
    return rows


def tokens(path, n):
    run(f"hm-view --head 1000 {path} >x.txt")
    with open("x.txt") as f:
        lengths = [json.loads(line)["token_ids"]["shape"][0] for line in f]
    return round(sum(lengths) / len(lengths), 1)


def main():
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run("hm-synth -q --train 1000 --dev 0 --test 0 d")
        pictures()
        size_of_clip = clip_vocabulary()
        rows = prepared()
        models(size_of_clip)
        rows += encoded() + heads()
        trainings = [training("late", "--image pair.safetensors --text pair.safetensors", "jpg-160.pixels.hmr", (1, 5), 8),
                     training("align", "--fusion align --map-dim 1024 --pre-layers 1", "clip-2000.hmr", (16, 64), 100)]
        with open("/proc/cpuinfo") as f:
            processor = next(line.split(":")[1].strip() for line in f if line.startswith("model name"))
        with open("/proc/cpuinfo") as f:
            flags = next(line.split() for line in f if line.startswith("flags"))
        vector = next((v for v in ("avx512_bf16", "avx512f", "avx2") if v in flags), "sse2")
        version = subprocess.run([BIN + "/hm-encode", "--version"], capture_output=True, text=True, check=True).stdout.split("\n")
        about = {"date": datetime.date.today().isoformat(), "processor": processor, "vector": vector, "cores": CORES, "hm": version[0].split()[1],
                 "devices": version[1].removeprefix("devices: "), "pictures": f"{W}x{H}", "tokens_bert": tokens("jpg-2000.bert.hmr", 1000),
                 "tokens_clip": tokens("jpg-2000.clip.hmr", 1000), "copy_bytes_per_s": float(f"{copy_rate():.3g}"), "took_s": round(time.monotonic() - began)}
    with open(OUT, "w") as f:
        # an object per line, which scale_model.awk counts on
        lists = [",\n".join(json.dumps(row) for row in some) for some in (rows, trainings)]
        f.write(f'{{"about": {json.dumps(about)},\n"stages": [\n{lists[0]}\n],\n"trainings": [\n{lists[1]}\n]}}\n')


main()
