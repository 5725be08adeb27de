#!/usr/bin/env python3
"""Compares Tramontane's quantize and dequantize with MLX's on the CPU, bit by bit.

    python tests/oracle/quantize_oracle.py --build build/release --work build/oracle

Every mode, bits, group size and dtype; groups of the kinds in KINDS, several of each, in rows of random lengths. A NaN
equals any other NaN: its sign and payload are the machine's business.
"""
import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import List

import mlx.core as mx
import numpy as np

DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}
LARGEST = {"float32": 3.4028235e38, "float16": 65504.0, "bfloat16": 3.3895314e38}
SMALLEST = {"float32": 2.0**-149, "float16": 2.0**-24, "bfloat16": 2.0**-133}  # subnormal


@dataclass
class Scheme:
    bits: int
    group_size: int
    mode: str = "affine"

    def arguments(self) -> List[str]:
        return ["--bits", str(self.bits), "--group-size", str(self.group_size), "--mode", self.mode]


SCHEMES = [Scheme(bits, group_size) for bits in (2, 3, 4, 5, 6, 8) for group_size in (32, 64, 128)]
SCHEMES += [Scheme(4, 32, "mxfp4"), Scheme(8, 32, "mxfp8"), Scheme(4, 16, "nvfp4")]


def outlier(rng, n, _):
    group = rng.normal(size=n) * 0.02
    group[rng.integers(n)] = rng.choice([-1, 1]) * 10 ** rng.uniform(-1, 4)
    return group


def constant(rng, n, _):
    return np.full(n, rng.choice([0.0, 1.0, -1.0, 0.1, -0.3, 1e-8, -1e-7, 3e-7, 65504.0, rng.normal()]))


def huge(rng, n, dtype):
    return rng.uniform(-1, 1, n) * LARGEST[dtype]


def huge_of_one_sign(rng, n, dtype):
    return rng.choice([-1, 1]) * rng.uniform(0, 1, n) * LARGEST[dtype]


def beyond_e4m3(rng, n, _):  # where nvfp4's scales saturate, and then float32 distances
    return rng.normal(size=n) * 2.0 ** rng.uniform(8, 60)


def subnormal(rng, n, dtype):
    return rng.integers(-40, 41, n) * SMALLEST[dtype]


def zeros(rng, n, _):
    return np.where(rng.integers(0, 2, n) > 0, 0.0, -0.0)


def sparse(rng, n, _):
    return np.where(rng.uniform(size=n) < 0.1, rng.normal(size=n), zeros(rng, n, None))


def halves(rng, n, _):  # between two codes
    return rng.integers(-31, 32, n) * rng.choice([0.25, 0.125, 0.5, 1.5])


def near_power(rng, n, _):  # where the scale of the mx modes goes to the next power of two
    group = rng.uniform(-1, 1, n)
    group[rng.integers(n)] = rng.choice([6, 448]) * (1 + rng.integers(-40, 41) * 2.0 ** rng.choice([-23, -11, -8]))
    return group * 2.0 ** rng.integers(-30, 8)


def not_finite(rng, n, _):
    group = rng.normal(size=n)
    group[rng.integers(0, n, 3)] = rng.choice([np.inf, -np.inf, np.nan], 3)
    return group


KINDS = {
    "normal": lambda rng, n, _: rng.normal(size=n) * 0.02,
    "of any size": lambda rng, n, _: rng.normal(size=n) * 10 ** rng.uniform(-6, 3),
    "uniform": lambda rng, n, _: rng.uniform(-1, 1, n),
    "positive": lambda rng, n, _: rng.uniform(1, 1.1, n),
    "negative": lambda rng, n, _: rng.uniform(-7, -6.5, n),
    "constant": constant, "one outlier": outlier, "huge": huge, "huge, one sign": huge_of_one_sign,
    "beyond e4m3": beyond_e4m3, "tiny": lambda rng, n, _: rng.normal(size=n) * 1e-8,
    "very tiny": lambda rng, n, _: rng.normal(size=n) * 2.0 ** rng.uniform(-149, -110), "subnormal": subnormal,
    "zeros": zeros, "sparse": sparse, "halves": halves, "near a power": near_power, "not finite": not_finite,
}


def groups_of_every_kind(rng, group_size: int, dtype: str, each: int) -> np.ndarray:
    """[n, group_size] of values in the dtype, as float32; n is even, as MLX wants it of nvfp4."""
    groups = [kind(rng, group_size, dtype) for kind in KINDS.values() for _ in range(each)]
    groups += [groups[0]] * (len(groups) % 2)
    values = np.stack(groups)
    limit = LARGEST[dtype]
    return np.where(np.isfinite(values), np.clip(values, -limit, limit), values).astype(np.float32)


def raw(array: mx.array) -> bytes:
    if array.dtype == mx.bfloat16:
        array = array.view(mx.uint16)
    return np.array(array).tobytes()


def mlx_quantize(w: mx.array, scheme: Scheme) -> List[mx.array]:
    return mx.quantize(w, group_size=scheme.group_size, bits=scheme.bits, mode=scheme.mode)


def mlx_dequantize(parts: List[mx.array], scheme: Scheme, dtype: mx.Dtype) -> mx.array:
    return mx.dequantize(
        *parts, group_size=scheme.group_size, bits=scheme.bits, mode=scheme.mode,
        dtype=None if scheme.mode == "affine" else dtype,
    )


def as_floats(data: bytes, dtype: str) -> np.ndarray:
    if dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, {"float32": "<f4", "float16": "<f2"}[dtype]).astype(np.float32)


def same_floats(ours: bytes, theirs: bytes, dtype: str) -> np.ndarray:
    a, b = as_floats(ours, dtype), as_floats(theirs, dtype)
    if a.shape != b.shape:
        return np.zeros(1, bool)
    return (a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))


class Comparison:
    def __init__(self, build: Path, work: Path):
        self.program, self.work = build / "tramontane-quantize", work
        self.values = self.wrong = 0

    def run(self, data: bytes, cols: int, scheme: Scheme, dtype: str, *options: str) -> bytes:
        source, target = self.work / "quantize.in", self.work / "quantize.out"
        source.write_bytes(data)
        arguments = [str(source), str(target), "--cols", str(cols), "--dtype", dtype, *scheme.arguments(), *options]
        subprocess.run([str(self.program), *arguments], check=True, timeout=60)
        return target.read_bytes()

    def expect(self, what: str, same: np.ndarray) -> None:
        if same.all():
            return
        self.wrong += 1
        print(f"FAIL  {what}: {np.count_nonzero(~same)} of {same.size} differ, the first at {np.argmin(same)}")

    def compare(self, values: np.ndarray, cols: int, scheme: Scheme, dtype: str) -> None:
        w = mx.array(values).astype(DTYPES[dtype]).reshape(-1, cols)
        self.values += w.size
        name = f"{scheme.mode} {scheme.bits} bits, groups of {scheme.group_size}, {dtype}, {cols} columns"
        theirs = mlx_quantize(w, scheme)
        ours = self.run(raw(w), cols, scheme, dtype)
        at = 0
        for part, array in zip(("words", "scales", "biases"), theirs):
            expected = raw(array)
            found = ours[at : at + len(expected)]
            at += len(expected)
            if part == "words" or array.dtype == mx.uint8:
                same = np.frombuffer(found, np.uint8) == np.frombuffer(expected, np.uint8)
            else:
                same = same_floats(found, expected, dtype)
            self.expect(f"{name}: {part}", same)
        self.expect(f"{name}: size", np.array([at == len(ours)]))
        stored = b"".join(map(raw, theirs))
        back = self.run(stored, cols, scheme, dtype, "--dequantize")
        self.expect(f"{name}: back", same_floats(back, raw(mlx_dequantize(theirs, scheme, DTYPES[dtype])), dtype))


def every_code(rng, scheme: Scheme) -> List[mx.array]:
    """Words and scales with every code under every scale of a mode without biases."""
    scales = np.arange(256, dtype=np.uint8).repeat(256 // scheme.group_size * scheme.bits // 4 * 2)
    words = rng.integers(0, 256, scales.size * scheme.group_size * scheme.bits // 8).astype(np.uint8)
    return [mx.array(words.view(np.uint32).reshape(2, -1)), mx.array(scales.reshape(2, -1))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--each", type=int, default=60, help="groups of each kind")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    comparison = Comparison(args.build, args.work)
    for number, scheme in enumerate(SCHEMES):
        for dtype in DTYPES:
            rng = np.random.default_rng(1000 * number + len(dtype))
            values = groups_of_every_kind(rng, scheme.group_size, dtype, args.each).ravel()
            groups = values.size // scheme.group_size
            widths = [n for n in range(1, 65) if groups % n == 0]
            for width in rng.choice(widths, 2, replace=False):
                comparison.compare(values, int(width) * scheme.group_size, scheme, dtype)
            if scheme.mode != "affine":
                codes = every_code(rng, scheme)
                back = comparison.run(
                    b"".join(map(raw, codes)), codes[1].shape[1] * scheme.group_size, scheme, dtype, "--dequantize")
                expected = raw(mlx_dequantize(codes, scheme, DTYPES[dtype]))
                comparison.expect(f"{scheme.mode} {dtype}: every code", same_floats(back, expected, dtype))
    print(f"quantize: {comparison.values} values quantised and back as MLX has them, {comparison.wrong} differences")
    return 1 if comparison.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
