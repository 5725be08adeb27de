"""The small random checkpoints of the comparison with MLX: quantised and written by MLX itself."""
import json
import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Dict, List, Optional, Union

import mlx.core as mx
from mistral_mlx import CONFIG_KEYS, LAYER_MODULES, TOP_MODULES, Mistral, ModelArgs, quantize
from mlx.utils import tree_flatten

DATA = Path(__file__).resolve().parent.parent / "data" / "stories260k"
VOCAB = 512  # of the tokenizer in DATA
DTYPES = {"float16": mx.float16, "bfloat16": mx.bfloat16, "float32": mx.float32}
Override = Union[bool, Dict[str, Union[int, str]]]


@dataclass
class Spec:
    """A checkpoint to make. Sizes are elements; `overrides` by the original program's module names."""

    name: str
    dtype: str
    seed: int
    bits: int = 0  # 0: not quantised
    group_size: int = 64
    mode: str = "affine"
    hugging_face: bool = False
    container: str = "npz"  # npz, safetensors, safetensors_shards
    dim: int = 128
    hidden_dim: int = 256
    n_layers: int = 2
    n_heads: int = 4
    n_kv_heads: int = 2
    head_dim: int = 32
    rope_theta: float = 10000.0
    tied: bool = False
    window: Union[int, List[Optional[int]]] = 0
    yarn: Optional[dict] = None
    overrides: Dict[str, Override] = field(default_factory=dict)
    folder: Path = Path()

    def settings(self) -> dict:
        """The quantisation of the modules that `overrides` does not name, as a config.json has it."""
        mode = {"mode": self.mode} if self.mode != "affine" else {}
        return {"group_size": self.group_size, "bits": self.bits, **mode}

    def computed_dtype(self) -> str:
        """MLX reads an embedding in a mode other than affine as bfloat16: with float16 that makes float32."""
        embedding = self.overrides.get("tok_embeddings", {"mode": self.mode if self.bits else "affine"})
        small_floats = isinstance(embedding, dict) and embedding.get("mode", "affine") != "affine"
        return "float32" if small_floats and self.dtype == "float16" else self.dtype

    def windows(self) -> List[int]:
        windows = self.window if isinstance(self.window, list) else [self.window] * self.n_layers
        return [w or 0 for w in windows]


def random_model(spec: Spec) -> Mistral:
    """Weights for which every layer matters: unit-variance embeddings, matrices that keep the variance."""
    args = ModelArgs(
        spec.dim, spec.n_layers, spec.head_dim, spec.hidden_dim, spec.n_heads, spec.n_kv_heads, 1e-5, VOCAB,
        rope_theta=spec.rope_theta, rope_traditional=not spec.hugging_face, tied_embeddings=spec.tied,
        sliding_window=spec.windows(),
    )
    model = Mistral(args)
    keys = (mx.random.key(spec.seed * 1000 + n) for n in count())
    weights = []
    for name, value in tree_flatten(model.parameters()):
        noise = mx.random.normal(value.shape, key=next(keys))
        if "norm" in name:
            value = 1 + 0.1 * noise
        elif name.startswith("tok_embeddings") and not spec.tied:
            value = noise
        else:
            value = noise * value.shape[-1] ** -0.5
        weights.append((name, value.astype(DTYPES[spec.dtype])))
    model.load_weights(weights, strict=True)
    if spec.bits:
        quantize(model, {**spec.settings(), **spec.overrides})
    mx.eval(model.parameters())
    return model


def module_name(spec: Spec, name: str) -> str:
    """A module's name in the chosen family."""
    if not spec.hugging_face:
        return name
    if name.startswith("layers."):
        _, index, inner = name.split(".", 2)
        theirs = {ours: name for name, ours in LAYER_MODULES.items()}
        return f"model.layers.{index}.{theirs[inner]}"
    return {ours: name for name, ours in TOP_MODULES.items()}[name]


def config_of(spec: Spec) -> dict:
    config = {
        "dim": spec.dim, "n_layers": spec.n_layers, "head_dim": spec.head_dim, "hidden_dim": spec.hidden_dim,
        "n_heads": spec.n_heads, "n_kv_heads": spec.n_kv_heads, "norm_eps": 1e-5, "vocab_size": VOCAB,
        "rope_theta": spec.rope_theta, "model_type": "mistral",
    }
    if spec.tied or spec.hugging_face:
        config["tied_embeddings"] = spec.tied
    if spec.window:
        config["sliding_window"] = spec.window
    if spec.yarn:
        config["rope_scaling"] = spec.yarn
    if spec.bits:
        overrides = {module_name(spec, name): value for name, value in spec.overrides.items()}
        config["quantization"] = {**spec.settings(), **overrides}
    if spec.hugging_face:
        theirs = {ours: key for key, ours in CONFIG_KEYS.items()}
        config = {theirs.get(key, key): value for key, value in config.items()}
    return config


def write_checkpoint(spec: Spec, work: Path) -> None:
    """Sets spec.folder, a new folder in `work`."""
    spec.folder = work / spec.name
    shutil.rmtree(spec.folder, ignore_errors=True)
    spec.folder.mkdir(parents=True)
    weights = {}
    for name, value in tree_flatten(random_model(spec).parameters()):
        module, leaf = name.rsplit(".", 1)
        weights[f"{module_name(spec, module)}.{leaf}"] = value
    write_weights(spec, weights)
    (spec.folder / "config.json").write_text(json.dumps(config_of(spec), indent=1))
    shutil.copy(DATA / "tokenizer.model", spec.folder)


def write_weights(spec: Spec, weights: dict) -> None:
    if spec.container == "npz":
        mx.savez(str(spec.folder / "weights.npz"), **weights)
    elif spec.container == "safetensors":
        name = "model" if spec.hugging_face else "weights"
        mx.save_safetensors(str(spec.folder / f"{name}.safetensors"), weights, metadata={"format": "mlx"})
    else:
        index = {}
        names = sorted(weights)
        for shard in (0, 1):
            file = f"model-0000{shard + 1}-of-00002.safetensors"
            index |= dict.fromkeys(names[shard::2], file)
            mx.save_safetensors(str(spec.folder / file), {name: weights[name] for name in names[shard::2]})
        text = json.dumps({"metadata": {}, "weight_map": index})
        (spec.folder / "model.safetensors.index.json").write_text(text)


# Each row: n_heads, n_kv_heads, head_dim. n_heads * head_dim is a multiple of 128, and differs from dim in most.
HEADS = [(4, 4, 32), (4, 2, 64), (8, 2, 16), (8, 1, 32), (8, 8, 16), (16, 4, 24), (2, 1, 128), (16, 2, 8)]
CONTAINERS = ["npz", "safetensors", "safetensors_shards"]


def all_specs() -> List[Spec]:
    """Every pair of bits and group_size in two dtypes, and with that the other factors in turn; then the special ones."""
    specs = []
    n = 0
    for bits in (2, 3, 4, 5, 6, 8):
        for group_size in (32, 64, 128):
            for round_ in (0, 1):
                dtype = list(DTYPES)[(n // 2 + round_) % 3]
                n_heads, n_kv_heads, head_dim = HEADS[(3 * n + n // 8) % len(HEADS)]
                spec = Spec(
                    f"q{bits}g{group_size}-{dtype}-{n_heads}x{n_kv_heads}x{head_dim}", dtype, seed=n, bits=bits,
                    group_size=group_size, hugging_face=(n + n // 3) % 2 == 1, container=CONTAINERS[(n + n // 6) % 3],
                    n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim, tied=n % 5 == 1,
                    window=(0, 0, 7, 0, 16)[n % 5], rope_theta=(10000.0, 1e6)[n % 7 == 3],
                    dim=(128, 256)[n % 4 == 2], hidden_dim=(256, 384)[n % 3 == 2],
                )
                specs.append(spec)
                n += 1
    specs += special_specs(n)
    return specs + mode_specs(n + len(specs))


MODES = {"mxfp4": (4, 32), "mxfp8": (8, 32), "nvfp4": (4, 16)}  # bits, group size


def mode_specs(seed: int) -> List[Spec]:
    specs = []
    for mode, (bits, group_size) in MODES.items():
        for dtype in DTYPES:
            n = len(specs)
            n_heads, n_kv_heads, head_dim = HEADS[(3 * n + 1) % len(HEADS)]
            specs.append(Spec(
                f"{mode}-{dtype}", dtype, seed + n, bits, group_size, mode,
                hugging_face=dtype == "float32" or n % 2 == 1,
                container=CONTAINERS[n % 3], n_heads=n_heads, n_kv_heads=n_kv_heads, head_dim=head_dim,
                tied=n % 4 == 2, window=(9, 0, 0)[n % 3], hidden_dim=(256, 384)[n % 2],
            ))
    settings = {mode: {"group_size": size, "bits": bits, "mode": mode} for mode, (bits, size) in MODES.items()}
    mixed = {
        "tok_embeddings": False, "output": settings["mxfp8"], "layers.0.attention.wo": settings["nvfp4"],
        "layers.1.feed_forward.w2": settings["mxfp4"], "layers.1.attention.wq": {"group_size": 32, "bits": 6},
    }
    for dtype, name in (("float16", "nvfp4"), ("bfloat16", "affine")):
        bits, group_size = (4, 16) if name == "nvfp4" else (4, 64)
        specs.append(Spec(f"mixed-modes-{name}-{dtype}", dtype, seed + len(specs), bits, group_size, name,
                          overrides=mixed))
    # Rows of 48 columns: an odd number of nvfp4's groups, of which MLX's CPU makes no embedding.
    specs.append(Spec("nvfp4-odd", "float32", seed + len(specs), 4, 16, "nvfp4", dim=48, hidden_dim=80, n_heads=3,
                      n_kv_heads=3, head_dim=16, overrides={"tok_embeddings": False}))
    return specs


def special_specs(seed: int) -> List[Spec]:
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 4.0, "beta_slow": 1.0}
    mixed = {
        "output": {"group_size": 32, "bits": 8},
        "layers.0.feed_forward.w2": {"group_size": 128, "bits": 3},
        "layers.1.attention.wv": False,
        "tok_embeddings": False,
    }
    specs = []
    for dtype in DTYPES:
        specs += [
            Spec(f"plain-{dtype}", dtype, 0, dim=100, hidden_dim=172, n_heads=6, n_kv_heads=3, head_dim=10),
            Spec(f"plain-hf-{dtype}", dtype, 0, hugging_face=True, container="safetensors", tied=True, window=9),
            Spec(f"mixed-{dtype}", dtype, 0, bits=4, overrides=mixed),
        ]
    specs += [
        Spec("mixed-hf", "float16", 0, bits=4, hugging_face=True, container="safetensors", overrides=mixed),
        Spec("deep", "float32", 0, bits=4, n_layers=6, n_heads=8, n_kv_heads=2, head_dim=16, window=12),
        Spec("window-per-layer", "float16", 0, bits=8, n_layers=3, window=[5, None, 11]),
        Spec("yarn-hf", "float32", 0, bits=6, hugging_face=True, container="safetensors", yarn=yarn),
        Spec("yarn-hf-float16", "float16", 0, hugging_face=True, container="safetensors", yarn=yarn),
    ]
    for n, spec in enumerate(specs):
        spec.seed = seed + n
    return specs
