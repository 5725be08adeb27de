"""MLX on the CPU, with mlx-lm's model.

    mlx_program.py FOLDER [--prompt N] [--decode N]    prints {"prompt_s", "decode_s"}: seconds
"""
import argparse
import json
import time
from pathlib import Path

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model


def timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Session:
    def __init__(self, folder: Path):
        self.model, _ = load_model(folder, lazy=True)
        self.model.set_dtype(mx.float32)  # of scales and activations: 40 times as fast on a CPU as float16, 9 times as bfloat16
        mx.eval(self.model.parameters())

    def forward(self, tokens: mx.array, cache: list) -> mx.array:
        """Logits of the last token alone, as the other programs compute them."""
        return self.model.lm_head(self.model.model(tokens, cache=cache)[:, -1:])

    def prompt(self, count: int):
        tokens = mx.arange(3, 3 + count)[None]
        mx.eval(self.forward(tokens, make_prompt_cache(self.model)))

    def decode(self, steps: int):
        cache = make_prompt_cache(self.model)
        token = mx.array([[3]])
        for _ in range(steps):
            token = mx.argmax(self.forward(token, cache), axis=-1)
            mx.eval(token)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompt", type=int, default=0, help="tokens")
    parser.add_argument("--decode", type=int, default=0, help="steps")
    options = parser.parse_args()
    mx.set_default_device(mx.cpu)
    session = Session(options.folder)
    session.decode(1)  # what is done once
    result = {}
    if options.prompt:
        result["prompt_s"] = timed(lambda: session.prompt(options.prompt))
    if options.decode:
        result["decode_s"] = timed(lambda: session.decode(options.decode))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
