"""Runs that the system gives too little memory. Not for sanitized builds: their shadow memory needs address space."""
import resource
import subprocess

from support import STORIES, SYNTHETIC, CommandTest, run


class MemoryLimitTest(CommandTest):
    def test_running_out_of_address_space_is_an_error_not_a_crash(self):
        model = self.folder / "model"  # 131 kB of cache per token: 2000 tokens take 262 MB
        subprocess.run([SYNTHETIC, "--shape", "tiny", "--layers", "8", "--heads", "8", "--kv-heads", "8", "--head-dim", "256",
                        "--bits", "0", "--dtype", "float32", "--vocab-size", "512", "--tokenizer", STORIES + "/tokenizer.model",
                        "--out", model], check=True)
        prompt = ",".join(["7"] * 2000)
        free = run("generate", "--model-path", model, "--prompt-tokens", prompt, "-m", 1)
        self.assertEqual(free.returncode, 0, free.stderr)

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (250 << 20, 250 << 20))
        limited = run("generate", "--model-path", model, "--prompt-tokens", prompt, "-m", 1, "--threads", 1, preexec_fn=limit)
        self.assertEqual(limited.returncode, 1, limited.stderr)
        self.assertIn(b"tramontane: not enough memory", limited.stderr.splitlines()[-1])

    def test_more_threads_than_fit_are_an_error_not_a_crash(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (600000 << 10, 600000 << 10))
        self.assert_fails(run("generate", "--model-path", STORIES, "-m", 1, "--threads", 4096, preexec_fn=limit), 1, "thread")

    def test_converting_takes_little_memory_for_a_large_model(self):
        model = self.folder / "model"  # 410 MB
        subprocess.run([SYNTHETIC, "--shape", "small", "--dim", "1024", "--hidden-dim", "4096", "--layers", "6", "--vocab-size",
                        "16384", "--dtype", "float32", "--out", model], check=True)

        def limit():
            resource.setrlimit(resource.RLIMIT_AS, (size + (150 << 20), size + (150 << 20)))
        size = (model / "weights.npz").stat().st_size  # which is mapped: addresses, not memory
        self.assertGreater(size, 300 << 20)
        for flags in ([], ["-q"], ["--format", "safetensors", "-q", "--q-mode", "mxfp8"]):
            result = run("convert", "--torch-path", model, "--mlx-path", self.folder / "out", "--threads", 2, "--force", *flags,
                         preexec_fn=limit)
            self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    import unittest
    unittest.main()
