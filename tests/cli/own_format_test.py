"""Folders in Mistral's own format: params.json with consolidated weights."""
import json
import os
import pickle
import subprocess
import unittest
import zipfile

from support import STORIES, SYNTHETIC, CommandTest, run


class Attack:
    """Unpickled by Python, this makes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


class OwnFormatTest(CommandTest):
    def write(self, form):
        folder = self.folder / form
        subprocess.run([SYNTHETIC, "--shape", "tiny", "--dtype", "bfloat16", "--seed", "3", "--format", form, "--out", folder,
                        "--tokenizer", STORIES + "/tokenizer.model"], check=True)
        return folder

    def generate(self, folder):
        result = run("generate", "--model-path", folder, "--max-tokens", 20, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout.splitlines()[-1])["text"]

    def test_runs_as_it_is(self):
        expected = self.generate(self.write("npz"))
        for form, name in [("pth", "pth"), ("consolidated", "safetensors"), ("consolidated-shards", "safetensors")]:
            folder = self.write(form)
            self.assertFalse((folder / "config.json").exists())
            self.assertEqual(self.generate(folder), expected)
            described = json.loads(run("inspect", folder, "--json").stdout)
            self.assertEqual((described["format"], described["rope"]["layout"]), (name, "interleaved"))

    def test_converts_to_the_same(self):
        expected = self.generate(self.write("npz"))
        for form in ["pth", "consolidated"]:
            for target in ["npz", "safetensors"]:
                out = self.folder / f"{form}-{target}"
                result = run("convert", "--torch-path", self.write(form), "--mlx-path", out, "--format", target, "--dtype",
                             "bfloat16")
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertEqual(self.generate(out), expected)

    def test_perplexity(self):
        text = self.folder / "text"
        text.write_text("Once upon a time there was a small folder.")
        found = [run("perplexity", "--model-path", self.write(form), "--file", text, "--json").stdout for form in ("npz", "pth")]
        values = [json.loads(out)["perplexity"] for out in found]
        self.assertEqual(*values)

    def test_versioned_tokenizers(self):
        folder = self.write("consolidated")
        expected = self.generate(folder)
        (folder / "tokenizer.model").rename(folder / "tokenizer.model.v3")
        self.assertEqual(self.generate(folder), expected)
        (folder / "tokenizer.model.v3").rename(folder / "tekken.json")
        self.assert_fails(run("generate", "--model-path", folder), 1, folder / "tekken.json", "expected JSON, found a syntax error")

    def test_what_needs_a_conversion_says_so(self):
        folder = self.write("pth")
        (folder / "consolidated.01.pth").write_bytes((folder / "consolidated.00.pth").read_bytes())
        self.assert_fails(run("inspect", folder), 1, folder, "2 shards", "`tramontane convert`")
        (folder / "consolidated.01.pth").unlink()
        params = json.loads((folder / "params.json").read_text())
        (folder / "params.json").write_text(json.dumps({**params, "quantization": {"qformat_weight": "fp8_e4m3"}}))
        self.assert_fails(run("inspect", folder), 1, "params.json", "fp8", "`tramontane convert`")

    def test_a_pickle_that_would_run_a_command_is_refused(self):
        folder, marker = self.write("pth"), self.folder / "marker"
        for protocol in range(2, 6):
            with zipfile.ZipFile(folder / "consolidated.00.pth", "w") as archive:
                archive.writestr("consolidated.00/data.pkl", pickle.dumps({"norm.weight": Attack(marker)}, protocol))
            words = ["consolidated.00.pth", "found global 'posix.system'"]
            self.assert_fails(run("inspect", folder), 1, *words)
            self.assert_fails(run("convert", "--torch-path", folder, "--mlx-path", self.folder / "out"), 1, *words)
        self.assertFalse(marker.exists())
        self.assertFalse((self.folder / "out").exists())

    def test_damage_is_named(self):
        folder = self.write("pth")
        good = (folder / "consolidated.00.pth").read_bytes()
        for size in [0, 1, 100, len(good) // 2, len(good) - 1]:
            (folder / "consolidated.00.pth").write_bytes(good[:size])
            self.assert_fails(run("inspect", folder), 1, "consolidated.00.pth")


if __name__ == "__main__":
    unittest.main()
