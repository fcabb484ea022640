"""Attention in pictures: the words say what the weights are, whatever they are."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.figures import describe, head_grid, heatmap
from glassbox.figures.words import one_head, one_map

few = settings(deadline=None, max_examples=25)


def softmax_rows(seed, *shape, causal=False):
    scores = 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    if causal:
        scores = scores.masked_fill(~torch.ones(shape[-2:]).tril().bool(), -torch.inf)
    return scores.softmax(-1)


def labels(letter, count):
    return [f"{letter}{i}" for i in range(count)]


@few
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 8))
def test_a_small_heat_map_says_where_each_query_looks_most(seed, seq, src):
    weights = softmax_rows(seed, seq, src)
    said = describe(heatmap(weights, labels("q", seq), labels("k", src), "Looks", decimals=6))
    found = re.findall(r"'q(\d+)' looks most at 'k(\d+)' \(([\d.]+)\)", said)
    row = np.round(weights.double().numpy(), 6)
    assert found == [(str(i), str(row[i].argmax()), f"{row[i].max():.6f}") for i in range(seq)]


def test_equal_weights_are_not_called_strongest():
    weights = torch.tensor([[0.4, 0.4, 0.2], [1 / 3, 1 / 3, 1 / 3], [0.0, 0.0, 0.0]])
    said = describe(heatmap(weights, ["a", "b", "c"], ["a", "b", "a"], "Ties"))
    assert "'a' looks most at 'a' (position 0) and 'b' alike (0.40 each)" in said
    assert "'b' looks most at all keys alike (0.33 each)" in said
    assert "'c' looks at nothing" in said
    many = torch.tensor([[0.2, 0.2, 0.2, 0.2, 0.2, 0.0]])
    assert "at 5 keys alike (0.20 each)" in describe(heatmap(many, ["q"], list("abcdef"), "Five"))


@few
@given(st.integers(0, 10_000), st.booleans())
def test_a_large_heat_map_counts_its_habits(seed, causal):
    weights = softmax_rows(seed, 12, 12, causal=causal)
    said = one_map(weights, labels("t", 12), labels("t", 12), 6)
    values = weights.double().numpy()
    best = values.argmax(axis=1)
    own, before = (int((best == np.arange(12) - back).sum()) for back in (0, 1))
    assert f"{own} look most at their own position, {before} at" in said.replace(" and ", ", ")
    kept = values[int(causal) :]
    i, j = np.unravel_index(kept.argmax(), kept.shape)
    assert f"'t{i + causal}' looks at 't{j}' ({kept.max():.6f})" in said
    assert ("Above the diagonal every weight is 0." in said) == causal
    popular = re.search(r"(\d+) at 't(\d+)'", said)
    counts = np.bincount(best, minlength=12)
    if counts.max() > 1:
        assert (int(popular[1]), counts[int(popular[2])]) == (counts.max(), counts.max())


@few
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(1, 7))
def test_a_head_is_said_to_look_where_its_mean_weight_is_largest(seed, seq, src):
    weights = softmax_rows(seed, seq, src)
    values = weights.double().numpy()
    means = {f"'k{j}'": values[:, j].mean() for j in range(src)}
    if seq == src:
        means["its own position"] = np.mean([values[i, i] for i in range(seq)])
        if seq > 1:
            means["the position before"] = np.mean([values[i, i - 1] for i in range(1, seq)])
            means["the position after"] = np.mean([values[i, i + 1] for i in range(seq - 1)])
    said = one_head(weights, labels("k", src))
    if "alike" in said:
        assert np.ptp(values) < 0.005
        return
    manner, place, mean = re.match(r"(.*?) (?:at|on) (.*) \(mean weight (.*)\)", said).groups()
    assert float(mean) == pytest.approx(means[place], abs=0.0051)
    assert means[place] >= max(means.values()) - 0.01
    assert manner == ("looks mostly" if means[place] >= 0.5 else "spreads out, most")


def test_a_grid_says_a_clause_for_each_head():
    before = torch.eye(4).roll(-1, dims=1)
    heads = torch.stack([torch.eye(4), before, torch.full((4, 4), 0.25), torch.eye(4)[[2] * 4]])
    said = describe(head_grid(heads, list("abcd"), list("abcd"), "Four habits", names=list("wxyz")))
    assert said == (
        "Four habits. Heat maps of attention weights, one for each of 4 heads, 4 queries by 4 keys "
        "each: w looks mostly at its own position (mean weight 1.00); x looks mostly at the "
        "position before (mean weight 1.00); y looks at all keys alike (0.25 each); z looks mostly "
        "at 'c' (mean weight 1.00)."
    )


def maps_of(fig):
    return [ax for ax in fig.axes if ax.images]


def test_a_grid_draws_every_head_in_its_place_with_one_scale():
    weights = softmax_rows(0, 3, 5, 4)
    fig = head_grid(weights, list("abcde"), list("vwxy"), "Three heads")
    maps = maps_of(fig)
    assert [ax.get_title(loc="left") for ax in maps] == ["head 0", "head 1", "head 2"]
    for ax, head in zip(maps, weights, strict=True):
        assert torch.equal(torch.tensor(ax.images[0].get_array().tolist()), head)
        assert ax.images[0].get_clim() == (0, 1)
    corners = [(ax.get_position().x0, ax.get_position().y0) for ax in maps]
    assert corners[0][0] == pytest.approx(corners[2][0]) and corners[0][0] < corners[1][0]
    assert corners[0][1] == pytest.approx(corners[1][1]) and corners[0][1] > corners[2][1]


def test_a_grid_labels_its_outer_maps_and_no_more_tokens_than_can_be_read():
    weights = softmax_rows(0, 4, 20, 20, causal=True)
    long = [f"internationalization{i}" for i in range(20)]
    maps = maps_of(head_grid(weights, long, labels("k", 20), "Twenty tokens"))
    shown = [[t.get_text() for t in ax.get_yticklabels()] for ax in maps]
    assert shown[0] == shown[2] and not shown[1] and not shown[3]
    assert 5 <= len(shown[0]) <= 9 and all(len(text) <= 9 for text in shown[0])
    above = [[t.get_text() for t in ax.get_xticklabels()] for ax in maps]
    assert above[0] == above[1] == [f"k{i}" for i in maps[0].get_xticks()] and not above[2]


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        (torch.zeros(2, 2), {}, r"shape \(2, 2\); expected \(heads, queries, keys\)"),
        (torch.zeros(1, 3, 2, 2), {}, r"shape \(1, 3, 2, 2\).*weights\[0\]"),
        (torch.zeros(3, 2, 3), {}, r"shape \(3, 2, 3\).*3 heads, 2 row labels and 2 column"),
        (torch.zeros(3, 2, 2), {"names": ["one"]}, r"\(3, 2, 2\), but there are 1 heads"),
        (torch.zeros(3, 2, 2), {"across": 0}, "across is 0"),
        (torch.full((1, 2, 2), -3.0), {}, "apply softmax first"),
        (torch.full((1, 2, 2), torch.nan), {}, "NaN.*masked"),
        (torch.zeros(0, 2, 2), {}, "nothing to draw"),
    ],
)
@pytest.mark.usefixtures("as_a_reader_runs_it")
def test_a_grid_that_cannot_be_drawn_is_refused(weights, options, message):
    with pytest.raises(ValueError, match=message):
        head_grid(weights, ["a", "b"], ["a", "b"], "No", **options)


def test_a_heat_map_of_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        heatmap(torch.tensor([[0.5, torch.nan]]), ["q"], ["a", "b"], "No")
