#!/usr/bin/env python3
"""Writes fuzz/corpus/gguf: small GGUF files by the gguf package (0.19.0) that reach every part of the reader.

    build/oracle/venv/bin/python fuzz/make_gguf_seeds.py fuzz/corpus/gguf
"""
import sys
from pathlib import Path

import gguf
import numpy as np


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def model(path: Path, arch: str) -> None:
    writer = gguf.GGUFWriter(path, arch)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_context_length(64)
    writer.add_sliding_window(16)
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(4)
    writer.add_rope_scaling_orig_ctx_len(16)
    writer.add_attn_temperature_scale(0.1)
    writer.add_tensor("token_embd.weight", np.zeros((2, 32), np.float32))
    finish(writer)


def vocabulary(path: Path, kind: str) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(kind)
    writer.add_token_list([b"<unk>", b"<s>", b"</s>", "\u2581".encode(), b"a", b"a b"])
    writer.add_token_scores([0.0, 0.0, 0.0, -1.0, -2.0, -3.0])
    writer.add_token_types([2, 3, 3, 1, 1, 4])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(True)
    writer.add_add_bos_token(False)
    finish(writer)


def blocks(path: Path) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_custom_alignment(64)
    writer.add_bool("bool", True)
    writer.add_float64("float64", 0.5)
    writer.add_int64("int64", -1)
    writer.add_array("nested", [1, 2, 3])
    for kind in ("Q4_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"):
        qtype = gguf.GGMLQuantizationType[kind]
        size = gguf.GGML_QUANT_SIZES[qtype][1]
        writer.add_tensor(kind, np.arange(size, dtype=np.uint8).reshape(1, -1), raw_dtype=qtype)
    finish(writer)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    model(folder / "llama.gguf", "llama")
    model(folder / "mistral3.gguf", "mistral3")
    vocabulary(folder / "vocabulary.gguf", "llama")
    vocabulary(folder / "gpt2.gguf", "gpt2")
    blocks(folder / "blocks.gguf")
