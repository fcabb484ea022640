"""A folder of hand-ins comes out as clean notebooks, or as reasons that a student understands."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from copy import deepcopy

import messy_notebooks as messy
import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from messy_notebooks import ANSWERS, RELEASES, add, answered, at, get, sources, without_labels

from bookkit.handins import collect as collecting
from bookkit.handins.collect import collect


def write(folder, files):
    """Write files into a folder: dicts as JSON, texts and bytes as they are."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def only(folder, files):
    """Collect files of which one must be graded and none refused."""
    write(folder, files)
    (one,), refused = collect(folder, RELEASES)
    assert not refused
    nbformat.validate(one.notebook)
    return one


def recovered(folder, made):
    """Collect one hand-in by Ada."""
    return only(folder, {"Ada/attention.ipynb": made})


def reason(folder, content, name="Ada/attention.ipynb"):
    """Return why a file is refused; Ada must be named."""
    write(folder, {name: content})
    graded, (bad,) = collect(folder, RELEASES)
    assert not graded and bad.student == "Ada"
    return bad.reason


def unlocked(rebuilt):
    """Return the cells of a rebuilt notebook that the release does not lock, by their texts."""
    return [
        c.source
        for c in rebuilt.cells
        if c.metadata.get("nbgrader", {}).get("solution") or not c.metadata
    ]


def renumbered(made):
    for number, one in enumerate(made["cells"]):
        one["id"], one["metadata"] = f"cell-{number}", {}
    return made


def swapped(made):
    """Give each answer the labels of another one."""
    names = list(ANSWERS)
    cells = [get(made, name) for name in names]
    labels = [(one["id"], one["metadata"]) for one in cells]
    for one, (name, metadata) in zip(cells, labels[1:] + labels[:1], strict=True):
        one["id"], one["metadata"] = name, metadata
    return made


def all_labelled_alike(made):
    for one in made["cells"]:
        one["id"], one["metadata"] = "scores-answer", get(answered(), "scores-answer")["metadata"]
    return made


def copied_unchanged(made):
    add(made, "pair", messy.ATTENTION)
    return made


def stub_kept(made):
    stub = RELEASES["attention"].cells[at(answered(), "attention-answer")].source
    get(made, "attention-answer")["source"] = stub
    add(made, "pair", messy.ATTENTION)
    return made


def reordered(made):
    made["cells"].reverse()
    return made


def windows(made):
    for one in made["cells"]:
        one["source"] = "\ufeff" + one["source"].replace("\n", "\r\n")
    return made


def cell_type_changed(made):
    one = get(made, "attention-answer")
    one["cell_type"] = "markdown"
    return made


def words_as_code(made):
    get(made, "why-scale-answer")["cell_type"] = "raw"
    return made


def texts_edited(made):
    for name in ("intro", "scores", "why-scale"):
        get(made, name)["source"] += "\n\nI wrote notes here."
    return made


def words_in_a_cell_of_their_own(made):
    get(made, "why-scale-answer")["source"] = messy.PLACEHOLDER
    add(made, "end", messy.WHY, "markdown")
    return made


def pair_in_two_cells(made):
    first, second = messy.PAIR.split("\n\n\n")
    get(made, "pair-answer")["source"] = second
    add(made, "pair-answer", first)
    return made


def nothing_but_functions(made):
    made["cells"] = [one for one in made["cells"] if one["id"] in ANSWERS]
    return made


MESSES = [
    lambda made: made,
    without_labels,
    messy.from_colab,
    renumbered,
    swapped,
    all_labelled_alike,
    copied_unchanged,
    stub_kept,
    reordered,
    windows,
    cell_type_changed,
    words_as_code,
    texts_edited,
    words_in_a_cell_of_their_own,
    pair_in_two_cells,
    nothing_but_functions,
]


@pytest.mark.parametrize("mess", MESSES, ids=lambda mess: mess.__name__)
def test_all_answers_are_found_in_a_messy_notebook(tmp_path, mess):
    one = recovered(tmp_path, mess(answered()))
    assert sources(one.notebook) == ANSWERS
    assert one.student == "Ada" and one.assignment == "attention"


STRIPPABLE = [m for m in MESSES if m not in (reordered, words_as_code, nothing_but_functions)]


@pytest.mark.parametrize("mess", STRIPPABLE, ids=lambda mess: mess.__name__)
def test_answers_are_found_without_any_label(tmp_path, mess):
    one = recovered(tmp_path, without_labels(mess(answered())))
    assert sources(one.notebook) == ANSWERS


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_labels_never_decide_against_the_content(tmp_path_factory, data):
    made = answered()
    add(made, "attention", "def helper(x):\n    return x + 1")
    ids = [one["id"] for one in made["cells"]] + ["", "new-1", "new-2"]
    metadata = [deepcopy(one["metadata"]) for one in made["cells"]] + [{}]
    for one in made["cells"]:
        one["id"] = data.draw(st.sampled_from(ids))
        one["metadata"] = deepcopy(data.draw(st.sampled_from(metadata)))
    one = recovered(tmp_path_factory.mktemp("hand-ins"), made)
    assert sources(one.notebook) == ANSWERS
    texts = [c.source for c in one.notebook.cells]
    assert texts.count("def helper(x):\n    return x + 1") == 1


@pytest.mark.parametrize("mess", MESSES, ids=lambda mess: mess.__name__)
def test_locked_cells_always_come_from_the_release(tmp_path, mess):
    rebuilt = recovered(tmp_path, mess(answered())).notebook
    locked = [c for c in RELEASES["attention"].cells if not c.metadata.nbgrader.solution]
    ours = [c for c in rebuilt.cells if c.metadata and not c.metadata.nbgrader.solution]
    assert ours == locked


def test_the_release_stays_as_it_is(tmp_path):
    before = deepcopy(RELEASES)
    recovered(tmp_path, answered())
    assert before == RELEASES


def test_edited_and_deleted_tests_are_replaced_and_noted(tmp_path):
    made = answered()
    get(made, "scores-value")["source"] = "assert scores(torch.eye(2), torch.eye(2)).trace() == 3"
    del made["cells"][at(made, "attention-mix")]
    plain_one = recovered(tmp_path / "a", made)
    bare_one = recovered(tmp_path / "b", without_labels(made))
    for one in (plain_one, bare_one):
        tests = [c for c in one.notebook.cells if c.metadata.nbgrader.grade]
        assert [c.id for c in tests][:3] == ["scores-shape", "scores-value", "attention-mix"]
        assert "== 2" in tests[1].source
        notes = "; ".join(one.notes)
        assert "changed: scores-value" in notes and "deleted: attention-mix" in notes


def test_tests_rewritten_in_their_own_cell_are_told_by_its_label(tmp_path):
    made = answered()
    more = "\nfor i in range(3):\n    print(i, scores(i, i + 1).trace(), i + 1)"
    get(made, "scores-value")["source"] += 2 * more
    one = recovered(tmp_path, made)
    assert one.notes == ("changed: scores-value; the original cells were used",)


def test_a_new_import_in_a_locked_cell_is_kept_in_a_cell_of_its_own(tmp_path):
    made = answered()
    get(made, "imports")["source"] += "\nimport numpy as np\nprint(np.pi)"
    for version in (made, without_labels(made)):
        rebuilt = recovered(tmp_path, version).notebook
        texts = [c.source for c in rebuilt.cells]
        assert "import numpy as np" in texts[: texts.index(messy.SCORES)]
        assert RELEASES["attention"].cells[2].source in texts


def test_own_cells_stand_before_the_answer_that_followed_them(tmp_path):
    made = answered()
    add(made, "scores", "first = 1")
    add(made, "attention-answer", "second = 2")
    add(made, "pair", "third = 3")
    made["cells"].append({"cell_type": "code", "metadata": {}, "source": "last = 4", "id": "l"})
    add(made, "pair", "notes of mine", "markdown")
    rebuilt = recovered(tmp_path, made).notebook
    assert unlocked(rebuilt) == [
        *("first = 1", messy.SCORES, "second = 2", messy.ATTENTION),
        *("third = 3", messy.PAIR, messy.WHY, "last = 4"),
    ]
    assert rebuilt.cells[-1].source == "last = 4" and not rebuilt.cells[-1].metadata
    assert len({c.id for c in rebuilt.cells}) == len(rebuilt.cells)


def test_outputs_are_dropped(tmp_path):
    made = answered()
    get(made, "scores-answer")["outputs"] = [{"output_type": "stream", "text": "x" * 100}]
    get(made, "scores-answer")["execution_count"] = 7
    for one in recovered(tmp_path, made).notebook.cells:
        assert not one.get("outputs") and not one.get("execution_count")


@pytest.mark.parametrize(
    "source",
    [
        "%%time\n" + messy.ATTENTION,
        "%load_ext autoreload\n!pip install x\n" + messy.ATTENTION + "\nattention?",
        messy.ATTENTION + "\nprint('forgotten'",
        "files = !ls\n" + messy.ATTENTION,
        "attention = lambda q, k, v: v",
        "%matplotlib inline\nif True:\n    def attention(q, k, v):\n        return v",
        "if True:\n    class attention:\n        pattern = '\\d'",
        "async def attention(q, k, v):\n    return v",
    ],
)
def test_unusual_cells_are_found_by_the_name_that_they_define(tmp_path, source):
    made = without_labels(answered(ANSWERS | {"attention-answer": source}))
    assert sources(recovered(tmp_path, made).notebook)["attention-answer"] == source


def test_a_file_that_a_cell_writes_is_no_answer(tmp_path):
    made = answered()
    add(made, "pair", "%%writefile attention.py\n" + messy.ATTENTION + " * 2")
    assert sources(recovered(tmp_path, without_labels(made)).notebook) == ANSWERS


def test_code_between_fences_in_a_text_cell_is_taken_without_the_fences(tmp_path):
    made = answered(ANSWERS | {"attention-answer": f"```python\n{messy.ATTENTION}\n```"})
    get(made, "attention-answer")["cell_type"] = "markdown"
    one = recovered(tmp_path, made)
    assert sources(one.notebook) == ANSWERS and "no code cell" in "; ".join(one.notes)


def test_a_missing_answer_is_noted_and_keeps_its_stub(tmp_path):
    made = answered()
    del made["cells"][at(made, "attention-answer")]
    one = recovered(tmp_path, made)
    assert "no cell defines `attention`; counted as not answered" in one.notes
    assert "NotImplementedError" in sources(one.notebook)["attention-answer"]


def test_a_missing_function_of_two_is_noted(tmp_path):
    one = recovered(tmp_path, answered(ANSWERS | {"pair-answer": "def merge(x):\n    return x"}))
    assert "no cell defines `split`" in one.notes
    assert sources(one.notebook)["pair-answer"].startswith("def merge")


def test_a_renamed_function_is_still_the_answer_of_its_cell(tmp_path):
    own = "def my_attention(q, k, v):\n    return v"
    made = answered(ANSWERS | {"attention-answer": own})
    for version in (made, messy.from_colab(made)):
        one = recovered(tmp_path, version)
        assert sources(one.notebook)["attention-answer"] == own
        assert "no cell defines `attention`" in one.notes


def test_the_set_of_a_single_renamed_function_is_told_by_its_label(tmp_path):
    made = answered({"rotate-answer": "def turn(x):\n    return x"}, "blocks")
    made["cells"] = [get(made, "rotate-answer")]
    assert recovered(tmp_path, made).assignment == "blocks"


def test_an_answer_written_above_its_tests_is_found(tmp_path):
    made = answered()
    get(made, "scores-answer")["source"] = RELEASES["attention"].cells[4].source
    both = messy.SCORES + "\n\n" + get(made, "scores-value")["source"]
    get(made, "scores-value")["source"] = both
    one = recovered(tmp_path, made)
    assert sources(one.notebook)["scores-answer"] == both
    assert "deleted: scores-value" in "; ".join(one.notes)


def test_words_written_into_the_question_are_taken(tmp_path):
    made = answered(ANSWERS | {"why-scale-answer": messy.PLACEHOLDER})
    get(made, "why-scale")["source"] += "\n\n" + messy.WHY
    one = recovered(tmp_path, made)
    assert sources(one.notebook) == ANSWERS and "question's own cell" in "; ".join(one.notes)


def test_words_in_several_cells_are_joined(tmp_path):
    made = answered()
    add(made, "end", "And softmax saturates.", "markdown")
    want = messy.WHY + "\n\nAnd softmax saturates."
    assert sources(recovered(tmp_path, made).notebook)["why-scale-answer"] == want


def test_an_untouched_notebook_is_accepted_and_noted(tmp_path):
    one = recovered(tmp_path, answered({}))
    assert one.notes == ("nothing in it was answered",)
    assert one.notebook == RELEASES["attention"]


def test_an_earlier_answer_copied_into_a_later_one_settles_nothing(tmp_path):
    both = "def scores(q, k):\n    return k\n\n\n" + messy.ATTENTION
    made = without_labels(answered(ANSWERS | {"attention-answer": both}))
    got = sources(recovered(tmp_path, made).notebook)
    assert got["scores-answer"] == messy.SCORES and got["attention-answer"] == both


def test_two_different_cells_for_one_answer_are_refused_by_name(tmp_path):
    made = answered()
    copy = deepcopy(get(made, "attention-answer"))  # copying a cell copies its metadata
    copy["id"], copy["source"] = "new", messy.ATTENTION.replace("softmax", "sigmoid")
    made["cells"].insert(at(made, "pair"), copy)
    for version in (made, without_labels(made)):
        said = reason(tmp_path, version)
        assert "two different cells define `attention` (cells 9 and 11)" in said
        assert "Delete one" in said


def test_the_questions_own_cell_counts_against_an_unlabelled_one(tmp_path):
    made = answered()
    add(made, "pair", "def attention(q, k, v):\n    return v  # an experiment")
    one = recovered(tmp_path, made)
    assert sources(one.notebook) == ANSWERS
    texts = [c.source for c in one.notebook.cells]
    assert texts.index(messy.ATTENTION) > [("experiment" in t) for t in texts].index(True)
    assert any("cell 9 counted" in note for note in one.notes)


BROKEN = {
    "empty": (b"", "empty"),
    "page": (b"\n<!DOCTYPE html><html>Sign in</html>", "web page"),
    "pdf": (b"%PDF-1.7 ...", "PDF"),
    "cut": (json.dumps(answered())[:900], "not JSON"),
    "list": ("[1, 2]", "no notebook"),
    "other JSON": ('{"a": 1}', "no notebook"),
    "drive": ('{"url": "https://docs.example", "doc_id": "1"}', "Google Drive"),
    "old": ('{"nbformat": 3, "worksheets": [{"cells": []}]}', "old format 3"),
    "newer": ('{"nbformat": 5, "cells": []}', "format 5"),
    "latin": ('{"cells": "é"}'.encode("latin-1"), "UTF-8"),
    "deep": (b"[" * 100_000, "not JSON"),
    "long number": (b'{"nbformat": ' + b"9" * 5000 + b"}", "not JSON"),
    "no cells": ('{"nbformat": 4, "cells": []}', "problem set attention or blocks"),
    "strange": ({"nbformat": 4, "cells": [1, {"source": 5, "metadata": []}]}, "problem set"),
    "setup only": (
        answered() | {"cells": answered()["cells"][1:2]},
        "this is not a notebook of problem set attention or blocks",
    ),
}


@pytest.mark.parametrize(("content", "found"), BROKEN.values(), ids=BROKEN)
def test_broken_files_are_refused_with_what_was_found(tmp_path, content, found):
    assert found in reason(tmp_path, content)


def test_tests_without_any_answer_are_refused(tmp_path):
    made = answered()
    made["cells"] = [one for one in made["cells"] if one["id"] not in ANSWERS]
    assert "no answer cell was found" in reason(tmp_path, made)


def test_a_notebook_with_two_byte_characters_or_a_mark_is_read(tmp_path):
    text = json.dumps(answered(), ensure_ascii=False)
    for encoding in ("utf-8-sig", "utf-16"):
        one = only(tmp_path, {"Ada/attention.ipynb": text.encode(encoding)})
        assert sources(one.notebook) == ANSWERS


def test_half_a_character_can_still_be_written(tmp_path):
    made = answered(ANSWERS | {"why-scale-answer": "half \ud83d"})
    one = recovered(tmp_path, made)
    nbformat.write(one.notebook, tmp_path / "written.ipynb")


@pytest.mark.parametrize("bomb", ["(" * 9000, "-" * 50_000 + "1", "a" + ".b" * 40_000, "\0"])
def test_cells_that_break_parsers_harm_nobody(tmp_path, bomb):
    made = answered()
    add(made, "pair", bomb)
    assert sources(recovered(tmp_path, made).notebook) == ANSWERS


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    write(tmp_path, {"Ada/attention.ipynb": answered()})
    monkeypatch.setattr("bookkit.handins.collect.LARGEST_FILE", 2**10)
    monkeypatch.setattr("pathlib.Path.read_bytes", lambda path: 1 / 0)  # it is not even read
    assert "Clear the outputs" in collect(tmp_path, RELEASES)[1][0].reason


@pytest.mark.parametrize("step", ["read_cells", "rebuild"])
def test_a_surprise_in_one_file_stops_nobody_else(tmp_path, monkeypatch, step):
    good = getattr(collecting, step)

    def surprised(given, *more):
        if "surprise" in str(given):
            raise ZeroDivisionError("so it was")
        return good(given, *more)

    monkeypatch.setattr(collecting, step, surprised)
    bad = answered(ANSWERS | {"scores-answer": messy.SCORES + "  # surprise"})
    write(tmp_path, {"Ada/attention.ipynb": bad, "Bo/attention.ipynb": answered()})
    (one,), (refused,) = collect(tmp_path, RELEASES)
    assert (one.student, refused.student) == ("Bo", "Ada")
    assert "ZeroDivisionError: so it was" in refused.reason


def test_a_link_is_refused_and_not_followed(tmp_path):
    write(tmp_path, {"elsewhere.ipynb": answered(), "in/Bo/attention.ipynb": answered()})
    (tmp_path / "in/Ada").mkdir()
    os.symlink(tmp_path / "elsewhere.ipynb", tmp_path / "in/Ada/attention.ipynb")
    os.symlink(tmp_path, tmp_path / "in/Cy")
    graded, refused = collect(tmp_path / "in", RELEASES)
    assert [one.student for one in graded] == ["Bo"]
    assert refused[0].student == "Ada" and "link" in refused[0].reason


NAMES = {
    "Ada Lovelace/attention (1).ipynb": "Ada Lovelace",
    "Ada Lovelace_12345_assignsubmission_file_/attention.ipynb": "Ada Lovelace",
    "Ada Lovelace_12345_assignsubmission_file/attention.ipynb": "Ada Lovelace",
    "Ada Lovelace_12345_assignsubmission_file_attention.ipynb": "Ada Lovelace",
    "lovelaceada_1234_5678_attention-1.ipynb": "lovelaceada",
    "lovelaceada_LATE_1234_5678_attention.ipynb": "lovelaceada",
    "Ada Lovelace - Copy of attention.ipynb": "Ada Lovelace",
    "attention - Ada Lovelace (2).ipynb": "Ada Lovelace",
    "Ada Lovelace/Copy of attention.ipynb": "Ada Lovelace",
    "Ada_Lovelace_attention.ipynb": "Ada Lovelace",
    "Attention_Ada-Marie Lovelace-Copy1.ipynb": "Ada-Marie Lovelace",
    "ada/attention/attention.ipynb": "ada",
    "attention/ada/attention.ipynb": "ada",
    "Problem set 1 - attention/ada.ipynb": "ada",
    "submissions/Renée O'Neil/attention.ipynb": "Renée O'Neil",
    "Rene\u0301e/attention.ipynb": "Renée",
    "李明 - attention.ipynb": "李明",
    "Kopie von attention - Jürgen.ipynb": "Jürgen",
    "Ada  Lovelace /attention.ipynb": "Ada Lovelace",
    "..Ada [x]/attention.ipynb": "__Ada _x_",
    "Ada: <CS>?/attention.ipynb": "Ada_ _CS__",
    "1234567_attention.ipynb": "1234567",
    "attention.ipynb - Ada.ipynb": "Ada",
    "Set 1_ada99_attempt_2026-01-31-10-30-05_attention.ipynb": "ada99",
    "attention_ada-12.ipynb": "ada-12",
    "Group 3 - attention 2.ipynb": "Group 3",
    "Student 07/attention.ipynb": "Student 07",
    "attention-2 - Ada.ipynb": "Ada",
}


@pytest.mark.parametrize(("path", "student"), NAMES.items(), ids=NAMES)
def test_the_student_is_read_off_the_path(tmp_path, path, student):
    one = only(tmp_path, {path: answered()})
    assert (one.student, one.assignment, one.file) == (student, "attention", path)


@pytest.mark.parametrize(
    "name",
    ["attention.ipynb", "attention (1).ipynb", "Copy of attention-2.ipynb", "student (3).ipynb"],
)
def test_a_file_that_names_nobody_is_refused(tmp_path, name):
    write(tmp_path, {name: answered()})
    graded, (bad,) = collect(tmp_path, RELEASES)
    assert not graded and bad.student == name
    assert "whose" in bad.reason and "Name - attention.ipynb" in bad.reason


def test_the_newest_of_several_files_counts(tmp_path):
    newest = answered(ANSWERS | {"attention-answer": messy.ATTENTION + "  # newest"})
    files = {"Ada/attention.ipynb": answered({}), "Ada/attention (1).ipynb": answered()}
    one = only(tmp_path, files | {"Ada/attention (10).ipynb": newest})
    assert "newest" in sources(one.notebook)["attention-answer"]
    assert one.file == "Ada/attention (10).ipynb"
    assert any("counted, not Ada/attention (1).ipynb or" in note for note in one.notes)


def test_the_same_content_twice_counts_once(tmp_path):
    files = {"Ada/attention.ipynb": answered(), "Ada/Copy of attention.ipynb": answered()}
    one = only(tmp_path, files)
    assert any("the same content" in note for note in one.notes)


def test_two_files_of_which_none_is_newer_are_refused(tmp_path):
    write(tmp_path, {"Ada/attention.ipynb": answered(), "Ada/best attention.ipynb": answered({})})
    graded, (bad,) = collect(tmp_path, RELEASES)
    assert not graded and bad.student == "Ada"
    assert "Ada/attention.ipynb and Ada/best attention.ipynb differ" in bad.reason


@pytest.mark.parametrize(
    "folders",
    [
        ("A:B", "A_B"),
        ("Ada_1_assignsubmission_file_", "Ada_2_assignsubmission_file_"),
    ],
)
def test_a_second_student_of_the_same_name_is_refused(tmp_path, folders):
    write(tmp_path, {f"{name}/attention.ipynb": answered() for name in folders})
    (one,), (bad,) = collect(tmp_path, RELEASES)
    assert bad.student == one.student and bad.file.startswith(folders[1])
    assert "Rename" in bad.reason


def test_one_student_hands_in_two_sets(tmp_path):
    files = {
        "Ada_1_assignsubmission_file_/attention.ipynb": answered(),
        "Ada_7_assignsubmission_file_/blocks.ipynb": answered({}, "blocks"),
    }
    write(tmp_path, files)
    graded, refused = collect(tmp_path, RELEASES)
    assert not refused
    assert [(o.student, o.assignment) for o in graded] == [("Ada", "attention"), ("Ada", "blocks")]


def test_the_set_is_read_off_the_content_not_the_name(tmp_path):
    one = only(tmp_path, {"Ada/attention.ipynb": without_labels(answered({}, "blocks"))})
    assert one.assignment == "blocks"


def test_files_of_other_kinds_are_one_line_per_student_without_notebook(tmp_path):
    files = {"Ada/report.pdf": b"", "Ada/data.csv": b"", "Bo/attention.py": b"def attention(): 1"}
    files |= {"Cy/attention.ipynb": answered(), "Cy/report.pdf": b"", "Di/attention.zip": b""}
    files |= {"Ed/attention.ipynb.txt": json.dumps(answered()), "Flo/attention.ipynb.gdoc": b"{}"}
    files |= {"Cy/.DS_Store": b"", "__MACOSX/Gil/._attention.ipynb": b""}
    files |= {"Cy/.ipynb_checkpoints/attention-checkpoint.ipynb": answered({})}
    write(tmp_path, files)
    graded, refused = collect(tmp_path, RELEASES)
    assert [one.student for one in graded] == ["Cy"] and not graded[0].notes
    said = {bad.student: bad.reason for bad in refused}
    assert len(refused) == len(said) == 5
    assert "handed in data.csv and report.pdf, no notebook" in said["Ada"]
    assert ".ipynb" in said["Bo"] and "Unpack" in said["Di"]
    assert "rename" in said["Ed"] and "Google Drive" in said["Flo"]


def test_a_folder_of_mixed_hand_ins_is_sorted_right(tmp_path):
    files = {f"Student {n:02}/attention.ipynb": m(answered()) for n, m in enumerate(MESSES)}
    files |= {f"Broken {n:02}/x.ipynb": content for n, (content, _) in enumerate(BROKEN.values())}
    write(tmp_path, files)
    graded, refused = collect(tmp_path, RELEASES)
    assert [o.student for o in graded] == [f"Student {n:02}" for n in range(len(MESSES))]
    assert all(sources(one.notebook) == ANSWERS for one in graded)
    assert [o.student for o in refused] == [f"Broken {n:02}" for n in range(len(BROKEN))]


def packed(path, files, flags=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (flags or {}).get(name, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content if isinstance(content, str) else json.dumps(content))
    return path


def test_an_archive_is_read_like_a_folder(tmp_path):
    files = {"all/Renée/attention.ipynb": answered(), "all/Bo/attention.ipynb": answered({})}
    graded, refused = collect(packed(tmp_path / "a.zip", files), RELEASES)
    assert [one.student for one in graded] == ["Bo", "Renée"] and not refused
    assert sources(graded[1].notebook) == ANSWERS
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_names_in_an_archive_are_utf_8_even_where_it_does_not_say_so(tmp_path):
    path = packed(tmp_path / "a.zip", {"Ren##e/attention.ipynb": answered()})
    path.write_bytes(path.read_bytes().replace(b"Ren##e", "Renée".encode()))
    graded, _ = collect(path, RELEASES)
    assert [one.student for one in graded] == ["Renée"]


def test_an_archive_with_a_folder_around_all_files_names_the_students(tmp_path):
    files = {"all/Ada - attention.ipynb": answered(), "all/Bo - attention.ipynb": answered({})}
    graded, _ = collect(packed(tmp_path / "a.zip", files), RELEASES)
    assert [one.student for one in graded] == ["Ada", "Bo"]


def test_one_student_of_an_archive_keeps_the_name_of_the_folder(tmp_path):
    files = {"ada/attention/a.ipynb": answered(), "ada/blocks/b.ipynb": answered({}, "blocks")}
    graded, _ = collect(packed(tmp_path / "a.zip", files), RELEASES)
    assert [one.student for one in graded] == ["ada", "ada"]


def test_an_archive_reaches_nothing_outside(tmp_path):
    files = {"../../Ada/attention.ipynb": answered(), "/Bo/attention.ipynb": answered()}
    files |= {"Cy/attention.ipynb": "/etc/passwd"}
    links = {"Cy/attention.ipynb": stat.S_IFLNK | 0o777}
    (tmp_path / "in").mkdir()
    graded, (bad,) = collect(packed(tmp_path / "in/a.zip", files, links), RELEASES)
    assert [one.student for one in graded] == ["Ada", "Bo"]
    assert bad.student == "Cy" and "link" in bad.reason
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "in"]


def test_a_damaged_member_is_refused_and_the_others_are_graded(tmp_path):
    path = packed(tmp_path / "a.zip", {"Ada/attention.ipynb": answered()})
    data = bytearray(path.read_bytes())
    data[80:90] = bytes(10)
    path.write_bytes(data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Bo/attention.ipynb", json.dumps(answered()))
    (one,), (bad,) = collect(path, RELEASES)
    assert (one.student, bad.student) == ("Bo", "Ada") and "damaged" in bad.reason


def test_an_archive_that_unpacks_to_too_much_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("bookkit.handins.files.LARGEST_TOTAL", 2**10)
    with pytest.raises(ValueError, match="unpacked"):
        collect(packed(tmp_path / "a.zip", {"Ada/attention.ipynb": answered()}), RELEASES)


@pytest.mark.parametrize("case", ["missing", "empty", "no archive"])
def test_a_folder_without_hand_ins_is_an_error_with_a_fix(tmp_path, case):
    folder = tmp_path / case
    if case == "empty":
        write(folder, {".DS_Store": b""})
    elif case == "no archive":
        folder.write_text("a note")
    said = "does not exist" if case == "missing" else "no"
    with pytest.raises(ValueError, match=rf"{case} [\s\S]*{said}[\s\S]*Expected[\s\S]*Fix"):
        collect(folder, RELEASES)


def test_reading_hand_ins_loads_neither_torch_nor_nbgrader():
    statement = (
        "import sys, bookkit.handins.collect; print({'torch', 'nbgrader'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
