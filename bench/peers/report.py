"""Results as tables of Markdown and as a plot."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from plot import plot
from tasks import TITLES, TOOLS

BEGIN = "<!-- begin: written by scripts/bench.sh tasks --write-docs -->"
END = "<!-- end -->"


def time_text(ms: float) -> str:
    if ms < 10:
        return f"{ms:.2f}"
    return f"{ms:.1f}" if ms < 100 else f"{ms:.0f}"


def cell(entry: dict[str, Any] | None) -> str:
    """Median, and from where to where: `7.5 (7.4-7.9)`."""
    if not entry or not entry["ms"]:
        return "—"
    low, high = min(entry["ms"]), max(entry["ms"])
    return f"{time_text(median(entry['ms']))} ({time_text(low)}–{time_text(high)})"


def agreement_text(found: dict[str, Any]) -> str:
    if not found:
        return "—"
    parts = [f"{found[key]:.1e}" if isinstance(found[key], float) else str(found[key]) for key in ("logits", "edit") if key in found]
    text = " / ".join(parts)
    if "decode" in found:
        text += f"; {found['decode'][0]} of {found['decode'][1]}"
    if "ids" in found:
        text += "; same ids" if found["ids"] else "; OTHER ids"
    return text


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def model_table(result: dict[str, Any]) -> str:
    present = [tool for tool in TOOLS if tool.name in result["tools"]]
    # The other products stand last, in columns of their own.
    present.sort(key=lambda tool: tool.is_other_product)
    data = result["tools"]
    order: list[str] = []
    for tool in present:
        order += [name for name in data[tool.name]["tasks"] if name not in order]
    titles = [tool.title + (" (rounds activations)" if tool.is_other_product else "") for tool in present]
    lines = [row(["ms: median (min–max)", *titles, "fastest f32 peer ÷ cutaway"]), row(["---"] * (len(present) + 2))]
    for name in order:
        entries = {tool.name: data[tool.name]["tasks"].get(name) for tool in present}
        peers = [
            median(entries[tool.name]["ms"])
            for tool in present
            if tool.name != "cutaway" and not tool.is_other_product and entries[tool.name] and entries[tool.name]["ms"]
        ]
        ours = entries.get("cutaway")
        ratio = f"{min(peers) / median(ours['ms']):.2f}" if peers and ours and ours["ms"] else "—"
        lines.append(row([name, *(cell(entries[tool.name]) for tool in present), ratio]))
    peak = [max((e["peak"] for e in data[tool.name]["tasks"].values()), default=0) for tool in present]
    lines.append(row(["MB after loading", *(f"{data[t.name]['rss'] / 1e6:.0f}" for t in present), ""]))
    lines.append(row(["MB at most, any task", *(f"{value / 1e6:.0f}" for value in peak), ""]))
    lines.append(row(["differs from cutaway", *(agreement_text(data[t.name].get("agreement", {})) for t in present), ""]))
    lines.append("")
    for note in result["notes"]:
        title = next(tool.title for tool in TOOLS if tool.name == note["tool"])
        lines.append(f"- {title}{', ' if note['task'] else ''}{note['task']}: {note['text']}")
    return "\n".join(lines)


def markdown(results: dict[str, Any]) -> str:
    about = results["machine"]
    infos: dict[str, dict[str, str]] = {}
    for result in results["models"]:
        for name, tool in result["tools"].items():
            infos.setdefault(name, tool["info"])
    simd = infos.get("cutaway", {}).get("simd", "unknown")
    lines = [
        f"{about['date']}: {about['cpu']}, {about['cores']} cores, {about['threads']} threads for every tool, SIMD target {simd}; "
        f"load average {about['load_before']:.2f} before; other programs used {about['foreign_cores']:.2f} cores meanwhile; "
        f"{about['rounds']} rounds.",
        "",
        "Versions: " + "; ".join(f"{tool.title} {infos[tool.name]['version']}" for tool in TOOLS if tool.name in infos) + ".",
        "",
        "The line \"differs from cutaway\": the largest difference of a logit, plain / with a head zeroed; greedy tokens that are "
        "the same; token ids of the text.",
    ]
    for result in results["models"]:
        lines += ["", f"### {TITLES[result['model']]}", "", model_table(result)]
    lines += [f"\nSkipped: {text}" for text in results.get("skipped", [])]
    return "\n".join(lines)


def replace_part(page: str, text: str) -> str:
    """The page with what stands between the markers replaced."""
    begin, end = page.find(BEGIN), page.find(END)
    if begin < 0 or end < begin:
        raise SystemExit(f"report: expected the markers '{BEGIN}' and '{END}', in this order")
    return page[: begin + len(BEGIN)] + "\n\n" + text.strip() + "\n\n" + page[end:]


def write(results: dict[str, Any], docs: Path) -> None:
    page = docs / "performance.md"
    text = markdown(results)
    for result in results["models"]:
        file = docs / f"performance-{result['model']}.svg"
        file.write_text(plot(result))
        text += f"\n\n![Times of all tools, {TITLES[result['model']]}]({file.name})"
    page.write_text(replace_part(page.read_text(), text))
