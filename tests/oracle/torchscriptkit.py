"""Networks in the manner of CLIP as TorchScript archives, for make_torchscript.py and check_weights.py: traced with f16
and f32 side by side, as OpenAI's are, and scripted with what else an archive can hold."""
import collections
import warnings

import torch

warnings.filterwarnings("ignore")


class Block(torch.nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attn = torch.nn.MultiheadAttention(width, heads)
        self.ln_1 = torch.nn.LayerNorm(width)
        self.mlp = torch.nn.Sequential(collections.OrderedDict(
            c_fc=torch.nn.Linear(width, 4 * width), gelu=torch.nn.GELU(), c_proj=torch.nn.Linear(4 * width, width)))
        self.ln_2 = torch.nn.LayerNorm(width)

    def forward(self, x):
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Transformer(torch.nn.Module):
    def __init__(self, width, layers, heads):
        super().__init__()
        self.resblocks = torch.nn.Sequential(*(Block(width, heads) for _ in range(layers)))

    def forward(self, x):
        return self.resblocks(x)


class Visual(torch.nn.Module):
    def __init__(self, width, layers, heads, patch, grid, out):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = torch.nn.Parameter(torch.randn(width))
        self.positional_embedding = torch.nn.Parameter(torch.randn(grid * grid + 1, width))
        self.ln_pre, self.transformer = torch.nn.LayerNorm(width), Transformer(width, layers, heads)
        self.ln_post, self.proj = torch.nn.LayerNorm(width), torch.nn.Parameter(torch.randn(width, out))

    def forward(self, x):
        x = self.conv1(x).flatten(2).permute(0, 2, 1)
        x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], 1) + self.positional_embedding
        x = self.transformer(self.ln_pre(x).permute(1, 0, 2)).permute(1, 0, 2)
        return self.ln_post(x[:, 0]) @ self.proj


class Clip(torch.nn.Module):
    def __init__(self, width=8, layers=2, heads=2, patch=4, grid=2, words=20, length=7, out=6, text=None):
        super().__init__()
        self.size, self.length, self.words = patch * grid, length, words
        self.visual = Visual(width, layers, heads, patch, grid, out)
        width, layers, heads = text or (width, layers, heads)
        self.transformer = Transformer(width, layers, heads)
        self.token_embedding = torch.nn.Embedding(words, width)
        self.positional_embedding = torch.nn.Parameter(torch.randn(length, width))
        self.ln_final = torch.nn.LayerNorm(width)
        self.text_projection = torch.nn.Parameter(torch.randn(width, out))
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.6593))
        for name, value in (("input_resolution", patch * grid), ("context_length", length), ("vocab_size", words)):
            self.register_buffer(name, torch.tensor(value))

    def forward(self, image, text):
        x = self.transformer((self.token_embedding(text) + self.positional_embedding).permute(1, 0, 2)).permute(1, 0, 2)
        x = self.ln_final(x)[torch.arange(text.shape[0]), text.argmax(1)] @ self.text_projection
        return self.logit_scale.exp() * self.visual(image) @ x.t()


def traced(net, narrow=True):
    """A trace, with f16 where OpenAI's files have it, or all in f32."""
    inputs = torch.randn(2, 3, net.size, net.size), torch.randint(net.words, (2, net.length))
    out = torch.jit.trace(net.eval(), inputs, check_trace=False)
    half = ("conv1.weight", "attn.in_proj_weight", "attn.in_proj_bias", "out_proj.weight", "out_proj.bias", "c_fc.weight",
            "c_fc.bias", "c_proj.weight", "c_proj.bias", "visual.proj", "text_projection")
    for name, p in out.named_parameters():
        if narrow and name.endswith(half):
            p.data = p.data.half()
    return out


class Leaf(torch.nn.Module):
    """Parameters, buffers, tensors that are neither, and attributes that are no tensors."""
    def __init__(self):
        super().__init__()
        self.ln, self.fc = torch.nn.LayerNorm(3), torch.nn.Linear(3, 3)
        self.register_buffer("count", torch.tensor(1 << 40))
        self.register_buffer("hidden", torch.arange(3.0), persistent=False)
        self.register_buffer("brain", torch.randn(2, 2).bfloat16())
        self.register_buffer("turned", torch.randn(2, 3).t())
        self.register_buffer("part", torch.randn(9)[2:8:2])
        self.register_buffer("empty", torch.zeros(0, 2))
        self.register_buffer("mask", torch.tensor([True, False]))
        self.register_parameter("absent", None)
        self.plain = torch.randn(2)
        self.eps, self.names, self.sizes, self.table, self.large = 1e-5, ["a", "b"], (1, 2), {"a": 1}, 1 << 40
        self.list, self.pair, self.dict = [torch.ones(3)], (torch.ones(1), 2), {"a": torch.ones(2)}

    def forward(self, x):
        kept = self.eps + len(self.names) + self.sizes[0] + self.table["a"] + self.large
        kept = kept + self.list[0].sum() + self.pair[0] + self.dict["a"].sum() + self.brain.sum() + self.turned.sum()
        return self.fc(self.ln(x)) + self.hidden + self.plain.sum() + self.part.sum() + self.count + kept + self.mask.sum()


class Tree(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.chain = Leaf(), torch.nn.Sequential(torch.nn.Linear(3, 3), Leaf())
        self.list = torch.nn.ModuleList([Leaf()])
        self.tied = self.first.ln.weight
        self.again = self.first
        self.narrow = torch.nn.Linear(3, 2).half()

    def forward(self, x):
        x = self.chain(self.first(x))
        for m in self.list:
            x = m(x)
        return x * self.tied + self.again.plain.sum() + self.narrow.weight.sum()


def scripted():
    return torch.jit.script(Tree())


def tensors(module):
    """Every tensor that is an attribute of a loaded archive: the state_dict, and Leaf's, which is not registered."""
    state = {k: v.detach() for k, v in module.state_dict().items()}
    for prefix in [k[: -len("brain")] for k in state if k.endswith(".brain")]:
        at = module
        for part in prefix[:-1].split("."):
            at = getattr(at, part)
        state[prefix + "plain"] = at.plain
    return state
