"""The list of faults fits the package, and the runner reports honestly what the tests notice.

The list itself is worked through by `make mutants`, which takes minutes.
"""

import json

import pytest

from bookkit.mutant_trial import HUNG, Verdict
from bookkit.mutants import LEAST_SHARE, Fault, Workshop, main, row

SHOP = Workshop()
FAULTS = SHOP.faults()
ROOMS = ("attention", "masks", "positions", "recurrent")
ROOMS += ("tokenizers", "corpora", "training", "generation", "pretrained", "costs")
MODELS = ("norms", "feedforward", "block", "assembly", "transformer", "config", "losses", "gpt")
MODELS += ("pooling", "encoder", "classifier", "encoder_decoder")
MODELS += ("blank", "initialization", "distributed", "recipes")


def test_there_are_many_faults_and_each_has_a_name_of_its_own():
    names = {fault.name for fault in FAULTS}
    assert len(FAULTS) >= 60 and len(names) == len(FAULTS)
    assert len({(fault.file, fault.old, fault.new) for fault in FAULTS}) == len(FAULTS)
    assert max(map(len, names)) <= 66, "the table has no room for a longer name"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted_and_the_file_still_compiles(fault):
    sound = (SHOP.home / fault.file).read_text(encoding="utf-8")
    compile(fault.plant(sound), fault.file, "exec")
    assert fault.tests and fault.survives != ""
    for name in fault.tests:
        assert (SHOP.root / "tests/package" / name).is_file(), f"there are no tests {name}"


def test_every_file_of_the_models_and_of_the_rooms_around_them_has_a_fault():
    files = {path for room in ROOMS for path in (SHOP.home / room).glob("*.py")}
    files |= {SHOP.home / f"{name}.py" for name in MODELS}
    expected = {f.relative_to(SHOP.home).as_posix() for f in files if f.name != "__init__.py"}
    assert expected <= {fault.file for fault in FAULTS}


def test_so_few_faults_are_listed_as_survivors_that_the_share_can_be_reached():
    assert sum(fault.survives is not None for fault in FAULTS) <= (1 - LEAST_SHARE) * len(FAULTS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("b", "c", "occurs 0 times"), ("a", "c", "occurs 2 times"), ("aa", "aa", "no fault")],
)
def test_an_entry_that_plants_nothing_is_refused(old, new, message):
    with pytest.raises(ValueError, match=message):
        Fault("x", "x.py", old, new, ("test_x.py",)).plant("aa")


@pytest.mark.parametrize(
    ("failed", "survives", "amiss"),
    [
        ("test_x.py::test_y", None, None),
        (None, "no reader can tell", None),
        (HUNG, None, None),
        (None, None, "SURVIVED"),
        ("test_x.py::test_y", "no reader can tell", "CAUGHT"),
    ],
)
def test_what_was_expected_is_told_from_what_was_not(failed, survives, amiss):
    fault = Fault("x", "x.py", "a", "b", ("test_x.py",), survives)
    found = fault.amiss(Verdict(failed, 1.0))
    assert (found or "").startswith(amiss or "") and bool(found) == bool(amiss)


def test_a_row_of_the_table_names_the_whole_test():
    fault = Fault("x", "x.py", "a", "b", ("test_x.py",))
    assert row(fault, Verdict("tests/package/test_x.py::test_y[a/b]", 1.0)).endswith(
        "caught by test_x.py::test_y[a/b]"
    )


PACKAGE = """
def double(x):
    return 2 * x

def name(x):
    return "two times " + str(x)
"""
NEAR = """
from tiny import numbers

def test_double():
    assert numbers.double(3) == 6
"""
FAR = """
from tiny import numbers

def test_name():
    assert numbers.name(3).endswith("3")
"""
FORGOTTEN_FACTOR = {"name": "the factor is forgotten", "old": "2 * x", "new": "x"}
LOST_NUMBER = {"name": "the number is lost", "old": "str(x)", "new": '""'}
OTHER_WORDS = {"name": "other words", "old": "two times ", "new": "twice "}
ENDLESS = {"name": "it never ends", "old": "return 2 * x", "new": "while True: pass"}


@pytest.fixture
def tiny(tmp_path):
    """A package with one module, and tests that overlook the words of `name`."""
    (tmp_path / "code/tiny").mkdir(parents=True)
    (tmp_path / "code/tiny/__init__.py").write_text("")
    (tmp_path / "code/tiny/numbers.py").write_text(PACKAGE)
    (tmp_path / "tests/package").mkdir(parents=True)
    (tmp_path / "tests/package/test_near.py").write_text(NEAR)
    (tmp_path / "tests/package/test_far.py").write_text(FAR)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return Workshop(tmp_path, "tiny", heavy=("hypothesis.strategies", "pytest"))


def listed(shop, *entries):
    """Write the list of faults."""
    common = {"file": "numbers.py", "tests": ["test_near.py"]}
    (shop.root / "tests/mutants.yml").write_text(json.dumps([common | entry for entry in entries]))


def test_the_runner_notices_a_fault_and_reports_a_survivor(tiny, capsys):
    listed(tiny, FORGOTTEN_FACTOR, LOST_NUMBER, OTHER_WORDS)
    assert main(shop=tiny) == 1
    printed = capsys.readouterr().out
    first, second, third, *_ = printed.splitlines()
    assert first.endswith("caught by test_near.py::test_double")
    assert second.endswith("caught by test_far.py::test_name"), "the other tests run as well"
    assert third.endswith("SURVIVED: a test is missing")
    assert "2 of 3 faults noticed (66.7%)" in printed
    assert "survivor: other words: no reason is given" in printed


def test_a_survivor_with_a_reason_passes_and_only_as_long_as_it_survives(tiny, capsys):
    listed(tiny, OTHER_WORDS | {"survives": "words are free"})
    assert main(only="other", shop=tiny) == 0
    assert "survivor: other words: words are free" in capsys.readouterr().out
    assert main(shop=tiny) == 1, "of the whole list, 95 % have to be caught"
    listed(tiny, FORGOTTEN_FACTOR | {"survives": "nobody counts"})
    assert main(shop=tiny) == 1
    assert "CAUGHT, but listed as a survivor" in capsys.readouterr().out


def test_tests_that_fail_without_a_fault_prove_nothing(tiny, capsys):
    listed(tiny, FORGOTTEN_FACTOR)
    (tiny.root / "tests/package/test_near.py").write_text(NEAR.replace("== 6", "== 7"))
    assert main(shop=tiny) == 1
    printed = capsys.readouterr().out
    assert "prove nothing" in printed and "test_double" in printed and "caught" not in printed
    (tiny.root / "tests/package/test_near.py").write_text("from tiny import numbers\ndef test(): 1")
    (tiny.root / "tests/package/test_far.py").write_text(FAR.replace('"3"', '"4"'))
    assert main(shop=tiny) == 1
    printed = capsys.readouterr().out
    assert "prove nothing" in printed and printed.rstrip().endswith("test_far.py::test_name")


def test_tests_that_hang_have_noticed(tiny, monkeypatch):
    listed(tiny, ENDLESS)
    monkeypatch.setattr("bookkit.mutant_trial.PATIENCE", 2)
    assert tiny.examine(*tiny.faults()).failed == HUNG


def test_tests_of_another_copy_are_no_verdict(tiny, tmp_path):
    elsewhere = "import sys, types\nsys.modules['tiny'] = types.ModuleType('tiny')\n"
    (tiny.root / "tests/package/test_near.py").write_text(elsewhere + "def test(): pass\n")
    with pytest.raises(RuntimeError, match="tiny is None, not"):
        tiny.run(["test_near.py"])


def test_no_tests_are_no_verdict(tiny):
    (tiny.root / "tests/package/test_near.py").write_text("import tiny\n")
    with pytest.raises(RuntimeError, match="exit code 5"):
        tiny.run(["test_near.py"])


def test_the_package_itself_stays_as_it_is(tiny):
    listed(tiny, FORGOTTEN_FACTOR)
    assert tiny.run(["test_near.py"], *tiny.faults()).failed
    assert (tiny.home / "numbers.py").read_text() == PACKAGE
    assert not tiny.run(["test_near.py"]).failed
    with pytest.raises(SystemExit, match="No fault"):
        main(only="no such name", shop=tiny)
