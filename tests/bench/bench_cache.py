"""hm-encode --cache on 8,500 records of 224 x 224 pixels, ResNet18 and a BERT of one layer from files: the first run, runs
that find everything, from a file and from a pipe, and one that finds all but 85 (weights of the text encoder and the network set-up
included), beside reading the same records (hm-view --verify). Two threads each, least of five. usage: python bench_cache.py BIN"""
import os
import tempfile

import torch
import torchvision
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from benchkit import sh

N = 8500


def least(line):
    return min(sh(line) for _ in range(5))


def main():
    torch.manual_seed(0)
    BertModel(BertConfig(num_hidden_layers=1)).save_pretrained("bert")
    save_file(torchvision.models.resnet18().state_dict(), "resnet18.safetensors")
    records = "hm-imgprep --root d/img | hm-tokenize --vocab d/vocab.txt"
    sh(f"hm-synth -q --train {N} --dev 0 --test 0 d; hm-jsonl2rec d/train.jsonl | {records} -o all.hmr;"
       f"sed '1~100s/\"text\":\"/&new /' d/train.jsonl | hm-jsonl2rec | {records} -o new.hmr")
    encode = "hm-encode -q -j 2 --image resnet18.safetensors --text bert"
    read = least("hm-view -j 2 --verify all.hmr")
    cold = sh(f"{encode} --cache c -o first.hmr all.hmr")
    warm = least(f"{encode} --cache c -o again.hmr all.hmr; cmp first.hmr again.hmr")
    piped = least(f"cat all.hmr | {encode} --cache c -o again.hmr; cmp first.hmr again.hmr")
    changed = sh(f"{encode} --cache c -o changed.hmr new.hmr")
    print("name | hm | peer | ratio | target")
    print(f"nothing cached, {N} records | {cold:.1f} s | {read:.2f} s (reading alone) | {read / cold:.3f} |")
    print(f"all cached | {warm:.2f} s | {read:.2f} s (reading alone) | {read / warm:.2f} | 1{' (short)' if warm > read else ''}")
    print(f"all cached, from a pipe | {piped:.2f} s | {read:.2f} s (reading alone) | {read / piped:.2f} |")
    print(f"85 captions new | {changed:.2f} s | {cold:.1f} s (nothing cached) | {cold / changed:.0f} |")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    main()
