"""Bits per byte over windows of text, as `tramontane perplexity` counts them."""
import math

import torch
from torch.nn import functional as F

from tokens import BOS

WINDOW, STRIDE = 512, 256  # tokens; BOS takes the first place of every window


@torch.no_grad()
def nll(model, ids, window=WINDOW, stride=STRIDE):
    """The summed negative log likelihood, in nats, of each of ids in the first window that holds it."""
    model.eval()
    room = window - 1  # tokens of text in a window
    total, scored = 0.0, 0
    while scored < len(ids):
        end = min(len(ids), scored + (room if scored == 0 else stride))
        part = ids[max(0, end - room):end]
        new = end - scored
        logits = model(torch.tensor([[BOS, *part]]))[0, :-1].float()
        total += F.cross_entropy(logits[-new:], torch.tensor(part[-new:]), reduction="sum").item()
        scored = end
    return total


def bits_per_byte(model, tokenizer, text):
    return nll(model, tokenizer.encode(text)) / math.log(2) / len(text.encode())


@torch.no_grad()
def greedy(model, prompt, count):
    """The likeliest continuation of the ids in prompt, token by token."""
    ids = list(prompt)
    for _ in range(count):
        ids.append(model(torch.tensor([ids]))[0, -1].argmax().item())
    return ids[len(prompt):]
