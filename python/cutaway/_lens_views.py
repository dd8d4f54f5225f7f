"""A lens as text, as HTML and as a figure."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

from ._convert import argument_error

if TYPE_CHECKING:
    from .logit_lens import Lens

_CELL = 14  # characters of a cell of the text table

_STYLE = """
.cutaway-lens{border-collapse:collapse;font:12px/1.3 ui-monospace,monospace;color:inherit}
.cutaway-lens th,.cutaway-lens td{padding:2px 6px;border:1px solid rgba(128,128,128,.35);
text-align:left;white-space:pre;color:inherit;max-width:14ch;overflow:hidden;text-overflow:ellipsis}
.cutaway-lens th{font-weight:600;background:transparent}
"""


def _visible(text: str) -> str:
    """`text` on one line, spaces as dots, line breaks and control characters as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text.replace(" ", "\u00b7"))


def text_table(lens: Lens) -> str:
    """A row a layer, the last first; a column a position: top token and its probability."""
    tokens = lens.top_tokens

    def row(label: object, cells: list[str]) -> str:
        return f"{label!s:>5}  {' '.join(cell[:_CELL].ljust(_CELL) for cell in cells)}".rstrip()

    lines = [row("layer", [_visible(token) for token in lens.str_tokens])]
    for i in reversed(range(len(lens.layers))):
        cells = [
            f"{_visible(token)[: _CELL - 5]} {prob:.2f}"
            for token, prob in zip(tokens[i, :, 0], lens.top_probs[i, :, 0], strict=True)
        ]
        lines.append(row(lens.layers[i], cells))
    return "\n".join(lines)


def _html_cell(token: str, tips: list[str], prob: float) -> str:
    # A NaN probability (a model with NaN weights) has no colour.
    alpha = 0.75 * prob if prob == prob else 0.0
    tip = html.escape("\n".join(tips), quote=True)
    colour = f"background:rgba(46,120,210,{alpha:.3f})"
    return f"<td style='{colour}' title='{tip}'>{html.escape(_visible(token))}</td>"


def html_table(lens: Lens) -> str:
    """A heat map of the top token's probability; hovering over a cell shows its top k.

    Self-contained. The colour lies over the page's own background, so that it reads on light and
    dark.
    """
    tokens = lens.top_tokens
    head = "".join(f"<th scope='col'>{html.escape(_visible(t))}</th>" for t in lens.str_tokens)
    rows = []
    for i in reversed(range(len(lens.layers))):
        cells = []
        for j in range(len(lens.positions)):
            probs = lens.top_probs[i, j]
            tips = [f"{t!r} {p:.4f}" for t, p in zip(tokens[i, j], probs, strict=True)]
            tips.append(f"entropy {lens.entropy[i, j]:.3f} nats")
            if lens.target_rank is not None and lens.target_prob is not None:
                tips.append(f"target: rank {lens.target_rank[i, j]}, {lens.target_prob[i, j]:.4g}")
            cells.append(_html_cell(tokens[i, j, 0], tips, float(probs[0])))
        rows.append(f"<tr><th scope='row'>{lens.layers[i]}</th>{''.join(cells)}</tr>")
    title = f"logit lens of {html.escape(lens.site)}: likeliest token, shaded by its probability"
    return (
        f"<style>{_STYLE}</style><table class='cutaway-lens'><caption>{title}</caption>"
        f"<thead><tr><th scope='col'>layer</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def figure(lens: Lens, value: str) -> Any:
    """A matplotlib Figure of one value: layer by position, labelled with the top token."""
    values = {"prob": lens.top_probs[:, :, 0], "entropy": lens.entropy}
    if lens.target_prob is not None and lens.target_rank is not None:
        values |= {"target_prob": lens.target_prob, "target_rank": lens.target_rank}
    if value not in values:
        raise argument_error("value", f"{value!r}, expected one of {', '.join(values)}")
    try:
        # Not pyplot: no global state, no window; the caller shows or saves the figure.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError('plot() needs matplotlib: pip install "cutaway[plot]"') from None
    array, tokens = values[value], lens.top_tokens
    rows, columns = array.shape
    fig = Figure(figsize=(1.5 + 0.9 * columns, 1.2 + 0.28 * rows), layout="constrained")
    FigureCanvasAgg(fig)
    axes = fig.add_subplot()
    image = axes.imshow(array, aspect="auto", origin="lower", cmap="Blues")
    labels = [_visible(token) for token in lens.str_tokens]
    axes.set_xticks(range(columns), labels, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(range(rows), [str(layer) for layer in lens.layers])
    axes.set(ylabel="layer", title=f"logit lens of {lens.site}")
    middle = (float(np.nanmin(array)) + float(np.nanmax(array))) / 2
    style: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": 7,
        "clip_on": True,
        "parse_math": False,
    }
    for (i, j), shade in np.ndenumerate(array):
        colour = "white" if shade > middle else "black"
        axes.text(j, i, _visible(tokens[i, j, 0]), color=colour, **style)
    fig.colorbar(image, ax=axes, label=value)
    return fig
