"""Writes one synthetic model twice: an MLX folder (Tramontane, MLX) and a GGUF file (llama.cpp)."""
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file
from shape import Shape, Tensor
from weights import Matrix, draw_matrix, interleave_heads, to_mlx, to_q4_0

SEED = 7


@dataclass(frozen=True)
class ModelFiles:
    folder: Path  # MLX's; its files are all that it holds
    gguf: Path

    def paths(self) -> list[Path]:
        return [*sorted(self.folder.iterdir()), self.gguf]


def make_model(shape: Shape, where: Path) -> ModelFiles:
    """The model in `where`, which is written when it does not exist yet. The same shape gives the same bytes."""
    if not where.exists():
        partial = where.with_name(where.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "mlx").mkdir(parents=True)
        write(shape, ModelFiles(partial / "mlx", partial / "model.gguf"))
        partial.rename(where)
    return ModelFiles(where / "mlx", where / "model.gguf")


def write(shape: Shape, files: ModelFiles):
    rng = np.random.default_rng(SEED)
    writer = gguf_writer(shape, files.gguf)
    names = {}
    for index, shard in enumerate(shape.shards()):
        file = f"model-{index + 1:05}-of-{shape.layers + 1:05}.safetensors"
        arrays = {}
        for tensor in shard:
            mlx_arrays, gguf_array = draw(rng, tensor)
            arrays |= {f"{tensor.mlx}.{part}": np.ascontiguousarray(array) for part, array in mlx_arrays.items()}
            writer.write_tensor_data(gguf_array)
        save_file(arrays, files.folder / file, metadata={"format": "mlx"})
        names |= dict.fromkeys(arrays, file)
    writer.close()
    (files.folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}, indent=1))
    (files.folder / "config.json").write_text(json.dumps(shape.config(), indent=4) + "\n")


def draw(rng: np.random.Generator, tensor: Tensor) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A tensor's arrays in the MLX folder, by the last part of their names, and its array in the GGUF file."""
    if tensor.cols == 0:
        norm = rng.uniform(0.9, 1.1, size=tensor.rows).astype(np.float16)
        return {"weight": norm}, norm.astype(np.float32)
    matrix = draw_matrix(rng, tensor.rows, tensor.cols)
    return to_mlx(matrix), to_q4_0(gguf_order(matrix, tensor))


def gguf_order(matrix: Matrix, tensor: Tensor) -> Matrix:
    return interleave_heads(matrix, tensor.rope_heads) if tensor.rope_heads else matrix


def gguf_writer(shape: Shape, path: Path) -> gguf.GGUFWriter:
    """A writer that waits for the tensors' data in the order of shape.shards()."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(f"synthetic 7B shape, {shape.layers} layers")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.dim)
    writer.add_feed_forward_length(shape.hidden_dim)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_layer_norm_rms_eps(shape.norm_eps)
    writer.add_vocab_size(shape.vocab)
    writer.add_tokenizer_model("none")
    for tensor in (tensor for shard in shape.shards() for tensor in shard):
        add_tensor_info(writer, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    return writer


def add_tensor_info(writer: gguf.GGUFWriter, tensor: Tensor):
    if tensor.cols == 0:
        writer.add_tensor_info(f"{tensor.gguf}.weight", (tensor.rows,), np.dtype(np.float32), 4 * tensor.rows)
        return
    block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType.Q4_0]
    row_bytes = tensor.cols // block * block_bytes
    writer.add_tensor_info(f"{tensor.gguf}.weight", (tensor.rows, row_bytes), np.dtype(np.uint8), tensor.rows * row_bytes,
                           raw_dtype=gguf.GGMLQuantizationType.Q4_0)
