"""The two files of a model hold the same values."""
import tempfile
import unittest
from pathlib import Path

import gguf
import mlx.core as mx
import numpy as np
from model_files import make_model
from shape import Shape

TINY = Shape(layers=2, dim=128, hidden_dim=192, heads=4, kv_heads=2, head_dim=32, vocab=96)


def half_split(rows: np.ndarray, heads: int) -> np.ndarray:
    """GGUF's order of the rows of wq and wk, taken back row by row."""
    head_dim = len(rows) // heads
    order = [head * head_dim + i for head in range(heads) for i in (*range(0, head_dim, 2), *range(1, head_dim, 2))]
    return rows[order]


class ModelFilesTest(unittest.TestCase):
    def setUp(self):
        self.work = tempfile.TemporaryDirectory()
        self.addCleanup(self.work.cleanup)
        self.files = make_model(TINY, Path(self.work.name) / "tiny")

    def test_mlx_and_gguf_hold_the_same_values(self):
        arrays = {}
        for file in self.files.folder.glob("*.safetensors"):
            arrays |= mx.load(str(file))
        tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(self.files.gguf).tensors}
        self.assertEqual(len(tensors), 3 + 9 * TINY.layers)
        for tensor in (tensor for shard in TINY.shards() for tensor in shard):
            found = tensors.pop(f"{tensor.gguf}.weight")
            from_gguf = gguf.quants.dequantize(found.data, found.tensor_type)
            if tensor.rope_heads:
                from_gguf = half_split(from_gguf, tensor.rope_heads)
            names = ("weight", "scales", "biases") if tensor.cols else ("weight",)
            parts = {name: arrays.pop(f"{tensor.mlx}.{name}") for name in names}
            from_mlx = parts["weight"].astype(mx.float32)
            if tensor.cols:
                scales, biases = (parts[name].astype(mx.float32) for name in names[1:])
                from_mlx = mx.dequantize(parts["weight"], scales, biases, group_size=64, bits=4)
                self.assertAlmostEqual(float(from_mlx.std()) * tensor.cols**0.5, 1, delta=0.05)
                self.assertEqual(found.tensor_type, gguf.GGMLQuantizationType.Q4_0)
            np.testing.assert_array_equal(np.array(from_mlx), from_gguf, tensor.mlx)
        self.assertFalse(tensors)
        self.assertFalse(arrays)

    def test_a_model_that_exists_is_kept(self):
        self.files.gguf.write_bytes(b"kept")
        self.assertEqual(make_model(TINY, self.files.folder.parent).gguf.read_bytes(), b"kept")


if __name__ == "__main__":
    unittest.main()
