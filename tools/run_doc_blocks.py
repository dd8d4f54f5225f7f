#!/usr/bin/env python3
"""Runs the code blocks of Markdown files, so that what the documentation shows is what happens.

    python3 tools/run_doc_blocks.py --binary build/release/apps/cutaway/cutaway --python .venv/bin/python README.md docs

What a block is taken for, by its language:

    sh       a script: must end with status 0; `cutaway` is --binary
    console  a session: lines after "$ " are run one by one, and what they print must equal the lines below, the last
             digit of decimal numbers aside; a line "..." stands for any number of lines
    python   a program for --python; must end with status 0
    cpp      must stand word for word in the file that the comment `<!-- in: PATH -->` before the block names (a
             file that another test builds and runs)

A block after the comment `<!-- not run: REASON -->` is left alone. Other languages are not code. The blocks of one file
run in order in one scratch folder, with the model of $CUTAWAY_MODEL.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN = ("sh", "console", "python", "cpp")
TIMEOUT = 300  # seconds a command


@dataclass
class Block:
    file: Path
    line: int
    language: str
    text: str
    note: str  # what the HTML comment directly above says, or ""


def blocks_of(file):
    """Every fenced block of a Markdown file."""
    lines = file.read_text(encoding="utf-8").split("\n")
    index = 0
    while index < len(lines):
        opening = re.fullmatch(r"(\s*)```(\w+)\s*", lines[index])
        if not opening:
            index += 1
            continue
        indent, language = opening.groups()
        end = index + 1
        while end < len(lines) and lines[end].strip() != "```":
            end += 1
        body = "\n".join(line.removeprefix(indent) for line in lines[index + 1 : end]) + "\n"
        above = next((line for line in reversed(lines[:index]) if line.strip()), "")
        note = re.fullmatch(r"\s*<!--\s*(.*?)\s*-->\s*", above)
        yield Block(file, index + 1, language, body, note.group(1) if note else "")
        index = end + 1


def run(command, folder, environment, text=None):
    return subprocess.run(
        command, cwd=folder, env=environment, input=text, timeout=TIMEOUT, text=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


DECIMAL = re.compile(r"\d+\.(\d+)")


def same_line(expected, found):
    """Whether two lines agree, where a decimal number may differ by 2 in its last digit: other CPUs sum in other orders."""
    if DECIMAL.sub("#", expected).rstrip() != DECIMAL.sub("#", found).rstrip():
        return False
    pairs = zip(DECIMAL.finditer(expected), DECIMAL.finditer(found))
    return all(abs(float(a[0]) - float(b[0])) < 2.5 * 10.0 ** -len(a[1]) for a, b in pairs)


def matches(expected, found):
    """Whether the lines agree, trailing blanks aside; "..." matches any number of lines."""
    if not expected:
        return not found
    if expected[0].strip() == "...":
        return any(matches(expected[1:], found[start:]) for start in range(len(found) + 1))
    return bool(found) and same_line(expected[0], found[0]) and matches(expected[1:], found[1:])


def trimmed(lines):
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def check_console(block, folder, environment):
    sessions = re.split(r"^\$ ", block.text, flags=re.M)
    if sessions[0].strip():
        return "does not start with '$ '"
    for session in sessions[1:]:
        command, *expected = session.split("\n")
        result = run(["sh", "-c", command], folder, environment)
        found = trimmed(result.stdout.split("\n"))
        if not matches(trimmed(expected), found):
            return f"'{command}' (status {result.returncode}) printed:\n" + "\n".join(found)
    return None


def check(block, folder, environment, python):
    """None if the block does what it says, else what went wrong."""
    if block.language == "cpp":
        named = re.fullmatch(r"in: (\S+)", block.note)
        if not named:
            return "no comment <!-- in: PATH --> above it"
        source = ROOT / named.group(1)
        if not source.is_file():
            return f"{named.group(1)}: no such file"
        return None if block.text in source.read_text(encoding="utf-8") else f"does not stand in {named.group(1)}"
    if block.language == "console":
        return check_console(block, folder, environment)
    command = ["sh", "-eu", "-s"] if block.language == "sh" else [python, "-"]
    result = run(command, folder, environment, block.text)
    return f"ended with status {result.returncode}:\n{result.stdout}" if result.returncode else None


def main():
    parser = argparse.ArgumentParser(description="Runs the code blocks of Markdown files.")
    parser.add_argument("--binary", required=True, type=Path, help="the cutaway program")
    parser.add_argument("--python", required=True, type=Path, help="a Python that has the package")
    parser.add_argument("paths", nargs="+", type=Path, help="Markdown files, or folders of them")
    arguments = parser.parse_args()
    # Not resolved: a virtual environment's Python is a link, and knows its environment by the link's place.
    binary, python = Path(os.path.abspath(arguments.binary)), os.path.abspath(arguments.python)
    for program in (binary, Path(python)):
        if not program.is_file():
            parser.error(f"{program}: no such file")
    environment = {**os.environ, "PATH": f"{binary.parent}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}

    ran = failed = skipped = 0
    for path in arguments.paths:
        for file in sorted(path.rglob("*.md")) if path.is_dir() else [path]:
            with tempfile.TemporaryDirectory() as folder:
                for block in blocks_of(file):
                    if block.language not in RUN:
                        continue
                    if block.note.startswith("not run: "):
                        skipped += 1
                        continue
                    try:
                        problem = check(block, folder, environment, python)
                    except subprocess.TimeoutExpired:
                        problem = f"took longer than {TIMEOUT} s"
                    ran += 1
                    if problem:
                        failed += 1
                        print(f"{file}:{block.line}: {block.language} block: {problem}")
    print(f"run_doc_blocks: {ran - failed} of {ran} blocks passed, {skipped} marked as not run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
