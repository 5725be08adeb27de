"""llama.cpp, built from the source distribution of llama-cpp-python and measured by its own llama-bench.

Its best settings are found by measuring: for each build and case, one option after the other, and kept in settings.json.
"""
import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from cases import Case, Rate
from runner import PeerError, Runner

VERSION = "0.3.36"  # of llama-cpp-python
ARCHIVE = f"llama_cpp_python-{VERSION}"
BUILD_LIMIT_S = 3600
BENCH_LIMIT_S = 3600
LONG = 2048  # tokens from which a second run to warm up costs more than it changes

# g++ and OpenMP, llama.cpp's own defaults: prompts 5% faster than with clang 19 and its own threads, decoding the same.
CMAKE = ["-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DCMAKE_C_COMPILER=gcc", "-DCMAKE_CXX_COMPILER=g++",
         "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_BUILD_APP=OFF",
         "-DLLAMA_OPENSSL=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF"]
BUILDS = {
    "native": ["-DGGML_NATIVE=ON"],
    "avx2": ["-DGGML_NATIVE=OFF", "-DGGML_SSE42=ON", "-DGGML_AVX=ON", "-DGGML_AVX2=ON", "-DGGML_BMI2=ON", "-DGGML_FMA=ON",
             "-DGGML_F16C=ON"],
}

# Options of llama-bench and their values. The KV cache stays float16, as Tramontane's; --poll is for threads without OpenMP.
CHOICES = {
    "prompt": {"-fa": ["on", "off"], "--repack": ["1", "0"], "-ub": ["512", "256"]},
    "decode": {"-fa": ["on", "off"], "--repack": ["1", "0"], "-lm": ["auto", "none"]},
}
LONG_CHOICES = {"-fa": ["on", "off"], "-ub": ["512", "1024"]}
TUNING_RUNS = 3


def unpack(runner: Runner, work: Path) -> Path:
    """llama.cpp's source tree; fetches it from PyPI unless the archive lies in `work`."""
    source = work / "source"
    if source.exists():
        return source
    archive = work / f"{ARCHIVE}.tar.gz"
    if not archive.exists():
        runner.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python",
                    "--dest", work, f"llama-cpp-python=={VERSION}"], BUILD_LIMIT_S)
    runner.run(["tar", "--extract", "--file", archive, "--directory", work], BUILD_LIMIT_S)
    (work / ARCHIVE / "vendor" / "llama.cpp").rename(source)
    return source


def build(runner: Runner, work: Path, isa: str, jobs: int) -> Path:
    """llama-bench for `isa`, a key of BUILDS; builds it when it is not there."""
    program = work / isa / "bin" / "llama-bench"
    if not program.exists():
        work.mkdir(parents=True, exist_ok=True)
        runner.run(["cmake", "-S", unpack(runner, work), "-B", work / isa, *CMAKE, *BUILDS[isa]], BUILD_LIMIT_S)
        runner.run(["cmake", "--build", work / isa, "--target", "llama-bench", "--parallel", jobs], BUILD_LIMIT_S)
    return program


@dataclass(frozen=True)
class LlamaCpp:
    runner: Runner
    work: Path  # with the builds and settings.json
    model: Path  # GGUF
    threads: int

    def measure(self, isa: str, case: Case) -> Rate:
        long = max(case.tokens, case.depth) >= LONG
        repeat = ["-r", "1", *(["--no-warmup"] if long else [])]
        (rate,) = self.bench(isa, case, self.model, [*self.settings(isa)[settings_name(case)], *repeat])
        return Rate("llama.cpp", isa, case, rate)

    def tune(self, isa: str, case: Case, model: Path):
        """Finds the best settings for a case on `model`, which may have fewer layers, unless they are known."""
        known = self.settings(isa)
        name = settings_name(case)
        if name in known:
            return
        long = max(case.tokens, case.depth) >= LONG
        repeat = ["-r", "1", "--no-warmup"] if long else ["-r", str(TUNING_RUNS)]
        best: list[str] = []
        for option, values in (LONG_CHOICES if long else CHOICES[case.phase]).items():
            rates = self.bench(isa, case, model, [*best, *repeat, option, ",".join(values)])
            if len(rates) != len(values):
                raise PeerError(f"llama-bench {option}: expected {len(values)} results, found {len(rates)}")
            best += [option, values[rates.index(max(rates))]]
        known[name] = best
        self.settings_path(isa).write_text(json.dumps(known, indent=1) + "\n")

    def bench(self, isa: str, case: Case, model: Path, options: list[str]) -> list[float]:
        """Median tokens/s of each combination of the options' values."""
        size = ["-p", case.tokens, "-n", 0] if case.phase == "prompt" else ["-p", 0, "-n", case.tokens, "-d", case.depth]
        program = self.work / isa / "bin" / "llama-bench"
        report = self.runner.run([program, "-m", model, "-t", self.threads, *size, *options, "-o", "json"], BENCH_LIMIT_S)
        return [statistics.median(result["samples_ts"]) for result in json.loads(report)]

    def settings_path(self, isa: str) -> Path:
        return self.work / isa / "settings.json"

    def settings(self, isa: str) -> dict[str, list[str]]:
        path = self.settings_path(isa)
        return json.loads(path.read_text()) if path.exists() else {}

    def describe(self, isas: list[str]) -> dict[str, dict]:
        return {isa: {"cmake": [*CMAKE, *BUILDS[isa]], "settings": self.settings(isa)} for isa in isas}


def settings_name(case: Case) -> str:
    return f"{case.label()}, {case.tokens} steps" if case.phase == "decode" else case.label()
