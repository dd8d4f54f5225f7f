"""The logit lens: what the model would say if it stopped at a layer (nostalgebraist 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _core
from ._convert import Pos, argument_error, positions
from ._lens_views import figure, html_table, text_table
from .model import Edits, Input, Model, _edit_list

_SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")


class Lens:
    """Predictions of each layer at each position. Axes: layers, pos, k.

    Shows itself as a table in a notebook; `.plot()` makes a matplotlib figure.
    """

    def __init__(self, tokenizer: Any, site: str, target: int | None, data: dict[str, Any]) -> None:
        self._tokenizer = tokenizer
        self.site = site
        """"resid_post" ...: what was projected."""
        self.tokens: list[int] = data["tokens"]
        """Ids of the whole input."""
        self.layers: list[int] = data["layers"]
        """Layer numbers of the first axis."""
        self.positions: list[int] = data["positions"]
        """Positions of the second axis."""
        self.top_ids: np.ndarray = data["top_ids"]
        """int64 [layers, pos, k]: likeliest tokens, best first; equal logits by id."""
        self.top_logits: np.ndarray = data["top_logits"]
        """float32 [layers, pos, k]."""
        self.top_probs: np.ndarray = data["top_probs"]
        """float32 [layers, pos, k]: softmax over the whole vocabulary."""
        self.entropy: np.ndarray = data["entropy"]
        """float64 [layers, pos]: of the whole distribution, in nats."""
        self.target = target
        """The target's id, or None."""
        self.target_prob: np.ndarray | None = data.get("target_prob")
        """float32 [layers, pos], or None without a target."""
        self.target_rank: np.ndarray | None = data.get("target_rank")
        """int64 [layers, pos], 0 = most likely; None without a target."""

    def _text(self, id: int) -> str:
        return f"<{id}>" if self._tokenizer is None else self._tokenizer.token_text(int(id))

    @property
    def str_tokens(self) -> list[str]:
        """The text of the tokens at `positions`."""
        return [self._text(self.tokens[pos]) for pos in self.positions]

    @property
    def top_tokens(self) -> np.ndarray:
        """The text of `top_ids`: object [layers, pos, k] of str."""
        texts = {id: self._text(id) for id in np.unique(self.top_ids).tolist()}
        out = np.empty(self.top_ids.shape, dtype=object)
        for index, id in np.ndenumerate(self.top_ids):
            out[index] = texts[int(id)]
        return out

    def __repr__(self) -> str:
        return text_table(self)

    def _repr_html_(self) -> str:
        return html_table(self)

    def plot(self, value: str = "prob") -> Any:
        """A matplotlib Figure: layer by position, labelled with the top token.

        value   what colours a cell: "prob" (of the top token), "entropy", or, with a target,
                "target_prob" or "target_rank"

        raises  ImportError if matplotlib is not installed (pip install "cutaway[plot]")
        """
        return figure(self, value)


def lens(
    model: Model,
    input: Input,
    *,
    site: str = "resid_post",
    top_k: int = 5,
    target: str | int | None = None,
    layers: Sequence[int] | None = None,
    pos: Pos = None,
    edit: Edits = (),
    add_special_tokens: bool = True,
) -> Lens:
    """Project the residual stream of every layer and position to the vocabulary.

    input   text or ids, one sequence
    site    "resid_pre", "resid_mid", "resid_post", "attn_out" or "mlp_out"
    target  also give the probability and rank of this token: an id, or text that is one token
    layers  default: all
    pos     positions, as for edits; default: all
    edit    edits to apply while running

    cost    one forward pass, and one product with W_U for each layer and position
    """
    if site not in _SITES:
        raise argument_error("site", f"{site!r}, expected one of {', '.join(_SITES)}")
    rows, _ = model._rows(input, add_special_tokens)
    if len(rows) != 1:
        raise argument_error("input", f"{len(rows)} sequences, expected one", _core.ShapeError)
    target_id = model.to_single_token(target) if isinstance(target, str) else target
    data = _core.logit_lens(
        model._core,
        rows[0],
        site,
        top_k,
        target_id,
        [int(layer) for layer in layers or ()],
        positions(pos),
        _edit_list(edit),
    )
    return Lens(model.tokenizer if model._core.has_tokenizer else None, site, target_id, data)
