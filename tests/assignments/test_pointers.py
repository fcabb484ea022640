"""The pointers of messages as links, on a student's page."""

import re

import nbformat
import pytest

from bookkit.grading.pointers import POINTER, sections, with_links
from bookkit.pages import ROOT
from bookkit.publish import PLACEHOLDER_OWNER

SAID = 'a < b. See "Masks: who may see whom", section "Padding". Then again.'
BUILT = ROOT / "_build" / "html"


def pointed():
    """Every section that a message of a problem set points to."""
    for path in sorted(ROOT.glob("assignments/source/*/*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            yield from POINTER.findall(cell.source)


def a_pointer():
    (title,) = {title for title, section in sections() if section == "Padding"}
    return SAID.replace("Masks: who may see whom", title)


def test_a_pointer_is_a_link_to_the_published_book():
    said = with_links(a_pointer(), "jane/course")
    assert said.startswith("a &lt; b. See <a href=") and said.endswith("</a>. Then again.")
    assert 'href="https://jane.github.io/course/chapters/masks.html#padding"' in said
    assert re.sub("<[^>]*>", "", said) == a_pointer().replace("<", "&lt;").replace('"', "&#34;")


@pytest.mark.parametrize(
    "words", ['See "Masks", section "No such section".', 'See "<b>", section "<i>".', ""]
)
def test_what_leads_nowhere_stays_words(words):
    said = with_links(words, "jane/course")
    assert "<" not in said and said.unescape() == words


def test_without_a_published_address_the_words_stay():
    said = with_links(a_pointer(), f"{PLACEHOLDER_OWNER}/course")
    assert "<" not in said and said.unescape() == a_pointer()


def test_every_pointer_of_a_set_leads_to_a_section_of_the_built_book():
    places = {sections()[pair] for pair in pointed()}
    assert len(places) > 15
    for place in places:
        page, anchor = place.split("#")
        assert f'id="{anchor}"' in (BUILT / page).read_text(encoding="utf-8"), place
