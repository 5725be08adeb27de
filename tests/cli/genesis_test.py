"""The demonstration model in the tree: found without being named, and what the training code measured."""
import hashlib
import json
import pathlib
import subprocess
import sys
import unittest

from support import CommandTest, run

SOURCE = pathlib.Path(__file__).parents[2]
GENESIS = SOURCE / "models" / "genesis"
EVALUATION = json.loads((GENESIS / "evaluation.json").read_text())


class GenesisTest(CommandTest):
    def generate_here(self, *args):
        """In an empty folder."""
        return run("generate", *args, cwd=self.folder)

    def test_generate_takes_it_when_no_model_is_named(self):
        result = self.generate_here("-m", 20)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stderr.decode().splitlines()
        self.assertIn("no folder mlx_model", lines[0])
        self.assertRegex(lines[1], r"Loading model from .*models/genesis\.$")
        self.assertIn(EVALUATION["prompt"], result.stderr.decode())
        self.assertGreater(len(result.stdout), 20)

    def test_a_folder_mlx_model_goes_first(self):
        (self.folder / "mlx_model").mkdir()
        self.assert_fails(self.generate_here(), 1, "mlx_model")

    def test_no_name_is_no_folder(self):
        self.assert_fails(self.generate_here("--model-path", ""), 2, "--model-path")

    def test_continues_the_default_prompt_as_the_training_code_does(self):
        expected = EVALUATION["greedy_tokens"]
        answer = json.loads(self.generate_here("--json", "-m", len(expected), "--ignore-eos").stdout)
        self.assertEqual(answer["tokens"], expected)

    def test_predicts_the_held_out_books_as_the_training_code_measured(self):
        measured = EVALUATION["held_out"]["test"]
        text = subprocess.run([sys.executable, SOURCE / "tools" / "genesis" / "text.py", "test"], check=True,
                              capture_output=True).stdout
        self.assertEqual(hashlib.sha256(text).hexdigest(), measured["sha256"], "another edition of the text")
        result = run("perplexity", "--file", "-", "--json", "--ctx", EVALUATION["window"], "--stride", EVALUATION["stride"],
                     stdin=text, cwd=self.folder)
        answer = json.loads(result.stdout)
        self.assertEqual((answer["bytes"], answer["tokens"]), (measured["bytes"], measured["tokens"]))
        self.assertAlmostEqual(answer["bits_per_byte"], measured["bits_per_byte"]["8 bits"], delta=1e-3)

    def test_is_a_mistral_with_everything_in_it(self):
        model = json.loads(run("inspect", GENESIS, "--json").stdout)
        self.assertLess(model["n_kv_heads"], model["n_heads"])
        self.assertEqual(model["rope"]["layout"], "interleaved")
        self.assertTrue(all(0 < window < model["max_position"] for window in model["sliding_window"]))
        self.assertEqual(model["warnings"], [])
        self.assertTrue(all(model[size] % 64 == 0 for size in ("dim", "hidden_dim", "head_dim", "vocab_size")))

    def test_stays_small(self):
        self.assertLessEqual(sum(file.stat().st_size for file in GENESIS.iterdir()), 5_000_000)

    def test_no_held_out_verse_is_trained_on(self):
        sys.path.insert(0, str(SOURCE / "tools" / "genesis"))
        import text
        parts = text.split(text.read_books())
        def verses(part):
            return {text.words_of(verse) for book in parts[part] for chapter in book for verse in chapter}
        trained = verses("train")
        self.assertGreater(len(trained), 28000)
        for part, names in text.HELD_OUT.items():
            self.assertEqual(len(parts[part]), len(names))
            self.assertFalse(trained & verses(part), part)


if __name__ == "__main__":
    unittest.main()
