#!/usr/bin/env python3
"""Compares Tramontane with MLX on small random checkpoints of every kind, made by MLX, and on stories260k.

    python tests/oracle/oracle.py --build build/release --work build/oracle

For each checkpoint and a prompt of 24 to 64 tokens, relative L2 of the logits, the largest over all positions:

- exact: Tramontane with a float32 cache and float32 products, in chunks of 7 rows, against MLX with every float of the
  checkpoint cast to float32: below 2e-5.
- 16: the same with 16-bit activations in quantised products, as they are by default: below 2.4e-4 (5e-5 for each of at
  most 22 products, uncorrelated).
- cache: Tramontane as it comes (float16 cache unless the checkpoint is float32) against the same: below 1e-3, and for
  float32 checkpoints below the bound of 16, or below 2e-5 if they are not quantised. (A float16 checkpoint whose embedding has small floats counts as float32: MLX computes
  it in that.)
- own: the same against MLX in the checkpoint's dtype. MLX's own rounding stands between the two: its CPU backend sums
  quantised products in the 16-bit type itself, so that a single product of 128 float16 terms is off by 2e-3. The bound
  is therefore the triangle's: 1e-3 (for bfloat16, with 8 times the unit roundoff, 8e-3) + mlx, where
- mlx: MLX in the checkpoint's dtype against MLX in float32, printed so that nobody has to take our word.

Then tokens, greedy and at three temperatures: identical to MLX's wherever an error in every logit of twice the largest
measured on the prompt could not have changed MLX's choice ("certain"; reference.py has the derivation). As in exact,
against MLX in float32 with its logits cast to the dtype, two seeds for each temperature; and as it comes, against
MLX in the dtype, one seed for each. After a divergence that the error explains the rest of a sequence is not compared.
"""
import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import mlx.core as mx
import numpy as np
from checkpoints import DATA, DTYPES, VOCAB, Spec, all_specs, write_checkpoint
from mistral_mlx import Tokenizer, load_model
from reference import DRAWS, Draw, Token, agreement, largest_error, logits_of, relative_l2, tokens_of

EXACT = ("--kv-dtype", "float32", "--activation-bits", "32")
EXACT_BOUND = 2e-5
SIXTEEN_BOUND = 2.4e-4
CACHE_BOUND = {"float32": 2e-5, "float16": 1e-3, "bfloat16": 1e-3}
OWN_BOUND = {"float32": 2e-5, "float16": 1e-3, "bfloat16": 8e-3}


class Tramontane:
    """The two programs under test."""

    def __init__(self, build: Path, work: Path):
        self.build, self.work = build, work

    def run(self, program: str, *arguments: str) -> str:
        command = [str(self.build / program), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def logits(self, folder: Path, tokens: List[int], *options: str) -> np.ndarray:
        out = self.work / "logits.bin"
        listed = ",".join(map(str, tokens))
        self.run("tramontane-logits", "--model-path", str(folder), "--tokens", listed, "--out", str(out), *options)
        values = np.fromfile(out, dtype="<f4").astype(np.float64)
        if values.size != len(tokens) * VOCAB:
            raise RuntimeError(f"tramontane-logits: expected {len(tokens)} x {VOCAB} floats, found {values.size}")
        return values.reshape(len(tokens), VOCAB)

    def tokens(self, folder: Path, prompt: List[int], draw: Draw, *options: str) -> List[int]:
        text = self.run(
            "tramontane", "generate", "--model-path", str(folder), "--prompt-tokens", ",".join(map(str, prompt)),
            "-m", str(draw.count), "--temp", str(draw.temp), "--seed", str(draw.seed), "--ignore-eos", "--json",
            *options,
        )
        return json.loads(text)["tokens"]


class Report:
    """What was measured on one checkpoint, and what of it is wrong."""

    def __init__(self, name: str):
        self.name = name
        self.figures: List[str] = []
        self.wrong: List[str] = []
        self.same = self.certain = self.total = 0  # tokens: equal to MLX's, certain among those compared, asked for

    def bound(self, what: str, value: float, limit: float) -> None:
        self.figures.append(f"{what} {value:.1e}")
        if not value < limit:
            self.wrong.append(f"{what}: expected below {limit:.1e}, found {value:.1e}")

    def tokens(self, what: str, found: List[int], expected: List[Token]) -> None:
        same, certain, problem = agreement(found, expected)
        self.same, self.certain, self.total = self.same + same, self.certain + certain, self.total + len(expected)
        if problem:
            self.wrong.append(f"{what}: {problem}")

    def line(self) -> str:
        tokens = f"tokens {self.same} same ({self.certain} certain) of {self.total}"
        verdict = "ok  " if not self.wrong else "FAIL"
        return "  ".join([verdict, f"{self.name:34}", *self.figures, tokens, *self.wrong])


def compare(name: str, folder: Path, dtype: str, prompt: List[int], tramontane: Tramontane) -> Report:
    report = Report(name)
    own, wide = load_model(folder), load_model(folder, mx.float32)
    own_logits, wide_logits = logits_of(own, prompt), logits_of(wide, prompt)
    plain = tramontane.logits(folder, prompt)
    exact = tramontane.logits(folder, prompt, *EXACT, "--chunk", "7")
    sixteen = tramontane.logits(folder, prompt, "--kv-dtype", "float32", "--chunk", "7")

    quantised = "quantization" in json.loads((folder / "config.json").read_text())
    product = SIXTEEN_BOUND if quantised else EXACT_BOUND
    rounding = relative_l2(own_logits, wide_logits)
    report.bound("exact", relative_l2(exact, wide_logits), EXACT_BOUND)
    report.bound("16", relative_l2(sixteen, wide_logits), product)
    report.bound("cache", relative_l2(plain, wide_logits), max(CACHE_BOUND[dtype], product))
    report.bound("own", relative_l2(plain, own_logits), max(OWN_BOUND[dtype], product) + rounding)
    report.figures.append(f"mlx {rounding:.1e}")

    error = 2 * largest_error(exact, wide_logits)
    for draw in DRAWS:
        found = tramontane.tokens(folder, prompt, draw, *EXACT)
        report.tokens(f"temp {draw.temp} seed {draw.seed}", found, tokens_of(wide, prompt, draw, DTYPES[dtype], error))
    error = 2 * largest_error(plain, own_logits)
    for draw in DRAWS[::2] if dtype != "float32" else []:
        found = tramontane.tokens(folder, prompt, draw)
        expected = tokens_of(own, prompt, draw, DTYPES[dtype], error)
        report.tokens(f"temp {draw.temp} seed {draw.seed}, own", found, expected)
    return report


def random_prompt(spec: Spec) -> List[int]:
    size = 24 + spec.seed * 13 % 41
    return mx.random.randint(3, VOCAB, (size,), key=mx.random.key(spec.seed + 7000)).tolist()


def compare_stories(tramontane: Tramontane) -> List[Report]:
    """The trained model, whose greedy tokens are also known from a float64 computation."""
    text = "One day, a little girl named Lily found a needle in her room. She knew it was difficult to play with it."
    prompt = Tokenizer(str(DATA / "tokenizer.model")).encode(text)
    known = Report("stories260k expected.json")
    for story in json.loads((DATA / "expected.json").read_text()):
        greedy = story["greedy_ids"]
        found = tramontane.tokens(DATA, story["prompt_ids"], Draw(0.0, 0, len(greedy)))
        known.total += len(greedy)
        known.same += sum(a == b for a, b in zip(found, greedy))
        if found != greedy:
            known.wrong.append(f"{story['prompt']!r}: other tokens than expected.json")
    known.certain = known.total
    return [compare("stories260k", DATA, "float32", prompt, tramontane), known]


def check_mlx_lm(folder: Path, prompt: List[int]) -> None:
    """Our reading of MLX's program against mlx-lm's own model of the same checkpoint."""
    from mlx_lm.utils import load_model as load_with_mlx_lm

    theirs = load_with_mlx_lm(folder)[0](mx.array(prompt)[None])[0]
    error = relative_l2(logits_of(load_model(folder), prompt), np.array(theirs).astype(np.float64))
    if not error < 1e-6:
        raise SystemExit(f"{folder}: our reading differs from mlx-lm's by {error:.1e}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="where tramontane and tramontane-logits are")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the checkpoints")
    parser.add_argument("--only", default="", help="checkpoints whose names hold this text")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    tramontane = Tramontane(arguments.build, arguments.work)
    mx.set_default_device(mx.cpu)

    start = time.monotonic()
    reports: List[Report] = []
    for spec in all_specs():
        if arguments.only not in spec.name:
            continue
        write_checkpoint(spec, arguments.work)
        prompt = random_prompt(spec)
        comparable = spec.hugging_face and spec.container != "npz" and not any(spec.windows())
        if comparable and spec.dtype == "float32":
            check_mlx_lm(spec.folder, prompt)
        try:
            reports.append(compare(spec.name, spec.folder, spec.computed_dtype(), prompt, tramontane))
        except RuntimeError as error:
            reports.append(Report(spec.name))
            reports[-1].wrong.append(str(error))
        print(reports[-1].line(), flush=True)
    if arguments.only in "stories260k":
        for report in compare_stories(tramontane):
            reports.append(report)
            print(report.line(), flush=True)

    failed = sum(bool(report.wrong) for report in reports)
    same, certain, total = (sum(getattr(report, what) for report in reports) for what in ("same", "certain", "total"))
    print(f"MLX {mx.__version__}, {time.monotonic() - start:.0f} s, {total} tokens, {same} equal, {certain} certain: "
          f"{len(reports) - failed} passed, {failed} failed")
    return 1 if failed or not reports else 0


if __name__ == "__main__":
    sys.exit(main())
