"""American spelling, by a list of words that British writers spell otherwise."""

import re
from collections.abc import Iterator

from bookkit.pages import Fault, Page

# Verbs in -ise: British 'normalise', American 'normalize'. The stem alone is listed.
ISE_STEMS = """
    apolog author binar capital categor central character context custom diagonal digit discret
    emphas equal factor familiar final formal general hypothes ideal initial international item
    legal linear local material maxim mechan memor minim mobil model modern modular neutral normal
    optim organ orthogonal orthonormal parallel parameter patron penal permut personal polar popular
    priorit quant random rational real recogn regular rotational scrutin serial social special
    stabil standard steril summar symbol sympath synchron synthes theor token util vector verbal
    visual
"""
ISE_ENDINGS = "e es ed er ers ing able ation ations"

# Words whose endings (s, ed, ing …) follow the pattern of the word itself.
STEMS = {
    "behaviour": "behavior",
    "colour": "color",
    "favour": "favor",
    "flavour": "flavor",
    "honour": "honor",
    "humour": "humor",
    "labour": "labor",
    "neighbour": "neighbor",
    "rumour": "rumor",
    "vapour": "vapor",
    "analyse": "analyze",
    "analysing": "analyzing",
    "catalyse": "catalyze",
    "paralyse": "paralyze",
    "modell": "model",
    "labell": "label",
    "cancell": "cancel",
    "channell": "channel",
    "fuell": "fuel",
    "levell": "level",
    "signall": "signal",
    "totall": "total",
    "travell": "travel",
    "tunnell": "tunnel",
}
WORDS = {
    "ageing": "aging",
    "amongst": "among",
    "analogue": "analog",
    "artefact": "artifact",
    "calibre": "caliber",
    "catalogue": "catalog",
    "centre": "center",
    "centred": "centered",
    "centring": "centering",
    "cheque": "check",
    "defence": "defense",
    "enrol": "enroll",
    "fibre": "fiber",
    "fulfil": "fulfill",
    "grey": "gray",
    "instalment": "installment",
    "judgement": "judgment",
    "learnt": "learned",
    "licence": "license",
    "litre": "liter",
    "metre": "meter",
    "millimetre": "millimeter",
    "mould": "mold",
    "offence": "offense",
    "practise": "practice",
    "practised": "practiced",
    "practising": "practicing",
    "pretence": "pretense",
    "programme": "program",
    "sceptical": "skeptical",
    "skilful": "skillful",
    "spelt": "spelled",
    "storey": "story",
    "theatre": "theater",
    "towards": "toward",
    "whilst": "while",
}
CASUAL = re.compile(r"\bcasual(?:ly)?\b", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z]+")


def _build() -> dict[str, str]:
    words = dict(WORDS)
    words |= {f"{british}s": f"{american}s" for british, american in WORDS.items()}
    for stem in ISE_STEMS.split():
        words |= {f"{stem}is{end}": f"{stem}iz{end}" for end in ISE_ENDINGS.split()}
    endings = ["", "s", "d", "ed", "r", "er", "ers", "ing", "al", "able", "ful", "hood", "ite"]
    for british, american in STEMS.items():
        words |= {f"{british}{end}": f"{american}{end}" for end in (*endings, "ings", "less")}
    del words["analyses"]  # the plural of 'analysis'
    return words


BRITISH = _build()


def misspellings(text: str) -> Iterator[tuple[str, str]]:
    """Yield (word, correction) for every British spelling in a text."""
    for match in WORD.finditer(text):
        if correction := BRITISH.get(match[0].lower()):
            yield match[0], correction
    for match in CASUAL.finditer(text):
        yield match[0], "causal" + match[0][6:]


def check_spelling(page: Page) -> list[Fault]:
    """Find British spelling, and 'casual' for 'causal', in prose; code and addresses excepted."""
    faults = []
    for block in page.blocks:
        if block.kind == "code":
            continue
        # The text of a link to another site is a title, spelled as its authors chose.
        prose = " ".join(r.text for r in block.runs if r.kind == "text" and "://" not in r.url)
        prose += " " + " ".join(run.text for run in block.runs if run.kind == "image")
        for word, correction in misspellings(prose):
            message = f"'{word}' is not the book's spelling. Write '{correction}'."
            faults.append(page.fault(block.cell, message))
    return faults


def check_figure_spelling(page: Page) -> list[Fault]:
    """Hold the alt text of figures and other words that a notebook prints to the same spelling."""
    faults = []
    for cell in page.code_cells:
        for output in cell.outputs:
            shown = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            for word, correction in misspellings(shown):
                message = f"the output says '{word}'. Write '{correction}'."
                faults.append(page.fault(cell.get("id", "no id"), message))
    return faults
