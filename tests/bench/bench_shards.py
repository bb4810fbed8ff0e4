"""Encoding in two shards, each behind RUN_GPU on a processor of its own, and joined again, beside one process with two
threads: the rules of pipelines/seed.mk that make the features, of 224 x 224 pictures by ResNet18 and captions by BERT-base.
The sharded run starts two processes that read the weights and joins two files; both runs end in the same bytes. Rounds are
interleaved, the best of each counts."""
import os
import tempfile

from benchkit import sh

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
RECORDS, ROUNDS, TARGET = 1200, 2, 0.95
# What a step of Slurm gives: a processor that no other one has.
ALONE = """#!/bin/bash
for cpu in 0 1; do
    exec 9>core-$cpu
    flock -n 9 && exec taskset -c $cpu "$@"
done
exec "$@"
"""


def encode(out, more):
    """Seconds that the features take, pixels and tokens being there."""
    sh(f"rm -rf {out}/cache {out}/data/*.features.hmr {out}/data/shards/*.features.hmr")
    return sh(f"taskset -c 0,1 make -s -f {ROOT}/pipelines/seed.mk DATA=d IMAGE=m.safetensors TEXT=m.safetensors VOCAB=d/vocab.txt "
              f"DEVICE=cpu OUT={out} {more} {out}/data/train.features.hmr 2>log.txt")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("alone", "w", encoding="ascii") as f:
            f.write(ALONE)
        os.chmod("alone", 0o755)
        sh(f"hm-synth -q --train {RECORDS} --dev 8 --test 1 d; hm-jsonl2rec -q d/dev.jsonl | hm-imgprep -q --root d/img |"
           "hm-tokenize -q --vocab d/vocab.txt | hm-fuse-train -q --image init:resnet18 --text init:bert-base --freeze none"
           " --epochs 1 --batch-size 8 -o m.safetensors")  # a file that holds both encoders
        ways = {"one": "", "two": "-j 2 SHARDS=2 RUN_GPU=./alone"}
        seconds = {out: [] for out in ways}
        for _ in range(ROUNDS):
            for out, more in ways.items():
                seconds[out].append(encode(out, more))
        sh("cmp one/data/train.features.hmr two/data/train.features.hmr")
        one, two = min(seconds["one"]), min(seconds["two"])
        short = "" if one / two >= TARGET else " (short)"
        print("name | two shards | one process | ratio | target")
        print(f"encode {RECORDS} records, ResNet18 and BERT-base | {two:.2f} s | {one:.2f} s | {one / two:.2f} | {TARGET}{short}")


main()
