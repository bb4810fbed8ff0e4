"""The fusions with hidden layers through the tools against PyTorch (headskit.py): a model of hm's loads with strict=True and
gives hm's probabilities; a model saved by PyTorch, also with one output, is scored and trained on: losses of each step and
final weights against float64, with hm's dropout masks. usage: python check_heads.py BIN"""
import csv, json, os, subprocess, sys, tempfile

import numpy, torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import headskit, hmrkit

BIN = os.path.abspath(sys.argv[1])
N, DIMS, BATCH, EPOCHS, SEED = 300, (37, 21), 64, 3, 9
failed = passed = 0


def sh(line):
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=True, env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})


def check(name, off, bound):
    global failed, passed
    good = off <= bound
    failed, passed = failed + (not good), passed + good
    print(f"{name:60} {off:.1e}" + ("" if good else f"  FAILED, above {bound:.0e}"))


def scored(options):
    sh(f"hm-score -q {options} --csv s.csv --bootstrap 0 t.hmr >/dev/null")
    return torch.tensor([float(r["proba"]) for r in csv.DictReader(open("s.csv"))], dtype=torch.float64)


def train(model, data, lr, dropout, clip):
    """Losses a step of AdamW in the order of the data, with hm's masks."""
    image, text, label = data
    opt, losses, step = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01), [], 0
    for _ in range(EPOCHS):
        for at in torch.arange(N).split(BATCH):
            opt.zero_grad()
            loss = torch.nn.functional.cross_entropy(model.forward_with_masks(image[at], text[at], SEED, step, dropout), label[at])
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            opt.step()
            losses.append(loss.item())
            step += 1
    return losses


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        g = numpy.random.default_rng(1)
        image, text = (g.standard_normal((N, d), dtype=numpy.float32) * 2 + 1 for d in DIMS)
        label = (image[:, 0] * text[:, 0] > 1).astype(numpy.int32)
        hmrkit.write("t.hmr", {"id": [str(i) for i in range(N)], "label": label, "image_feature": image, "text_feature": text},
                     {k: {"encoder": "5" * 32} for k in ("image_feature", "text_feature")})
        data = torch.tensor(image).double(), torch.tensor(text).double(), torch.tensor(label).long()
        for i, joint in enumerate(headskit.JOINTS):
            for maps, pres, norm, drop, clip, scale in ((1, 1, True, (0, 0, 0), 0, False), (2, 2, False, (0.2, 0.4, 0.1), 0.5, True),
                                                        (1, 0, True, (0.1, 0.3, 0), 0, False)):
                torch.manual_seed(i)
                n, m = (6 if joint == "cross" else 30), 20
                make = lambda classes=2: headskit.Fusion(joint, DIMS, classes, n, maps, m, pres, norm, drop)
                model = make()
                save_file(model.state_dict(), "start.safetensors")
                name = f"{joint}, {maps} + {pres} layers{', norm' if norm else ''}{', dropout' if any(drop) else ''}"
                plain = "" if norm else "--no-normalize "
                with torch.no_grad():
                    want = model.double().eval()(*data[:2]).softmax(1)[:, 1]
                check(f"{name}: PyTorch's model, scored", (scored(f"--model start.safetensors {plain}") - want).abs().max().item(), 1e-6)
                if scale:  # the start takes raw features; training sees standardised ones
                    x = [(v - v.mean(0)) / v.std(0, unbiased=False) for v in data[:2]]
                    with torch.no_grad():
                        for side, v in zip((model.image_map, model.text_map), data[:2]):
                            side[0].bias += side[0].weight @ v.mean(0)
                            side[0].weight *= v.std(0, unbiased=False)
                    losses = train(model, (*x, data[2]), 1e-3, drop, clip)
                    with torch.no_grad():
                        for side, v in zip((model.image_map, model.text_map), data[:2]):
                            side[0].weight /= v.std(0, unbiased=False)
                            side[0].bias -= side[0].weight @ v.mean(0)
                else:
                    losses = train(model, data, 1e-3, drop, clip)
                sh(f"hm-fuse-train -q --init start.safetensors {plain} --no-shuffle --seed {SEED} --batch-size {BATCH} --epochs {EPOCHS} "
                   f"--log-steps 1 --log log.jsonl --lr 1e-3 --weight-decay 0.01 --head-dropout {','.join(map(str, drop))} --fusion {joint} "
                   f"{'--standardize' if scale else ''} --clip-norm {clip} -o m.safetensors t.hmr")
                got = [o["loss"] for o in map(json.loads, open("log.jsonl")) if o["event"] == "step"]
                check(f"{name}: losses of {len(losses)} steps", max(abs(a - b) / abs(b) for a, b in zip(got, losses, strict=True)), 1e-6)
                ours = load_file("m.safetensors")
                other = make()
                other.load_state_dict(ours, strict=True)
                off = max(((ours[k].double() - v).abs().max() / v.abs().max()).item() for k, v in model.state_dict().items())
                check(f"{name}: weights", off, 1e-4)
                with torch.no_grad():
                    want = other.double().eval()(*data[:2]).softmax(1)[:, 1]
                check(f"{name}: hm's model in PyTorch", (scored("--model m.safetensors") - want).abs().max().item(), 1e-6)
                single = make(1)
                torch.save(single.state_dict(), "one.pth")
                with torch.no_grad():
                    want = single.double().eval()(*data[:2]).sigmoid()[:, 0]
                check(f"{name}: one output", (scored(f"--model one.pth {plain}") - want).abs().max().item(), 1e-6)
        with safe_open("m.safetensors", "pt") as f:
            print(json.loads(f.metadata()["hm.model"]))
    print(f"heads: {passed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
