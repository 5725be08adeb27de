#!/usr/bin/env python3
"""Measures Tramontane beside llama.cpp and MLX on equal weights, in alternating rounds, and prints the ratios.

    make peers                                         build, make models, measure: the published figures
    make peers ARGS='--layers 4 --rounds 1'            a quick look
    make peers ARGS='--layers 8 --isas native --peers llama.cpp --prompts 512,8192 --depths 0,8192 --batches "" --json long.json'

The model is random, of Mistral 7B's shape: 4 bits in groups of 64 for Tramontane and MLX, and the same values in
Q4_0 for llama.cpp. llama.cpp is built for this CPU and, to be compared with TRAMONTANE_ISA=avx2, for AVX2 alone; its best
settings are looked for once, on 4 layers. Tramontane and llama.cpp leave out the last layer's feed-forward for all but the last
token of a prompt (a quarter of the work on 4 layers, a tenth on 8, 3% on 32). MLX takes part in prompts of at most 16 tokens and
in decoding from an empty cache.
Builds, models and settings are kept in --work; `make peers PEERS=/other/build/peers` uses those of another checkout.
"""
import argparse
import os
import subprocess
import sys
from pathlib import Path

from cases import Case, Rate, cases_of
from llama_cpp import BUILDS, LlamaCpp, build
from mlx_peer import Mlx
from model_files import ModelFiles, make_model
from record import Record
from runner import PeerError, Runner
from shape import Shape
from tramontane import Tramontane

ROOT = Path(__file__).resolve().parent.parent.parent
TUNING_LAYERS = 4


def note(text: str):
    print(f"[INFO] {text}", file=sys.stderr, flush=True)


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",") if word]


def names(known: tuple[str, ...]):
    def parse(text: str) -> list[str]:
        found = [word for word in text.split(",") if word]
        if set(found) - set(known):
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, found {text}")
        return found

    return parse


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cores = len(os.sched_getaffinity(0))
    add = parser.add_argument
    add("--work", type=Path, default=ROOT / "build" / "peers", help="builds, models and settings; build/peers")
    add("--program", type=Path, default=ROOT / "build" / "release" / "tramontane")
    add("--layers", type=int, default=32, help="layers of the model; 32")
    add("--rounds", type=int, default=5, help="each measures every program in every case; 5")
    add("--threads", type=int, default=cores, help=f"of Tramontane and llama.cpp; {cores}")
    add("--prompts", type=numbers, default=[8, 512], help="tokens; 8,512")
    add("--decode", type=int, default=32, help="steps of decoding; 0: none; 32")
    add("--depths", type=numbers, default=[0], help="tokens in the cache when decoding starts; 0")
    add("--batches", type=numbers, default=[2, 8], help="sequences decoded at once by Tramontane; 2,8")
    add("--precisions", type=numbers, default=[16, 8], help="bits of Tramontane's activations; 16,8")
    add("--isas", type=names(tuple(BUILDS)), default=list(BUILDS), help="native,avx2")
    add("--peers", type=names(("llama.cpp", "mlx")), default=["llama.cpp", "mlx"], help="llama.cpp,mlx")
    add("--mlx-limit", type=float, default=300, help="seconds for MLX in one case; past them it is left out; 300")
    add("--synthetic", action="store_true",
        help="Tramontane on random weights in memory of its own, in huge pages, instead of the folder")
    add("--prepare", action="store_true", help="build and make the models, measure nothing")
    add("--jobs", type=int, default=cores, help=f"of the compiler; {cores}")
    add("--json", type=Path, help="where the results go as well; results.json in --work")
    options = parser.parse_args()
    if options.rounds < 1 or options.layers < 1:
        parser.error(f"expected at least one round and one layer, found {options.rounds} and {options.layers}")
    return options


class Contest:
    """The programs, ready to be measured."""

    def __init__(self, options: argparse.Namespace, runner: Runner):
        self.options, self.runner = options, runner
        self.cases = cases_of(options.prompts, options.depths, options.batches, options.decode)
        self.files = self.model(options.layers)
        ours = ["--model-path", self.files.folder]
        if options.synthetic:
            ours = ["--synthetic", "7b", "--sliding-window", 0, "--layers", options.layers]
        self.tramontane = Tramontane(runner, options.program, ours, options.threads, options.precisions)
        self.llama_cpp = LlamaCpp(runner, options.work / "llama.cpp", self.files.gguf, options.threads)
        self.mlx = Mlx(runner, self.files.folder, options.mlx_limit)
        self.dropped: dict[str, str] = {}  # contestant -> why it was left out

    def model(self, layers: int) -> ModelFiles:
        note(f"Model of {layers} layers.")
        models = self.options.work / "models"
        models.mkdir(parents=True, exist_ok=True)
        return make_model(Shape(layers=layers), models / f"7b-{layers}-layers")

    def prepare(self):
        if "llama.cpp" not in self.options.peers:
            return
        small = self.model(min(TUNING_LAYERS, self.options.layers)).gguf
        for isa in self.options.isas:
            note(f"llama.cpp for {isa}.")
            build(self.runner, self.llama_cpp.work, isa, self.options.jobs)
            for case in self.llama_cases():
                self.llama_cpp.tune(isa, case, small)

    def llama_cases(self) -> list[Case]:
        return [case for case in self.cases if case.batch == 1]

    def round(self, backwards: bool, record: Record) -> list[Rate]:
        """Every contestant once, in one order or the other."""
        turns = [(name, isa) for isa in self.options.isas for name in ("Tramontane", *self.options.peers)
                 if name != "mlx" or isa == "native"]
        rates = []
        for name, isa in reversed(turns) if backwards else turns:
            contestant = f"{name} {isa}"
            if contestant in self.dropped:
                continue
            note(f"{contestant}.")
            try:
                rates += self.turn(name, isa, record)
            except PeerError as error:
                if name == "Tramontane":
                    raise
                note(f"{contestant} is left out from here on: {error}")
                self.dropped[contestant] = str(error)
        return rates

    def turn(self, name: str, isa: str, record: Record) -> list[Rate]:
        if name == "Tramontane":
            machine, rates = self.tramontane.measure(isa, self.cases)
            record.machines.append(machine)
            return rates
        if name == "mlx":
            return [self.mlx.measure(case) for case in self.cases if Mlx.takes_part(case)]
        return [self.llama_cpp.measure(isa, case) for case in self.llama_cases()]


def warm(files: ModelFiles):
    """Reads the files once, so that they lie in the page cache."""
    for path in files.paths():
        with open(path, "rb") as file:
            while file.read(1 << 24):
                pass


def main() -> int:
    options = parse_options()
    runner = Runner()
    try:
        contest = Contest(options, runner)
        contest.prepare()
        if options.prepare:
            return 0
        warm(contest.files)
        record = Record(options, ROOT)
        for index in range(options.rounds):
            note(f"Round {index + 1} of {options.rounds}.")
            record.rounds.append(contest.round(index % 2 == 1, record))
            record.finish(runner.commands, contest.dropped, contest.llama_cpp.describe(options.isas))
            record.write(options.json or options.work / "results.json")
        print(record.text())
        return 0
    except (PeerError, OSError, subprocess.SubprocessError) as error:
        print(f"[ERROR] {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("[WARNING] Interrupted; the JSON file holds the rounds before.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
