#!/usr/bin/env python3
"""Writes tests/golden/quantize.json: hashes of what MLX's quantize and dequantize give, for tests/quantize.

Run in an environment with requirements.txt installed: python tests/oracle/make_quantize_golden.py
"""
import argparse
import json
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx
import numpy as np
from quantize_oracle import DTYPES, SCHEMES, mlx_dequantize, mlx_quantize, raw

GROUPS = 80
ROWS = 4


def formula_values(n: int, group_size: int) -> np.ndarray:
    """What tests/quantize/golden_test.cc computes too: integers below 2^32, then powers of two, exact in float32 but
    for the rounding of what is below its normal numbers. Each group is of one of ten kinds."""
    i = np.arange(n, dtype=np.uint64)
    x = (i * 2654435761 + 12345) % 2**32
    x = (x ^ (x >> np.uint64(15))) * 2246822519 % 2**32
    x = x ^ (x >> np.uint64(13))
    kind = i // group_size % 10
    exponent = np.array([0, -5, 3, -24, -133, -149, 12, 15, 40, 126])[kind.astype(int)]
    value = np.ldexp((x >> np.uint64(8)).astype(np.float64) - 2.0**23, exponent - 23)
    first = value[(i // group_size * group_size).astype(int)]
    value = np.where(kind == 2, first, value)  # constant
    value = np.where((kind == 1) & (i % group_size == 7), value * 256, value)  # one outlier
    value = np.where((kind == 6) & (x % 3 > 0), np.copysign(0.0, value), value)  # zeros of both signs
    return value.astype(np.float32)


def fnv1a(data: bytes) -> str:
    code = 0xCBF29CE484222325
    for byte in data:
        code = (code ^ byte) * 0x100000001B3 % 2**64
    return f"{code:016x}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "golden")
    path = parser.parse_args().out / "quantize.json"
    cases = []
    for scheme in SCHEMES:
        for name, dtype in DTYPES.items():
            values = formula_values(GROUPS * scheme.group_size, scheme.group_size)
            limit = {"float16": 65504.0}.get(name, 3.3895314e38)
            w = mx.array(np.clip(values, -limit, limit)).astype(dtype).reshape(ROWS, -1)
            parts = mlx_quantize(w, scheme)
            hashes = dict(zip(("words", "scales", "biases"), (fnv1a(raw(part)) for part in parts)))
            back = np.array(mlx_dequantize(parts, scheme, dtype).astype(mx.float32))
            cases.append({"mode": scheme.mode, "bits": scheme.bits, "group_size": scheme.group_size, "dtype": name,
                          "limit": limit, **hashes, "back": fnv1a(back.tobytes())})
    head = json.dumps({"script": "tests/oracle/make_quantize_golden.py", "mlx": version("mlx"),
                       "device": str(mx.default_device()), "seeds": "none: the script's formula_values"})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    path.write_text(f'{{"provenance":{head},\n"groups":{GROUPS},"rows":{ROWS},"cases":[\n{lines}\n]}}\n')
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
