"""Constructors of edits: what a run changes, as data.

Values broadcast over the leading axes that they lack: at a hook of shape [batch, pos, ...rest] a
value may be [...rest], [n, ...rest] or [batch, n, ...rest], n being the number of positions
selected; with `head` the head axis is absent. At attention scores and patterns
([batch, head, q_pos, k_pos]) it may be [q, k], [head, q, k] or [batch, head, q, k].

Values are float32. Other dtypes are converted with numpy's rounding (float64, float16, bfloat16,
integers up to 2^24); what float32 cannot hold raises ArgumentError.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _core
from ._convert import Pos, argument_error, as_float32, hook_name, positions, shape_text
from ._core import Edit, HookPoint

Hook = str | HookPoint


def add(
    hook: Hook, vector: Any, pos: Pos = None, scale: float = 1.0, head: int | None = None
) -> Edit:
    """Add `scale * vector` to the hooked value.

    hook    a name ("blocks.5.hook_resid_post"), a glob ("blocks.*.hook_attn_out") or a HookPoint
    vector  float32, shaped as the module says; for example [d_model] at the residual stream
    pos     None (all), 3, -1 (each sequence's last), [0, 3], slice(2, 5) or "2:5"
    head    one head (a kv head at k, v and rot_k)
    """
    return _core.edit_add(
        hook_name(hook), as_float32(vector, "vector"), positions(pos), head, float(scale)
    )


def replace(hook: Hook, value: Any, pos: Pos = None, head: int | None = None) -> Edit:
    """Put `value` (float32, shaped as the module says) in place of the hooked value."""
    return _core.edit_replace(hook_name(hook), as_float32(value, "value"), positions(pos), head)


def zero(hook: Hook, pos: Pos = None, head: int | None = None) -> Edit:
    """Set the hooked value to 0 (zero ablation)."""
    return _core.edit_zero(hook_name(hook), positions(pos), head)


def scale(hook: Hook, factor: float, pos: Pos = None, head: int | None = None) -> Edit:
    """Multiply the hooked value by `factor`."""
    return _core.edit_scale(hook_name(hook), float(factor), positions(pos), head)


def mean(hook: Hook, data: Any, pos: Pos = None, head: int | None = None) -> Edit:
    """Replace by the mean of `data` over all its axes before the hook's own (mean ablation).

    data    float32, for example the [n, pos, d_model] activations of other prompts → [d_model]
    """
    return _core.edit_mean(hook_name(hook), as_float32(data, "data"), positions(pos), head)


def knockout(layer: int, query: Pos, key: Pos, head: int | None = None) -> Edit:
    """Cut attention edges: queries `query` of `layer` no longer see keys `key`, in one head or all.

    The scores after cap and mask become -inf, so the pattern is exactly 0 there. A row with every
    key cut attends to nothing.
    """
    return _core.edit_knockout(layer, positions(query, "query"), positions(key, "key"), head)


def knockout_expert(layer: int, expert: int, pos: Pos = None) -> Edit:
    """Keep an expert of a mixture from being chosen, at all positions or some.

    The router's score becomes -inf, so that the next best expert takes its place. To remove an
    expert's part and leave the others as they are, zero its column of the weights instead:
    `zero("blocks.3.mlp.hook_expert_weights", head=expert)`.
    """
    return _core.edit_knockout_expert(layer, expert, positions(pos))


@dataclass(frozen=True)
class HookContext:
    """Where and when a user function is called."""

    name: str
    """The hook point, for example 'blocks.3.hook_resid_post'."""
    layer: int | None
    """Its layer, or None outside the blocks."""
    first_pos: int
    """Absolute position of the array's first position: not 0 when decoding with a KV cache."""
    lengths: tuple[int, ...]
    """Valid positions of each batch row; those after it are padding."""


def _wants_context(fn: Callable[..., Any]) -> bool:
    # Only a second argument that must be given counts, so that np.tanh and the like, whose optional
    # second argument is something else, are called with the array alone.
    try:
        parameters = list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return False
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) >= 2


def call(hook: Hook, fn: Callable[..., np.ndarray | None]) -> Edit:
    """Let `fn` change the hooked value.

    fn      fn(value) or fn(value, context); `value` is a writable float32 array of all axes
            ([batch, pos, ...]), `context` a HookContext. It changes `value` in place and returns
            None, or returns an array of the same shape. A reference to `value` may be kept.

    An exception in `fn` ends the run and comes out of it unchanged. Raises ShapeError from the run
    if `fn` returns another shape. `fn` runs on the thread that called the run, holding the GIL.
    """
    if not callable(fn):
        raise TypeError(f"fn: {type(fn).__name__}, expected a function")
    with_context = _wants_context(fn)

    def adapter(
        value: np.ndarray, name: str, layer: int, first_pos: int, lengths: tuple[int, ...]
    ) -> np.ndarray | None:
        shape = value.shape
        if with_context:
            result = fn(value, HookContext(name, None if layer < 0 else layer, first_pos, lengths))
        else:
            result = fn(value)
        if result is None:
            return None
        result = as_float32(result, f"{name}: the function's result")
        if result.shape != shape:
            raise argument_error(
                name,
                f"the function returned shape {shape_text(result.shape)}, "
                f"expected {shape_text(shape)}",
                _core.ShapeError,
            )
        return result

    return _core.edit_call(hook_name(hook), adapter)
