"""The logit lens: what the model would say if it stopped at a layer (nostalgebraist 2020)."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy as np

from . import _core
from ._convert import Pos, argument_error, positions
from .model import Edits, Input, Model, _edit_list

_SITES = ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out")

_STYLE = """
.cutaway-lens{border-collapse:collapse;font:12px/1.3 ui-monospace,monospace;color:inherit}
.cutaway-lens th,.cutaway-lens td{padding:2px 6px;border:1px solid rgba(128,128,128,.35);text-align:left;
white-space:pre;color:inherit;max-width:14ch;overflow:hidden;text-overflow:ellipsis}
.cutaway-lens th{font-weight:600;background:transparent}
"""


class Lens:
    """Predictions of each layer at each position. Axes: layers, pos, k.

    Shows itself as a table in a notebook; `.plot()` makes a matplotlib figure.
    """

    def __init__(self, tokenizer: Any, site: str, target: Optional[int], data: dict[str, Any]) -> None:
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
        self.target_prob: Optional[np.ndarray] = data.get("target_prob")
        """float32 [layers, pos], or None without a target."""
        self.target_rank: Optional[np.ndarray] = data.get("target_rank")
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
        """A text table: a row a layer, last layer first; a column a position; token and probability."""
        width = 14
        tokens = self.top_tokens

        def cell(text: str) -> str:
            text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text.replace("\n", "\\n"))
            return text[:width].ljust(width)

        lines = ["layer  " + " ".join(cell(t) for t in self.str_tokens)]
        for i in reversed(range(len(self.layers))):
            cells = (cell(f"{tokens[i, j, 0][: width - 5]!s} {self.top_probs[i, j, 0]:.2f}") for j in range(len(self.positions)))
            lines.append(f"{self.layers[i]:>5}  " + " ".join(cells))
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        """A table as a heat map of the top token's probability; hovering shows the top k.

        Self-contained; the colour is laid over the page's own, so that it reads on light and dark.
        """
        tokens = self.top_tokens
        head = "".join(f"<th scope='col'>{html.escape(t)}</th>" for t in self.str_tokens)
        rows = []
        for i in reversed(range(len(self.layers))):
            cells = []
            for j in range(len(self.positions)):
                prob = float(self.top_probs[i, j, 0])
                tip = [f"{t!r} {p:.4f}" for t, p in zip(tokens[i, j], self.top_probs[i, j])]
                tip.append(f"entropy {self.entropy[i, j]:.3f} nats")
                if self.target_rank is not None and self.target_prob is not None:
                    tip.append(f"target rank {self.target_rank[i, j]}, probability {self.target_prob[i, j]:.4g}")
                cells.append(
                    f"<td style='background:rgba(46,120,210,{0.75 * prob if prob == prob else 0:.3f})' title='{html.escape(chr(10).join(tip), quote=True)}'>"
                    f"{html.escape(tokens[i, j, 0])}</td>"
                )
            rows.append(f"<tr><th scope='row'>{self.layers[i]}</th>{''.join(cells)}</tr>")
        caption = f"logit lens of {html.escape(self.site)}: likeliest token, shaded by its probability"
        return (
            f"<style>{_STYLE}</style><table class='cutaway-lens'><caption>{caption}</caption>"
            f"<thead><tr><th scope='col'>layer</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )

    def plot(self, value: str = "prob") -> Any:
        """A matplotlib Figure: layer by position, labelled with the top token.

        value   what colours a cell: "prob" (of the top token), "entropy", or, with a target,
                "target_prob" or "target_rank"

        raises  ImportError if matplotlib is not installed (pip install "cutaway[plot]")
        """
        values = {"prob": self.top_probs[:, :, 0], "entropy": self.entropy, "target_prob": self.target_prob, "target_rank": self.target_rank}
        if values.get(value) is None:
            known = ", ".join(name for name, array in values.items() if array is not None)
            raise argument_error("value", f"{value!r}, expected one of {known}")
        try:
            from matplotlib.backends.backend_agg import FigureCanvasAgg
            from matplotlib.figure import Figure
        except ImportError:
            raise ImportError('plot() needs matplotlib: pip install "cutaway[plot]"') from None
        array = values[value]
        rows, columns = len(self.layers), len(self.positions)
        figure = Figure(figsize=(1.5 + 0.9 * columns, 1.2 + 0.28 * rows), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        image = axes.imshow(array, aspect="auto", origin="lower", cmap="Blues")
        axes.set_xticks(range(columns), [repr(t)[1:-1] for t in self.str_tokens], rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(rows), [str(layer) for layer in self.layers])
        axes.set_ylabel("layer")
        axes.set_title(f"logit lens of {self.site}")
        tokens = self.top_tokens
        middle = (float(np.nanmin(array)) + float(np.nanmax(array))) / 2
        for i in range(rows):
            for j in range(columns):
                colour = "white" if array[i, j] > middle else "black"
                axes.text(j, i, repr(tokens[i, j, 0])[1:-1], ha="center", va="center", fontsize=7, color=colour, clip_on=True, parse_math=False)
        figure.colorbar(image, ax=axes, label=value)
        return figure


def lens(
    model: Model,
    input: Input,
    *,
    site: str = "resid_post",
    top_k: int = 5,
    target: Union[None, str, int] = None,
    layers: Optional[Sequence[int]] = None,
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
        model._core, rows[0], site, top_k, target_id, [int(layer) for layer in layers or ()], positions(pos), _edit_list(edit)
    )
    return Lens(model.tokenizer if model._core.has_tokenizer else None, site, target_id, data)
