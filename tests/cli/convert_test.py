"""`tramontane convert` as a user runs it. What it writes is tested in tests/convert; here: flags, signals, full disks."""
import json
import resource
import signal
import subprocess
import time
import unittest

from support import STORIES, SYNTHETIC, TRAMONTANE, CommandTest, run, wait_until_caught


def limit_files():
    """Files of at most 200 kB, as on a full disk; the signal that comes with it is for others."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


class ConvertTest(CommandTest):
    def convert(self, *args, **kwargs):
        return run("convert", *args, cwd=self.folder, **kwargs)

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())

    def large_model(self):
        """Large enough to be caught at work."""
        subprocess.run([SYNTHETIC, "--shape", "small", "--dim", "1024", "--hidden-dim", "4096", "--layers", "8", "--dtype",
                        "float32", "--out", "large"], check=True, cwd=self.folder)

    def start_large(self, *args):
        """The process, once it has begun to write."""
        process = subprocess.Popen([TRAMONTANE, "convert", "--torch-path", "large", "--mlx-path", "out", *args],
                                   cwd=self.folder, stderr=subprocess.PIPE)
        end = time.monotonic() + 60
        while not (self.folder / "out.partial" / "weights.npz").exists():
            self.assertLess(time.monotonic(), end)
            self.assertIsNone(process.poll())
        return process

    def test_the_originals_flags(self):
        result = self.convert("--torch-path", STORIES, "--mlx-path", "out", "-q", "--q-group-size", "32", "--q-bits", "8")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, b"")
        config = json.loads((self.folder / "out" / "config.json").read_text())
        self.assertEqual(config["quantization"], {"group_size": 32, "bits": 8, **{
            f"layers.{layer}.feed_forward.w2": False for layer in range(5)}})
        self.assertEqual(config["model_type"], "mistral")
        self.assertIn(b"layers.4.feed_forward.w2: not quantised, as 172 columns are no whole number of groups of 32",
                      result.stderr)

    def test_both_formats_generate_the_same(self):
        expected = run("generate", "--model-path", STORIES, "--max-tokens", "40").stdout
        for form in ("npz", "safetensors"):
            result = self.convert("--torch-path", STORIES, "--mlx-path", form, "--format", form, "--dtype", "float32")
            self.assertEqual(result.returncode, 0, result.stderr)
            made = run("generate", "--model-path", self.folder / form, "--max-tokens", "40")
            self.assertEqual(made.stdout, expected, made.stderr)

    def test_defaults_are_the_originals(self):
        help_text = self.convert("--help").stdout.decode()
        for default in ("mistral-7B-v0.1", "mlx_model", "npz", "affine"):
            self.assertRegex(help_text, rf"[ =]{default}\s")
        self.assert_fails(self.convert(), 1, "mistral-7B-v0.1", "found nothing")

    def test_json(self):
        result = self.convert("--torch-path", STORIES, "--mlx-path", "out", "-q", "--q-mode", "mxfp8", "--json", "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual((report["source_kind"], report["format"], report["requantized"]), ("npz", "npz", []))
        self.assertEqual(report["warnings"], [line[len("[WARNING] "):] for line in result.stderr.decode().splitlines()])

    def test_what_became_of_quantised_matrices_is_said(self):
        self.assertEqual(self.convert("--torch-path", STORIES, "--mlx-path", "a", "-q", "--q-bits", "8").returncode, 0)
        result = self.convert("--torch-path", "a", "--mlx-path", "b", "-q", "--q-predicate", "mixed_2_6")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(b"[INFO] Computed anew 8-bit affine, groups of 64 -> 2-bit affine, groups of 64 of ", result.stderr)
        self.assertIn(b"layers.0-4.attention.wq", result.stderr)
        result = self.convert("--torch-path", "a", "--mlx-path", "c", "--format", "safetensors")
        self.assertIn(b"[INFO] Carried over 8-bit affine, groups of 64 of ", result.stderr)

    def test_a_target_that_is_there(self):
        args = ("--torch-path", STORIES, "--mlx-path", "out")
        self.assertEqual(self.convert(*args).returncode, 0)
        before = (self.folder / "out" / "weights.npz").read_bytes()
        self.assert_fails(self.convert(*args, "-q"), 1, "out", "--force")
        self.assertEqual((self.folder / "out" / "weights.npz").read_bytes(), before)
        self.assertEqual(self.convert(*args, "-q", "--force").returncode, 0)
        self.assertNotEqual((self.folder / "out" / "weights.npz").read_bytes(), before)
        self.assertEqual(self.names(), ["out"])

    def test_a_full_disk(self):
        result = self.convert("--torch-path", STORIES, "--mlx-path", "out", preexec_fn=limit_files)
        self.assert_fails(result, 1, "weights.npz", "File too large")
        self.assertEqual(self.names(), [])

    def test_interrupted(self):
        self.large_model()
        for number in (signal.SIGINT, signal.SIGTERM):
            process = self.start_large()
            wait_until_caught(process)
            process.send_signal(number)
            stderr = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 128 + number, stderr)
            self.assertIn(b"Interrupted: nothing was written", stderr)
            self.assertEqual(self.names(), ["large"])

    def test_killed_leaves_the_old_target_and_the_next_one_tidies_up(self):
        self.large_model()
        self.assertEqual(self.convert("--torch-path", STORIES, "--mlx-path", "out").returncode, 0)
        before = (self.folder / "out" / "weights.npz").read_bytes()
        process = self.start_large("--force")
        second = self.convert("--torch-path", STORIES, "--mlx-path", "out", "--force")
        process.kill()
        process.communicate()
        self.assert_fails(second, 1, "out.partial", "another process is writing it")
        self.assertEqual((self.folder / "out" / "weights.npz").read_bytes(), before)
        self.assertEqual(self.names(), ["large", "out", "out.partial"])
        self.assertEqual(self.convert("--torch-path", STORIES, "--mlx-path", "out", "--force").returncode, 0)
        self.assertEqual(self.names(), ["large", "out"])

    def test_usage_errors(self):
        for args in (["--q-bits", "7"], ["--format", "gguf"], ["--dtype", "int8"], ["--q-mode", "int4"], ["--mlx-path", ""],
                     ["--threads", "-1"], ["--q-predicate", "mixed"]):
            self.assert_fails(self.convert("-q", *args), 2, args[0])
        self.assert_fails(self.convert("--torch-path", STORIES, "-q", "-d"), 1, "quantize and dequantize")
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
