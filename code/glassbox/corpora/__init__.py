"""What to train on: texts and windows over them, and tasks whose examples are drawn by rule."""

from glassbox.corpora.addition import addition
from glassbox.corpora.corpus import Corpus
from glassbox.corpora.dates import dates
from glassbox.corpora.download import DownloadError, download, tiny_shakespeare
from glassbox.corpora.grammar import Grammar, grammar
from glassbox.corpora.reviews import reviews
from glassbox.corpora.sequences import induction, retrieval
from glassbox.corpora.text import ALPHABET, language_reference, read_text, split, text_corpus
from glassbox.corpora.windows import Windows

__all__ = [
    "ALPHABET",
    "language_reference",
    "read_text",
    "tiny_shakespeare",
    "download",
    "DownloadError",
    "split",
    "Windows",
    "Corpus",
    "text_corpus",
    "addition",
    "dates",
    "reviews",
    "retrieval",
    "induction",
    "Grammar",
    "grammar",
]
