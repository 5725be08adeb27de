"""The shape of the model that is measured, and its tensors' names in both formats."""
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Tensor:
    mlx: str  # name of the module, as mlx-lm and Hugging Face have it
    gguf: str  # name of the tensor without ".weight"
    rows: int
    cols: int  # 0: a norm, a vector of `rows`
    rope_heads: int = 0  # heads that RoPE rotates: GGUF wants their rows in another order


@dataclass(frozen=True)
class Shape:
    """Mistral 7B, without a sliding window (llama.cpp has none for this architecture)."""

    layers: int = 32
    dim: int = 4096
    hidden_dim: int = 14336
    heads: int = 32
    kv_heads: int = 8
    head_dim: int = 128
    vocab: int = 32000
    rope_theta: float = 1e6
    norm_eps: float = 1e-5
    context: int = 32768

    def shards(self) -> Iterator[list[Tensor]]:
        """What is not in a layer, then each layer: pieces that fit in memory."""
        yield [Tensor("model.embed_tokens", "token_embd", self.vocab, self.dim), Tensor("model.norm", "output_norm", self.dim, 0),
               Tensor("lm_head", "output", self.vocab, self.dim)]
        yield from (self.layer(index) for index in range(self.layers))

    def layer(self, index: int) -> list[Tensor]:
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        sizes = [
            ("input_layernorm", "attn_norm", self.dim, 0),
            ("self_attn.q_proj", "attn_q", q, self.dim, self.heads),
            ("self_attn.k_proj", "attn_k", kv, self.dim, self.kv_heads),
            ("self_attn.v_proj", "attn_v", kv, self.dim),
            ("self_attn.o_proj", "attn_output", self.dim, q),
            ("post_attention_layernorm", "ffn_norm", self.dim, 0),
            ("mlp.gate_proj", "ffn_gate", self.hidden_dim, self.dim),
            ("mlp.up_proj", "ffn_up", self.hidden_dim, self.dim),
            ("mlp.down_proj", "ffn_down", self.dim, self.hidden_dim),
        ]
        return [Tensor(f"model.layers.{index}.{mlx}", f"blk.{index}.{gguf}", *size) for mlx, gguf, *size in sizes]

    def config(self) -> dict:
        """config.json, in Hugging Face's dialect with MLX's quantisation."""
        return {
            "model_type": "mistral",
            "architectures": ["MistralForCausalLM"],
            "num_hidden_layers": self.layers,
            "hidden_size": self.dim,
            "intermediate_size": self.hidden_dim,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "vocab_size": self.vocab,
            "max_position_embeddings": self.context,
            "rope_theta": self.rope_theta,
            "rms_norm_eps": self.norm_eps,
            "sliding_window": None,
            "tie_word_embeddings": False,
            "torch_dtype": "float16",
            "quantization": {"group_size": 64, "bits": 4},
        }
