"""`tramontane convert` from a GGUF file, to a folder that generates."""
import array
import json
import math
import pathlib
import subprocess
import unittest

from support import BUILD, STORIES, CommandTest, run

LOGITS = BUILD / "tramontane-logits"
MODEL = pathlib.Path(STORIES).parent / "gguf" / "model.gguf"
EXACT = ("--kv-dtype", "float32", "--activation-bits", "32")


class GgufTest(CommandTest):
    def convert(self, target, *args, source=MODEL):
        result = run("convert", "--torch-path", source, "--mlx-path", self.folder / target, *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def logits(self, folder):
        out = self.folder / "logits.bin"
        subprocess.run([LOGITS, "--model-path", self.folder / folder, "--tokens", "1,300,20,45,311,7,400,33", "--out", out, *EXACT],
                       check=True, stdout=subprocess.DEVNULL)
        values = array.array("f")
        values.frombytes(out.read_bytes())
        return values

    def test_says_what_was_carried_over(self):
        report = json.loads(self.convert("out", "--json").stdout)
        self.assertEqual(report["source_kind"], "gguf")
        carried = {matrix["from"]: matrix for matrix in report["requantized"]}
        self.assertEqual(set(carried), {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"})
        self.assertTrue(all(matrix["carried"] for matrix in carried.values()))
        config = json.loads((self.folder / "out" / "config.json").read_text())
        self.assertEqual(config["quantization"]["layers.0.feed_forward.w2"], {"group_size": 32, "bits": 8})

    def test_generates_with_the_embedded_tokenizer(self):
        self.convert("out")
        result = run("generate", "--model-path", self.folder / "out", "--prompt", "Once upon a time", "--max-tokens", "5")
        self.assertEqual(result.returncode, 0, result.stderr)
        original = (pathlib.Path(STORIES) / "tokenizer.model").read_bytes()
        written = (self.folder / "out" / "tokenizer.model").read_bytes()
        self.assertIn(b"Once", written)
        self.assertNotEqual(written, original)  # the pieces are the same, the training options are not recorded

    def test_the_model_is_the_dequantised_one(self):
        """In float32 the two differ by the order of sums: 2e-5, as between any two programs in tests/oracle."""
        self.convert("carried")
        self.convert("plain", "--dequantize", "--dtype", "float32")
        self.convert("mlx-lm", "--format", "safetensors")
        sizes = {name: (self.folder / name / "weights.npz").stat().st_size for name in ("plain", "carried")}
        self.assertLess(sizes["carried"], sizes["plain"] / 2)
        expected = self.logits("plain")
        for folder in ("carried", "mlx-lm"):
            found = self.logits(folder)
            self.assertEqual(len(found), 8 * 512)
            error = math.dist(found, expected) / math.hypot(*expected)
            self.assertLess(error, 2e-5)

    def test_a_damaged_file_is_one_line(self):
        damaged = self.folder / "damaged.gguf"
        damaged.write_bytes(MODEL.read_bytes()[:20_000])
        result = run("convert", "--torch-path", damaged, "--mlx-path", self.folder / "out")
        self.assert_fails(result, 1, str(damaged))
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
