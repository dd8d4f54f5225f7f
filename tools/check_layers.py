#!/usr/bin/env python3
"""Holds the source tree to its architecture: includes point downwards, and a few things stay where they belong.

    python3 tools/check_layers.py [ROOT]     prints every violation as FILE:LINE: text; exit status 1 if there is one
    python3 tools/check_layers.py --self-test

Needs the standard library only. The rules, each a function below:

    layers     "layer/file.h" names an existing file of the same layer or of one that the layer may know
    public     <cutaway/x.h> has an owner layer; a layer includes only headers owned by itself or below
    highway    only src/kernels/*.cc and the kernels' own tests include Highway
    contract   include/cutaway/*.h includes the standard library and <cutaway/...>, nothing else
    silent     src/ prints nothing, ends no process and reads no environment
    size       a file holds one idea: at most 500 lines (generated files are exempt)
"""
import re
import sys
import tempfile
from pathlib import Path

# From the ground up. A layer may include itself and what its row names.
BASE, IO, TENSOR, KERNELS, HOOKS = "base", "io", "tensor", "kernels", "hooks"
LAYERS = {
    BASE: set(),
    IO: {BASE},
    TENSOR: {BASE, IO},
    KERNELS: {BASE, IO, TENSOR},
    HOOKS: {BASE, IO, TENSOR, KERNELS},
    # Beside hooks, not above: text and ids need files only (docs/decisions/0001).
    "tokenizer": {BASE, IO},
    "chat": {BASE, IO},
    "model": {BASE, IO, TENSOR, KERNELS, HOOKS, "tokenizer", "chat"},
    "interp": {BASE, IO, TENSOR, KERNELS, HOOKS, "tokenizer", "chat", "model"},
}

# The layer that implements each public header.
OWNERS = {
    "error": "base",
    "dtype": "base",
    "runtime": "base",
    "version": "base",
    "tensor": "tensor",
    "hooks": "hooks",
    "tokenizer": "tokenizer",
    "token_positions": "tokenizer",
    "chat": "chat",
    "config": "model",
    "model": "model",
    "lens": "interp",
    "save": "interp",
}
# Above the layers: they know everything. The tests of the command line, and the Python package (which has it inside),
# look for its headers in its folder too.
APP = "apps/cutaway"
APP_TESTS = "cli"
UMBRELLA = "cutaway"  # includes everything; for users, apps and tests, not for src/

STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
    climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg
    cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution filesystem
    forward_list fstream functional future initializer_list iomanip ios iosfwd iostream istream iterator latch limits
    list locale map memory memory_resource mutex new numbers numeric optional ostream queue random ranges ratio regex
    scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept stop_token streambuf
    string string_view strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map
    unordered_set utility valarray variant vector version""".split()
)

FORBIDDEN_IN_SRC = [
    (re.compile(r"\b(?:secure_)?getenv\s*\("), "reads the environment; only apps/ and python/ may"),
    (re.compile(r"(?<![\w.>])(?:std::)?(?:printf|puts|putchar|perror|vprintf)\s*\("), "prints; the library is silent"),
    (re.compile(r"(?<![\w.>])(?:std::)?(?:fprintf|fputs)\s*\(\s*(?:stdout|stderr)\b"), "prints; the library is silent"),
    (re.compile(r"\bfmt::print(?:ln)?\s*\("), "prints; the library is silent"),
    (re.compile(r"\bstd::(?:cout|cerr|clog)\b"), "prints; the library is silent"),
    (re.compile(r"(?<![\w.>])(?:std::)?(?:abort|exit|_Exit|quick_exit|terminate)\s*\("), "ends the process; throw instead"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]+>|"[^"]+")')
MAX_LINES = 500


def code_lines(text):
    """The lines with comments and literals blanked, so that words in them are not taken for code."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S
    )

    def blank(match):
        # Digit separators (1'000'000) look like character literals; they do no harm blanked.
        return re.sub(r"[^\n]", " ", match.group(0))

    return token.sub(blank, text).split("\n")


def includes(text):
    """(line number, "<name>" or '"name"') of each include."""
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def layer_of(path):
    """The layer that a file under src/ or tests/unit/ belongs to, else None: it may know everything."""
    parts = path.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    tested = layer_of_test(path)
    return None if tested == APP_TESTS else tested


def layer_of_test(path):
    """The folder of tests/unit/ that a file is in, else None."""
    return path.parts[2] if path.parts[:2] == ("tests", "unit") and len(path.parts) > 3 else None


def check_private_include(root, path, layer, name):
    """Rule `layers` for one #include "name"."""
    beside = (root / path).parent / name
    if "/" not in name:
        if path.parts[0] == "src":
            return f'"{name}": expected "layer/file.h"'
        knows_app = layer_of_test(path) == APP_TESTS or path.parts[0] == "python"
        found = beside.exists() or (knows_app and (root / APP / name).exists())
        return None if found else f'"{name}": no such file beside this one'
    target = name.split("/")[0]
    if target in LAYERS:
        if layer is not None and target != layer and target not in LAYERS[layer]:
            return f'"{name}": layer {layer} must not know {target}'
        return None if (root / "src" / name).exists() else f'"{name}": no such file under src/'
    if path.parts[0] == "src":
        return f'"{name}": {target} is not a layer'
    bases = [root / path.parts[0], (root / path).parent, root]
    return None if any((base / name).exists() for base in bases) else f'"{name}": no such file'


def check_public_include(path, layer, name):
    """Rule `public` for one #include <cutaway/name>."""
    header = name.removeprefix("cutaway/").removesuffix(".h")
    if header == UMBRELLA:
        return f"<{name}>: for users; include what is needed" if path.parts[0] == "src" else None
    owner = OWNERS.get(header)
    if owner is None:
        return f"<{name}>: no owner layer; add it to OWNERS in tools/check_layers.py"
    if layer is not None and owner != layer and owner not in LAYERS[layer]:
        return f"<{name}>: layer {layer} must not know {owner}"
    return None


def check_file(root, path):
    """(line, message) of each violation in one file."""
    text = (root / path).read_text(encoding="utf-8")
    layer = layer_of(path)
    is_public = path.parts[:2] == ("include", "cutaway")
    if layer is not None and layer not in LAYERS:
        yield 1, f"{layer} is not a layer"
        return
    if is_public and path.stem != UMBRELLA:
        layer = OWNERS.get(path.stem)
        if layer is None:
            yield 1, "public header without an owner layer; add it to OWNERS in tools/check_layers.py"
            return

    for number, spelled in includes(text):
        name = spelled[1:-1]
        quoted = spelled[0] == '"'
        message = None
        if name.startswith("hwy/"):
            is_kernel = path.parts[:2] == ("src", "kernels") and path.suffix == ".cc"
            is_roof = path.parts == ("bench", "roofs.cc")  # measures what the kernels are compared with
            if not is_kernel and not is_roof and layer_of_test(path) != KERNELS:
                message = f"<{name}>: only src/kernels/*.cc includes Highway"
        elif name.startswith("cutaway/") and not quoted:
            message = check_public_include(path, layer, name)
        elif is_public:
            if quoted or name not in STANDARD:
                message = f"{spelled}: a public header includes only the standard library and <cutaway/...>"
        elif quoted:
            message = check_private_include(root, path, layer, name)
        if message:
            yield number, message

    if path.parts[0] == "src":
        for number, line in enumerate(code_lines(text), 1):
            for pattern, message in FORBIDDEN_IN_SRC:
                match = pattern.search(line)
                if match:
                    yield number, f"{match.group(0).strip()} {message}"

    count = text.count("\n")
    if count > MAX_LINES and "generated by" not in text[:400].lower():
        yield count, f"{count} lines, at most {MAX_LINES}: split it"


def check_tree(root):
    """(path, line, message) of each violation under root."""
    for folder in ("include", "src", "apps", "python", "tests", "bench", "fuzz"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc") and path.is_file():
                relative = path.relative_to(root)
                for line, message in check_file(root, relative):
                    yield relative, line, message


# ---- self-test: each bad tree is caught, each good one passes ----

GOOD = {
    "include/cutaway/error.h": "#include <string>\n",
    "include/cutaway/cutaway.h": "#include <cutaway/error.h>\n",
    "src/base/error.cc": '#include <cutaway/error.h>\n#include <fmt/format.h>\n// getenv("X") and std::cout in a comment\nconst char* s = "abort() exit(1)";\n',
    "src/base/names.h": "",
    "src/io/json.h": '#include "base/names.h"\nconst int n = 1\'000\'000;\n',
    "src/kernels/linear.cc": '#include <hwy/highway.h>\n#include "base/names.h"\n',
    "src/tokenizer/bpe.cc": '#include "io/json.h"\nvoid f() { parser.exit(); }\n',
    "apps/cutaway/main.cc": '#include <cutaway/cutaway.h>\n#include "io/json.h"\nint x = getenv("A") != 0;\n',
    "apps/cutaway/options.h": "",
    "python/src/module.cc": '#include "options.h"\n#include <nanobind/nanobind.h>\n',
    "tests/unit/kernels/simd_test.cc": "#include <hwy/highway.h>\n",
    "bench/roofs.cc": "#include <hwy/highway.h>\n",
    "tests/unit/cli/parse_test.cc": '#include "options.h"\n#include "io/json.h"\n',
    "tests/unit/io/json_test.cc": '#include "io/json.h"\n#include <gtest/gtest.h>\n',
    "src/tokenizer/tables.cc": "// Generated by tools/make.py.\n" + "\n" * 900,
}
BAD = {
    "upward include": ("src/base/a.cc", '#include "io/json.h"\n', "base must not know io"),
    "upward public header": ("src/io/a.h", "#include <cutaway/tensor.h>\n", "io must not know tensor"),
    "model knows interp": ("src/model/a.cc", "#include <cutaway/lens.h>\n", "model must not know interp"),
    "tokenizer is beside hooks": ("src/tokenizer/a.cc", "#include <cutaway/hooks.h>\n", "tokenizer must not know hooks"),
    "hooks is beside tokenizer": ("src/hooks/a.cc", '#include "tokenizer/bpe.h"\n', "hooks must not know tokenizer"),
    "a test reaches upwards": ("tests/unit/base/a_test.cc", '#include "io/json.h"\n', "base must not know io"),
    "highway outside kernels": ("src/tensor/a.cc", "#include <hwy/highway.h>\n", "only src/kernels/*.cc"),
    "highway in a kernel header": ("src/kernels/a.h", "#include <hwy/highway.h>\n", "only src/kernels/*.cc"),
    "highway in another layer's test": ("tests/unit/io/a_test.cc", "#include <hwy/highway.h>\n", "only src/kernels/*.cc"),
    "third party in a public header": ("include/cutaway/error.h", "#include <fmt/format.h>\n", "standard library"),
    "private header in a public one": ("include/cutaway/error.h", '#include "base/names.h"\n', "standard library"),
    "public header without owner": ("include/cutaway/extra.h", "#include <string>\n", "owner"),
    "unowned public include": ("src/base/a.cc", "#include <cutaway/extra.h>\n", "owner"),
    "umbrella in src": ("src/model/a.cc", "#include <cutaway/cutaway.h>\n", "include what is needed"),
    "unknown layer": ("src/extra/a.cc", "", "not a layer"),
    "missing header": ("src/io/a.cc", '#include "base/gone.h"\n', "no such file"),
    "bare name in src": ("src/io/a.cc", '#include "json.h"\n', 'expected "layer/file.h"'),
    "unknown folder of tests": ("tests/unit/extra/a_test.cc", "", "not a layer"),
    "missing header of an app": ("apps/cutaway/a.cc", '#include "gone.h"\n', "no such file"),
    "environment": ("src/model/a.cc", 'auto p = std::getenv("HOME");\n', "environment"),
    "printf": ("src/io/a.cc", 'void f() { printf("x"); }\n', "silent"),
    "stderr": ("src/io/a.cc", 'void f() { std::fprintf(stderr, "x"); }\n', "silent"),
    "cout": ("src/io/a.cc", "void f() { std::cout << 1; }\n", "silent"),
    "abort": ("src/io/a.cc", "void f() { std::abort(); }\n", "ends the process"),
    "exit": ("src/io/a.cc", "void f() { exit(1); }\n", "ends the process"),
    "too long": ("src/io/a.cc", "\n" * 501, "split it"),
}


def check_made_tree(files):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return [f"{path}:{line}: {message}" for path, line, message in check_tree(root)]


def self_test():
    failures = [f"good tree rejected: {found}" for found in check_made_tree(GOOD)]
    for title, (name, text, expected) in BAD.items():
        found = check_made_tree({**GOOD, name: text})
        if not any(name in line and expected in line for line in found):
            failures.append(f"{title}: expected '{expected}', found {found or 'nothing'}")
    for failure in failures:
        print(failure)
    print(f"check_layers: self-test: {len(BAD) + 1 - len(failures)} of {len(BAD) + 1} cases as expected")
    return 1 if failures else 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    if not (root / "src").is_dir():
        print(f"check_layers: error: {root}: no src/ folder, expected the root of the repository", file=sys.stderr)
        return 2
    count = 0
    for path, line, message in check_tree(root):
        print(f"{path}:{line}: {message}")
        count += 1
    print(f"check_layers: {count} violations" if count else "check_layers: clean")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
