"""Trains the model; keeps the averaged weights that do best on the validation books."""
import copy
import csv
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from evaluate import bits_per_byte
from model import Args, Mistral
from tokens import BOS, training_stream


@dataclass(frozen=True)
class Recipe:
    seed: int = 1611
    epochs: int = 18
    batch: int = 16  # windows
    window: int = 256  # tokens
    learning_rate: float = 2e-3
    warm_up: int = 200  # steps
    weight_decay: float = 0.1
    dropout: float = 0.3
    averaging: float = 0.998  # of the weights, per step
    patience: int = 5  # epochs without a better average


def windows(stream, starts, length, rng):
    """One epoch of windows in random order; all but the last begin with a verse. They hold about 97% of the tokens, others each epoch."""
    ends = np.arange(rng.integers(length), len(stream) - length, length)
    begins = starts[np.searchsorted(starts, ends, side="right") - 1]
    begins = np.concatenate(([0], begins, [len(stream) - length]))
    rng.shuffle(begins)
    return begins[:, None] + np.arange(length)


def learning_rate(step, steps, recipe):
    if step < recipe.warm_up:
        return recipe.learning_rate * (step + 1) / recipe.warm_up
    done = (step - recipe.warm_up) / (steps - recipe.warm_up)
    return recipe.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def make_optimizer(model, recipe):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() == 1]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": recipe.weight_decay},
                              {"params": norms, "weight_decay": 0.0}], lr=recipe.learning_rate, betas=(0.9, 0.98))


def train_step(model, optimizer, batch, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate
    inputs = torch.cat((torch.full((len(batch), 1), BOS), batch[:, :-1]), 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(inputs)
    loss = F.cross_entropy(logits.float().flatten(0, 1), batch.flatten())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


@torch.no_grad()
def average_into(average, model, keep):
    for a, p in zip(average.parameters(), model.parameters()):
        a.lerp_(p, 1 - keep)


def train(tokenizer, books, validation_text, log_path, recipe=Recipe()):
    """The best averaged model, in float32."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    stream, starts = training_stream(tokenizer, books)
    model = Mistral(Args(), recipe.dropout)
    average = copy.deepcopy(model)
    optimizer = make_optimizer(model, recipe)
    steps = recipe.epochs * (len(stream) // (recipe.window * recipe.batch) + 1)
    best, best_epoch, best_state, step, began = math.inf, 0, None, 0, time.time()
    with open(log_path, "w", newline="") as file:
        log = csv.writer(file)
        log.writerow(["epoch", "step", "learning_rate", "train_nats_per_token", "validation_bits_per_byte", "seconds"])
        for epoch in range(1, recipe.epochs + 1):
            model.train()
            losses = []
            epoch_windows = windows(stream, starts, recipe.window, rng)
            for rows in np.array_split(epoch_windows, math.ceil(len(epoch_windows) / recipe.batch)):
                rate = learning_rate(min(step, steps), steps, recipe)
                losses.append(train_step(model, optimizer, torch.from_numpy(stream[rows]), rate))
                # At first the average follows closely; it would hold the random start for long.
                average_into(average, model, min(recipe.averaging, (1 + step) / (10 + step)))
                step += 1
            bits = bits_per_byte(average, tokenizer, validation_text)
            log.writerow([epoch, step, f"{rate:.2e}", f"{np.mean(losses):.4f}", f"{bits:.4f}", int(time.time() - began)])
            file.flush()
            print(f"epoch {epoch}/{recipe.epochs}: training loss {np.mean(losses):.4f} nats/token, validation "
                  f"{bits:.4f} bits/byte, {time.time() - began:.0f} s", flush=True)
            if bits < best:
                best, best_epoch, best_state = bits, epoch, copy.deepcopy(average.state_dict())
            elif epoch - best_epoch >= recipe.patience:
                break
    average.load_state_dict(best_state)
    return average.eval()
