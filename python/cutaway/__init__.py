"""cutaway: see and change what happens inside a language model, on the CPU, with exact numbers.

    import cutaway as cw

    model = cw.load("org/name")
    out = model.run("The capital of France is", capture=["blocks.*.hook_resid_post"])
    out["blocks.3.hook_resid_post"]  # float32 [batch, pos, d_model]

Hook names and shapes are TransformerLens's; `model.hook_points()` lists them.
"""

from ._core import (
    ArgumentError,
    Config,
    Edit,
    Encoding,
    Error,
    FormatError,
    HookPoint,
    IoError,
    ShapeError,
    UnknownNameError,
    UnsupportedError,
    WeightInfo,
    simd_target,
)
from ._core import version as __version__
from .chat import ChatTemplate
from .edits import HookContext, add, call, knockout, knockout_expert, mean, replace, scale, zero
from .logit_lens import Lens, lens
from .model import LayerWeights, Model, load
from .result import ActivationCache, RunResult, load_tensor, save
from .tokenizer import Tokenizer

__all__ = [
    "ActivationCache",
    "ArgumentError",
    "ChatTemplate",
    "Config",
    "Edit",
    "Encoding",
    "Error",
    "FormatError",
    "HookContext",
    "HookPoint",
    "IoError",
    "LayerWeights",
    "Lens",
    "Model",
    "RunResult",
    "ShapeError",
    "Tokenizer",
    "UnknownNameError",
    "UnsupportedError",
    "WeightInfo",
    "__version__",
    "add",
    "call",
    "knockout",
    "knockout_expert",
    "lens",
    "load",
    "load_tensor",
    "mean",
    "replace",
    "save",
    "scale",
    "simd_target",
    "zero",
]

# Messages, docs and help() name the place where users find these, not the extension.
for _class in (
    ArgumentError, Config, Edit, Encoding, Error, FormatError, HookPoint, IoError, ShapeError,
    UnknownNameError, UnsupportedError, WeightInfo,
):  # fmt: skip
    _class.__module__ = "cutaway"
del _class
