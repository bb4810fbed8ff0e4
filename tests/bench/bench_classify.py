"""hm-classify with ResNet18 and BERT-base in one model file: from the call to the first answer, a line alone beside the bare
arithmetic of its encoders, a stream beside hm-encode on prepared records, and a million lines of a tiny model: does memory grow?
Two threads each. BENCH_LINES=N for fewer lines. usage: python bench_classify.py BIN"""
import json
import os
import statistics
import subprocess
import tempfile
import time

from benchkit import BIN, sh

LINES = int(os.environ.get("BENCH_LINES", "1000000"))
LONG = "when the mailman asks whether anybody has seen his old friend and nobody answers"


def start(model, *args):
    return subprocess.Popen([f"{BIN}/hm-classify", "-q", "-j", "2", model, "--root", "d/img", *args],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)


def first_answer(call, **stdin):
    """Least of nine, with the model file in the page cache."""
    def once():
        begin = time.perf_counter()
        p = subprocess.run(call, capture_output=True, check=True, **stdin)
        assert b'"label"' in p.stdout
        return time.perf_counter() - begin
    return min(once() for _ in range(9))


def alone(model, line):
    """Median seconds from a line to its answer, once the model has answered some."""
    p = start(model)
    took = []
    for i in range(40):
        begin = time.perf_counter()
        p.stdin.write(line)
        p.stdin.flush()
        assert '"label"' in p.stdout.readline()
        took.append(time.perf_counter() - begin)
    p.stdin.close()
    p.wait()
    return statistics.median(took[10:])


def per_record(line, few, many):
    """Seconds per record: the difference of two numbers of records, so that the start does not count."""
    def least(n):
        return min(sh(line.format(n=n)) for _ in range(3))
    return (least(many) - least(few)) / (many - few)


def row(what, hm, peer, ratio, target):
    print(f"{what} | {hm} | {peer} | {ratio:.2f} | {target}{' (short)' if ratio < target else ''}")


def growth():
    """Peak memory of a tiny model over a twentieth of the lines and over all."""
    sh("hm-jsonl2rec d/train.jsonl | hm-imgprep --root d/img --size 32 | hm-tokenize --vocab d/vocab.txt |"
       "hm-fuse-train -q --image init:resnet-tiny --text init:bert-tiny --vocab d --epochs 1 -o tiny.st")
    line = open("d/train.jsonl").readline()

    def run(n):
        p = start("tiny.st")
        begin = time.perf_counter()
        if not os.fork():  # a writer of its own, so that neither side waits for the other
            for _ in range(n):
                p.stdin.write(line)
            p.stdin.close()
            os._exit(0)
        p.stdin.close()
        answers = sum(1 for _ in p.stdout)
        _, status, usage = os.wait4(p.pid, 0)
        assert answers == n and status == 0
        return usage.ru_maxrss / 1024, time.perf_counter() - begin
    few, _ = run(LINES // 20)
    many, took = run(LINES)
    row(f"memory of {LINES:,} lines, tiny model ({LINES / took:.0f} lines/s)", f"{many:.0f} MB",
        f"{few:.0f} MB ({LINES // 20:,} lines)", few / many, .97)


def main():
    sh("hm-synth -q --train 400 --dev 0 --test 0 d; cp d/vocab.txt v.txt; n=$(wc -l <v.txt); seq -f tok%.0f $((30522 - n)) >>v.txt;"
       "hm-jsonl2rec d/train.jsonl | hm-imgprep --root d/img | hm-tokenize --vocab v.txt -o raw.hmr;"
       "hm-cat --head 16 raw.hmr | hm-encode -q --image init:resnet18 --text init:bert-base -o f.hmr;"
       "hm-fuse-train -q --epochs 1 -o head.st f.hmr;"
       "hm-bundle -q --image init:resnet18 --text init:bert-base --vocab v.txt head.st -o model.st")
    one = json.loads(open("d/train.jsonl").readline())
    one["text"] = LONG
    line = json.dumps(one) + "\n"
    print("name | hm | peer | ratio | target")
    by_hand = first_answer([f"{BIN}/hm-classify", "-j", "2", "model.st", "d/" + one["img"], LONG])
    piped = first_answer([f"{BIN}/hm-classify", "-j", "2", "model.st", "--root", "d/img"], input=line.encode())
    row("one picture in the call, from the start", f"{by_hand:.2f} s", "0.6 s", .6 / by_hand, 1)
    row("one line on standard input, from the start", f"{piped:.2f} s", "0.6 s", .6 / piped, 1)
    open("one.jsonl", "w").write(line)
    # a side's encoder alone on one thread, a record at a time: the two run beside each other
    sh("for i in $(seq 64); do sed \"s/\\\"id\\\": *[0-9]*/\\\"id\\\": $i/\" one.jsonl; done >many.jsonl;"
       "hm-jsonl2rec many.jsonl | hm-imgprep --root d/img | hm-tokenize --vocab v.txt -o many.hmr")
    bare = max(per_record(f"hm-cat --head {{n}} many.hmr | hm-encode -q -j 1 --batch-size 1 {side} model.st -o /dev/null", 4, 64)
               for side in ("--image", "--text"))
    took = alone("model.st", line)
    row("a line alone", f"{1e3 * took:.1f} ms", f"{1e3 * bare:.1f} ms (the slower encoder alone)", bare / took, 1 / 1.3)
    stream = per_record("head -n {n} d/train.jsonl | hm-classify -q -j 2 model.st --root d/img >/dev/null", 64, 384)
    encode = per_record("hm-cat --head {n} raw.hmr | hm-encode -q -j 2 --image model.st --text model.st -o /dev/null", 64, 384)
    row("a stream", f"{1 / stream:.1f} lines/s", f"{1 / encode:.1f} records/s (hm-encode)", encode / stream, .9)
    growth()


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
