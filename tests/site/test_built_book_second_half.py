"""Every second page of the built book in a browser: its own file, to run beside the first."""

import pytest
from test_built_book import PAGES, check_page


@pytest.mark.parametrize("name", PAGES[1::2])
def test_page_is_sound_wide_and_narrow_in_light_and_dark(name, book, contexts, kinds):
    check_page(name, book, contexts, kinds)
