"""What is measured, and by what name it is found again."""
from dataclasses import dataclass


HALF_LIMITS = ("int8/2", "int16")  # half of the int8 peak: products of 16-bit activations, in two bytes or whole


@dataclass(frozen=True)
class Case:
    phase: str  # "prompt": `tokens` at once into an empty cache; "decode": one token after the other
    tokens: int  # decode: steps
    depth: int = 0  # tokens in the cache before the first step
    batch: int = 1  # sequences decoded at once

    def label(self) -> str:
        if self.phase == "prompt":
            return f"prompt of {self.tokens}"
        together = f", {self.batch} at once" if self.batch > 1 else ""
        return f"decode at depth {self.depth}{together}"


@dataclass(frozen=True)
class Rate:
    """What one program made of one case in one round."""

    program: str  # "Tramontane 16", "Tramontane 8", "llama.cpp", "MLX"
    isa: str  # "native", or what the program was held to
    case: Case
    tokens_per_s: float  # of all sequences together
    share: float = 0  # of `limit`; 0: not known
    limit: str = ""  # "read", "int8", "int8/2", "int16", "float32"


def cases_of(prompts: list[int], depths: list[int], batches: list[int], steps: int) -> list[Case]:
    decoding = [Case("decode", steps, depth) for depth in depths] + [Case("decode", steps, 0, batch) for batch in batches]
    return [Case("prompt", tokens) for tokens in prompts] + (decoding if steps else [])
