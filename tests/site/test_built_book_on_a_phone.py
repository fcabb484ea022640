"""Every page of the built book in a narrow window: its own file, to run beside the wide one."""

import pytest
from test_built_book import PAGES, check_page


@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound_on_a_phone_in_light_and_dark(name, book, contexts):
    check_page(name, 360, book, contexts)
