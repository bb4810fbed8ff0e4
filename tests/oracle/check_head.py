"""hm-fuse-train against float64 PyTorch on the same features, start and order, through the tools: losses of each step
from --log, final weights from the model file. usage: python check_head.py BIN"""
import json, os, subprocess, sys, tempfile

import numpy, torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import headkit

BIN = os.path.abspath(sys.argv[1])


def sh(line):
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=True, env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sh("hm-synth -q --train 700 --dev 0 --test 0 d; hm-jsonl2rec d/train.jsonl | hm-imgprep --root d/img --size 64 |"
           "hm-tokenize --vocab d/vocab.txt | hm-encode -q --image init:resnet-tiny --text init:bert-tiny -o t.hmr;"
           "hm-view --npy image_feature=i.npy --npy text_feature=t.npy --npy label=l.npy t.hmr")
        raw = numpy.concatenate([numpy.load("i.npy"), numpy.load("t.npy")], 1)
        y = torch.tensor(numpy.load("l.npy"))
        torch.manual_seed(3)
        head = torch.nn.Linear(raw.shape[1], 2)
        save_file({"classifier.weight": head.weight.detach(), "classifier.bias": head.bias.detach()}, "start.safetensors")
        for name, case in headkit.CASES.items():
            optimizer, lr, momentum, decay, spare, clip, schedule, warm, cw = case
            for scaled in (False, True):
                mean, dev = raw.mean(0, dtype=numpy.float64), raw.std(0, dtype=numpy.float64)
                dev[dev == 0] = 1
                x = torch.tensor((raw - mean) / dev if scaled else raw.astype(numpy.float64))
                w0, b0 = head.weight.detach().double(), head.bias.detach().double()
                if scaled:  # the start is a head for raw features
                    b0 = b0 + w0 @ torch.tensor(mean)
                    w0 = w0 * torch.tensor(dev)
                losses, w, b = headkit.run(case, x, y, w0, b0, 64, 3)
                if scaled:
                    w = w / torch.tensor(dev)
                    b = b - w @ torch.tensor(mean)
                sh(f"hm-fuse-train -q --init start.safetensors --no-shuffle --batch-size 64 --epochs 3 --log-steps 1 --log log.jsonl "
                   f"--optimizer {optimizer} --lr {lr} --weight-decay {decay} --schedule {schedule} --warmup-steps {warm} "
                   + (f"--momentum {momentum} " if optimizer == "sgd" else "") + ("--no-decay bias " if spare else "")
                   + (f"--clip-norm {clip} " if clip else "") + (f"--class-weight {cw[0]},{cw[1]} " if cw else "")
                   + ("--standardize " if scaled else "--no-standardize ") + "-o m.safetensors t.hmr")
                got = [json.loads(l) for l in open("log.jsonl")]
                got = [g["loss"] for g in got if g["event"] == "step"]
                off = max(abs(a - c) / abs(c) for a, c in zip(got, losses, strict=True))
                m = load_file("m.safetensors")
                way = (w - head.weight.double()).abs().max()
                apart = ((m["classifier.weight"].double() - w).abs().max() / way).item()
                good = off <= 1e-5 and apart <= 1e-3
                failed += not good
                print(f"{name:9} {'standardised' if scaled else 'raw':12} losses {off:.1e}  weights {apart:.1e} of the movement"
                      + ("" if good else "  FAILED"))
    print(f"head: {2 * len(headkit.CASES) - failed} passed, {failed} failed (losses 1e-5, weights 1e-3 of the movement)")
    return failed > 0


sys.exit(main())
