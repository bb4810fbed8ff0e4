"""The PyTorch class whose files and logits those of hm's fusions with hidden layers must be, with the sizes as arguments;
and hm's dropout masks (lib/ops/ops.h, lib/nn/headfusion.h), so that training with dropout can be compared too."""
import numpy
import torch
import torch.nn as nn

JOINTS = ("align", "concat", "cross", "align-concat")
SITE, JOINT_SITE, PRE_SITE, LAYERS = 1 << 16, (1 << 16) + 128, (1 << 16) + 129, 64


def mask(seed, step, site, shape, p):
    """What the elements of `shape` are multiplied by: Philox4x32-10, word e % 4 of block e / 4."""
    if not p:
        return torch.ones(shape, dtype=torch.float64)
    count = int(numpy.prod(shape))
    block = numpy.arange((count + 3) // 4, dtype=numpy.uint64)
    low = numpy.uint64(0xFFFFFFFF)
    c = [block & low, numpy.uint64(DROPOUT) + ((block >> numpy.uint64(32)) << numpy.uint64(8)), numpy.full_like(block, step), numpy.full_like(block, site)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = numpy.uint64(0xD2511F53) * c[0], numpy.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> numpy.uint64(32)) ^ c[1] ^ numpy.uint64(k0), p1 & low, (p0 >> numpy.uint64(32)) ^ c[3] ^ numpy.uint64(k1), p0 & low]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    words = numpy.stack(c, 1).reshape(-1)[:count]
    kept = words >= numpy.uint64(round(p * 2**32))
    return torch.tensor(kept.reshape(shape)) * float(numpy.float32(1 / (1 - p)))


DROPOUT = 3  # the number of dropout's stream, HM_RNG_DROPOUT


class Fusion(nn.Module):
    """image [N,C], text [N,H] -> logits. The towers, if any, are given as modules."""

    def __init__(self, joint, dims, classes, map_dim, map_layers, pre_dim, pre_layers, normalize, dropout=(0, 0, 0), image=None, text=None):
        super().__init__()
        self.joint, self.normalize = joint, normalize
        if image is not None:
            self.image_encoder = image
        if text is not None:
            self.text_encoder = text
        self.image_map, self.text_map = (self.maps(d, map_dim, map_layers, dropout[0]) for d in dims)
        width = {"align": map_dim, "concat": 2 * map_dim, "cross": map_dim**2, "align-concat": 3 * map_dim}[joint]
        layers = [nn.Dropout(dropout[1])]
        for _ in range(pre_layers):
            layers += [nn.Linear(width, pre_dim), nn.ReLU(), nn.Dropout(dropout[2])]
            width = pre_dim
        self.pre_output = nn.Sequential(*layers)
        self.output = nn.Linear(width, classes)

    @staticmethod
    def maps(width, map_dim, count, p):
        layers = [nn.Linear(width, map_dim), nn.Dropout(p)]
        for _ in range(count - 1):
            layers += [nn.ReLU(), nn.Linear(map_dim, map_dim), nn.Dropout(p)]
        return nn.Sequential(*layers)

    def join(self, a, b):
        if self.normalize:
            a, b = nn.functional.normalize(a, dim=1), nn.functional.normalize(b, dim=1)
        if self.joint == "cross":
            return torch.bmm(a.unsqueeze(2), b.unsqueeze(1)).flatten(1)
        parts = {"align": [a * b], "concat": [a, b], "align-concat": [a * b, a, b]}[self.joint]
        return torch.cat(parts, 1)

    def forward(self, image, text):
        return self.output(self.pre_output(self.join(self.image_map(image), self.text_map(text))))

    def forward_with_masks(self, image, text, seed, step, p):
        """The same in training, with hm's masks in place of PyTorch's."""
        def run(layers, x, site):
            drops = 0
            for layer in layers:
                if isinstance(layer, nn.Dropout):
                    x = x * mask(seed, step, site(drops), tuple(x.shape), layer.p)
                    drops += 1
                else:
                    x = layer(x)
            return x
        a = run(self.image_map, image, lambda i: SITE + i)
        b = run(self.text_map, text, lambda i: SITE + LAYERS + i)
        f = run(self.pre_output, self.join(a, b), lambda i: PRE_SITE + i - 1 if i else JOINT_SITE)
        return self.output(f)
