"""The runs of a head that tests/data/train holds and check_head.py compares: PyTorch in float64, the order of the data."""
import torch

# name: (optimizer, lr, momentum, decay, no-decay bias, clip, schedule, warm-up, class weights); the same table
# stands in tests/model/test_trainer.c
CASES = {
    "sgd": ("sgd", 0.05, 0.0, 0.0, False, 0.0, "constant", 0, None),
    "momentum": ("sgd", 0.02, 0.9, 0.01, False, 0.0, "linear", 0, None),
    "adam": ("adam", 0.01, 0.0, 0.1, False, 0.0, "constant", 3, None),
    "adamw": ("adamw", 0.01, 0.0, 0.3, True, 0.0, "cosine", 2, None),
    "clipped": ("adamw", 0.005, 0.0, 0.0, False, 0.05, "linear", 4, None),
    "weighted": ("adam", 0.01, 0.0, 0.0, False, 0.0, "constant", 0, (0.5, 2.0)),
}


def factor(schedule, k, n, w):
    import math
    if k < w:
        return k / w
    if schedule == "linear":
        return (n - k) / (n - w)
    if schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (k - w) / (n - w)))
    return 1.0


def run(case, x, y, weight, bias, batch, epochs, dtype=torch.float64):
    """Losses a step, final weight and bias, of nn.Linear started from weight, bias on x, y in order."""
    optimizer, lr, momentum, decay, spare, clip, schedule, warm, cw = case
    head = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=dtype)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)
    groups = [{"params": [head.weight], "weight_decay": decay}, {"params": [head.bias], "weight_decay": 0.0 if spare else decay}]
    make = {"sgd": lambda: torch.optim.SGD(groups, lr=lr, momentum=momentum), "adam": lambda: torch.optim.Adam(groups, lr=lr),
            "adamw": lambda: torch.optim.AdamW(groups, lr=lr)}[optimizer]
    opt = make()
    steps = epochs * -(-len(x) // batch)
    sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda k: factor(schedule, k, steps, warm))
    criterion = torch.nn.CrossEntropyLoss(weight=None if cw is None else torch.tensor(cw, dtype=dtype))
    losses = []
    for _ in range(epochs):
        for at in range(0, len(x), batch):
            opt.zero_grad()
            loss = criterion(head(x[at:at + batch].to(dtype)), y[at:at + batch].long())
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(head.parameters(), clip)
            opt.step()
            sched.step()
            losses.append(loss.item())
    return losses, head.weight.detach(), head.bias.detach()
