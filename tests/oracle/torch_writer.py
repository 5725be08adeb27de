"""Writes what torch.save writes, without PyTorch: a zip with a pickle and the storages."""
import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from typing import Dict

import numpy as np

STORAGES = {"float16": "HalfStorage", "bfloat16": "BFloat16Storage", "float32": "FloatStorage"}


def stand_ins() -> types.SimpleNamespace:
    """Modules and names that the pickle refers to; nothing of them is ever called here."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def _rebuild_tensor_v2(*_):
        raise NotImplementedError

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    return types.SimpleNamespace(torch=torch, utils=utils)


class Storage:
    def __init__(self, kind: type, key: str, count: int):
        self.kind, self.key, self.count = kind, key, count


class Tensor:
    def __init__(self, storage: Storage, shape, modules):
        self.storage, self.shape, self.modules = storage, shape, modules

    def __reduce__(self):
        strides = [1]
        for size in reversed(self.shape[1:]):
            strides.insert(0, strides[0] * size)
        arguments = (self.storage, 0, tuple(self.shape), tuple(strides), False, OrderedDict())
        return self.modules.utils._rebuild_tensor_v2, arguments


class Pickler(pickle._Pickler):
    def persistent_id(self, item):
        if isinstance(item, Storage):
            return "storage", item.kind, item.key, "cpu", item.count
        return None


def save(path, arrays: Dict[str, np.ndarray], dtype: str) -> None:
    """`arrays`: float32 or float16, or the uint16 bits of bfloat16, as `dtype` says."""
    modules = stand_ins()
    present = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules["torch"], sys.modules["torch._utils"] = modules.torch, modules.utils
    try:
        kind = getattr(modules.torch, STORAGES[dtype])
        state = {
            name: Tensor(Storage(kind, str(key), array.size), array.shape, modules)
            for key, (name, array) in enumerate(arrays.items())
        }
        data = io.BytesIO()
        Pickler(data, protocol=2).dump(state)
    finally:
        for name, module in present.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("consolidated/data.pkl", data.getvalue())
        for key, array in enumerate(arrays.values()):
            archive.writestr(f"consolidated/data/{key}", np.ascontiguousarray(array).tobytes())
        archive.writestr("consolidated/version", "3\n")
