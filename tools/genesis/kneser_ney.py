"""An interpolated Kneser-Ney trigram with three discounts (Chen and Goodman 1998) over the model's own tokens."""
import math
from collections import Counter, defaultdict

from tokens import BOS, VOCAB_SIZE


class Order:
    """p(token | context) of one order, interpolated with the order below."""

    def __init__(self, counts, below):
        self.counts, self.below = counts, below
        of = Counter(counts.values())  # how many n-grams occur n times
        y = of[1] / (of[1] + 2 * of[2])
        self.discounts = [0.0] + [n - (n + 1) * y * of[n + 1] / of[n] for n in (1, 2, 3)]
        self.totals, self.discounted = Counter(), defaultdict(float)
        for gram, n in counts.items():
            self.totals[gram[:-1]] += n
            self.discounted[gram[:-1]] += self.discounts[min(n, 3)]

    def probability(self, gram):
        context, total = gram[:-1], self.totals.get(gram[:-1], 0)
        below = self.below(gram[1:])
        if total == 0:
            return below
        n = self.counts.get(gram, 0)
        return (n - self.discounts[min(n, 3)] + self.discounted[context] * below) / total


def continuations(counts):
    """How many different tokens were seen before each shorter n-gram."""
    return Counter(gram[1:] for gram in counts)


class Trigram:
    def __init__(self, sequences):
        """sequences: token ids of a book each."""
        counts = Counter()
        for ids in sequences:
            padded = [BOS, BOS, *ids]
            counts.update(zip(padded, padded[1:], padded[2:]))
        two = continuations(counts)
        one = Order(continuations(two), lambda gram: 1 / VOCAB_SIZE)
        self.order = Order(counts, Order(two, one.probability).probability)

    def bits_per_byte(self, tokenizer, text):
        padded = [BOS, BOS, *tokenizer.encode(text)]
        nats = -sum(math.log(self.order.probability(gram)) for gram in zip(padded, padded[1:], padded[2:]))
        return nats / math.log(2) / len(text.encode())
