"""Bad input ends in exit code 2 (usage) or 1 (anything else) with one line that says what is wrong."""
import json
import shutil
import struct

from support import STORIES, CommandTest, generate, run


class UsageTest(CommandTest):
    def test_usage_errors_exit_with_2(self):
        for args in [[], ["nonsense"], ["generate", "--nonsense"], ["generate", "-m", "many"], ["generate", "-m", "-1"],
                     ["generate", "--temp", "-0.5"], ["generate", "--temp", "nan"], ["generate", "--top-p", "1.5"],
                     ["generate", "--tokens-per-eval", "0"], ["generate", "--threads", "-1"], ["generate", "--ctx", "-5"],
                     ["generate", "--seed", "-1"], ["generate", "--kv-dtype", "int3"], ["generate", "--rope-theta", "0"],
                     ["generate", "--prompt", "a", "--prompt-file", "b"], ["generate", "--logit-bias", "x"],
                     ["generate", "--prompt-tokens", "1,x"], ["generate", "--prompt-tokens", ""],
                     ["generate", "--prompt-tokens", "1,,3"], ["generate", "--seed", "18446744073709551616"],
                     ["generate", "--logit-bias", "4294967301=100"], ["generate", "--logit-bias", "99999999999=1"], ["inspect"], ["generate", "--sliding-window", "-3"]]:
            self.assert_fails(run(*args), 2)


    def test_what_is_found_is_shown_without_its_control_characters(self):
        trap = "a\nb\x1b[31mc\r\x07\x9bd"
        for args in [["--" + trap], [trap], ["generate", "--" + trap], ["generate", "--temp", trap], ["generate", "--kv-dtype", trap],
                     ["generate", "--logit-bias", trap], ["generate", "--prompt-tokens", trap], ["generate", "-m", trap],
                     ["inspect", STORIES, trap]]:
            self.assert_fails(run(*args), 2)
        self.assert_fails(run("generate", "--model-path", self.folder / trap), 1)
        self.assert_fails(run("inspect", self.folder / trap), 1)
        self.assert_fails(generate("--prompt-file", self.folder / trap), 1)


class PromptTest(CommandTest):
    def test_empty(self):
        self.assert_fails(generate("--prompt", ""), 1, "prompt", "found none")
        self.assert_fails(generate("--prompt", "-", stdin=b""), 1, "prompt")

    def test_invalid_utf8_names_the_offset(self):
        self.assert_fails(generate("--prompt", "-", stdin=b"abc\xff"), 1, "prompt", "UTF-8", "offset 3")
        self.assert_fails(generate("--prompt", "-", stdin=b"\xed\xa0\x80"), 1, "UTF-8")

    def test_longer_than_the_context(self):
        self.assert_fails(generate("--prompt", "Once upon a time", "--ctx", 5), 1, "context of 5", "found 5")

    def test_token_out_of_range(self):
        self.assert_fails(generate("--prompt-tokens", "1,512"), 1, "[0, 512)", "512")
        self.assert_fails(generate("--prompt-tokens", "1,-4"), 1, "-4")

    def test_missing_prompt_file(self):
        self.assert_fails(generate("--prompt-file", self.folder / "none.txt"), 1, self.folder / "none.txt")

    def test_an_empty_file_name_is_not_the_default_prompt(self):
        result = generate("--prompt-file", "")
        self.assertIn(result.returncode, [1, 2])
        self.assert_fails(result, result.returncode, "prompt-file" if result.returncode == 2 else "prompt")

    def test_a_prompt_without_end(self):
        self.assert_fails(generate("--prompt-file", "/dev/zero"), 1, "/dev/zero")

    def test_logit_bias_out_of_range(self):
        self.assert_fails(generate("--logit-bias", "99999=1"), 1, "logit_bias", "99999")


class MemoryTest(CommandTest):
    def test_a_context_that_cannot_fit_is_refused_before_it_starts(self):
        self.assert_fails(generate("-m", 2000000000), 1, "not enough memory")


class FolderTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        shutil.copytree(STORIES, self.model)

    def fails(self, *words):
        self.assert_fails(run("generate", "--model-path", self.model, "-m", 2), 1, *words)

    def rewrite_config(self, **changes):
        config = json.loads((self.model / "config.json").read_text())
        config.update(changes)
        (self.model / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))

    def test_missing_files_are_named(self):
        for name in ["config.json", "weights.npz", "tokenizer.model"]:
            (self.model / name).rename(self.folder / name)
            self.fails(str(self.model))
            (self.folder / name).rename(self.model / name)
        self.assert_fails(run("generate", "--model-path", self.folder / "none"), 1, self.folder / "none")
        self.assert_fails(run("inspect", self.model / "config.json"), 1, self.model / "config.json")

    def test_truncated_weights(self):
        data = (self.model / "weights.npz").read_bytes()
        for size in [0, 1, 21, 22, 100, len(data) // 2, len(data) - 1]:
            (self.model / "weights.npz").write_bytes(data[:size])
            self.fails("weights.npz")

    def test_truncated_tokenizer(self):
        data = (self.model / "tokenizer.model").read_bytes()
        for size in [0, 1, 100, len(data) // 2, len(data) - 1]:
            (self.model / "tokenizer.model").write_bytes(data[:size])
            self.fails("tokenizer.model")

    def test_config_values(self):
        for changes, words in [(dict(dim=None), ["dim"]), (dict(n_layers=-5), ["n_layers", "-5"]),
                               (dict(n_heads="8"), ["n_heads"]), (dict(dim=1 << 62), ["dim"]), (dict(n_kv_heads=3), ["n_kv_heads"]),
                               (dict(vocab_size=511), ["511", "512"]), (dict(norm_eps=-1), ["norm_eps"]),
                               (dict(n_layers=6), ["layers.5"]), (dict(n_layers=4), ["layers.4"]), (dict(dim=128), ["128"]),
                               (dict(quantization={"group_size": 64, "bits": 7}), ["bits"]),
                               (dict(sliding_window=-4), ["sliding_window"])]:
            self.rewrite_config(**changes)
            self.fails(*words)
            shutil.copy(STORIES + "/config.json", self.model / "config.json")

    def test_rope_scaling_that_is_not_supported(self):
        self.rewrite_config(rope_scaling={"type": "linear", "factor": 2.0})
        self.fails("config.json", "rope_scaling")

    def test_config_that_is_not_json(self):
        for text in ["", "{", "[]", "null", '{"dim": 1e999}', '{"dim": 64, "dim": 64}', "[" * 100000]:
            (self.model / "config.json").write_text(text)
            self.fails("config.json")

    def test_a_safetensors_header_that_lies(self):
        (self.model / "weights.npz").unlink()
        for size in [0, 7, 1 << 40, (1 << 64) - 1]:
            (self.model / "model.safetensors").write_bytes(struct.pack("<Q", size) + b'{"a":')
            self.fails("model.safetensors")


if __name__ == "__main__":
    import unittest
    unittest.main()
