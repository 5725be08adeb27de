"""MLX on the CPU: mlx_program.py in a process of its own, with a limit on its time.

MLX's quantised products on a CPU are scalar, on one thread: it takes part in short prompts and few steps only.
"""
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from cases import Case, Rate
from runner import Runner

PROGRAM = Path(__file__).with_name("mlx_program.py")
MOST_PROMPT = 16  # tokens
STEPS = 2


@dataclass(frozen=True)
class Mlx:
    runner: Runner
    folder: Path
    limit_s: float

    @staticmethod
    def takes_part(case: Case) -> bool:
        if case.phase == "prompt":
            return case.tokens <= MOST_PROMPT
        return case.depth == 0 and case.batch == 1

    def measure(self, case: Case) -> Rate:
        tokens = case.tokens if case.phase == "prompt" else min(STEPS, case.tokens)
        report = self.runner.run([sys.executable, PROGRAM, self.folder, f"--{case.phase}", tokens], self.limit_s)
        return Rate("MLX", "native", case, tokens / json.loads(report)[f"{case.phase}_s"])
