#!/usr/bin/env python3
"""Compares `tramontane convert` with the original converter on MLX, and with mlx-lm, array by array and bit by bit.

    python tests/oracle/convert_oracle.py --build build/release --work build/oracle

What is written is then loaded by our reading of the original program and by mlx-lm, and the logits compared.
"""
import argparse
import copy
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Optional

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import torch_writer
from checkpoints import DATA, DTYPES, Spec, config_of, random_model, write_checkpoint
from mistral_mlx import Mistral, load_model, parse_config
from mlx.utils import tree_flatten
from mlx_lm.convert import mixed_quant_predicate_builder
from mlx_lm.utils import load_model as load_with_mlx_lm
from mlx_lm.utils import quantize_model, save_config, save_model
from reference import logits_of, relative_l2


@dataclass
class Case:
    name: str
    dtype: str = "float16"  # of the source
    source: str = "pth"  # pth, consolidated, hf
    shards: int = 1
    quantize: bool = False
    bits: Optional[int] = None
    group_size: Optional[int] = None
    mode: str = "affine"
    recipe: str = ""
    target_dtype: str = ""
    seed: int = 0

    def flags(self) -> List[str]:
        flags = ["-q"] if self.quantize else []
        for flag, value in (("--q-bits", self.bits), ("--q-group-size", self.group_size), ("--q-predicate", self.recipe),
                            ("--dtype", self.target_dtype)):
            flags += [flag, str(value)] if value else []
        return flags + (["--q-mode", self.mode] if self.mode != "affine" else [])


def cases() -> List[Case]:
    found = [Case(f"pth {dtype}", dtype) for dtype in DTYPES]
    found += [Case(f"pth {shards} shards", shards=shards) for shards in (2, 4)]
    found += [Case("pth, the original's defaults", quantize=True), Case("pth, 2 shards, 8 bits", "bfloat16", shards=2, quantize=True, bits=8)]
    found += [
        Case(f"pth, {bits} bits, groups of {group_size}, {dtype}", dtype, quantize=True, bits=bits, group_size=group_size)
        for n, bits in enumerate((2, 3, 4, 5, 6, 8))
        for group_size, dtype in zip((32, 64, 128), ("float16", "bfloat16", "float32"))
    ]
    found += [Case("consolidated.safetensors", "bfloat16", source="consolidated", quantize=True)]
    for dtype in DTYPES:
        found += [
            Case(f"hf {dtype}", dtype, source="hf"),
            Case(f"hf {dtype}, 4 bits", dtype, source="hf", quantize=True),
            *(Case(f"hf {dtype}, {mode}", dtype, source="hf", quantize=True, mode=mode) for mode in ("mxfp4", "mxfp8", "nvfp4")),
            Case(f"hf {dtype} to bfloat16, 6 bits", dtype, source="hf", quantize=True, bits=6, group_size=32, target_dtype="bfloat16"),
        ]
    found += [
        Case(f"hf {recipe}", source="hf", quantize=True, recipe=recipe)
        for recipe in ("mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6")
    ]
    for seed, case in enumerate(found):
        case.seed = seed
    return found


def spec_of(case: Case, work: Path) -> Spec:
    return Spec("source", case.dtype, case.seed, hugging_face=case.source == "hf", container="safetensors", n_layers=3,
                folder=work / "source")


def bits_of(array: mx.array) -> np.ndarray:
    return np.array(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)


# How a release's shards are cut: the axis of each kind of matrix; norms are in all of them.
AXES = {"wq": 0, "wk": 0, "wv": 0, "wo": 1, "w1": 0, "w2": 1, "w3": 0, "tok_embeddings": 1, "output": 0}


def write_source(case: Case, spec: Spec) -> Dict[str, mx.array]:
    """The source's folder; its weights by name."""
    if case.source == "hf":
        write_checkpoint(spec, spec.folder.parent)
        config = {**json.loads((spec.folder / "config.json").read_text()), "torch_dtype": case.dtype}
        (spec.folder / "config.json").write_text(json.dumps(config))
        return mx.load(str(spec.folder / "model.safetensors"))
    subprocess.run(["rm", "-rf", str(spec.folder)], check=True)
    spec.folder.mkdir(parents=True)
    weights = dict(tree_flatten(random_model(spec).parameters()))
    params = {key: value for key, value in config_of(spec).items() if key != "model_type"}
    (spec.folder / "params.json").write_text(json.dumps(params))
    (spec.folder / "tokenizer.model").write_bytes((DATA / "tokenizer.model").read_bytes())
    if case.source == "consolidated":
        mx.save_safetensors(str(spec.folder / "consolidated.safetensors"), weights)
        return weights
    for shard in range(case.shards):
        part = {}
        for name, value in weights.items():
            axis = AXES.get(name.split(".")[-2])
            part[name] = bits_of(value if axis is None else mx.split(value, case.shards, axis)[shard])
        torch_writer.save(spec.folder / f"consolidated.{shard:02}.pth", part, case.dtype)
    return weights


def original(case: Case, spec: Spec, weights: Dict[str, mx.array]):
    """The original converter after torch.load: (arrays, config). Always float16."""
    config = json.loads((spec.folder / "params.json").read_text())
    weights = {name: value.astype(mx.float16) for name, value in weights.items()}
    if case.quantize:
        model = Mistral(parse_config(config, True)[0])
        model.load_weights(list(weights.items()))
        group_size, bits = case.group_size or 64, case.bits or 4
        nn.quantize(model, group_size, bits)
        weights = dict(tree_flatten(model.parameters()))
        config["quantization"] = {"group_size": group_size, "bits": bits}
    config["model_type"] = "mistral"
    return weights, config


def with_mlx_lm(case: Case, spec: Spec, target: Path) -> None:
    """mlx_lm.convert without its tokenizer."""
    model, config = load_with_mlx_lm(spec.folder, lazy=True)
    dtype = case.target_dtype or case.dtype
    model.set_dtype(DTYPES[dtype])
    if case.quantize:
        predicate = mixed_quant_predicate_builder(case.recipe, model, case.group_size or 64) if case.recipe else None
        model, config = quantize_model(model, config, case.group_size, case.bits, mode=case.mode, quant_predicate=predicate)
    save_model(target, model)
    save_config(copy.deepcopy(config), target / "config.json")


def differences(ours: Dict[str, mx.array], theirs: Dict[str, mx.array]) -> List[str]:
    wrong = [f"only one has {name}" for name in sorted(set(ours) ^ set(theirs))]
    for name in sorted(set(ours) & set(theirs)):
        a, b = ours[name], theirs[name]
        if a.dtype != b.dtype or a.shape != b.shape or bits_of(a).tobytes() != bits_of(b).tobytes():
            wrong.append(f"{name}: {a.dtype} {a.shape} and {b.dtype} {b.shape} differ")
    return wrong


def load_arrays(folder: Path) -> Dict[str, mx.array]:
    arrays = {}
    for file in [*folder.glob("*.npz"), *folder.glob("*.safetensors")]:
        arrays |= mx.load(str(file))
    return arrays


@dataclass
class Converter:
    build: Path
    work: Path
    prompt: List[int] = field(default_factory=lambda: list(range(3, 40)))

    def run(self, case: Case, source: Path, form: str) -> Path:
        target = self.work / f"ours-{form}"
        subprocess.run([self.build / "tramontane", "convert", "--torch-path", source, "--mlx-path", target, "--format", form,
                        "--force", "--quiet", *case.flags()], check=True, timeout=120)
        return target

    def logits_mlx_lm(self, folder: Path) -> np.ndarray:
        logits = load_with_mlx_lm(folder)[0](mx.array(self.prompt)[None])[0]
        return np.array(logits.astype(mx.float32)).astype(np.float64)

    def compare_original(self, case: Case, spec: Spec, weights) -> List[str]:
        target = self.run(case, spec.folder, "npz")
        theirs, config = original(case, spec, weights)
        wrong = differences(load_arrays(target), theirs)
        if json.loads((target / "config.json").read_text()) != config:
            wrong.append("config.json differs")
        expected = self.work / "theirs"
        subprocess.run(["rm", "-rf", str(expected)], check=True)
        expected.mkdir()
        mx.savez(str(expected / "weights.npz"), **theirs)
        (expected / "config.json").write_text(json.dumps(config))
        if not np.array_equal(logits_of(load_model(target), self.prompt), logits_of(load_model(expected), self.prompt)):
            wrong.append("logits differ")
        # The same model in the other layout, whose rotation pairs other elements: the sums have another order.
        other = self.run(copy.copy(case), target, "safetensors") if not case.quantize else None
        if other:
            exact = logits_of(load_model(expected, mx.float32), self.prompt)
            error = relative_l2(logits_of(load_model(other, mx.float32), self.prompt), exact)
            if not error < 1e-5:
                wrong.append(f"the safetensors of it differ by {error:.1e}")
        return wrong

    def compare_mlx_lm(self, case: Case, spec: Spec) -> List[str]:
        target = self.run(case, spec.folder, "safetensors")
        expected = self.work / "theirs"
        subprocess.run(["rm", "-rf", str(expected)], check=True)
        with_mlx_lm(case, spec, expected)
        wrong = differences(load_arrays(target), load_arrays(expected))
        if not np.array_equal(self.logits_mlx_lm(target), self.logits_mlx_lm(expected)):
            wrong.append("logits differ")
        index = "model.safetensors.index.json"
        if json.loads((target / index).read_text()) != json.loads((expected / index).read_text()):
            wrong.append("the index differs")
        return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="where tramontane is")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the checkpoints")
    parser.add_argument("--only", default="", help="cases whose names hold this text")
    arguments = parser.parse_args()
    mx.set_default_device(mx.cpu)
    work = arguments.work / "convert"
    work.mkdir(parents=True, exist_ok=True)
    converter = Converter(arguments.build, work)
    passed = failed = 0
    for case in cases():
        if arguments.only not in case.name:
            continue
        spec = spec_of(case, work)
        weights = write_source(case, spec)
        wrong = converter.compare_mlx_lm(case, spec) if case.source == "hf" else converter.compare_original(case, spec, weights)
        print(f"{'FAIL' if wrong else 'ok  '}  {case.name}{': ' if wrong else ''}{'; '.join(wrong[:3])}", flush=True)
        passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"MLX {mx.__version__}, conversions: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
