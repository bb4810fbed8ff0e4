"""No cost grows faster than the work: each tool over 10^3 to 10^6 records, processor seconds and peak memory. A row per tool
and number of records. What 10^3 records take, the start, is taken off the others; their seconds per record, beside those of a
tenth of the records, must stay below 1.5. hm-imgprep and hm-encode do so much with each record that they
have as many as a minute allows. BENCH_GROWTH=N: N records at most. usage: python bench_growth.py BIN"""
import json
import os
import resource
import tempfile

from benchkit import BIN, sh

MOST = int(os.environ.get("BENCH_GROWTH", "1000000"))
COUNTS = [n for n in (1_000, 10_000, 100_000, 1_000_000) if n <= MOST]
WIDE = 8  # numbers of a feature: what matters here is a record, not its size

# name, command over n records, the most records
TOOLS = [
    ("hm-jsonl2rec", "hm-jsonl2rec -q -j1 -o /dev/null {d}/x.jsonl", MOST),
    ("hm-csv2rec", "hm-csv2rec -q -j1 -o /dev/null {d}/x.csv", MOST),
    ("hm-npy2rec", "hm-npy2rec -q -j1 --ids {d}/x.jsonl --column image_feature={d}/x.npy --column text_feature={d}/x.npy -o /dev/null", MOST),
    ("hm-cat", "hm-cat -q -j1 -o /dev/null {d}/x.hmr", MOST),
    ("hm-view", "hm-view -q -j1 -o /dev/null {d}/x.hmr", MOST),
    ("hm-view --npy", "hm-view -q -j1 --npy label=l.npy {d}/x.hmr", MOST),
    ("a join", "hm-tokenize -q -j1 --vocab v.txt -o /dev/null {d}/x.hmr {d}/f.hmr", MOST),
    ("a join in another order", "hm-tokenize -q -j1 --vocab v.txt -o /dev/null {d}/x.hmr {d}/r.hmr", MOST),
    ("hm-tokenize", "hm-tokenize -q -j1 --vocab v.txt -o /dev/null {d}/x.hmr", MOST),
    ("hm-imgprep", "hm-imgprep -q -j1 --size 32 --root img -o /dev/null {d}/x.hmr", 100_000),
    ("hm-encode, small towers", "hm-encode -q -j1 --text init:bert-tiny -o /dev/null {d}/t.hmr", 100_000),
    ("hm-encode, all cached", "hm-encode -q -j1 --text init:bert-tiny --cache {d}/cache -o /dev/null {d}/t.hmr", 100_000),
    ("hm-fuse-train, a head", "hm-fuse-train -q -j1 --epochs 1 -o /dev/null {d}/f.hmr", MOST),
    ("hm-score --model", "hm-score -q -j1 --model head.st --json - {d}/f.hmr >/dev/null", MOST),
    ("hm-score, a CSV", "hm-score -q --json - {d}/p.csv >/dev/null", MOST),
    ("hm-score --compare", "hm-score -q --json - --compare {d}/p.csv {d}/q.csv >/dev/null", MOST),
    ("hm-nearest among 100", "hm-nearest -q -j1 --train few.hmr -o /dev/null {d}/f.hmr", MOST),
    ("hm-lint", "hm-lint -q -j1 --allow caption-shared --allow image-shared --allow pair-shared --allow near-shared --allow label-conflict --allow label-shift --allow pair-twice {d}/x.hmr >/dev/null", MOST),
    ("hm-report", "rm -rf page; hm-report -q a={d}/p.csv b={d}/q.csv -o page", 100_000),
    ("hm-classify", "hm-classify -q -j1 tiny.st --root img {d}/x.jsonl >/dev/null", 10_000),
]


def cost(line):
    """(processor seconds, peak memory in bytes) of a command; its memory is what it says itself."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sh(line.replace(" -q", " -q --stats stats.json", 1) + "; :")  # a fork of bash: the child of a larger process would begin with its peak
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open("stats.json", encoding="utf-8") as f:
        peak = json.load(f)["peak_memory_bytes"]
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


def make(n):
    """n records as lines, a CSV, an array, records, features, the same in reverse, and two files of predictions."""
    os.makedirs(str(n), exist_ok=True)
    sh(f"""cd {n}; awk -v n={n} 'BEGIN {{ srand(1); for (i = 0; i < n; i++) {{
            printf "{{\\"id\\":\\"%d\\",\\"img\\":\\"%d.png\\",\\"text\\":\\"caption of word%d and word%d\\",\\"label\\":%d}}\\n", i, i % 16, i, i * 7919 % n, i % 2
        }} }}' >x.jsonl
        awk -v n={n} 'BEGIN {{ print "id,img,text,label"; for (i = 0; i < n; i++) printf "%d,%d.png,caption of word%d,%d\\n", i, i % 16, i, i % 2 }}' >x.csv
        for f in p q; do awk -v n={n} -v f=$f 'BEGIN {{ srand(f == "p"); print "id,proba,label"; for (i = 0; i < n; i++) printf "%d,%.6f,%d\\n", i, rand(), i % 2 }}' >$f.csv; done""")
    import numpy
    numpy.save(f"{n}/x.npy", numpy.random.default_rng(1).normal(size=(n, WIDE)).astype(numpy.float32))
    sh(f"""cd {n}; hm-jsonl2rec -q -o x.hmr x.jsonl; tac x.jsonl >r.jsonl; hm-jsonl2rec -q -o r.hmr r.jsonl
        hm-npy2rec -q --ids x.jsonl --column image_feature=x.npy,encoder=a --column text_feature=x.npy,encoder=b -o f.hmr
        hm-tokenize -q --vocab ../v.txt -o t.hmr x.hmr""")
    if n <= 100_000:
        sh(f"hm-encode -q --text init:bert-tiny --cache {n}/cache -o /dev/null {n}/t.hmr")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sh("hm-synth -q --train 64 --dev 0 --test 0 d; cp d/vocab.txt v.txt; mkdir img; i=0; for f in $(ls d/img/*.png | head -16); do cp $f img/$i.png; i=$((i + 1)); done;"
           "hm-jsonl2rec -q d/train.jsonl | hm-imgprep -q --root d/img --size 32 | hm-tokenize -q --vocab v.txt |"
           "hm-fuse-train -q --image init:resnet-tiny --text init:bert-tiny --vocab d --epochs 1 -o tiny.st")
        for n in COUNTS:
            make(n)
        sh("hm-cat -q --head 100 -o few.hmr 1000/f.hmr; hm-fuse-train -q --epochs 1 -o head.st few.hmr")
        print("name | records | seconds of a processor per 10^6 records | peak memory, bytes per record | the seconds, beside those of a tenth | target")
        for name, command, most in TOOLS:
            before = None
            for n in COUNTS:
                if n > most:
                    break
                seconds, peak = min(cost(command.format(d=n)) for _ in range(3 if n <= 10_000 else 1))
                each = seconds / n * 1e6
                if n == COUNTS[0]:
                    first = seconds, peak
                    print(f"{name} | {n:,} | {each:.2f}, start included | {peak / 1048576:.0f} MB in all | - | -", flush=True)
                    continue
                each = (seconds - first[0]) / (n - COUNTS[0]) * 1e6
                memory = (peak - first[1]) / (n - COUNTS[0])
                ratio = each / before if before else None
                short = " (grows)" if ratio and ratio > 1.5 else ""
                print(f"{name} | {n:,} | {each:.2f} | {memory:.0f} | {f'{ratio:.2f}' if ratio else '-'} | {f'<= 1.5{short}' if ratio else '-'}", flush=True)
                before = each


main()
