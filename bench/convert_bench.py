#!/usr/bin/env python3
"""Times `tramontane convert` beside `cp` (a float16 copy) and beside the original converter (4 bits, PyTorch and MLX).

    build/genesis/venv/bin/python bench/convert_bench.py --build build/release --work build/convert_bench

On a synthetic 7B shape with --layers layers, consolidated.00.pth in float16, in the page cache; alternating, medians. The
copies are timed until they are on the disk, as `convert` is. The interpreter needs PyTorch and MLX: `make genesis` makes one
that has both (its first step is enough).
"""
import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

# The original's steps, in its order.
ORIGINAL = """
import sys, torch, mlx.core as mx
mx.set_default_device(mx.cpu)
state = torch.load(sys.argv[1] + "/consolidated.00.pth")
weights = {name: mx.array(value.to(torch.float16).numpy()) for name, value in state.items()}
quantised = {}
for name, value in weights.items():
    if value.ndim == 1:
        quantised[name] = value
        continue
    module = name[: -len(".weight")]
    for leaf, part in zip(("weight", "scales", "biases"), mx.quantize(value, 64, 4)):
        quantised[f"{module}.{leaf}"] = part
mx.savez(sys.argv[2] + "/weights.npz", **quantised)
"""


def seconds(command) -> float:
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


class Bench:
    def __init__(self, build: Path, work: Path, layers: int):
        self.build, self.source, self.target = build, work / "source", work / "target"
        if not self.source.exists():
            subprocess.run([build / "tramontane-synthetic", "--shape", "7b", "--layers", str(layers), "--dtype", "float16",
                            "--format", "pth", "--out", self.source], check=True)
        for file in self.source.iterdir():
            seconds(["cat", file])  # into the page cache

    def fresh(self, make: bool) -> Path:
        shutil.rmtree(self.target, ignore_errors=True)
        if make:
            self.target.mkdir()
        return self.target

    def convert(self, *flags: str) -> float:
        target = self.fresh(False)
        return seconds([self.build / "tramontane", "convert", "--torch-path", self.source, "--mlx-path", target, "--quiet", *flags])

    def copy(self) -> float:
        target = self.fresh(True)
        return seconds(["sh", "-c", f"cp {self.source}/* {target}/ && sync {target}/*"])

    def original(self) -> float:
        return seconds([sys.executable, "-c", ORIGINAL, self.source, self.fresh(True)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--skip-original", action="store_true")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(arguments.build, arguments.work, arguments.layers)
    cases = {
        "cp and sync": bench.copy,
        "float16, npz": lambda: bench.convert(),
        "float16, safetensors": lambda: bench.convert("--format", "safetensors"),
        "4 bits": lambda: bench.convert("-q"),
    }
    if not arguments.skip_original:
        cases["4 bits, the original"] = bench.original
    times = {name: [] for name in cases}
    for _ in range(arguments.rounds):
        for name, run in cases.items():
            times[name].append(run())
    size = sum(file.stat().st_size for file in bench.source.iterdir())
    print(f"source {size / 1e9:.2f} GB, {arguments.rounds} rounds, medians")
    medians = {name: statistics.median(some) for name, some in times.items()}
    for name, median in medians.items():
        spread = (max(times[name]) - min(times[name])) / median
        print(f"{name:30} {median:7.2f} s  {size / 1e9 / median:5.2f} GB/s of source  spread {spread:.0%}")
    for name in ("float16, npz", "float16, safetensors"):
        print(f"{name}: {medians['cp and sync'] / medians[name]:.2f} of the rate of cp")
    if not arguments.skip_original:
        print(f"4 bits: {medians['4 bits, the original'] / medians['4 bits']:.1f} times as fast as the original")
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if arguments.skip_original:
        print(f"memory of the largest process: {largest / 1024:.0f} MB")
    shutil.rmtree(bench.target)


if __name__ == "__main__":
    main()
