"""What the benches of heads and of the cache have in common: a shell line with the tools, features of hm-synth's records."""
import os
import subprocess
import sys
import time

BIN = os.path.abspath(sys.argv[1])


def sh(line):
    """Seconds it took."""
    start = time.perf_counter()
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=True, env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})
    return time.perf_counter() - start


def features(n):
    """t.hmr, and x [n,1280], y [n]: 512 + 768 features, cheaply: ResNet18 on 32 x 32 pixels, a BERT of one layer."""
    import numpy
    import torch
    from transformers import BertConfig, BertModel
    torch.manual_seed(0)
    BertModel(BertConfig(num_hidden_layers=1)).save_pretrained("bert")
    sh(f"hm-synth -q --train {n} --dev 0 --test 0 d; hm-jsonl2rec d/train.jsonl | hm-imgprep --root d/img --size 32 |"
       "hm-tokenize --vocab d/vocab.txt | hm-encode -q --image init:resnet18 --text bert -o t.hmr;"
       "hm-view --npy image_feature=i.npy --npy text_feature=t.npy --npy label=l.npy t.hmr")
    return torch.tensor(numpy.concatenate([numpy.load("i.npy"), numpy.load("t.npy")], 1)), torch.tensor(numpy.load("l.npy")).long()
