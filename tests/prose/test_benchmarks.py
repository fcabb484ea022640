"""The page of measurements: what is compared is the same model, and the tables fit the page."""

import pytest
import torch

from bookkit.bench import page, peers
from glassbox.bench.work import SHAPE
from glassbox.inspection.tables import Row, Table

SIZES = (65, 64, 128, 4, 4)


@pytest.mark.parametrize(
    ("model", "logits"),
    [
        (peers.TorchGPT(), lambda output: output),
        (peers.hugging_face(*SIZES), lambda output: output.logits),
    ],
    ids=["PyTorch", "Hugging Face"],
)
def test_a_peer_is_a_causal_model_of_the_same_shape(model, logits):
    tokens = torch.randint(65, (2, SHAPE["context_length"]))
    changed = tokens.clone()
    changed[:, -1] = (changed[:, -1] + 1) % 65
    with torch.no_grad():
        before, after = (logits(model.eval()(text)) for text in (tokens, changed))
    assert before.shape == (2, 64, 65)
    torch.testing.assert_close(before[:, :-1], after[:, :-1])
    assert not torch.allclose(before[:, -1], after[:, -1])
    matrices = {tuple(p.shape) for p in model.parameters() if p.ndim == 2}
    assert (65, 128) in matrices and ({(128, 512), (512, 128)} & matrices)


def test_a_table_becomes_markdown_between_the_marks(tmp_path, monkeypatch):
    table = Table(
        "A race", ("", "ms"), [Row(0, ("one", "1.0")), Row(0, ("two", "2.0"))], {1}, ["n."]
    )
    expected = "## A race\n\n|   | ms |\n| --- | ---: |\n| one | 1.0 |\n| two | 2.0 |\n\nn.\n"
    assert page.markdown(table) == expected
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    page.PAGE.write_text("# Top\n<!-- measured -->\nold\n<!-- end -->\n\nBelow\n")
    for _ in range(2):  # writing again changes nothing
        page.write([table])
        assert page.PAGE.read_text() == (
            f"# Top\n<!-- measured -->\n\n{expected}\n<!-- end -->\n\nBelow\n"
        )


def test_a_page_without_marks_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    page.PAGE.write_text("# Top\n")
    with pytest.raises(SystemExit, match="has no marks"):
        page.write([])
    assert page.PAGE.read_text() == "# Top\n"
