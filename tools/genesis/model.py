"""Mistral in PyTorch, for training: the forward pass of the original program with dropout added."""
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Args:
    dim: int = 256
    n_layers: int = 4
    head_dim: int = 64
    hidden_dim: int = 512
    n_heads: int = 4
    n_kv_heads: int = 2
    vocab_size: int = 4096
    norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    sliding_window: int = 64
    max_seq_len: int = 1024

    def config(self):
        return {**asdict(self), "model_type": "mistral"}


class RMSNorm(nn.Module):
    def __init__(self, dim, eps):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rope(x, args):
    """Rotates the pairs (2i, 2i + 1) of x [batch, heads, time, head_dim] by position."""
    frequency = args.rope_theta ** (-torch.arange(0, args.head_dim, 2) / args.head_dim)
    angle = torch.arange(x.shape[2])[:, None] * frequency
    cos, sin = angle.cos(), angle.sin()
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Attention(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.args = args
        self.wq = nn.Linear(args.dim, args.n_heads * args.head_dim, bias=False)
        self.wk = nn.Linear(args.dim, args.n_kv_heads * args.head_dim, bias=False)
        self.wv = nn.Linear(args.dim, args.n_kv_heads * args.head_dim, bias=False)
        self.wo = nn.Linear(args.n_heads * args.head_dim, args.dim, bias=False)

    def forward(self, x, mask):
        args = self.args
        def heads(y):
            return y.unflatten(-1, (-1, args.head_dim)).transpose(1, 2)
        q = rope(heads(self.wq(x)), args)
        k = rope(heads(self.wk(x)), args)
        v = heads(self.wv(x))
        group = args.n_heads // args.n_kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        scores = q @ k.transpose(-1, -2) * args.head_dim**-0.5 + mask
        out = scores.float().softmax(-1).to(v.dtype) @ v
        return self.wo(out.transpose(1, 2).flatten(-2))


class FeedForward(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.w1 = nn.Linear(args.dim, args.hidden_dim, bias=False)
        self.w2 = nn.Linear(args.hidden_dim, args.dim, bias=False)
        self.w3 = nn.Linear(args.dim, args.hidden_dim, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class TransformerBlock(nn.Module):
    def __init__(self, args, dropout):
        super().__init__()
        self.attention = Attention(args)
        self.feed_forward = FeedForward(args)
        self.attention_norm = RMSNorm(args.dim, args.norm_eps)
        self.ffn_norm = RMSNorm(args.dim, args.norm_eps)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, mask):
        h = x + self.dropout(self.attention(self.attention_norm(x), mask))
        return h + self.dropout(self.feed_forward(self.ffn_norm(h)))


class Mistral(nn.Module):
    def __init__(self, args, dropout=0.0):
        super().__init__()
        self.args = args
        self.tok_embeddings = nn.Embedding(args.vocab_size, args.dim)
        self.layers = nn.ModuleList(TransformerBlock(args, dropout) for _ in range(args.n_layers))
        self.norm = RMSNorm(args.dim, args.norm_eps)
        self.output = nn.Linear(args.dim, args.vocab_size, bias=False)
        self.dropout = nn.Dropout(dropout)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                into_residual = name.endswith(("wo.weight", "w2.weight"))
                nn.init.normal_(p, std=0.02 / (2 * args.n_layers) ** 0.5 if into_residual else 0.02)

    def forward(self, tokens):
        """Logits [batch, time, vocab_size] of tokens [batch, time]."""
        position = torch.arange(tokens.shape[1])
        distance = position[:, None] - position
        seen = (distance >= 0) & (distance < self.args.sliding_window)
        mask = torch.zeros(seen.shape).masked_fill(~seen, float("-inf"))
        h = self.dropout(self.tok_embeddings(tokens))
        for layer in self.layers:
            h = layer(h, mask)
        return self.output(self.norm(h))
