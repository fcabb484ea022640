"""What `show` prints."""

import pytest
import torch

from glassbox.inspection import show


def test_a_vector_is_one_row_under_its_labels(capsys):
    show("scores", torch.tensor([0.5, -1.25]), columns=["a", "token"])
    assert capsys.readouterr().out == "scores  shape (2,)\n        a    token\n   0.5000  -1.2500\n"


def test_a_scalar_shows_its_empty_shape(capsys):
    show("loss", torch.tensor(0.25))
    assert capsys.readouterr().out == "loss  shape ()\n  0.2500\n"


def test_a_batch_is_a_matrix_at_a_time(capsys):
    show("x", torch.ones(2, 1, 2), rows=["a"], decimals=1)
    lines = ["x  shape (2, 1, 2)", "  [0]", "  a  1.0  1.0", "  [1]", "  a  1.0  1.0"]
    assert capsys.readouterr().out.splitlines() == lines


def test_integers_and_booleans_have_no_decimals(capsys):
    show("mask", torch.tensor([[True, False]]))
    show("ids", torch.tensor([7, 42]))
    lines = ["mask  shape (1, 2)", "   True  False", "ids  shape (2,)", "   7  42"]
    assert capsys.readouterr().out.splitlines() == lines


def test_no_zero_is_negative(capsys):
    show("x", torch.tensor([-0.0, -0.00001, -0.0001]))
    assert capsys.readouterr().out.splitlines()[1].split() == ["0.0000", "0.0000", "-0.0001"]


def test_parameters_can_be_shown(capsys):
    show("w", torch.nn.Parameter(torch.zeros(1)))
    assert "0.0000" in capsys.readouterr().out


def test_four_axes_are_refused_with_a_way_out_before_anything_is_printed(capsys):
    with pytest.raises(ValueError, match=r"at most three axes.*tensor\[0\]"):
        show("x", torch.zeros(1, 1, 1, 1))
    assert capsys.readouterr().out == ""


def test_a_batch_repeats_its_labels(capsys):
    show("x", torch.zeros(2, 1, 2), rows=["r"], columns=["a", "b"], decimals=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == lines[5].split() == ["a", "b"]


def test_row_labels_are_flush_left_and_no_line_ends_in_blanks(capsys):
    show("x", torch.zeros(2, 1), rows=["a", "long"], columns=[""])
    lines = capsys.readouterr().out.splitlines()
    assert "  a     0.0000" in lines
    assert lines == [line.rstrip() for line in lines]


def test_an_empty_tensor_has_a_shape_and_no_numbers(capsys):
    show("none", torch.zeros(0, 2), rows=[])
    assert capsys.readouterr().out == "none  shape (0, 2)\n\n"


@pytest.mark.parametrize("labels", [{"rows": ["a"]}, {"columns": ["a", "b"]}])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match="labels for"):
        show("x", torch.zeros(2, 3), **labels)
