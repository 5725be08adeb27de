#!/usr/bin/env python3
"""Compares `tramontane convert` from GGUF with the gguf package's reference, and what is written with MLX.

    python tests/oracle/gguf_oracle.py --build build/release --work build/oracle

For each tensor type a random model in a GGUF file as llama.cpp's converter would store it: wq and wk permuted from
Hugging Face's layout. K-quants, for which the package has no quantiser, are random blocks. Of the folder that is written:

- carried types: q, scale and bias, unpacked here and computed in float32, are the package's dequantised values, each
  exactly; Q2_K, Q3_K, Q6_K: the arrays are mx.quantize's of the dequantised values as float16, bit by bit; F32, F16,
  BF16: the values as float16, bit by bit. `--dequantize --dtype float32` gives the dequantised values bit by bit.
- logits: Tramontane in float32 on it, against MLX in float32 on the dequantised model in Hugging Face's layout, which the
  permutation never touched: relative L2 below 2e-5, the bound of oracle.py for the same arithmetic in another order.
  Where values were rounded or quantised again, against the `--dequantize --dtype float32` folder instead.
- in mlx-lm's layout the same arrays with their rows permuted back, from which mlx-lm computes the same logits.
- the tokenizer.model encodes every line of the tokenizers' test text, and random ones, as the one the vocabulary came from.
"""
import argparse
import json
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List

import gguf
import mlx.core as mx
import numpy as np
from checkpoints import DATA, VOCAB
from make_gguf import HALVES, add_vocabulary, finish, permute
from mistral_mlx import load_model
from mlx_lm.utils import load_model as load_with_mlx_lm
from reference import logits_of, relative_l2
from sentencepiece import SentencePieceProcessor

Type = gguf.GGMLQuantizationType
DIM, HIDDEN, HEADS, KV_HEADS, HEAD_DIM, LAYERS = 256, 512, 8, 4, 32, 2
BITS = {"Q4_0": 4, "Q4_1": 4, "Q5_0": 5, "Q5_1": 5, "Q8_0": 8, "Q4_K": 4, "Q5_K": 5}  # carried
ANEW = {"Q2_K": 4, "Q3_K": 4, "Q6_K": 8}
EXACT = ("--kv-dtype", "float32", "--activation-bits", "32")
BOUND = 2e-5
PROMPT = list(range(3, 40))
MATRICES = {  # GGUF's name: ours, Hugging Face's, rows, cols
    "attn_q": ("attention.wq", "self_attn.q_proj", HEADS * HEAD_DIM, DIM),
    "attn_k": ("attention.wk", "self_attn.k_proj", KV_HEADS * HEAD_DIM, DIM),
    "attn_v": ("attention.wv", "self_attn.v_proj", KV_HEADS * HEAD_DIM, DIM),
    "attn_output": ("attention.wo", "self_attn.o_proj", DIM, HEADS * HEAD_DIM),
    "ffn_gate": ("feed_forward.w1", "mlp.gate_proj", HIDDEN, DIM),
    "ffn_down": ("feed_forward.w2", "mlp.down_proj", DIM, HIDDEN),
    "ffn_up": ("feed_forward.w3", "mlp.up_proj", HIDDEN, DIM),
}


@dataclass
class Case:
    name: str
    default: str  # the type of matrices
    types: Dict[str, str] = field(default_factory=dict)  # of others, by the end of GGUF's name
    tied: bool = False
    arch: str = "llama"
    yarn: bool = False

    def type_of(self, name: str) -> Type:
        kinds = [kind for end, kind in self.types.items() if name.endswith(f"{end}.weight")]
        return Type[kinds[0] if kinds else self.default]


def cases() -> List[Case]:
    plain = [Case(kind, kind, tied=n % 3 == 1) for n, kind in enumerate(["F32", "F16", "BF16", *BITS, *ANEW])]
    medium = {"attn_v": "Q6_K", "ffn_down": "Q6_K", "output": "Q6_K"}
    return plain + [
        Case("Q4_K_M", "Q4_K", medium),
        Case("every carried type at once", "Q4_0", {"attn_q": "Q4_1", "attn_k": "Q5_0", "attn_v": "Q5_1", "attn_output": "Q8_0",
                                                    "ffn_gate": "Q4_K", "ffn_down": "Q5_K"}),
        Case("mistral3 with yarn", "Q8_0", arch="mistral3", yarn=True),
    ]


def random_tensor(rows: int, cols: int, qtype: Type, rng: np.random.Generator) -> np.ndarray:
    """As it stands in a file; its values have a variance of about 1 / cols."""
    if not qtype.name.endswith("_K"):
        return gguf.quantize((rng.standard_normal((rows, cols)) * cols**-0.5).astype(np.float32), qtype)
    elements, size = gguf.GGML_QUANT_SIZES[qtype]
    blocks = rng.integers(0, 256, (rows * cols // elements, size), dtype=np.uint8)
    for at in HALVES[qtype.name]:
        blocks[:, at : at + 2] = np.ones(len(blocks), np.float16).view(np.uint8).reshape(-1, 2)
    spread = gguf.dequantize(blocks, qtype).std() * cols**0.5
    for n, at in enumerate(HALVES[qtype.name]):
        scales = (rng.uniform(0.5, 1.5, len(blocks)) / spread).astype(np.float16)
        if n == 1:  # minima, so that the mean is near 0
            scales = (scales.astype(np.float32) * {"Q2_K": 1.5, "Q4_K": 7.5, "Q5_K": 15.5}[qtype.name]).astype(np.float16)
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


@dataclass
class Model:
    """`values`: GGUF's name -> what the reference dequantises; `theirs`: Hugging Face's names and layout."""

    path: Path
    values: Dict[str, np.ndarray] = field(default_factory=dict)
    theirs: Dict[str, np.ndarray] = field(default_factory=dict)


def unpermute(weights: np.ndarray, heads: int) -> np.ndarray:
    rows, cols = weights.shape
    back = weights.reshape(heads, rows // heads // 2, 2, cols).swapaxes(1, 2).reshape(rows, cols)
    assert np.array_equal(permute(back, heads), weights)
    return back


def write_gguf(case: Case, path: Path, seed: int) -> Model:
    rng = np.random.default_rng(seed)
    model = Model(path)
    writer = gguf.GGUFWriter(path, case.arch)
    writer.add_context_length(128)
    writer.add_embedding_length(DIM)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    if case.yarn:
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(4.0)
        writer.add_rope_scaling_orig_ctx_len(16)
        writer.add_rope_scaling_yarn_beta_fast(4.0)
        writer.add_rope_scaling_yarn_beta_slow(1.0)
    add_vocabulary(writer, DATA / "tokenizer.model")

    def add(name: str, theirs: str, stored: np.ndarray, qtype: Type, heads: int = 0) -> None:
        writer.add_tensor(name, stored, raw_dtype=qtype)
        model.values[name] = gguf.dequantize(stored, qtype)
        model.theirs[theirs] = unpermute(model.values[name], heads) if heads else model.values[name]

    def add_matrix(name: str, theirs: str, rows: int, cols: int, heads: int = 0) -> None:
        qtype = case.type_of(name)
        add(name, theirs, random_tensor(rows, cols, qtype, rng), qtype, heads)

    def add_norm(name: str, theirs: str) -> None:
        norm = (1 + 0.1 * rng.standard_normal(DIM)).astype(np.float16).astype(np.float32)  # which a folder of float16 keeps
        add(name, theirs, norm, Type.F32)

    add_matrix("token_embd.weight", "model.embed_tokens.weight", VOCAB, DIM)
    for layer in range(LAYERS):
        for name, (_, theirs, rows, cols) in MATRICES.items():
            heads = {"attn_q": HEADS, "attn_k": KV_HEADS}.get(name, 0)
            add_matrix(f"blk.{layer}.{name}.weight", f"model.layers.{layer}.{theirs}.weight", rows, cols, heads)
        add_norm(f"blk.{layer}.attn_norm.weight", f"model.layers.{layer}.input_layernorm.weight")
        add_norm(f"blk.{layer}.ffn_norm.weight", f"model.layers.{layer}.post_attention_layernorm.weight")
    add_norm("output_norm.weight", "model.norm.weight")
    if not case.tied:
        add_matrix("output.weight", "lm_head.weight", VOCAB, DIM)
    finish(writer)
    return model


def write_reference(case: Case, model: Model, folder: Path) -> None:
    """The dequantised model as a Hugging Face folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mx.save_safetensors(str(folder / "model.safetensors"), {name: mx.array(value) for name, value in model.theirs.items()})
    config = {
        "model_type": "mistral", "hidden_size": DIM, "num_hidden_layers": LAYERS, "head_dim": HEAD_DIM, "intermediate_size": HIDDEN,
        "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS, "rms_norm_eps": 1e-5, "vocab_size": VOCAB,
        "rope_theta": 10000.0, "tie_word_embeddings": case.tied,
    }
    if case.yarn:
        config["rope_scaling"] = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 4.0,
                                  "beta_slow": 1.0}
    (folder / "config.json").write_text(json.dumps(config))


def our_name(name: str) -> str:
    top = {"token_embd.weight": "tok_embeddings", "output_norm.weight": "norm", "output.weight": "output"}
    if name in top:
        return top[name]
    _, layer, module, _ = name.split(".")
    inner = {"attn_norm": "attention_norm", "ffn_norm": "ffn_norm"}.get(module) or MATRICES[module][0]
    return f"layers.{layer}.{inner}"


def unpack(words: np.ndarray, bits: int) -> np.ndarray:
    """q of MLX's packed words, element k at bit k * bits of a row."""
    octets = words.view(np.uint8).reshape(words.shape[0], -1)
    each = np.unpackbits(octets, axis=1, bitorder="little").reshape(words.shape[0], -1, bits)
    return (each * (1 << np.arange(bits))).sum(axis=-1).astype(np.float32)


def same_bits(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def check_carried(arrays: Dict[str, np.ndarray], module: str, bits: int, values: np.ndarray, dtype: type) -> str:
    scales, biases = arrays[f"{module}.scales"], arrays[f"{module}.biases"]
    if scales.dtype != dtype or biases.dtype != dtype:
        return f"{module}: scales of {scales.dtype}"
    q = unpack(arrays[f"{module}.weight"], bits)
    wide = [np.repeat(part.astype(np.float32), 32, axis=1) for part in (scales, biases)]
    found = wide[0] * q + wide[1]
    return "" if np.array_equal(found, values) else f"{module}: {np.sum(found != values)} other values"


def check_anew(arrays: Dict[str, np.ndarray], module: str, bits: int, values: np.ndarray) -> str:
    expected = mx.quantize(mx.array(values.astype(np.float16)), group_size=32, bits=bits)
    parts = zip(("weight", "scales", "biases"), expected)
    wrong = [part for part, value in parts if not same_bits(arrays[f"{module}.{part}"], np.array(value))]
    return f"{module}: other {', '.join(wrong)}" if wrong else ""


def check_arrays(case: Case, model: Model, folder: Path) -> List[str]:
    arrays = {name: np.array(value) for name, value in mx.load(str(folder / "weights.npz")).items()}
    wrong = []
    for name, values in model.values.items():
        module, kind = our_name(name), "F32" if "norm" in name else case.type_of(name).name
        if kind in BITS:
            wrong.append(check_carried(arrays, module, BITS[kind], values, np.float32 if kind.endswith("_K") else np.float16))
        elif kind in ANEW:
            wrong.append(check_anew(arrays, module, ANEW[kind], values))
        elif not same_bits(arrays[f"{module}.weight"], values.astype(np.float16)):
            wrong.append(f"{module}: other values")
    return [text for text in wrong if text]


def check_dequantized(model: Model, folder: Path) -> List[str]:
    arrays = mx.load(str(folder / "weights.npz"))
    names = [name for name, values in model.values.items() if not same_bits(np.array(arrays[f"{our_name(name)}.weight"]), values)]
    return [f"dequantised {name}: other values" for name in names] + (["a tensor too many"] if len(arrays) != len(model.values) else [])


def check_tokenizer(folder: Path) -> List[str]:
    ours, theirs = (SentencePieceProcessor(model_file=str(path / "tokenizer.model")) for path in (folder, DATA))
    text = (DATA.parent / "tokenizers" / "text.txt").read_text()
    draw = random.Random(1)
    lines = text.splitlines() + ["".join(draw.choices(text + "  é😀\n", k=draw.randrange(60))) for _ in range(500)]
    return [f"other ids for {line!r}" for line in lines if ours.encode(line) != theirs.encode(line)][:1]


class Converter:
    def __init__(self, build: Path, work: Path):
        self.build, self.work = build, work

    def convert(self, source: Path, name: str, *flags: str) -> Path:
        target = self.work / name
        command = [self.build / "tramontane", "convert", "--torch-path", source, "--mlx-path", target, "--force", "--quiet", *flags]
        subprocess.run(command, check=True, timeout=120)
        return target

    def logits(self, folder: Path) -> np.ndarray:
        out = self.work / "logits.bin"
        command = [self.build / "tramontane-logits", "--model-path", folder, "--tokens", ",".join(map(str, PROMPT)), "--out", out, *EXACT]
        subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)
        return np.fromfile(out, dtype="<f4").astype(np.float64).reshape(len(PROMPT), VOCAB)

    def compare(self, case: Case, seed: int) -> List[str]:
        model = write_gguf(case, self.work / "model.gguf", seed)
        write_reference(case, model, self.work / "reference")
        plain = self.convert(model.path, "plain")
        wide = self.convert(model.path, "wide", "--dequantize", "--dtype", "float32")
        theirs = self.convert(model.path, "theirs", "--format", "safetensors", "--dtype", "float16")  # which npz has by default
        wrong = check_arrays(case, model, plain) + check_dequantized(model, wide) + check_tokenizer(plain)

        def bound(what: str, found: np.ndarray, expected: np.ndarray) -> None:
            error = relative_l2(found, expected)
            if not error < BOUND:
                wrong.append(f"{what}: expected below {BOUND:.0e}, found {error:.1e}")

        expected = logits_of(load_model(self.work / "reference"), PROMPT)
        wide_logits = self.logits(wide)
        bound("logits, dequantised", wide_logits, expected)
        kinds = {case.default, *case.types.values()}
        ours = self.logits(plain)
        if kinds <= BITS.keys():
            bound("logits, carried", ours, expected)
        elif not relative_l2(ours, wide_logits) < 0.5:  # a sanity check: 4 bits of what had 2
            wrong.append("logits, computed anew: too far off")
        bound("logits in both layouts", self.logits(theirs), ours)
        lm = load_with_mlx_lm(theirs)[0]
        lm.set_dtype(mx.float32)
        bound("logits of mlx-lm", np.array(lm(mx.array(PROMPT)[None])[0]).astype(np.float64), ours)
        return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="where tramontane and tramontane-logits are")
    parser.add_argument("--work", type=Path, required=True, help="a folder for the files")
    parser.add_argument("--only", default="", help="cases whose names hold this text")
    arguments = parser.parse_args()
    mx.set_default_device(mx.cpu)
    work = arguments.work / "gguf"
    work.mkdir(parents=True, exist_ok=True)
    converter = Converter(arguments.build, work)
    passed = failed = 0
    for seed, case in enumerate(cases()):
        if arguments.only not in case.name:
            continue
        wrong = converter.compare(case, seed)
        print(f"{'FAIL' if wrong else 'ok  '}  {case.name}{': ' if wrong else ''}{'; '.join(wrong[:4])}", flush=True)
        passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"gguf, MLX {mx.__version__}: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
