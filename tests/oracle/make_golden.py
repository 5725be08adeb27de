#!/usr/bin/env python3
"""Writes tests/golden/model_*.json: what MLX computes on checkpoints that tramontane-synthetic makes from a few numbers,
so that the C++ test makes the same checkpoint again and needs neither Python nor stored weights.

    python tests/oracle/make_golden.py --build build/release --work build/golden

Each case holds the options of the checkpoint, a prompt, the logits of its last two positions and tokens (greedy and
sampled) of MLX with every float of the checkpoint cast to float32, the tokens drawn from those logits cast to the
checkpoint's dtype; and `mlx_own_dtype`, the relative L2 of MLX's own run in that dtype against them.
`certain` marks the tokens that an error of `largest_error` in every logit could not have changed; that is three times
what the bound of the comparison, relative L2 of 2e-5 with a float32 cache, leaves for a logit on average.
"""
import argparse
import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Dict, List

import mlx.core as mx
from checkpoints import DTYPES
from mistral_mlx import load_model
from reference import Draw, logits_of, relative_l2, tokens_of

SHAPE = {"dim": 128, "layers": 2, "head-dim": 32, "hidden-dim": 256, "heads": 4, "kv-heads": 2, "vocab-size": 512}
HEADS = [(4, 2, 32), (8, 1, 16), (4, 4, 64), (8, 2, 32), (16, 4, 8), (2, 1, 128)]  # heads, kv-heads, head-dim
CONTAINERS = ["npz", "safetensors", "npz-deflated", "npz-shards", "safetensors-shards", "npz-zip64"]
NAMES = ["mistral", "hf", "hf-nested"]
BOUND = 2e-5  # of the relative L2, for Tramontane with a float32 cache
DRAWS = [Draw(0.0, 0, 16), Draw(0.7, 1, 10), Draw(1.2, 2**40 + 3, 10)]


def options_of(n: int, bits: int, group_size: int, dtype: str) -> Dict:
    """Options by the names of tramontane-synthetic's flags; the factors that are not arguments take turns."""
    heads, kv_heads, head_dim = HEADS[(n + n // 6) % len(HEADS)]
    options = SHAPE | {
        "heads": heads, "kv-heads": kv_heads, "head-dim": head_dim, "dtype": dtype, "seed": 100 + n,
        "format": CONTAINERS[n % len(CONTAINERS)], "names": NAMES[(n + n // 6) % 3], "tied": n % 4 == 2,
        "rope-theta": 1000000.0 if n % 5 == 3 else 10000.0, "sliding-window": (0, 0, 9)[n % 3],
    }
    return options | ({"bits": bits, "group-size": group_size} if bits else {})


def all_options() -> List[Dict]:
    pairs = [(bits, group_size) for bits in (2, 3, 4, 5, 6, 8) for group_size in (32, 64, 128)]
    pairs += [(0, 0)] * 3 + [(4, 64)] * 3
    return [options_of(n, *pair, list(DTYPES)[(n + n // 3) % 3]) for n, pair in enumerate(pairs)]


def make_checkpoint(tool: Path, folder: Path, options: Dict) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(tool), "--out", str(folder)]
    for name, value in options.items():
        if value is True:
            command.append(f"--{name}")
        elif value is not False:
            command += [f"--{name}", str(value)]
    subprocess.run(command, check=True)


def golden_case(n: int, folder: Path, options: Dict) -> Dict:
    dtype = DTYPES[options["dtype"]]
    prompt = mx.random.randint(3, 512, (20 + n % 9,), key=mx.random.key(9000 + n)).tolist()
    wide, own = load_model(folder, mx.float32), load_model(folder)
    logits = logits_of(wide, prompt)
    error = 3 * BOUND * float((logits**2).mean() ** 0.5)
    draws = []
    for draw in DRAWS:
        tokens = tokens_of(wide, prompt, draw, dtype, error)
        draws.append({
            "temperature": draw.temp, "seed": draw.seed, "tokens": [token.token for token in tokens],
            "certain": [int(token.certain) for token in tokens],
        })
    return {
        "options": options, "prompt": prompt, "mlx_own_dtype": float(f"{relative_l2(logits_of(own, prompt), logits):.2e}"),
        "largest_error": float(f"{error:.3e}"), "draws": draws,
        "last_logits": [[float(f"{x:.7g}") for x in row] for row in logits[-2:]],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="where tramontane-synthetic is")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the checkpoints")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "golden")
    arguments = parser.parse_args()
    mx.set_default_device(mx.cpu)

    provenance = {
        "script": "tests/oracle/make_golden.py", "mlx": version("mlx"), "device": str(mx.default_device()),
        "weights": "tramontane-synthetic with the options of each case",
        "prompts": "mx.random.randint(3, 512, key=mx.random.key(9000 + number of the case))",
    }
    groups: Dict[str, List[str]] = {dtype: [] for dtype in DTYPES}
    for n, options in enumerate(all_options()):
        folder = arguments.work / f"case{n}"
        make_checkpoint(arguments.build / "tramontane-synthetic", folder, options)
        case = golden_case(n, folder, options)
        certain = [sum(draw["certain"]) for draw in case["draws"]]
        print(n, options, f"mlx {case['mlx_own_dtype']:.1e} certain {certain}")
        groups[options["dtype"]].append(json.dumps(case, separators=(",", ":")))
    for dtype, cases in groups.items():
        path = arguments.out / f"model_{dtype}.json"
        lines = ",\n".join(cases)
        path.write_text(f'{{"provenance":{json.dumps(provenance)},\n"cases":[\n{lines}\n]}}\n')
        print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
