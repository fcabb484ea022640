"""The words and rules of the language with agreement; `grammar.Grammar` reads and speaks it."""

END = "."
NUMBERS = ("singular", "plural")
_NOUNS = {"dog": 0.4, "cat": 0.3, "bird": 0.2, "horse": 0.1}
_TRANSITIVE = {"see": 0.5, "chase": 0.3, "like": 0.2}
_INTRANSITIVE = {"sleep": 0.5, "run": 0.3, "sing": 0.2}


def agreement_rules(relative: float) -> dict[str, dict[str, float]]:
    """Return the rules: how each name is written out, in words and names, with probabilities.

    After a noun comes either the verb of the sentence, which agrees with its first noun, or a
    clause on the noun just read. So `after_singular_plural` follows a noun in the plural, in a
    sentence whose first noun is in the singular.

    Args:
        relative: how likely a clause follows a noun that can have one.

    Returns:
        The rules, the sentence first.

    Example:
        >>> agreement_rules(0.4)["after_singular_plural"]["singular_verb"]
        0.6
    """
    rules = {
        "sentence": {f"the {n}_noun after_{n}_{n}": 0.5 for n in NUMBERS},
        "noun": {f"{n}_noun": 0.5 for n in NUMBERS},
        "clause": {f"the {n}_noun {n}_transitive": 0.5 for n in NUMBERS},
    }
    for n in NUMBERS:
        noun_s, verb_s = ("", "s") if n == "singular" else ("s", "")
        rules[f"{n}_noun"] = {noun + noun_s: share for noun, share in _NOUNS.items()}
        rules[f"{n}_transitive"] = {verb + verb_s: share for verb, share in _TRANSITIVE.items()}
        rules[f"{n}_intransitive"] = {verb + verb_s: share for verb, share in _INTRANSITIVE.items()}
        rules[f"{n}_verb"] = {f"{n}_intransitive": 0.6, f"{n}_transitive the noun": 0.4}
        rules[f"{n}_object"] = {f"{near}_noun after_{n}_{near}": 0.5 for near in NUMBERS}
        for near in NUMBERS:
            rules[f"after_{n}_{near}"] = {
                f"{n}_verb": 1 - relative,
                f"that {near}_transitive the {n}_object": 0.75 * relative,
                f"that clause {n}_verb": 0.25 * relative,
            }
    return rules
