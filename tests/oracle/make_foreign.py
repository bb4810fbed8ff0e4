"""Makes tests/data/foreign/*.hmr: records with features as another program makes them. A column says which encoder made it, by any
text, and nothing else; two columns say nothing at all. usage: make_foreign.py [OUTDIR]"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import hmrkit

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/foreign")
out.mkdir(parents=True, exist_ok=True)
IMAGE, TEXT = "openai/clip-vit-large-patch14-336, mean of 3 crops", "all-MiniLM-L6-v2"


def write(name, seed, n, image, text):
    rng = np.random.default_rng(seed)
    label = (np.arange(n) % 2).astype(np.int32)
    a = (rng.standard_normal((n, 6)) + 0.7 * label[:, None]).astype(np.float32)
    b = (rng.standard_normal((n, 4)) - 0.5 * label[:, None]).astype(np.float16)
    hmrkit.write(str(out / f"{name}.hmr"), {
        "id": [f"{name[0]}{i}" for i in range(n)], "label": label,
        "image_feature": (a, {"encoder": image} if image else {}), "text_feature": (b, {"encoder": text} if text else {}),
        "bare_image": a[:, :5].copy(), "bare_text": b[:, :3].copy()})


write("train", 1, 60, IMAGE, TEXT)
write("dev", 2, 30, IMAGE, TEXT)
write("other", 2, 30, IMAGE[:-1] + "z", TEXT)  # differs behind the 32 bytes that a digest has
write("long", 2, 4, "x" * 257, TEXT)
