"""Every question and erratum of the course leads to a cell that settles it."""

import pytest
from sample_notebook import good_notebook, write_book

from bookkit.index import (
    check_built,
    check_cells,
    check_coverage,
    check_entries,
    expand,
    load_index,
)
from bookkit.pages import ROOT, notebooks

# What each chapter has to settle.
WANTED = {
    "self-attention": (
        "Q024 Q025 Q042 Q048-Q049 Q134 Q136 Q150-Q156 E035 E039-E042 E046 E079 E093-E097 E114"
    ),
    "queries-keys-values": (
        "Q037-Q040 Q096 Q135 Q157-Q158 Q160-Q164 Q194-Q196 Q198-Q206 "
        "E036-E037 E100-E103 E113 E134 E136-E140"
    ),
    "scaling": "Q043-Q046 Q140-Q144 Q159 E043-E045 E083-E089 E098-E099 E135",
    "masks": "Q002-Q005 Q137 Q165-Q169 Q175 E003-E007 E081-E082 E092 E104-E110 E115",
    "many-heads": (
        "Q016-Q018 Q063 Q066-Q068 Q074 Q139 Q173 Q191-Q193 "
        "E017-E020 E027 E056-E057 E060-E063 E068-E069 E078 E080 E130-E133"
    ),
    "position": (
        "Q013-Q015 Q032 Q078 Q082-Q084 Q086-Q087 Q089 Q145-Q146 Q214-Q216 "
        "E013-E016 E030-E031 E071 E077 E148-E149"
    ),
    "relative-position": "Q085 Q088",
    "training-and-inference": (
        "Q006-Q009 Q070 Q072 Q093 Q170 Q176-Q183 E008-E010 E012 E065 E067 E091 E111 E116-E121"
    ),
    "generating": "Q001 Q010 Q069 Q107 Q138 E001-E002 E011 E064",
}


def test_every_id_of_the_chapters_is_settled():
    faults = check_coverage(load_index(), WANTED)
    assert not faults, "\n".join(map(str, faults))


def test_entries_are_complete_and_name_cells_with_outputs():
    entries = load_index()
    faults = check_entries(entries) + check_cells(entries, notebooks())
    assert entries and not faults, "\n".join(map(str, faults))


def test_built_book_follows_every_entry():
    faults = check_built(load_index(), ROOT / "_build" / "html")
    assert not faults, "\n".join(map(str, faults))


def entry(**changes):
    good = {"id": "Q024", "page": "sample", "cell": "weigh", "question": "What?", "answer": "That."}
    return {key: value for key, value in (good | changes).items() if value is not None}


ERRATUM = entry(id="E040", question=None, claim="Always.", verdict=False)


def test_good_entries_are_clean(tmp_path):
    page = write_book(tmp_path, good_notebook())
    entries = [entry(), ERRATUM]
    assert not check_entries(entries)
    assert not check_cells(entries, [page])
    assert not check_coverage(entries, {"sample": "Q024 E040"})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (entry(id="Q24"), "three digits"),
        (entry(id=None), "three digits"),
        (entry(question=None), "no question"),
        (entry(answer=" "), "no answer"),
        (ERRATUM | {"claim": ""}, "no claim"),
        (ERRATUM | {"verdict": "maybe"}, "verdict"),
    ],
)
def test_planted_fault_of_an_entry_is_named(wrong, message):
    faults = check_entries([wrong])
    assert message in "\n".join(fault.message for fault in faults)


def test_repeated_id_is_named():
    assert "two entries" in check_entries([entry(), entry(cell="draw")])[0].message


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (entry(page="ghost"), "no notebook chapters/ghost.ipynb"),
        (entry(cell="ghost"), "no cell 'ghost'"),
        (entry(cell="weigh-note"), "Markdown"),
        (entry(cell="setup"), "no output"),
    ],
)
def test_planted_fault_of_a_cell_is_named(wrong, message, tmp_path):
    page = write_book(tmp_path, good_notebook())
    (fault,) = check_cells([wrong], [page])
    assert fault.cell == "Q024" and message in fault.message


def test_missing_id_is_named():
    faults = check_coverage([entry()], {"sample": "Q024-Q025", "other": "Q024"})
    assert [(fault.cell, fault.message.split()[4]) for fault in faults] == [
        ("Q025", "sample"),
        ("Q024", "other"),
    ]


def test_ranges_are_spelled_out():
    assert expand("Q024 E150-E152") == ["Q024", "E150", "E151", "E152"]
    assert len(expand(WANTED["self-attention"])) == 27
    assert len(expand(WANTED["queries-keys-values"])) == 38


def write_site(root, body='<div id="weigh"></div>', link="sample.html#weigh"):
    chapters = root / "chapters"
    chapters.mkdir()
    (chapters / "sample.html").write_text(body)
    (chapters / "questions.html").write_text(f'<p><a class="x" href="{link}">See</a></p>')
    return root


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ({}, None),
        ({"body": "<p>weigh</p>"}, "no anchor #weigh"),
        ({"link": "sample.html"}, "no link to sample.html#weigh"),
    ],
)
def test_built_pages_are_followed(site, message, tmp_path):
    faults = check_built([entry()], write_site(tmp_path, **site))
    assert [message] * bool(message) == [
        next(word for word in (message,) if word in fault.message) for fault in faults
    ]


def test_missing_build_is_named(tmp_path):
    assert "make book" in check_built([entry()], tmp_path)[0].message
