"""Tramontane, through `tramontane bench --json`."""
import json
from dataclasses import dataclass
from pathlib import Path

from cases import Case, Rate
from runner import Runner

LIMIT_S = 3600


@dataclass(frozen=True)
class Tramontane:
    runner: Runner
    program: Path
    model: list[str]  # the arguments that name it: --model-path FOLDER, or --synthetic 7b --layers N
    threads: int
    precisions: list[int]  # bits of the activations

    def measure(self, isa: str, cases: list[Case]) -> tuple[dict, list[Rate]]:
        """What the machine can do at most, as bench has it, and a rate for each precision and case."""
        prompts = [case.tokens for case in cases if case.phase == "prompt"]
        alone = [case for case in cases if case.phase == "decode" and case.batch == 1]
        together = [case for case in cases if case.batch > 1]
        machine, rates = self.bench(isa, cases, prompts, alone, [1])
        if together:
            rates += self.bench(isa, cases, [], together, [case.batch for case in together])[1]
        return machine, rates

    def bench(self, isa: str, cases: list[Case], prompts: list[int], decoding: list[Case], batches: list[int]) -> tuple[dict, list[Rate]]:
        command = [self.program, "bench", *self.model, "--threads", self.threads, "--repeat", 1, "--json",
                   "--precision", ",".join(map(str, self.precisions)), "--prompt", ",".join(map(str, prompts or [0])),
                   "--decode", decoding[0].tokens if decoding else 0, "--batch", ",".join(map(str, batches)),
                   "--depth", ",".join(map(str, sorted({case.depth for case in decoding} or {0})))]
        report = json.loads(self.runner.run(command, LIMIT_S, {} if isa == "native" else {"TRAMONTANE_ISA": isa}))
        rates = []
        for found in report["results"]:
            case = Case(found["test"], found["tokens"], found["depth"], found["batch"])
            if case not in cases:
                raise KeyError(f"bench measured {case}, which nobody asked for")
            rates.append(Rate(f"Tramontane {found['precision']}", isa, case, found["tokens_per_s"], found["share"], found["limit"]))
        return report["machine"] | {"model": report["model"]}, rates
