"""The model card, written from what was measured."""
import csv
import subprocess

import text

PROMPTS = ("In the beginning the Universe was created.", "And it came to pass in those days, that the king",
           "The wisdom of the foolish is")
MODES = (("temperature 0", ()), ("temperature 0.7, seed 1", ("--temp", "0.7", "--seed", "1")),
         ("temperature 0.7, seed 2", ("--temp", "0.7", "--seed", "2")))
TOKENS = 100

BOOKS = {"Ruth": "Ruth", "Eccl": "Ecclesiastes", "Hos": "Hosea", "Jonah": "Jonah", "Hab": "Habakkuk", "Phi": "Philippians",
         "Jas": "James", "Est": "Esther", "SSol": "Song of Solomon", "Joel": "Joel", "Mal": "Malachi", "Gal": "Galatians",
         "1Pet": "1 Peter"}

CARD = """# Genesis, a demonstration model

A Mistral of {parameters:.1f} million parameters, trained from nothing on the King James Bible. It is a **demonstration**: it shows that the
program works, on a machine without a network, with every part of the architecture in use. It has read one book of four
million characters. It writes the grammar and the cadence of that book; it knows nothing, and what it says means nothing.

| | |
| --- | --- |
| text | King James Version as Debian's `bible-kjv` prints it (public domain): {train_bytes} bytes of running text trained on |
| shape | {dim} wide, {n_layers} layers, {n_heads} heads ({n_kv_heads} KV heads) of {head_dim}, hidden {hidden_dim}, vocabulary {vocab_size}, sliding window {sliding_window}, context {max_seq_len} |
| tokenizer | SentencePiece BPE with byte fallback, trained on the training books |
| weights | MLX's affine quantisation, {bits} bits in groups of 64, float16 scales; the original MLX example's folder format |
| made by | `make genesis` (`tools/genesis/`): {epochs} epochs in {minutes:.0f} minutes by the clock on 2 cores that had other work too, seed {seed}; the kept weights are of epoch {best} |

## How well it predicts

Bits per byte of whole books that it was not trained on (a training verse in the words of a held-out one was left out). Windows
of {window} tokens, {stride} new ones in each, as `tramontane perplexity` counts. Training stopped by the validation books; the test books
decided nothing.

| | validation: {validation} | test: {test} |
| --- | --- | --- |
{table}

The trigram is interpolated Kneser-Ney with three discounts, over the same tokens and training text. The number for {bits} bits is what
`tramontane perplexity --file F` gives for the text of `python3 tools/genesis/text.py test` (a test holds it to 1e-3).

![The loss curve](loss_curve.png)

Each epoch's figures are in [training_log.csv](training_log.csv).

## Samples

Not picked: these prompts and seeds were fixed before the model was trained, {count} tokens each.

{samples}
## Terms

The text is in the public domain; the weights are under the project's licence.
"""


def sample(program, folder, prompt, arguments):
    command = [program, "generate", "--model-path", folder, "--prompt", prompt, "-m", TOKENS, *arguments]
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout.rstrip("\n")


def quoted(passage):
    return "\n".join("> " + line for line in passage.splitlines())


def samples(program, folder):
    return "".join(f"### {prompt}\n\n" + "".join(
        f"{mode}:\n\n{quoted('**' + prompt + '**' + sample(program, folder, prompt, arguments))}\n\n" for mode, arguments in MODES)
        for prompt in PROMPTS)


def table(held_out):
    columns = [held_out[part]["bits_per_byte"] for part in text.HELD_OUT]
    return "\n".join(f"| {name} | " + " | ".join(f"{column[name]:.4f}" for column in columns) + " |" for name in columns[0])


def write(folder, evaluation, parts, program, args, recipe, bits):
    with open(folder / "training_log.csv", newline="") as file:
        log = list(csv.DictReader(file))
    best = min(log, key=lambda row: float(row["validation_bits_per_byte"]))
    names = {part: ", ".join(BOOKS[book] for book in books) for part, books in text.HELD_OUT.items()}
    (folder / "README.md").write_text(CARD.format(
        **args.config(), **names, parameters=evaluation["parameters"] / 1e6, bits=bits, epochs=log[-1]["epoch"],
        best=best["epoch"], minutes=float(log[-1]["seconds"]) / 60, seed=recipe.seed, window=evaluation["window"],
        stride=evaluation["stride"], train_bytes=len(text.join(parts["train"])), table=table(evaluation["held_out"]),
        count=TOKENS, samples=samples(program, folder)))
