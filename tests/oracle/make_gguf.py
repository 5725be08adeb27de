#!/usr/bin/env python3
"""Writes tests/data/gguf: small GGUF files by the `gguf` package of llama.cpp (0.19.0, numpy 2.4.6).

    build/oracle/venv/bin/python tests/oracle/make_gguf.py tests/data/gguf

- blocks.gguf: of each block format a tensor [1 or 6, 256] of random bytes under finite scales, of both signs, subnormal
  ones and zeros among them; and beside it, as F32, what the package's reference dequantisation makes of it.
- model.gguf: a random model of one layer with the vocabulary of stories260k, stored as llama.cpp's converter stores
  Hugging Face's layout: wq and wk permuted. wq is F32 and wk F16; they hold, in Hugging Face's layout, the number of
  their row / 64 plus that of their column / 4096.
"""
import argparse
from pathlib import Path

import gguf
import numpy as np
from sentencepiece import SentencePieceProcessor

Type = gguf.GGMLQuantizationType
BLOCKS = [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K]
# Where a block's float16 scales are, in bytes.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
DATA = Path(__file__).resolve().parent.parent / "data"


def random_blocks(qtype: Type, rows: int, cols: int, rng: np.random.Generator) -> np.ndarray:
    """Blocks [rows, bytes] that no quantiser need have made: every bit pattern of a format is a right one."""
    elements, size = gguf.GGML_QUANT_SIZES[qtype]
    blocks = rng.integers(0, 256, (rows * cols // elements, size), dtype=np.uint8)
    special = [0.0, 5.9604645e-08, -6.0e-05, 1.0, -255.0]
    for at in HALVES[qtype.name]:
        scales = (rng.standard_normal(len(blocks)) * 0.01).astype(np.float16)
        for n, value in enumerate(special[: len(blocks) - 1]):
            scales[n] = value
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, -1)


def write_blocks(path: Path) -> None:
    rng = np.random.default_rng(5)
    writer = gguf.GGUFWriter(path, "llama")
    for qtype in BLOCKS:
        rows = 1 if gguf.GGML_QUANT_SIZES[qtype][0] == 32 else 6
        blocks = random_blocks(qtype, rows, 256, rng)
        writer.add_tensor(f"{qtype.name}.blocks", blocks, raw_dtype=qtype)
        writer.add_tensor(f"{qtype.name}.values", gguf.dequantize(blocks, qtype))
    finish(writer)


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    """As the converter of llama.cpp does: from half-split pairs (i, i + n/2) of each head to adjacent ones."""
    rows, cols = weights.shape
    return weights.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def counted(rows: int, cols: int) -> np.ndarray:
    return (np.arange(rows)[:, None] / 64 + np.arange(cols)[None, :] / 4096).astype(np.float32)


def add_vocabulary(writer: gguf.GGUFWriter, path: Path) -> None:
    """What the converter of llama.cpp records of a SentencePiece model."""
    model = SentencePieceProcessor(model_file=str(path))
    tokens, scores, types = [], [], []
    for piece in range(model.vocab_size()):
        tokens.append(model.id_to_piece(piece).encode())
        scores.append(model.get_score(piece))
        kind = gguf.TokenType.NORMAL
        if model.is_unknown(piece):
            kind = gguf.TokenType.UNKNOWN
        elif model.is_control(piece):
            kind = gguf.TokenType.CONTROL
        elif model.is_unused(piece):
            kind = gguf.TokenType.UNUSED
        elif model.is_byte(piece):
            kind = gguf.TokenType.BYTE
        types.append(kind)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    writer.add_bos_token_id(model.bos_id())
    writer.add_eos_token_id(model.eos_id())
    writer.add_unk_token_id(model.unk_id())


def write_model(path: Path) -> None:
    dim, heads, kv_heads, hidden, vocab = 32, 4, 2, 64, 512
    rng = np.random.default_rng(6)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(dim)
    writer.add_block_count(1)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(dim // heads)
    writer.add_vocab_size(vocab)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    add_vocabulary(writer, DATA / "stories260k" / "tokenizer.model")

    def add(name: str, rows: int, cols: int, qtype: Type) -> None:
        values = rng.standard_normal((rows, cols)).astype(np.float32) * cols**-0.5
        writer.add_tensor(name, gguf.quantize(values, qtype), raw_dtype=qtype)

    add("token_embd.weight", vocab, dim, Type.Q4_0)
    add("output.weight", vocab, dim, Type.Q5_1)
    writer.add_tensor("output_norm.weight", np.ones(dim, np.float32))
    writer.add_tensor("rope_freqs.weight", np.ones(dim // heads // 2, np.float32))
    writer.add_tensor("blk.0.attn_norm.weight", np.ones(dim, np.float32))
    writer.add_tensor("blk.0.ffn_norm.weight", np.ones(dim, np.float32))
    writer.add_tensor("blk.0.attn_q.weight", permute(counted(dim, dim), heads))
    writer.add_tensor("blk.0.attn_k.weight", permute(counted(dim // 2, dim), kv_heads).astype(np.float16))
    add("blk.0.attn_v.weight", dim // 2, dim, Type.Q4_1)
    add("blk.0.attn_output.weight", dim, dim, Type.BF16)
    add("blk.0.ffn_gate.weight", hidden, dim, Type.Q5_0)
    add("blk.0.ffn_up.weight", hidden, dim, Type.Q5_1)
    add("blk.0.ffn_down.weight", dim, hidden, Type.Q8_0)
    finish(writer)


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    write_blocks(folder / "blocks.gguf")
    write_model(folder / "model.gguf")
