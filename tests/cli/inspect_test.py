"""`tramontane inspect` as a user meets it."""
import json
import os
import shutil
import subprocess

from support import STORIES, SYNTHETIC, CommandTest, run


class InspectTest(CommandTest):
    def synthetic(self, *options):
        subprocess.run([SYNTHETIC, "--shape", "tiny", "--out", str(self.folder / "model"), "--tokenizer",
                        STORIES + "/tokenizer.model", *map(str, options)], check=True, capture_output=True)
        return json.loads(run("inspect", self.folder / "model", "--json").stdout)

    def test_text(self):
        result = run("inspect", STORIES)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        text = result.stdout.decode()
        for words in ["dim 64, 5 layers, 8 heads (4 KV heads) of 8, hidden 172, vocabulary 512", "292800",
                      "float32", "interleaved pairs, theta 10000", "window       none", "SentencePiece BPE, 512 pieces, BOS 1, EOS 2",
                      "KV cache     1.28 MB per 1k tokens of context, float32"]:
            self.assertIn(words, text)

    def test_json_counts_parameters_bytes_and_cache(self):
        d = json.loads(run("inspect", STORIES, "--json").stdout)
        # 2 * 512*64 + 64 + 5 * (64*64 + 2*32*64 + 64*64 + 3*172*64 + 2*64)
        self.assertEqual(d["parameters"], 292800)
        self.assertEqual(d["weight_bytes"], 4 * 292800)
        self.assertEqual(d["kv_cache"]["bytes_per_1k_tokens"], 1000 * 5 * 2 * 4 * 8 * 4)
        self.assertEqual(d["matrices"], {"float32": 37})

    def test_quantisation_and_layout(self):
        d = self.synthetic("--bits", 4, "--group-size", 32, "--dtype", "float16", "--format", "safetensors", "--names",
                           "hf")
        self.assertEqual(d["format"], "safetensors")
        self.assertEqual(d["rope"]["layout"], "half_split")
        self.assertEqual(list(d["matrices"]), ["4-bit affine, groups of 32, float16 scales"])
        self.assertEqual(d["kv_cache"]["dtype"], "float16")

    def test_modes(self):
        for mode, text in [("mxfp4", "4-bit mxfp4, groups of 32"), ("mxfp8", "8-bit mxfp8, groups of 32"),
                           ("nvfp4", "4-bit nvfp4, groups of 16")]:
            d = self.synthetic("--mode", mode, "--dtype", "bfloat16")
            self.assertEqual(list(d["matrices"]), [text])

    def test_traps_are_warned_of(self):
        self.synthetic()
        config = self.folder / "model" / "config.json"
        values = json.loads(config.read_text())
        values.pop("rope_theta", None)
        config.write_text(json.dumps(values))
        warnings = json.loads(run("inspect", self.folder / "model", "--json").stdout)["warnings"]
        self.assertTrue(any("rope_theta" in w and "10000" in w for w in warnings), warnings)
        values.update(rope_theta=1e6, sliding_window=4096)
        config.write_text(json.dumps(values))
        warnings = json.loads(run("inspect", self.folder / "model", "--json").stdout)["warnings"]
        self.assertTrue(any("sliding window" in w and "4096" in w for w in warnings), warnings)

    def test_overrides_end_the_warnings_they_answer(self):
        self.synthetic()
        config = self.folder / "model" / "config.json"
        values = json.loads(config.read_text())

        def warnings(*options, **changes):
            config.write_text(json.dumps({k: v for k, v in {**values, **changes}.items() if v is not None}))
            return json.loads(run("inspect", self.folder / "model", "--json", *options).stdout)["warnings"]
        self.assertEqual(len(warnings(rope_theta=None)), 1)
        self.assertEqual(warnings("--rope-theta", 1e6, rope_theta=None), [])
        self.assertEqual(len(warnings(rope_theta=1e6, sliding_window=4096)), 1)
        self.assertEqual(warnings("--sliding-window", 0, rope_theta=1e6, sliding_window=4096), [])

    def test_a_folder_whose_name_is_not_text(self):
        folder = os.fsdecode(os.fsencode(self.folder) + b"/caf\xe9")
        shutil.copytree(STORIES, folder)
        for args in [("inspect", folder, "--json"), ("generate", "--model-path", folder, "-m", 2, "--json")]:
            result = run(*args)
            self.assertEqual(result.returncode, 0, result.stderr)
            json.loads(result.stdout)

    def test_overrides_show(self):
        d = json.loads(run("inspect", STORIES, "--json", "--sliding-window", 77, "--rope-theta", 5e5).stdout)
        self.assertEqual(d["sliding_window"], [77] * 5)
        self.assertEqual(d["rope"]["theta"], 5e5)


if __name__ == "__main__":
    import unittest
    unittest.main()
