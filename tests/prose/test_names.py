"""Names in code font exist: on the page, in glassbox, in torch or in Python."""

import pytest
from sample_notebook import cell, good_notebook, only_fault, replace, write_book

from bookkit.names import allowed_names, check_names, spans
from bookkit.pages import notebooks

CHAPTERS = notebooks()

MODEL = """
import math
import torch.nn.functional as F
from glassbox import __version__ as version
from torch import nn

words = "Your journey starts".split()
labels = {"queries": 1, "the keys": 2}


class Attention(nn.Module):
    def __init__(self, width, n_out=2):
        super().__init__()
        self.w_query = nn.Linear(width, n_out)

    def forward(self, x):
        query = self.w_query(x)
        return query


attention = Attention(width=3)
context = F.scaled_dot_product_attention(x, x, x)

"""


def test_there_are_chapters_to_check():
    assert CHAPTERS, "There is no notebook under chapters/, so nothing was checked."


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.name)
def test_names_in_prose_exist(page):
    assert list(spans(page))
    faults = check_names(page)
    assert not faults, "\n".join(map(str, faults))


def test_good_notebook_is_clean(tmp_path):
    assert not check_names(write_book(tmp_path, good_notebook()))


def page_with(tmp_path, span):
    notebook = good_notebook()
    cell(notebook, "weigh").source += MODEL
    cell(notebook, "weigh-note").source += f"\n\nThen ``{span}`` there."
    return write_book(tmp_path, notebook)


GOOD = """
torch.softmax
torch.softmax(scores, dim=-1)
F.scaled_dot_product_attention
F.scaled_dot_product_attention(x, x, x, attn_mask=None)
nn.functional.softmax
torch.nn.Linear
nn.Linear.weight
nn.Linear(3, 2, bias=False).weight.T
nn.MultiheadAttention
nn.Module
softmax
x.T
.T
.transpose(1, 2)
x.shape[0]
x.view(2, 3)
x @ x.T
weights
weights[1]
weights[0, 1:]
[:, 1]
1:
(6, 3)
(width, n_out)
dim
dim=-1
dim=0
attn_mask
Attention
Attention.forward
attention.w_query.weight
self.w_query
w_query
n_out=2
Attention(width=3, n_out=2)
super().__init__()
__init__
forward
journey
queries
the keys
"queries"
glassbox
version
math.sqrt
math.sqrt(2)
itertools
len
print(x)
True
None
0.5
[0.1, 0.2]
1e-5
-inf
==
@
**
for word in words:
lambda y: y + 1
[w.upper() for w in words]
sum(w * w for w in words)
def forward(x)
import torch
from torch import nn
torch.Tensor
torch.nn.functional
requires_grad
d_model
(batch, seq, d_model)
softmax(x, dim)
weights: 0.2379
make book
make book REPO=x/y
pip install ./code
%pip install x
python -m bookkit notebooks
git clone https://example.org/x
glossary.md
chapters/glossary.md
chapters/
https://example.org
query = attention.w_query(x)
...
""".strip().split("\n")


@pytest.mark.parametrize("span", GOOD)
def test_name_that_exists_resolves(span, tmp_path):
    faults = check_names(page_with(tmp_path, span))
    assert not faults, "\n".join(map(str, faults))


BAD = {
    "torch.sofmax": "torch.sofmax",
    "torch.softmax(scores, dimension=-1)": "dimension=",
    "F.scaled_attention": "F.scaled_attention",
    "nn.Linear.weights_in": "nn.Linear.weights_in",
    "wieghts": "did you mean weights",
    "x.transposed(1, 2)": "x.transposed",
    "glassbox.no_such_module": "glassbox.no_such_module",
    "math.squareroot(2)": "math.squareroot",
    "attention.w_key": "attention.w_key",
    "(6, width_of)": "width_of",
    "wrung = 3": "wrung",
    "sofmax(x)": "sofmax",
    "from torch import nothing_there": "torch.nothing_there",
    "import no_such_thing": "no_such_thing",
    "[v.upper() for w in words]": "v",
    "Attention(depth=3)": "depth=",
    "dimm=-1": "dimm",
    ".transposed()": "transposed",
    "weights[0, begin:]": "begin",
    "make boook": "no target boook",
    "missing.md": "no such file",
    "chapters/missing.ipynb": "no such file",
    "two words": "no Python",
}


@pytest.mark.parametrize("span", BAD)
def test_planted_name_is_named(span, tmp_path):
    only_fault(check_names(page_with(tmp_path, span)), "weigh-note", f"`{span}`", BAD[span])


@pytest.mark.parametrize("span", ["math.sqrt(width=2)", "nn.Linear(3, 2, dim=1)"])
def test_keyword_of_another_function_is_no_keyword_of_this_one(span, tmp_path):
    only_fault(check_names(page_with(tmp_path, span)), "weigh-note", "=")


def test_names_of_a_solution_are_known_beside_it_only(tmp_path):
    notebook = good_notebook()
    replace(notebook, "ex-double-help", "return x + x", "twice = x + x\n    return twice")
    replace(notebook, "ex-double-help", "Add `x`", "Name it `twice`. Add `x`")
    assert not check_names(write_book(tmp_path, notebook))
    replace(notebook, "weigh-note", "`weights`", "`twice`")
    only_fault(check_names(write_book(tmp_path, notebook)), "weigh-note", "`twice`")


def test_code_of_a_solution_is_not_prose(tmp_path):
    notebook = good_notebook()
    replace(notebook, "ex-double-help", "return x + x", "return undefined_name(x)")
    assert not check_names(write_book(tmp_path, notebook))


def test_allowed_names_have_reasons():
    allowed = allowed_names()
    assert allowed and all(allowed.values())
    assert len(allowed) <= 40, "Keep the list short: it is for names that no code can define."


def test_allowed_name_resolves_and_others_do_not(tmp_path):
    page = page_with(tmp_path, "quux.zap")
    assert check_names(page, {})
    assert not check_names(page, {"quux.zap": "an example"})


def test_list_of_allowed_names_is_read(tmp_path):
    listed = tmp_path / "allowed.txt"
    listed.write_text("# heading\n\nbatch  # the batch size\nx  # y\n")
    assert allowed_names(listed) == {"batch": "the batch size", "x": "y"}
