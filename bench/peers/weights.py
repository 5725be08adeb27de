"""Synthetic quantised weights that MLX and GGUF can both hold without changing a value.

A matrix is codes q in 1..15 and a float16 scale s for each group of 64 along a row; a weight is s * (q - 8).

- MLX, 4 bits in groups of 64: s * q + b with b = -8 s, which float16 holds exactly.
- GGUF Q4_0: blocks of 32 with a float16 scale d, d * (q - 8): a group is two blocks with d = s.

Both take 4.5 bits per weight. Code 0 is left out so that the weights' mean is 0.
"""
from dataclasses import dataclass

import numpy as np

GROUP = 64
BLOCK = 32  # of Q4_0
CODE_DEVIATION = np.sqrt((15**2 - 1) / 12)  # of a uniform code in 1..15


@dataclass(frozen=True)
class Matrix:
    codes: np.ndarray  # uint8 [rows, cols], 1..15
    scales: np.ndarray  # float16 [rows, cols / 64]


def draw_matrix(rng: np.random.Generator, rows: int, cols: int) -> Matrix:
    """Weights of mean 0 and variance 1 / cols, which keep a product's outputs as large as its inputs."""
    codes = rng.integers(1, 16, size=(rows, cols), dtype=np.uint8)
    spread = rng.uniform(0.75, 1.25, size=(rows, cols // GROUP))
    return Matrix(codes, (spread / (CODE_DEVIATION * np.sqrt(cols))).astype(np.float16))


def interleave_heads(matrix: Matrix, heads: int) -> Matrix:
    """Rows of wq or wk in GGUF's order. Hugging Face's RoPE pairs row i of a head with row i + head_dim / 2; llama.cpp
    pairs neighbours."""

    def reorder(array: np.ndarray) -> np.ndarray:
        return array.reshape(heads, 2, -1, array.shape[1]).swapaxes(1, 2).reshape(array.shape)

    return Matrix(reorder(matrix.codes), reorder(matrix.scales))


def to_mlx(matrix: Matrix) -> dict[str, np.ndarray]:
    """The three arrays of an MLX layer: a uint32 holds eight codes, the first in its low bits."""
    packed = matrix.codes[:, 0::2] | matrix.codes[:, 1::2] << 4
    return {"weight": packed.view("<u4"), "scales": matrix.scales, "biases": matrix.scales * np.float16(-8)}


def to_q4_0(matrix: Matrix) -> np.ndarray:
    """uint8 [rows, bytes]: for each block its scale, then 16 bytes of which byte j holds codes j and j + 16."""
    rows, cols = matrix.codes.shape
    halves = matrix.codes.reshape(rows, cols // BLOCK, 2, BLOCK // 2)
    codes = halves[:, :, 0] | halves[:, :, 1] << 4
    scales = matrix.scales.repeat(GROUP // BLOCK, axis=1)[..., None].view(np.uint8)
    return np.concatenate([scales, codes], axis=2).reshape(rows, -1)
