"""What people type and read first: scripts refuse wrong calls, links lead somewhere."""
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("call", ["setup.sh nonsense", "test.sh --only nonsense", "test.sh --preset", "format.sh --nonsense"])
def test_scripts_refuse_a_wrong_call_with_status_2(call):
    result = subprocess.run(["sh", *call.split()], cwd=ROOT / "scripts", capture_output=True, text=True)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1


def test_the_package_list_is_well_formed():
    lines = [line for line in (ROOT / "scripts" / "packages.txt").read_text().splitlines() if not line.startswith("#")]
    for line in lines:
        kind, group, name, why = line.split(maxsplit=3)
        assert kind in ("apt", "pip") and group in ("all", "model", "test", "ci", "bench") and name and why
    assert len({tuple(line.split()[:3]) for line in lines}) == len(lines)
