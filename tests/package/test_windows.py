"""Windows over a text: how many there are, what they hold, what they cost, how they are loaded."""

import numpy as np
import pytest
import torch
from messages import case, faults, message_of
from torch.utils.data import DataLoader

from glassbox.corpora import Windows

SIZES = [(n, length, s) for n in range(14) for length in (1, 2, 4, 5) for s in (1, 2, 3, 4, 7)]


def text(n):
    """Ids that no two places share, so that a window shows where it was cut."""
    return [100 + i for i in range(n)]


def by_hand(ids, length, stride):
    """The windows as the definition says, one after another."""
    starts = range(0, max(0, len(ids) - length), stride)
    return [(ids[i : i + length], ids[i + 1 : i + 1 + length]) for i in starts]


@pytest.mark.parametrize(
    ("n", "length", "stride", "count"),
    [(10, 4, 1, 6), (10, 4, 2, 3), (10, 4, 4, 2), (9, 4, 4, 2), (13, 4, 4, 3), (4, 4, 1, 0)],
)
def test_the_number_of_windows_is_that_of_the_formula(n, length, stride, count):
    assert len(Windows(text(n), length, stride)) == count == max(0, -(-(n - length) // stride))


def test_every_window_is_cut_where_the_definition_says():
    for n, length, stride in SIZES:
        windows = Windows(text(n), length, stride)
        found = [(inputs.tolist(), targets.tolist()) for inputs, targets in windows]
        assert found == by_hand(text(n), length, stride), (n, length, stride)


def test_a_window_starts_at_every_id_unless_a_stride_is_given():
    ids = text(12)
    assert [inputs[0].item() for inputs, _ in Windows(ids, 3)] == ids[:9]


def test_windows_side_by_side_leave_out_the_targets_of_an_incomplete_last_one():
    targets = [t for _, row in Windows(text(10), 4, 4) for t in row.tolist()]
    assert len(targets) == len(set(targets)) == 8
    assert set(text(10)[1:]) - set(targets) == {109}


def test_items_are_views_of_one_text():
    ids = torch.tensor(text(50))
    windows = Windows(ids, 8, 3)
    for inputs, targets in windows:
        assert inputs.is_contiguous() and targets.is_contiguous()
        for row in (inputs, targets):
            assert row.untyped_storage().data_ptr() == ids.untyped_storage().data_ptr()


@pytest.mark.parametrize(
    "given",
    [
        tuple(text(9)),
        torch.tensor(text(9)),
        torch.tensor(text(9), dtype=torch.int32),
        torch.tensor(text(18)).view(2, 9).t().flip(1)[:, 1],
        range(100, 109),
    ],
    ids=["tuple", "tensor", "int32", "every-other-number", "range"],
)
def test_ids_may_come_in_any_form(given):
    windows = Windows(given, 4, 2)
    found = [(inputs.tolist(), targets.tolist()) for inputs, targets in windows]
    assert found == by_hand(text(9), 4, 2)
    assert windows[0][0].dtype == torch.int64 and windows[0][0].is_contiguous()


@pytest.mark.parametrize("n", [0, 1, 4])
def test_a_text_without_a_single_window_is_an_empty_dataset(n):
    windows = Windows(text(n), 4)
    assert len(windows) == 0 and list(windows) == [] and windows.__getitems__([]) == []


def same(left, right):
    return len(left) == len(right) and all(
        torch.equal(a, b)
        for pair, other in zip(left, right, strict=True)
        for a, b in zip(pair, other, strict=True)
    )


@pytest.mark.parametrize("kind", [list, torch.tensor, tuple, iter])
def test_many_windows_at_once_are_the_same_as_one_by_one(kind):
    windows = Windows(text(40), 5, 3)
    numbers = [3, 0, 11, 3, -1]
    many = windows.__getitems__(kind(numbers))
    assert same(many, [windows[n] for n in numbers])
    assert all(row.is_contiguous() for pair in many for row in pair)


def test_windows_count_from_the_end_like_a_list():
    windows = Windows(text(12), 4, 1)
    for n in range(1, len(windows) + 1):
        assert same([windows[-n]], [windows[len(windows) - n]])


def test_numbers_of_other_types_are_numbers():
    windows = Windows(text(12), 4, 1)
    assert same([windows[torch.tensor(2)], windows[np.int64(2)]], [windows[2]] * 2)


@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_data_loader_hands_out_every_window_once(shuffle, drop_last):
    windows = Windows(text(40), 6, 2)
    loader = DataLoader(
        windows,
        batch_size=4,
        shuffle=shuffle,
        drop_last=drop_last,
        generator=torch.Generator().manual_seed(3),
    )
    batches = list(loader)
    assert [len(inputs) for inputs, _ in batches] == [4] * 4 + [1] * (not drop_last)
    for inputs, targets in batches:
        assert inputs.shape == targets.shape and inputs.shape[1] == 6
        assert torch.equal(inputs[:, 1:], targets[:, :-1])
        assert targets.view(-1).dtype == torch.int64
    starts = [start for inputs, _ in batches for start in inputs[:, 0].tolist()]
    assert len(starts) == len(set(starts)) and set(starts) <= set(text(40)[:34:2])
    assert (starts == sorted(starts)) == (not shuffle)


def test_a_data_loader_asks_for_a_whole_batch(monkeypatch):
    windows = Windows(text(40), 6, 2)
    expected = torch.stack([windows[i][1] for i in range(4)])

    def one(self, index):
        raise AssertionError("a batch was fetched one by one")

    monkeypatch.setattr(Windows, "__getitem__", one)
    inputs, targets = next(iter(DataLoader(windows, batch_size=4)))
    assert torch.equal(targets, expected) and inputs.shape == (4, 6)


def test_a_batch_can_be_changed_without_changing_the_text():
    ids = torch.tensor(text(20))
    inputs, _ = next(iter(DataLoader(Windows(ids, 4), batch_size=3)))
    inputs.zero_()
    assert ids.tolist() == text(20)


WINDOWS = Windows(text(10), 4)
WRONG = [
    case("text", lambda: Windows("to be", 2), TypeError, "ids is text", "tokenizer.encode"),
    case("nothing", lambda: Windows(None, 2), TypeError, "ids is None", "expected token ids"),
    case("one-number", lambda: Windows(3, 2), TypeError, "ids is 3", "expected token ids"),
    case("words", lambda: Windows(["to", "be"], 1), TypeError, "list of other things", "tokenizer"),
    case("uneven", lambda: Windows([[1, 2], [3]], 1), TypeError, "list of other things"),
    case("fractions", lambda: Windows([0.5, 1.5], 1), TypeError, "torch.float32", "ids.long()"),
    case("vectors", lambda: Windows(torch.zeros(5), 1), TypeError, "torch.float32", "token ids"),
    case("switches", lambda: Windows([True, False], 1), TypeError, "torch.bool"),
    case("many-texts", lambda: Windows([[1, 2], [3, 4]], 1), ValueError,
         "shape (2, 2)", "for several, make Windows of each"),
    case("no-length", lambda: Windows([1, 2], 0), ValueError, "context_length is 0"),
    case("half-a-length", lambda: Windows([1, 2], 0.5), TypeError, "context_length is 0.5"),
    case("no-stride", lambda: Windows([1, 2], 1, 0), ValueError, "stride is 0"),
    case("backward", lambda: Windows([1, 2], 1, stride=-1), ValueError, "stride is -1"),
    case("beyond", lambda: WINDOWS[6], IndexError, "index is 6", "6 windows", "0 to 5"),
    case("before", lambda: WINDOWS[-7], IndexError, "index is -7", "0 to 5"),
    case("beyond-in-a-batch", lambda: WINDOWS.__getitems__([0, 6]), IndexError, "index is 6"),
    case("empty", lambda: Windows([1, 2, 3], 4)[0], IndexError,
         "index is 0", "more than 4 ids", "longer text"),
    case("slice", lambda: WINDOWS[0:2], TypeError, "type slice", "for i in numbers"),
    case("by-name", lambda: WINDOWS["first"], TypeError, "type str", "number of one window"),
    case("by-share", lambda: WINDOWS[0.5], TypeError, "type float"),
]  # fmt: skip


@pytest.mark.usefixtures("as_a_reader_runs_it")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_call_is_refused_and_the_message_helps(wrong):
    message = message_of(wrong)
    assert all(part in message for part in wrong.parts), message
    assert faults(message) == []
