"""`tramontane bench`, as a user runs it."""
import json
import os
import signal
import subprocess
import unittest

from support import STORIES, TRAMONTANE, CommandTest, run, wait_until_caught

DEMO = ["--synthetic", "demo"]
MACHINE_RATES = ["read_gb_s", "int8_gop_s", "int16_gop_s", "f32_gflop_s"]


def bench(*args, **kwargs):
    return run("bench", *args, **kwargs)


class BenchTest(CommandTest):
    def report(self, *args, **kwargs):
        result = bench(*args, "--json", **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count(b"\n"), 1)
        return json.loads(result.stdout)

    def check(self, report):
        """Everything is there and positive, and shares are what they say they are."""
        self.assertEqual(report["machine"], report["machines"][0])
        limits = {machine["threads"]: machine for machine in report["machines"]}
        for machine in report["machines"]:
            self.assertEqual(set(machine), {"isa", "threads", *MACHINE_RATES})
            self.assertTrue(all(machine[rate] > 0 for rate in MACHINE_RATES), machine)
        for result in report["results"]:
            self.assertEqual(set(result), {"test", "tokens", "depth", "batch", "threads", "precision", "tokens_per_s",
                                           "spread", "gb_s", "gop_s", "limit", "share"})
            for rate in ["tokens_per_s", "gb_s", "gop_s", "share"]:
                self.assertGreater(result[rate], 0, result)
            self.assertGreaterEqual(result["spread"], 0)
            machine = limits[result["threads"]]
            limit = {"read": machine["read_gb_s"], "int8": machine["int8_gop_s"], "int8/2": machine["int8_gop_s"] / 2,
                     "int16": machine["int16_gop_s"],
                     "float32": machine["f32_gflop_s"]}[result["limit"]]
            self.assertEqual(result["limit"] == "read", result["test"] == "decode")
            self.assertAlmostEqual(result["share"], result["gb_s" if result["test"] == "decode" else "gop_s"] / limit)
            if result["test"] == "prompt":  # decode of models that live in the caches may pass the memory's bandwidth
                self.assertLess(result["share"], 1.2)

    def test_the_cache_has_the_type_that_was_asked_for(self):
        read = {}
        for kv_dtype in ["float32", "float16", "int8"]:
            result = self.report(*DEMO, "--prompt", 4, "--decode", 2, "--depth", 100, "--repeat", 1, "--kv-dtype",
                                 kv_dtype)["results"][-1]
            read[kv_dtype] = 1e9 * result["gb_s"] / result["tokens_per_s"]
        # A window of 64 keys and values, in 4 layers, of 2 heads of 64; int8 has a float32 scale for each.
        elements = 64 * 4 * 2 * 2 * 64
        self.assertAlmostEqual(read["float32"] - read["float16"], 2 * elements, delta=1)
        self.assertAlmostEqual(read["float16"] - read["int8"], elements - elements / 64 * 4, delta=1)

    def test_json_of_a_synthetic_model(self):
        report = self.report(*DEMO, "--prompt", "8,80", "--decode", 4, "--depth", "0,70", "--batch", "1,3",
                             "--threads", "1,2", "--precision", "8,16", "--repeat", 2)
        self.check(report)
        self.assertEqual([machine["threads"] for machine in report["machines"]], [1, 2])
        self.assertEqual(report["model"]["name"], "demo, 4-bit groups of 64")
        keys = ["threads", "precision", "test", "tokens", "depth", "batch"]
        tests = [["prompt", 8, 0, 1], ["prompt", 80, 0, 1],
                 ["decode", 4, 0, 1], ["decode", 4, 0, 3], ["decode", 4, 70, 1], ["decode", 4, 70, 3]]
        self.assertEqual([[result[key] for key in keys] for result in report["results"]],
                         [[threads, precision, *test] for threads in (1, 2) for precision in (8, 16) for test in tests])

    def test_json_of_a_checkpoint_that_is_not_quantised(self):
        report = self.report("--model-path", STORIES, "--prompt", 16, "--decode", 4, "--repeat", 1, "--threads", 1)
        self.check(report)
        self.assertEqual(report["model"]["name"], STORIES)
        self.assertEqual([result["limit"] for result in report["results"]], ["float32", "read"])

    def test_the_scalar_kernels_are_held_against_scalar_limits(self):
        report = self.report(*DEMO, "--prompt", 2, "--decode", 1, "--repeat", 1, "--threads", 1, "--layers", 1,
                             env={**os.environ, "TRAMONTANE_ISA": "scalar"})
        self.check(report)
        self.assertEqual(report["machine"]["isa"], "scalar")
        self.assertEqual(report["results"][0]["limit"], "float32")

    def test_prints_a_table(self):
        result = bench(*DEMO, "--dtype", "bfloat16", "--layers", 3, "--prompt", 8, "--decode", 0, "--repeat", 1,
                       "--threads", 1)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout.decode(), r"model    demo, bfloat16, .* cut to 3 of 4 layers.*\n"
                         r"machine  \w+, 1 thread: reads [\d.]+ GB/s, int8 \d+ Gop/s, .*\n\n"
                         r"test +tokens .* share of\n"
                         r"prompt +8 +0 +1 +1 +16 +[\d.]+ +0\.0% +[\d.]+ +[\d.]+ +[\d.]+% float32\n")
        self.assertRegex(result.stderr.decode(), r"Round 1 of 1\.\n$")

    def test_ctrl_c_ends_it(self):
        process = subprocess.Popen([TRAMONTANE, "bench", *DEMO, "--repeat", "1000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until_caught(process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual((process.returncode, stdout), (130, b""))
        self.assertTrue(stderr.decode().endswith("Interrupted.\n"), stderr)

    def test_usage_errors_are_one_line(self):
        self.assert_fails(bench(), 2, "--model-path", "--synthetic")
        self.assert_fails(bench(*DEMO, "--model-path", STORIES), 2, "--model-path")
        self.assert_fails(bench("--synthetic", "70b"), 2, "--synthetic", "70b")
        self.assert_fails(bench(*DEMO, "--bits", 7), 2, "--bits", "7")
        self.assert_fails(bench(*DEMO, "--bits", 8, "--dtype", "float16"), 2, "--bits", "--dtype")
        self.assert_fails(bench("--model-path", STORIES, "--bits", 8), 2, "--bits", "--synthetic")
        self.assert_fails(bench(*DEMO, "--mode", "mxfp6"), 2, "--mode", "mxfp6")
        self.assert_fails(bench(*DEMO, "--mode", "mxfp4", "--bits", 4), 2, "--mode", "--bits")
        self.assert_fails(bench(*DEMO, "--prompt", "512,-1"), 2, "--prompt", "-1")
        self.assert_fails(bench(*DEMO, "--prompt", 0, "--decode", 0), 2, "--prompt", "--decode")
        self.assert_fails(bench(*DEMO, "--layers", 5), 1, "layers", 4, 5)
        self.assert_fails(bench("--model-path", self.folder / "none"), 1, "none")


if __name__ == "__main__":
    unittest.main()
