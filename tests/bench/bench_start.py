"""From the call of each tool to its first output byte, on one small record and without weights: median and least of 20 runs beside
30 ms. Then one meme through ResNet18 and BERT-base: five tools in a pipe, and hm-classify. Two threads each.
usage: python bench_start.py BIN"""
import os
import statistics
import subprocess
import tempfile
import time

from benchkit import BIN, sh

RUNS = 20

# what each tool does with one record, or with a few; what is waited for is the first byte of standard output
CALLS = {
    "hm-jsonl2rec": "one.jsonl",
    "hm-csv2rec": "one.csv",
    "hm-npy2rec": "--ids one.jsonl --column x=x.npy -o -",
    "hm-imgprep": "--root d/img --size 32 lines.hmr",
    "hm-tokenize": "--vocab d/vocab.txt lines.hmr",
    "hm-encode": "--image tiny.st --text tiny.st raw.hmr",
    "hm-cat": "raw.hmr",
    "hm-view": "raw.hmr",
    "hm-lint": "few.hmr",
    "hm-nearest": "--columns image_feature,text_feature --k 1 --train few.f.hmr few.f.hmr",
    "hm-fuse-train": "--epochs 1 --log /dev/stdout -o m.st few.f.hmr",
    "hm-score": "--model head.st --bootstrap 0 few.f.hmr",
    "hm-classify": "tiny.st --root d/img one.jsonl",
    "hm-bundle": "--image tiny.st --text tiny.st --vocab d -o /dev/stdout head.st",
    "hm-report": "--help",
    "hm-synth": "--help",
}


def first_byte(command):
    """Seconds from the call to the first byte of its output; the rest is read and thrown away."""
    begin = time.perf_counter()
    p = subprocess.Popen(command.split(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    byte = p.stdout.read(1)
    took = time.perf_counter() - begin
    while p.stdout.read(1 << 16):
        pass
    if p.wait() not in (0, 1) or not byte:
        raise SystemExit(f"{command}: ended with {p.returncode}")
    return took


def whole(line, runs):
    def once():
        begin = time.perf_counter()
        sh(line)
        return time.perf_counter() - begin
    return min(once() for _ in range(runs))


def row(what, hm, peer, ratio, target):
    print(f"{what} | {hm} | {peer} | {ratio:.2f} | {target}{' (short)' if ratio < target else ''}", flush=True)


def make_inputs():
    sh("hm-synth -q --train 16 --dev 0 --test 0 d; head -n 1 d/train.jsonl >one.jsonl; cp d/train.jsonl few.jsonl;"
       "printf 'id,img,text,label\\n1,a.png,hello,0\\n' >one.csv;"
       "hm-jsonl2rec -q one.jsonl -o lines.hmr;"
       "hm-imgprep -q --root d/img --size 32 lines.hmr | hm-tokenize -q --vocab d/vocab.txt -o raw.hmr;"
       "hm-jsonl2rec -q few.jsonl | hm-imgprep -q --root d/img --size 32 | hm-tokenize -q --vocab d/vocab.txt -o few.hmr;"
       "hm-fuse-train -q --image init:resnet-tiny --text init:bert-tiny --vocab d --vocab-size $(wc -l <d/vocab.txt)"
       " --epochs 1 -o tiny.st few.hmr;"
       "hm-encode -q --image tiny.st --text tiny.st -o few.f.hmr few.hmr; hm-fuse-train -q --epochs 1 -o head.st few.f.hmr")
    import numpy
    numpy.save("x.npy", numpy.zeros((1, 4), "f4"))


def with_weights():
    sh("cp d/vocab.txt v.txt; n=$(wc -l <v.txt); seq -f tok%.0f $((30522 - n)) >>v.txt;"
       "hm-jsonl2rec -q few.jsonl | hm-imgprep -q --root d/img | hm-tokenize -q --vocab v.txt |"
       "hm-encode -q --image init:resnet18 --text init:bert-base -o full.hmr; hm-fuse-train -q --epochs 1 -o full.st full.hmr;"
       "hm-bundle -q --image init:resnet18 --text init:bert-base --vocab v.txt full.st -o model.st")
    pipe = whole("hm-jsonl2rec -q one.jsonl | hm-imgprep -q --root d/img | hm-tokenize -q --vocab v.txt |"
                 "hm-encode -q -j 2 --image model.st --text model.st | hm-score -q --bootstrap 0 --model full.st >/dev/null", 9)
    classify = whole("hm-classify -q -j 2 model.st --root d/img one.jsonl >/dev/null", 9)
    row("one meme, five tools in a pipe", f"{pipe:.2f} s", "2.4 s (before)", 2.4 / pipe, 2)
    row("one meme, hm-classify", f"{classify:.2f} s", "0.6 s", .6 / classify, 1)


def main():
    make_inputs()
    print("name | hm | peer | ratio | target")
    for tool, arguments in CALLS.items():
        took = [first_byte(f"{BIN}/{tool} {arguments}") for _ in range(RUNS)]
        least, median = 1e3 * min(took), 1e3 * statistics.median(took)
        row(f"{tool}, to its first byte", f"{least:.1f} ms (median {median:.1f})", "30 ms", 30 / least, 1)
    with_weights()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
