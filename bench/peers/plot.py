"""A dot for each tool and task, on a logarithmic axis of milliseconds; SVG by hand, so that no package is needed."""

from __future__ import annotations

import math
from html import escape
from statistics import median
from typing import Any

from tasks import TITLES, TOOLS

COLOURS = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#999999")  # Okabe and Ito's
LEFT, WIDTH, STEP, TOP = 300, 560, 24, 70


def plot(result: dict[str, Any]) -> str:
    tools = [(tool, colour) for tool, colour in zip(TOOLS, COLOURS, strict=True) if tool.name in result["tools"]]
    values: dict[str, list[tuple[str, float]]] = {}
    for tool, colour in tools:
        for name, entry in result["tools"][tool.name]["tasks"].items():
            if entry["ms"]:
                values.setdefault(name, []).append((colour, max(median(entry["ms"]), 1e-3)))
    every = [ms for row in values.values() for _, ms in row] or [1.0]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)) + 1e-9)
    scale = WIDTH / max(high - low, 1)
    bottom = TOP + STEP * len(values)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 30}" height="{bottom + 40}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="10" y="20" font-size="15">{escape(TITLES[result["model"]])}: median ms (further left is faster)</text>',
    ]
    for i, (tool, colour) in enumerate(tools):
        x = 10 + i * 125
        out.append(f'<circle cx="{x + 5}" cy="42" r="5" fill="{colour}"/><text x="{x + 14}" y="46">{escape(tool.title)}</text>')
    for power in range(low, high + 1):
        x = LEFT + (power - low) * scale
        out.append(f'<path d="M{x:.1f} {TOP - 8}V{bottom}" stroke="#cccccc"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{10.0**power:g}</text>')
    for i, (name, row) in enumerate(values.items()):
        y = TOP + STEP * i + STEP // 2
        out.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
        # Ours is drawn last, on top.
        for colour, ms in reversed(row):
            out.append(f'<circle cx="{LEFT + (math.log10(ms) - low) * scale:.1f}" cy="{y}" r="5" fill="{colour}" fill-opacity="0.85"/>')
    return "\n".join([*out, "</svg>"]) + "\n"
