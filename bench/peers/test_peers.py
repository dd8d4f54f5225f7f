"""The parts of the harness that could be wrong without anybody seeing it. Needs pytest, numpy and gguf:
python -m pytest bench/peers"""

import checkpoints
import numpy as np
import pytest
import report
from agreement import agreement
from gguf_names import to_gguf_layout, to_hf_layout


def test_bf16_rounds_to_nearest_even():
    # 1 + 2^-8 lies half way between 1 and 1 + 2^-7: to the even one, 1. Three quarters of the way goes up.
    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 1.5 * 2**-8, -2.5], np.float32)
    rounded = checkpoints.from_bf16(checkpoints.to_bf16(values))
    assert rounded.tolist() == [1.0, 1.0, 1 + 2**-6, 1 + 2**-7, -2.5]


def test_the_layout_of_rotated_rows_interleaves_the_halves_and_comes_back():
    config = {"model_type": "llama", "num_attention_heads": 2, "num_key_value_heads": 1}
    name = "model.layers.0.self_attn.q_proj.weight"
    rows = np.arange(8, dtype=np.float32)[:, None].repeat(3, axis=1)
    there = to_gguf_layout(name, rows, config)
    assert there[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert np.array_equal(to_hf_layout(name, there, config), rows)


def test_a_cell_gives_median_least_and_most():
    assert report.cell({"ms": [3.0, 1.0, 200.0]}) == "3.00 (1.00–200)"
    assert report.cell(None) == "—"


def test_only_what_stands_between_the_markers_is_replaced():
    page = f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n"
    text = report.replace_part(page, "new")
    assert text == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    with pytest.raises(SystemExit):
        report.replace_part("no markers", "new")


def test_agreement_finds_the_largest_difference_and_the_first_other_token(tmp_path):
    np.array([1, 2, 3], "<f4").tofile(tmp_path / "cutaway.logits")
    np.array([1, 2.5, 3], "<f4").tofile(tmp_path / "peer.logits")
    np.array([5, 6, 7], "<u4").tofile(tmp_path / "cutaway.decode")
    np.array([5, 6, 8], "<u4").tofile(tmp_path / "peer.decode")
    assert agreement(tmp_path, "peer") == {"logits": 0.5, "decode": [2, 3]}
