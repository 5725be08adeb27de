"""What MLX says about one checkpoint: logits of every position, tokens, and which tokens are certain."""
from dataclasses import dataclass
from typing import List, Tuple

import mlx.core as mx
import numpy as np
from mistral_mlx import sample

@dataclass(frozen=True)
class Draw:
    temp: float
    seed: int
    count: int  # tokens


DRAWS = [Draw(0.0, 0, 24)] + [Draw(temp, seed, 16) for temp in (0.5, 1.0, 1.5) for seed in (1, 2**40 + 3)]


@dataclass
class Token:
    """A token that MLX chose, and whether no error of the logits up to the given one could have changed the choice."""

    token: int
    certain: bool


def as_numpy(array) -> np.ndarray:
    return np.array(array.astype(mx.float32)).astype(np.float64)


def relative_l2(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest over positions; both [positions, vocab]. Infinite when anything is not a number."""
    if found.shape != expected.shape or not np.isfinite(found).all():
        return float("inf")
    errors = np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)
    return float(errors.max())


def logits_of(model, tokens: List[int]) -> np.ndarray:
    return as_numpy(model(mx.array(tokens)[None])[0][0])


def largest_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max())


def certain_best(row, token: int, dtype, error: float) -> bool:
    """Whether `token` stays ahead when every logit may be off by `error` before it is rounded to dtype."""
    low, high = as_numpy((row - error).astype(dtype)), as_numpy((row + error).astype(dtype))
    others = np.delete(high, token)
    return bool(others.size == 0 or low[token] > others.max())


def certain_draw(row, token: int, draw: Draw, dtype, error: float, uniform: float) -> bool:
    """Errors e_i of the scaled logits move the cumulative probability F_k, to first order, by
    sum_{i<=k} p_i e_i - F_k sum_i p_i e_i, at most sum_i p_i |e_i|. The draw is certain when that is less than the
    distance of the uniform number from both ends of the token's interval. |e_i| is what is left of `error` after the
    roundings to dtype of the logit and of its product with 1/temp, both monotone."""
    low, x, high = (as_numpy((row + e).astype(dtype) * (1 / draw.temp)) for e in (-error, 0.0, error))
    p = np.exp(x - x.max())
    p /= p.sum()
    shift = float(p @ np.maximum(high - x, x - low))
    ends = np.concatenate([[0.0], np.cumsum(p)])
    after_start = token == 0 or uniform - ends[token] > shift
    before_end = token + 1 == p.size or ends[token + 1] - uniform > shift
    return bool(after_start and before_end)


def tokens_of(model, prompt: List[int], draw: Draw, dtype, error: float) -> List[Token]:
    """The original program's loop on `model`, whose logits are cast to `dtype` before a token is drawn. `error` is the
    largest that a logit may have."""
    mx.random.seed(draw.seed)
    key = mx.random.key(draw.seed)
    out = []
    cache, inputs = None, mx.array(prompt)[None]
    for _ in range(draw.count):
        logits, cache = model(inputs, cache)
        y = sample(logits[:, -1, :].astype(dtype), draw.temp)
        row = logits[0, -1].astype(mx.float32)
        if draw.temp == 0:
            certain = certain_best(row, y.item(), dtype, error)
        else:
            key, used = mx.random.split(key)
            uniform = mx.random.uniform(shape=(1,), key=used).item()
            certain = certain_draw(row, y.item(), draw, dtype, error, uniform)
        out.append(Token(y.item(), certain))
        inputs = y[:, None]
    return out


def agreement(found: List[int], expected: List[Token]) -> Tuple[int, int, str]:
    """(equal tokens, certain ones among those compared, what is wrong or ''). After a divergence where MLX's choice was
    not certain the two have different inputs, and the comparison ends."""
    if len(found) != len(expected):
        return 0, 0, f"expected {len(expected)} tokens, found {len(found)}"
    certain = 0
    for n, (token, reference) in enumerate(zip(found, expected)):
        certain += reference.certain
        if token != reference.token:
            wrong = f"token {n}: expected {reference.token}, found {token}" if reference.certain else ""
            return n, certain, wrong
    return len(found), certain, ""
