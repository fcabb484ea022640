"""Before the transformer: recurrent cells, an encoder and a decoder, and how one looks back."""

from glassbox.recurrent.alignment import AdditiveAttention, DotAttention, NoAttention
from glassbox.recurrent.bidirectional import Bidirectional
from glassbox.recurrent.cells import GRU, LSTM, Cell
from glassbox.recurrent.encoder import (
    Encoded,
    RecurrentClassifier,
    RecurrentConfig,
    RecurrentEncoder,
)
from glassbox.recurrent.seq2seq import RecurrentSeq2Seq

__all__ = [
    "RecurrentConfig",
    "RecurrentSeq2Seq",
    "RecurrentClassifier",
    "RecurrentEncoder",
    "Encoded",
    "Cell",
    "LSTM",
    "GRU",
    "Bidirectional",
    "NoAttention",
    "AdditiveAttention",
    "DotAttention",
]
