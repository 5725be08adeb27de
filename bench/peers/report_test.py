"""Medians, shares and ratios."""
import unittest

from cases import Case, Rate, cases_of
from report import gains, summarise, to_text

PROMPT, DECODE, TOGETHER = Case("prompt", 512), Case("decode", 32), Case("decode", 32, 0, 8)


class ReportTest(unittest.TestCase):
    def setUp(self):
        ours = [(100, 0.6), (60, 0.5), (90, 0.7)]
        theirs = [20, 30, 10]
        self.rounds = [[Rate("llama.cpp", "native", PROMPT, peer), Rate("Tramontane 16", "native", PROMPT, rate, share, "int8/2"),
                        Rate("MLX", "native", PROMPT, 1), Rate("Tramontane 8", "native", PROMPT, 2 * rate, share, "int8")]
                       for (rate, share), peer in zip(ours, theirs)]

    def test_ratios_are_medians_of_the_rounds_ratios(self):
        first = summarise(self.rounds)[0]
        self.assertEqual((first.program, first.tokens_per_s, first.rounds), ("Tramontane 16", 90, 3))
        self.assertEqual(first.times, {"llama.cpp": 5, "MLX": 90})
        self.assertAlmostEqual(first.spread, 40 / 90)
        self.assertEqual((first.share, first.limit), (0.6, "int8/2"))

    def test_ours_come_before_the_peers(self):
        self.assertEqual([row.program for row in summarise(self.rounds)], ["Tramontane 16", "Tramontane 8", "llama.cpp", "MLX"])

    def test_a_peers_share_is_ours_times_its_rate_over_ours(self):
        rows = {row.program: row for row in summarise(self.rounds)}
        self.assertEqual(rows["llama.cpp"].limit, "int8")
        self.assertAlmostEqual(rows["llama.cpp"].share, 0.6 / 2 * 20 / 100)  # of 0.06, 0.125 and 0.0389
        self.assertEqual(rows["MLX"].limit, "")

    def test_a_round_without_a_peer_counts_for_the_others(self):
        self.rounds[1] = [rate for rate in self.rounds[1] if rate.program != "llama.cpp"]
        rows = {row.program: row for row in summarise(self.rounds)}
        self.assertEqual(rows["llama.cpp"].rounds, 2)
        self.assertEqual(rows["Tramontane 16"].times["llama.cpp"], 7)

    def test_float_products_have_no_share_of_the_int8_peak(self):
        rounds = [[Rate("Tramontane 16", "avx2", PROMPT, 50, 0.8, "float32"), Rate("llama.cpp", "avx2", PROMPT, 25)]]
        self.assertEqual(summarise(rounds)[1].limit, "")

    def test_batches_are_compared_with_one_sequence(self):
        rounds = [[Rate("Tramontane 8", "native", DECODE, 10, 0.9, "read"), Rate("Tramontane 8", "native", TOGETHER, 10 * gain, 0.5, "read")]
                  for gain in (4, 6, 5)]
        self.assertEqual(gains(rounds), [{"program": "Tramontane 8", "isa": "native", "batch": 8, "gain": 5}])
        self.assertIn("8 sequences at once, Tramontane 8, native: 5.00 times one sequence", to_text(summarise(rounds), gains(rounds)))

    def test_cases(self):
        self.assertEqual(cases_of([512], [0], [8], 32), [PROMPT, DECODE, TOGETHER])
        self.assertEqual(cases_of([512], [0], [8], 0), [PROMPT])


if __name__ == "__main__":
    unittest.main()
