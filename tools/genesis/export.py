"""The original program's folder: weights.npz with MLX's affine quantisation, config.json, tokenizer.model."""
import json
import shutil

import mlx.core as mx
import numpy as np
import torch

GROUP_SIZE = 64


def quantised_arrays(state, bits):
    """Name -> array, as the original converter casts (to float16) and quantises (every matrix)."""
    arrays = {}
    for name, tensor in state.items():
        value = mx.array(tensor.numpy()).astype(mx.float16)
        if value.ndim == 1:
            arrays[name] = np.array(value)
            continue
        parts = mx.quantize(value, group_size=GROUP_SIZE, bits=bits, stream=mx.cpu)
        stem = name.removesuffix("weight")
        arrays |= {stem + part: np.array(array) for part, array in zip(("weight", "scales", "biases"), parts)}
    return arrays


def dequantised_state(arrays, bits):
    """The exact value of each quantised weight, in float32: what the quantised model is evaluated with."""
    state = {}
    for name, array in arrays.items():
        stem = name.removesuffix("weight")
        if name.endswith(("scales", "biases")):
            continue
        if array.ndim == 2:
            shifts = np.arange(0, 32, bits, dtype=np.uint32)
            codes = (array[..., None] >> shifts & (1 << bits) - 1).reshape(len(array), -1, GROUP_SIZE)
            scales, biases = (arrays[stem + part].astype(np.float32)[..., None] for part in ("scales", "biases"))
            array = (codes.astype(np.float32) * scales + biases).reshape(len(array), -1)
        state[name] = torch.from_numpy(array.astype(np.float32))
    return state


def write_folder(folder, arrays, bits, args, tokenizer_model):
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "weights.npz", **arrays)
    config = {**args.config(), "quantization": {"group_size": GROUP_SIZE, "bits": bits}}
    (folder / "config.json").write_text(json.dumps(config, indent=4) + "\n")
    shutil.copyfile(tokenizer_model, folder / "tokenizer.model")
