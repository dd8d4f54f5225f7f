"""What a run returns: logits and captured activations as numpy arrays."""

from __future__ import annotations

from collections.abc import Iterator, KeysView, Mapping
from typing import Any

import numpy as np

from . import _core
from ._convert import argument_error, as_float32, path_bytes, shape_text

Key = str | _core.HookPoint | tuple[Any, ...]

_ATTENTION = {"q", "k", "v", "z", "rot_q", "rot_k", "scores", "attn_scores", "pattern", "result"}
_MLP = {"pre", "pre_linear", "post", "in", "out"}
_SHORT = {
    "attn": "pattern", "attn_logits": "attn_scores", "query": "q", "key": "k", "value": "v",
    "mlp_pre": "pre", "mlp_post": "post",
}  # fmt: skip
_PLACES = {"a": "attn", "attn": "attn", "m": "mlp", "mlp": "mlp"}


def _name_from_tuple(key: tuple[Any, ...], n_layers: int) -> str:
    """TransformerLens's short form: ("resid_post", 3), ("k", -1, "attn"), ("scale", 0, "ln1")."""
    short, layer, place = (*key, None, None)[:3]
    if not 1 <= len(key) <= 3 or not isinstance(short, str):
        raise TypeError(f"key: {key!r}, expected (name, layer) or (name, layer, place)")
    short = _SHORT.get(short, short)
    if layer is None:
        return f"ln_final.hook_{short}" if short in ("scale", "normalized") else f"hook_{short}"
    layer = int(layer) + (n_layers if int(layer) < 0 else 0)
    if place is None:
        place = "attn" if short in _ATTENTION else "mlp" if short in _MLP else None
    else:
        place = _PLACES.get(place, place)
    return f"blocks.{layer}.{place + '.' if place else ''}hook_{short}"


class ActivationCache(Mapping[str, np.ndarray]):
    """Captured activations by hook name: float32, [batch, pos, ...]; a Mapping.

    Each array owns its memory: keeping one keeps nothing else. Positions past a row's own length
    are 0. A key is a hook name or alias, a HookPoint, or TransformerLens's short form
    (`cache["resid_post", 3]`, layers may be negative). The untouched value of
    a `when="before"` capture is "NAME:before"; "NAME" gives it too if only that was captured.
    """

    def __init__(self, arrays: dict[str, np.ndarray], n_layers: int) -> None:
        self._arrays = arrays
        self._n_layers = n_layers

    def _find(self, key: Any) -> str | None:
        if isinstance(key, str):
            name = key
        elif isinstance(key, _core.HookPoint):
            name = key.name
        elif isinstance(key, tuple):
            name = _name_from_tuple(key, self._n_layers)
        else:
            raise TypeError(
                f"key: {type(key).__name__}, expected a name, a HookPoint or (name, layer)"
            )
        if name in self._arrays:
            return name
        base, _, when = name.partition(":")
        base = _core.canonical_name(base)
        candidates = {"": (base, f"{base}:before"), "after": (base,), "before": (f"{base}:before",)}
        for candidate in candidates.get(when, ()):
            if candidate in self._arrays:
                return candidate
        return None

    def __getitem__(self, key: Key) -> np.ndarray:
        name = self._find(key)
        if name is None:
            held = list(self._arrays)
            shown = (
                ", ".join(held[:4]) + (f" and {len(held) - 4} more" if len(held) > 4 else "")
                if held
                else "nothing"
            )
            asked = (
                key.name
                if isinstance(key, _core.HookPoint)
                else key
                if isinstance(key, str)
                else repr(key)
            )
            raise argument_error(asked, f"not captured; captured: {shown}", _core.UnknownNameError)
        return self._arrays[name]

    def __contains__(self, key: object) -> bool:
        try:
            return self._find(key) is not None
        except (_core.UnknownNameError, TypeError):
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    # A Mapping compares its values, which arrays do not allow.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def save(self, path: Any) -> None:
        """Write every array to `path`, by its ending: .npz or .safetensors."""
        save(path, self._arrays)

    def __repr__(self) -> str:
        lines = [f"  {name} {shape_text(array.shape)}" for name, array in self._arrays.items()]
        if len(lines) > 8:
            lines[6:-1] = [f"  ... {len(lines) - 7} more"]
        size = sum(array.nbytes for array in self._arrays.values())
        return "\n".join([f"ActivationCache({len(self)} arrays, {size / 1e6:.1f} MB)", *lines])


class RunResult:
    """Logits and captured activations of a run. `out["blocks.3.hook_resid_post"]` is an array.

    Keys are those of ActivationCache.
    """

    def __init__(
        self,
        logits: np.ndarray | None,
        cache: ActivationCache,
        tokens: np.ndarray,
        lengths: list[int],
    ) -> None:
        self.logits = logits
        """float32 [batch, pos, d_vocab]; [batch, 1, d_vocab] of logits="last"; None of "none"."""
        self.cache = cache
        """The captured activations."""
        self.tokens = tokens
        """int64 [batch, pos]; -1 past a row's own length."""
        self.lengths = lengths
        """The number of tokens of each batch row."""

    def __getitem__(self, key: Key) -> np.ndarray:
        return self.cache[key]

    def __contains__(self, key: object) -> bool:
        return key in self.cache

    def keys(self) -> KeysView[str]:
        """Names of the captured activations, in the order of the forward pass."""
        return self.cache.keys()

    def save(self, path: Any) -> None:
        """Write the captured activations to `path`, by its ending: .npz or .safetensors."""
        self.cache.save(path)

    def __repr__(self) -> str:
        logits = "none" if self.logits is None else shape_text(self.logits.shape)
        names = ", ".join(list(self.cache)[:3]) + (" ..." if len(self.cache) > 3 else "")
        return f"RunResult(logits={logits}, lengths={self.lengths}, captured=[{names}])"


def save(path: Any, arrays: Mapping[str, Any]) -> None:
    """Write named arrays (as float32) to `path`, by its ending: .npz or .safetensors.

    Readers see the old file or the whole new one. Raises ArgumentError for another ending, IoError.
    """
    _core.save_arrays(
        {name: as_float32(array, name) for name, array in arrays.items()}, path_bytes(path)
    )


def load_tensor(reference: Any) -> np.ndarray:
    """One array of a file as float32.

    reference   "FILE.npy", "FILE.npz:NAME" or "FILE.safetensors:NAME"; NAME may be left out when
                the file holds one array.

    Raises IoError, FormatError, UnknownNameError (with the nearest names).
    """
    return _core.load_tensor(path_bytes(reference, "reference"))
