"""tools/run_doc_blocks.py catches documentation that is wrong."""
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run_blocks(tmp_path, text):
    (tmp_path / "page.md").write_text(text, encoding="utf-8")
    binary = tmp_path / "bin" / "cutaway"
    binary.parent.mkdir()
    binary.write_text('#!/bin/sh\necho "called with $*"\n')
    binary.chmod(0o755)
    return subprocess.run(
        [sys.executable, ROOT / "tools" / "run_doc_blocks.py", "--binary", binary, "--python", sys.executable,
         tmp_path / "page.md"],
        capture_output=True, text=True,
    )  # fmt: skip


def test_good_blocks_pass_and_share_a_folder(tmp_path):
    result = run_blocks(
        tmp_path,
        """
```sh
cutaway lens > out.txt
```
```python
assert open("out.txt").read() == "called with lens\\n"
```
```console
$ cutaway info
called with info
$ echo "loss 0.1234, 7%"
loss 0.1235, 7%
$ printf '1\\n2\\n3\\n4\\n'
1
...
4
```
```text
not code
```
<!-- in: tools/run_doc_blocks.py -->
```cpp
import argparse
```
<!-- not run: an example of failure -->
```sh
false
```
""",
    )
    assert result.returncode == 0, result.stdout
    assert "4 of 4 blocks passed, 1 marked as not run" in result.stdout


@pytest.mark.parametrize(
    "block, complaint",
    [
        ("```sh\nfalse\necho not reached\n```", "ended with status 1"),
        ("```python\nraise SystemExit(3)\n```", "ended with status 3"),
        ("```console\n$ cutaway info\ncalled with lens\n```", "printed:\ncalled with info"),
        ("```console\n$ echo 0.125\n0.128\n```", "printed:\n0.125"),
        ("```console\n$ cutaway info\n```", "printed:\ncalled with info"),
        ("```console\ncutaway info\n```", "does not start with"),
        ("```cpp\nint x;\n```", "no comment"),
        ("<!-- in: tools/run_doc_blocks.py -->\n```cpp\nint x;\n```", "does not stand in"),
        ("<!-- in: gone.cc -->\n```cpp\nint x;\n```", "no such file"),
    ],
)
def test_a_wrong_block_is_reported_with_its_line(tmp_path, block, complaint):
    result = run_blocks(tmp_path, f"A title\n\n{block}\n")
    assert result.returncode == 1
    assert "page.md:" in result.stdout and complaint in result.stdout
