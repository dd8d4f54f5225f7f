"""What Python users hand over, turned into the exact types that the extension takes."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import _core

Ids = Sequence[int] | Sequence[Sequence[int]] | np.ndarray | Any
"""Token ids: ints, a list of lists, or an array of any integer dtype, 1-D or 2-D."""

Pos = int | str | slice | range | Iterable[int] | None
"""Positions: None (all), 3, -1 (last), [0, 3], slice(2, 5), or text as in the CLI ("2:5")."""

PAD = -1
"""Fills the rows of an id array that are shorter than the longest; never a token id."""

_INT32_MAX = 2**31 - 1
_LARGEST_EXACT_INT = 2**24  # float32 holds every integer up to here


def argument_error(
    subject: str, detail: str, kind: type[_core.Error] = _core.ArgumentError
) -> _core.Error:
    """An ArgumentError with its two fields set, as those that come from C++ have them."""
    error = kind(f"{subject}: {detail}")
    error.subject = subject
    error.detail = detail
    return error


def shape_text(shape: Sequence[int]) -> str:
    return "[" + ", ".join(str(n) for n in shape) + "]"


def as_array(value: Any, what: str) -> np.ndarray:
    """numpy's view of anything with `__array__` or DLPack; copies only what numpy must."""
    if isinstance(value, np.ndarray):
        return value
    # A torch tensor that records gradients or has no numpy dtype refuses np.asarray; both methods
    # are torch's own, so torch need not be imported.
    if hasattr(value, "detach") and hasattr(value, "requires_grad"):
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":
            value = value.float()
    if not hasattr(value, "__array__") and hasattr(value, "__dlpack__"):
        return np.from_dlpack(value)
    try:
        return np.asarray(value)
    except ValueError as error:  # a list of rows of different lengths
        raise argument_error(what, f"not an array ({error})", _core.ShapeError) from None


def as_float32(value: Any, what: str) -> np.ndarray:
    """`value` as contiguous float32, rounded as numpy does; never silently to infinity."""
    array = as_array(value, what)
    kind = array.dtype.kind
    if kind not in "fiub" and "float" not in array.dtype.name:  # bfloat16 and float8 are kind V
        raise TypeError(
            f"{what}: dtype {array.dtype}, expected float32 (or a type that converts to it)"
        )
    if array.dtype == np.float32:
        return np.ascontiguousarray(array).reshape(array.shape)
    if (
        kind in "iu"
        and array.size
        and max(abs(int(array.min())), abs(int(array.max()))) > _LARGEST_EXACT_INT
    ):
        raise argument_error(
            what,
            f"{array.dtype} values beyond 2^24, which float32 cannot hold exactly; "
            "convert them to float32 yourself",
        )
    with np.errstate(over="ignore"):
        result = np.asarray(array, dtype=np.float32, order="C")
    if array.dtype.itemsize > 4 and kind == "f" and np.any(np.isinf(result) & np.isfinite(array)):
        raise argument_error(what, f"{array.dtype} values too large for float32")
    return result


def _id_row(row: np.ndarray, what: str) -> list[int]:
    valid = np.flatnonzero(row != PAD)
    length = int(valid[-1]) + 1 if valid.size else 0
    row = row[:length]
    bad = np.flatnonzero((row < 0) | (row > _INT32_MAX))
    if bad.size:
        at = int(bad[0])
        raise argument_error(what, f"id {int(row[at])} at position {at}, expected a token id")
    return [int(id) for id in row]


def _id_array(value: Any, what: str) -> np.ndarray:
    array = as_array(value, what)
    if array.size == 0 and array.dtype.kind == "f":  # np.asarray([]) is float64
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{what}: dtype {array.dtype}, expected integer token ids")
    return array


def id_rows(value: Ids, what: str = "tokens") -> tuple[list[list[int]], bool]:
    """Token ids as rows without padding, and whether `value` was a batch (2-D)."""
    if isinstance(value, (list, tuple)) and value and not isinstance(value[0], (int, np.integer)):
        rows = [_id_array(row, f"{what}[{i}]") for i, row in enumerate(value)]
        for i, row in enumerate(rows):
            if row.ndim != 1:
                raise argument_error(
                    f"{what}[{i}]",
                    f"shape {shape_text(row.shape)}, expected [pos]",
                    _core.ShapeError,
                )
        return [_id_row(row, f"{what}[{i}]") for i, row in enumerate(rows)], True
    array = _id_array(value, what)
    if array.ndim == 1:
        return [_id_row(array, what)], False
    if array.ndim == 2:
        return [_id_row(row, f"{what}[{i}]") for i, row in enumerate(array)], True
    raise argument_error(
        what, f"shape {shape_text(array.shape)}, expected [pos] or [batch, pos]", _core.ShapeError
    )


def padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of ids as int64 [batch, pos], short ones filled with -1 at their end."""
    out = np.full((len(rows), max((len(row) for row in rows), default=0)), PAD, dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return out


def positions(pos: Pos, what: str = "pos") -> _core.Positions:
    if pos is None:
        return _core.Positions.all()
    if isinstance(pos, str):
        return _core.Positions.parse(pos)
    if isinstance(pos, slice):
        if pos.step not in (None, 1):
            raise argument_error(what, f"slice with step {pos.step}, expected no step")
        begin, end = (None if x is None else operator.index(x) for x in (pos.start, pos.stop))
        return _core.Positions.range(begin, end)
    try:
        return _core.Positions.list([operator.index(pos)])  # type: ignore[arg-type]
    except TypeError:
        pass
    try:
        return _core.Positions.list([operator.index(p) for p in pos])  # type: ignore[union-attr]
    except TypeError:
        raise TypeError(
            f"{what}: {pos!r}, expected None, int, ints, a slice or text such as '2:5'"
        ) from None


def hook_name(hook: Any, what: str = "hook") -> str:
    if isinstance(hook, str):
        return hook
    if isinstance(hook, _core.HookPoint):
        return hook.name
    raise TypeError(f"{what}: {type(hook).__name__}, expected a hook name, a glob or a HookPoint")


def several(value: Any, kinds: tuple[type, ...]) -> list[Any]:
    """One thing or a sequence of them, as a list."""
    if value is None:
        return []
    return [value] if isinstance(value, kinds) else list(value)


def path_bytes(path: Any, what: str = "path") -> bytes:
    try:
        return os.fsencode(path)
    except TypeError:
        raise TypeError(f"{what}: {type(path).__name__}, expected a path") from None


def text_utf8(text: str, what: str = "text") -> str:
    """`text`, if UTF-8 can hold it: a str may have lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argument_error(
            what, f"lone surrogate at character {error.start}, which UTF-8 cannot hold"
        ) from None
    return text


_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def byte_count(value: int | str | None) -> int:
    """4_000_000_000, "4G", "1.5 GB" or None (no limit: 0) → bytes."""
    if value is None:
        return 0
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)B?\s*", str(value).upper())
    count = 0 if match is None else int(float(match[1]) * _UNITS[match[2]])
    if not 0 < count <= 10**18:
        raise argument_error("memory", f"{value!r}, expected bytes, or a size such as '4G'")
    return count
