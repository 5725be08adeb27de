"""Our reading of Apple's MLX `mistral` example on mlx.core and mlx.nn: what Tramontane is compared with.

It extends the original by what the comparison needs: a mask that is right with a cache and with a sliding window,
safetensors, Hugging Face names (which rotate half-split) and config keys, tied output heads, quantisation per layer,
YaRN, and a choice of dtype.
"""
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_map
from sentencepiece import SentencePieceProcessor


@dataclass
class ModelArgs:
    dim: int
    n_layers: int
    head_dim: int
    hidden_dim: int
    n_heads: int
    n_kv_heads: int
    norm_eps: float
    vocab_size: int
    rope_theta: float = 10000
    rope_traditional: bool = True
    yarn: Optional[dict] = None
    tied_embeddings: bool = False
    sliding_window: List[int] = field(default_factory=list)  # of each layer; 0: none


class YarnRope(nn.Module):
    """Peng et al. 2023 (arXiv:2309.00071), section 3.2: low frequencies are divided by the factor, high ones kept."""

    def __init__(self, args: ModelArgs):
        super().__init__()
        yarn, half = args.yarn, args.head_dim // 2
        context = yarn["original_max_position_embeddings"]

        def pair_with_rotations(rotations):
            return half * math.log(context / (rotations * 2 * math.pi)) / math.log(args.rope_theta)

        low = max(math.floor(pair_with_rotations(yarn.get("beta_fast", 32))), 0)
        high = min(math.ceil(pair_with_rotations(yarn.get("beta_slow", 1))), args.head_dim - 1)
        ramp = mx.clip((mx.arange(half) - low) / max(high - low, 0.001), 0, 1)
        period = args.rope_theta ** (mx.arange(half) / half)
        self._periods = 1 / ((1 - ramp) / period + ramp / (period * yarn["factor"]))
        self._magnitude = yarn.get("attention_factor", 0.1 * math.log(yarn["factor"]) + 1)
        self._dims, self._traditional = args.head_dim, args.rope_traditional

    def __call__(self, x, offset=0):
        return mx.fast.rope(
            x * self._magnitude, self._dims, traditional=self._traditional, base=None, scale=1.0, offset=offset,
            freqs=self._periods,
        )


class Attention(nn.Module):
    def __init__(self, args: ModelArgs):
        super().__init__()
        self.n_heads = args.n_heads
        self.n_kv_heads = args.n_kv_heads
        self.scale = args.head_dim**-0.5
        self.wq = nn.Linear(args.dim, args.n_heads * args.head_dim, bias=False)
        self.wk = nn.Linear(args.dim, args.n_kv_heads * args.head_dim, bias=False)
        self.wv = nn.Linear(args.dim, args.n_kv_heads * args.head_dim, bias=False)
        self.wo = nn.Linear(args.n_heads * args.head_dim, args.dim, bias=False)
        if args.yarn:
            self.rope = YarnRope(args)
        else:
            self.rope = nn.RoPE(args.head_dim, traditional=args.rope_traditional, base=args.rope_theta)

    def __call__(self, x, mask=None, cache=None):
        batch, rows, _ = x.shape

        def heads(y, count):
            return y.reshape(batch, rows, count, -1).transpose(0, 2, 1, 3)

        queries = heads(self.wq(x), self.n_heads)
        keys, values = heads(self.wk(x), self.n_kv_heads), heads(self.wv(x), self.n_kv_heads)
        offset = 0 if cache is None else cache[0].shape[2]
        queries, keys = self.rope(queries, offset=offset), self.rope(keys, offset=offset)
        if cache is not None:
            keys = mx.concatenate([cache[0], keys], axis=2)
            values = mx.concatenate([cache[1], values], axis=2)

        output = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=self.scale, mask=mask)
        return self.wo(output.transpose(0, 2, 1, 3).reshape(batch, rows, -1)), (keys, values)


class FeedForward(nn.Module):
    def __init__(self, args: ModelArgs):
        super().__init__()
        self.w1 = nn.Linear(args.dim, args.hidden_dim, bias=False)
        self.w2 = nn.Linear(args.hidden_dim, args.dim, bias=False)
        self.w3 = nn.Linear(args.dim, args.hidden_dim, bias=False)

    def __call__(self, x):
        return self.w2(nn.silu(self.w1(x)) * self.w3(x))


class TransformerBlock(nn.Module):
    def __init__(self, args: ModelArgs):
        super().__init__()
        self.attention = Attention(args)
        self.feed_forward = FeedForward(args)
        self.attention_norm = nn.RMSNorm(args.dim, eps=args.norm_eps)
        self.ffn_norm = nn.RMSNorm(args.dim, eps=args.norm_eps)

    def __call__(self, x, mask=None, cache=None):
        r, cache = self.attention(self.attention_norm(x), mask, cache)
        h = x + r
        return h + self.feed_forward(self.ffn_norm(h)), cache


def causal_mask(rows: int, offset: int, window: int):
    """Which of offset + rows keys each of the last `rows` positions sees: itself and before, `window` at most."""
    query = mx.arange(offset, offset + rows)[:, None]
    key = mx.arange(offset + rows)[None]
    seen = key <= query
    return seen & (key > query - window) if window else seen


class Mistral(nn.Module):
    def __init__(self, args: ModelArgs):
        super().__init__()
        self.args = args
        self.tok_embeddings = nn.Embedding(args.vocab_size, args.dim)
        self.layers = [TransformerBlock(args) for _ in range(args.n_layers)]
        self.norm = nn.RMSNorm(args.dim, eps=args.norm_eps)
        if not args.tied_embeddings:
            self.output = nn.Linear(args.dim, args.vocab_size, bias=False)

    def __call__(self, inputs, cache=None):
        h = self.tok_embeddings(inputs)
        cache = list(cache) if cache else [None] * len(self.layers)
        offset = 0 if cache[0] is None else cache[0][0].shape[2]
        for e, (layer, window) in enumerate(zip(self.layers, self.args.sliding_window)):
            mask = causal_mask(h.shape[1], offset, window)
            h, cache[e] = layer(h, mask, cache[e])
        h = self.norm(h)
        return (self.tok_embeddings.as_linear(h) if self.args.tied_embeddings else self.output(h)), cache


class Tokenizer:
    def __init__(self, model_path: str):
        self._model = SentencePieceProcessor(model_file=model_path)

    def encode(self, text: str) -> List[int]:
        return [self._model.bos_id(), *self._model.encode(text)]

    def decode(self, tokens: List[int]) -> str:
        text = self._model.decode(tokens)
        return " " + text if tokens and self._model.id_to_piece(tokens[0]).startswith("▁") else text


# Hugging Face's module names, inside model.layers.N, and the original program's.
LAYER_MODULES = {
    "self_attn.q_proj": "attention.wq",
    "self_attn.k_proj": "attention.wk",
    "self_attn.v_proj": "attention.wv",
    "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.down_proj": "feed_forward.w2",
    "mlp.up_proj": "feed_forward.w3",
    "input_layernorm": "attention_norm",
    "post_attention_layernorm": "ffn_norm",
}
TOP_MODULES = {"model.embed_tokens": "tok_embeddings", "model.norm": "norm", "lm_head": "output"}
CONFIG_KEYS = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "intermediate_size": "hidden_dim",
    "num_attention_heads": "n_heads",
    "num_key_value_heads": "n_kv_heads",
    "rms_norm_eps": "norm_eps",
    "tie_word_embeddings": "tied_embeddings",
}


def original_module(name: str) -> str:
    """The original program's name of a module, whichever family of names it is given in."""
    name = name.removeprefix("language_model.")
    if name.startswith("model.layers."):
        index, inner = name.removeprefix("model.layers.").split(".", 1)
        return f"layers.{index}.{LAYER_MODULES[inner]}"
    return TOP_MODULES.get(name, name)


def parse_config(config: dict, rope_traditional: bool):
    """(ModelArgs, quantization or None) of either dialect."""
    quantization = config.get("quantization") or config.get("text_config", {}).get("quantization")
    config = config.get("text_config", config)
    config = {CONFIG_KEYS.get(key, key): value for key, value in config.items()}
    scaling = config.get("rope_scaling") or {}
    args = {key: config[key] for key in ModelArgs.__dataclass_fields__ if config.get(key) is not None}
    args.setdefault("n_kv_heads", args["n_heads"])
    args.setdefault("head_dim", args["dim"] // args["n_heads"])
    args["rope_traditional"] = rope_traditional
    args["yarn"] = scaling if (scaling.get("rope_type") or scaling.get("type")) == "yarn" else None
    window = config.get("sliding_window")
    windows = window if isinstance(window, list) else [window] * args["n_layers"]
    kinds = config.get("layer_types") or ["sliding_attention"] * args["n_layers"]
    args["sliding_window"] = [int(w or 0) if kind == "sliding_attention" else 0 for w, kind in zip(windows, kinds)]
    return ModelArgs(**args), quantization


def load_weights(folder: Path) -> dict:
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("weights*.npz"))
    weights = {}
    for file in files:
        weights |= mx.load(str(file))
    return weights


def quantize(model: Mistral, quantization: dict):
    standard = {key: quantization[key] for key in ("group_size", "bits", "mode") if key in quantization}
    overrides = {original_module(key): value for key, value in quantization.items() if isinstance(value, (dict, bool))}

    def predicate(path, module):
        return hasattr(module, "to_quantized") and overrides.get(path, True)

    nn.quantize(model, **standard, class_predicate=predicate)


def load_model(folder, dtype=None) -> Mistral:
    """The model of a checkpoint folder; with `dtype`, every float of it (scales and biases too) cast to that."""
    folder = Path(folder)
    weights = load_weights(folder)
    hugging_face = any("self_attn" in name for name in weights)
    args, quantization = parse_config(json.loads((folder / "config.json").read_text()), not hugging_face)
    model = Mistral(args)
    if quantization:
        quantize(model, quantization)
    named = []
    for name, value in weights.items():
        module, leaf = name.rsplit(".", 1)
        named.append((f"{original_module(module)}.{leaf}", value))
    model.load_weights(named, strict=True)
    if dtype is not None:
        cast_floats(model, dtype)
    mx.eval(model.parameters())
    return model


def cast_floats(model: Mistral, dtype):
    def cast(value):
        return value.astype(dtype) if mx.issubdtype(value.dtype, mx.floating) else value

    model.update(tree_map(cast, model.parameters()))


def sample(logits, temp: float):
    return mx.argmax(logits, axis=-1) if temp == 0 else mx.random.categorical(logits * (1 / temp))


def generate(prompt, model: Mistral, temp: float = 0.0):
    """Yields (token, logits that it was drawn from: [1, vocab_size]) without end, as the original does."""
    logits, cache = model(prompt[None])
    while True:
        row = logits[:, -1, :]
        y = sample(row, temp)
        yield y, row
        logits, cache = model(y[:, None], cache)
