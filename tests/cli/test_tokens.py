"""`tokens`: ids, pieces and offsets, and back."""


def test_ids_pieces_and_both_kinds_of_offsets(cutaway, llama):
    document = cutaway("tokens", llama, "-p", "é the", "--json").json
    assert [(t["piece"], t.get("bytes"), t.get("chars"), t["special"]) for t in document["tokens"]] == [
        ("<s>", [0, 0], [0, 0], True),
        ("Ã", [0, 2], [0, 1], False),
        ("©", [0, 2], [0, 1], False),
        ("Ġthe", [2, 6], [1, 5], False),
    ]
    assert document["model"] == "llama_gqa"
    assert document["decoded"] is None


def test_no_bos(cutaway, llama):
    pieces = [t["piece"] for t in cutaway("tokens", llama, "-p", "he", "--no-bos", "--json").json["tokens"]]
    assert pieces == ["he"]


def test_decode_is_the_way_back(cutaway, llama):
    ids = [t["id"] for t in cutaway("tokens", llama, "-p", "é the", "--no-bos", "--json").json["tokens"]]
    text = ",".join(map(str, ids))
    assert cutaway("tokens", llama, "--decode", text).out == "é the\n"
    document = cutaway("tokens", llama, "--decode", text, "--json").json
    assert document["decoded"] == "é the"
    assert [t["id"] for t in document["tokens"]] == ids


def test_table(cutaway, llama):
    assert cutaway("tokens", llama, "-p", "he is").out == (
        "pos  id  piece  text   bytes  chars\n"
        '  0   1  <s>    "<s>"  -      -\n'
        '  1  71  he     "he"   0:2    0:2\n'
        '  2  78  Ġis    " is"  2:5    2:5\n'
    )


def test_a_prompt_from_a_file_and_from_standard_input(cutaway, llama, tmp_path):
    (tmp_path / "p.txt").write_text("he is\n")
    from_option = cutaway("tokens", llama, "-p", "he is").out
    assert cutaway("tokens", llama, "--prompt-file", "p.txt").out == from_option
    assert cutaway("tokens", llama, "--prompt-file", "-", stdin=b"he is\n").out == from_option
    assert cutaway("tokens", llama, "--prompt-file", "-", stdin=b"he is").out == from_option


def test_an_empty_text_has_only_what_the_tokenizer_adds(cutaway, llama):
    assert [t["piece"] for t in cutaway("tokens", llama, "-p", "", "--json").json["tokens"]] == ["<s>"]


def test_control_characters_are_shown_not_sent(cutaway, llama):
    result = cutaway("tokens", llama, "-p", "\x1b[31m")
    assert "\x1b" not in result.out


def test_spans_label_their_tokens(cutaway, llama):
    words = ("tokens", llama, "-p", "he is the cat", "--span", "verb=is", "--span", "noun=the cat")
    document = cutaway(*words, "--json").json
    labels = {t["piece"]: t["label"] for t in document["tokens"]}
    assert [labels[p] for p in ("<s>", "he", "Ġis", "Ġthe")] == ["other", "other", "verb_final", "noun"]
    assert [t["label"] for t in document["tokens"]][-1] == "noun_final"
    assert cutaway(*words).out.splitlines()[0].split() == ["pos", "id", "piece", "text", "bytes", "chars", "label"]


def test_characters_have_tokens(cutaway, llama):
    words = ("tokens", llama, "-p", "é the", "--char", 0, "--char", 2, "--char", 99)
    assert cutaway(*words, "--json").json["positions"] == [
        {"row": 0, "char": 0, "pos": 1, "exact": True},
        {"row": 0, "char": 2, "pos": 3, "exact": True},
        {"row": 0, "char": 99, "pos": 3, "exact": False},
    ]
    assert cutaway(*words).out.splitlines()[-3:] == [
        "char 0: token 1 Ã",
        "char 2: token 3 Ġthe",
        "char 99: token 3 Ġthe (the nearest)",
    ]
    assert cutaway("tokens", llama, "-p", "", "--char", 0).out.splitlines()[-1] == "char 0: no token"


def test_places_need_a_text_that_holds_them(fails, llama):
    assert fails(2, "tokens", llama, "-p", "he", "--span", "x=she") == "--span: 'she' is not in the prompt 'he'"
    assert fails(2, "tokens", llama, "-p", "he", "--span", "she") == "--span: 'she', expected NAME=TEXT"
    assert fails(2, "tokens", llama, "--tokens", "1,2", "--char", 0) == "--char: given with ids, expected text"
    assert fails(2, "tokens", llama, "--decode", "1", "--span", "a=b") == "--span: given with ids, expected text"
    assert fails(2, "tokens", llama, "-p", "he", "--char", "-1").startswith("--char: '-1', expected a whole number")
