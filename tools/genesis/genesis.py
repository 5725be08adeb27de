"""Makes the demonstration model from nothing: text, tokenizer, training, evaluation, export, card.

    genesis.py [--work build/genesis] [--out models/genesis] [--program build/release/tramontane]

Training takes more than an hour on 2 cores. A run that has trained already (work/model.pt) goes on from there.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil

import torch

import card
import export
import kneser_ney
import text
import tokens
from evaluate import STRIDE, WINDOW, bits_per_byte, greedy
from model import Args, Mistral
from plot import plot
from train import Recipe, train

BITS = 8  # what is shipped
PROMPT = "In the beginning the Universe was created."


def trained_state(work, parts):
    """The float32 weights; trains them if that was not done yet."""
    if not (work / "model.pt").exists():
        tokens.train_tokenizer(work, text.join(parts["train"]))
        model = train(tokens.load_tokenizer(work), parts["train"], text.join(parts["validation"]),
                      work / "training_log.csv")
        torch.save(model.state_dict(), work / "model.pt")
    return torch.load(work / "model.pt")


def with_weights(state):
    model = Mistral(Args())
    model.load_state_dict(state)
    return model.eval()


def evaluate(models, trigram, tokenizer, parts):
    """Part -> what each model needs for a byte of it."""
    result = {}
    for part in text.HELD_OUT:
        written = text.join(parts[part])
        result[part] = {
            "bytes": len(written.encode()),
            "sha256": hashlib.sha256(written.encode()).hexdigest(),
            "tokens": len(tokenizer.encode(written)),
            "bits_per_byte": {
                "Kneser-Ney trigram": trigram.bits_per_byte(tokenizer, written),
                **{name: bits_per_byte(model, tokenizer, written) for name, model in models.items()},
            },
        }
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, default="build/genesis")
    parser.add_argument("--out", type=pathlib.Path, default="models/genesis")
    parser.add_argument("--program", type=pathlib.Path, default="build/release/tramontane")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(len(os.sched_getaffinity(0)))

    parts = text.split(text.read_books())
    state = trained_state(options.work, parts)
    tokenizer = tokens.load_tokenizer(options.work)
    quantised = {bits: export.quantised_arrays(state, bits) for bits in (8, 4)}
    models = {"float32": with_weights(state)}
    models |= {f"{bits} bits": with_weights(export.dequantised_state(arrays, bits)) for bits, arrays in quantised.items()}
    trigram = kneser_ney.Trigram([[*tokens.encode_book(tokenizer, book)[0], tokens.EOS] for book in parts["train"]])
    export.write_folder(options.out, quantised[BITS], BITS, Args(), options.work / "tokenizer.model")

    prompt = [tokens.BOS, *tokenizer.encode(PROMPT)]
    evaluation = {"window": WINDOW, "stride": STRIDE,
                  "parameters": sum(tensor.numel() for tensor in state.values()), "held_out": evaluate(models, trigram, tokenizer, parts),
                  "prompt": PROMPT, "greedy_tokens": greedy(models[f"{BITS} bits"], prompt, 100)}
    (options.out / "evaluation.json").write_text(json.dumps(evaluation, indent=1) + "\n")

    validation = evaluation["held_out"]["validation"]
    shutil.copyfile(options.work / "training_log.csv", options.out / "training_log.csv")
    plot(options.work / "training_log.csv", validation["bits_per_byte"]["Kneser-Ney trigram"],
         options.out / "loss_curve.png", validation["bytes"] / validation["tokens"])
    card.write(options.out, evaluation, parts, options.program, Args(), Recipe(), BITS)


if __name__ == "__main__":
    main()
