"""Every exercise's check: stub, solution and wrong answers, each with the verdict it deserves."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from wrong_answers import WRONG_ANSWERS

from glassbox.exercises import check, judge
from glassbox.exercises.engine import Wrong, compare

ROOT = Path(__file__).resolve().parents[2]


def notebook_cells() -> dict[str, str]:
    """The source of every cell of an exercise, by id."""
    cells = {}
    for path in sorted((ROOT / "chapters").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.id.startswith("ex-"):
                assert cell.id not in cells, f"two exercises are called {cell.id}"
                cells[cell.id] = cell.source
    return cells


CELLS = notebook_cells()
NAMES = [name[3:-5] for name in CELLS if name.endswith("-stub")]


def run(source: str):
    """Return the function that a piece of code defines."""
    space: dict = {"torch": torch}
    exec(source, space)
    return space[re.search(r"^def (\w+)", source, flags=re.M)[1]]


def solution(name: str) -> str:
    """Return the code inside an exercise's folded solution."""
    folded = CELLS[f"ex-{name}-help"].split('<details class="solution">')[1]
    return re.search(r"```python\n(.*?)```", folded, flags=re.S)[1]


def test_every_exercise_is_tried():
    assert NAMES
    assert sorted(NAMES) == sorted(WRONG_ANSWERS)


@pytest.mark.parametrize("name", NAMES)
def test_the_check_cell_runs_the_check_of_its_exercise(name):
    function = re.search(r"^def (\w+)", CELLS[f"ex-{name}-stub"], flags=re.M)[1]
    assert CELLS[f"ex-{name}-check"] == f'exercises.check("{name}", {function})'


@pytest.mark.parametrize("name", NAMES)
def test_a_stub_is_not_attempted(name):
    assert judge(name, run(CELLS[f"ex-{name}-stub"])).status == "not attempted"


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_passes(name):
    verdict = judge(name, run(solution(name)))
    assert verdict.status == "passed", verdict.message


@pytest.mark.parametrize("name", NAMES)
def test_there_are_at_least_four_wrong_answers_with_their_causes(name):
    named = [cause for _, cause in WRONG_ANSWERS[name]]
    assert len(named) >= 4
    assert len(set(named)) >= 4


@pytest.mark.parametrize(
    ("name", "answer", "cause"),
    [
        pytest.param(name, answer, cause, id=f"{name}-{index}")
        for name, answers in WRONG_ANSWERS.items()
        for index, (answer, cause) in enumerate(answers)
    ],
)
def test_a_wrong_answer_is_told_its_cause(name, answer, cause):
    verdict = judge(name, answer)
    assert verdict.status == "wrong"
    assert cause in verdict.message


def spoiled(result):
    """The same kind of answer, and wrong."""
    if isinstance(result, tuple):
        return tuple(map(spoiled, result))
    if isinstance(result, torch.nn.Linear):
        torch.nn.init.ones_(result.weight)
        return result
    return (not result) if isinstance(result, bool) else result + torch.rand(result.shape)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_is_right_the_first_time_only_is_wrong(name):
    right, calls = run(solution(name)), []

    def answer(*args):
        calls.append(args)
        return right(*args) if len(calls) == 1 else spoiled(right(*args))

    assert judge(name, answer).status == "wrong"
    assert len(calls) > 1


@pytest.mark.parametrize("name", NAMES)
def test_a_check_leaves_the_readers_random_numbers_alone(name):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    judge(name, run(solution(name)))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_without_return_is_told_so_or_what_was_expected(name):
    verdict = judge(name, lambda *args: None)
    assert verdict.status == "wrong"
    assert re.search("return|expected|sum|values", verdict.message)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_raises_is_wrong_and_says_what_was_raised(name):
    verdict = judge(name, lambda *args: 1 / 0)
    assert verdict.status == "wrong"
    assert "ZeroDivisionError" in verdict.message


def test_an_unknown_exercise_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ValueError, match="context-of"):
        judge("no-such-exercise", print)


def test_a_wrong_value_is_shown_where_it_is_furthest_off():
    with pytest.raises(Wrong, match=r"The largest gap is at 9\.0000, where 4\.0000 was expected"):
        compare(torch.tensor([1.0, 2.1, 9.0]), torch.tensor([1.0, 2.0, 4.0]), "the answer")


@pytest.mark.parametrize(
    ("answer", "opening"),
    [
        (lambda x, i: torch.softmax(x @ x[i], 0) @ x, "Passed – your answer"),
        (lambda x, i: x.mean(0), "Not yet – the context vector: "),
        (run("def f(x, i):\n    raise NotImplementedError"), "Not attempted yet – "),
    ],
)
def test_the_reader_sees_one_line(capsys, answer, opening):
    check("context-of", answer)
    printed = capsys.readouterr().out
    assert printed.startswith(opening)
    assert printed.count("\n") == 1
