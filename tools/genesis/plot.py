"""The loss curve of a run's log."""
import csv
import math

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def plot(log_path, trigram_bits, picture_path, bytes_per_token):
    with open(log_path, newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    epochs = [row["epoch"] for row in rows]
    figure, axes = plt.subplots(figsize=(7, 4), dpi=100)
    axes.plot(epochs, [row["train_nats_per_token"] / math.log(2) / bytes_per_token for row in rows],
              label="training (with dropout)")
    axes.plot(epochs, [row["validation_bits_per_byte"] for row in rows], label="validation books (averaged weights)")
    axes.axhline(trigram_bits, color="grey", linestyle="--", label="Kneser-Ney trigram, validation books")
    axes.set(xlabel="epoch", ylabel="bits per byte", ylim=(0.8, 1.8))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture_path, metadata={"Software": None})
