"""Where the law's questions are answered: on this card, in the manifest, or by whoever uses the set.

GDPR, and Regulation (EU) 2024/1689 (AI Act) article 10: matching people to jobs is a high-risk use (annex III, 4). It
points at evidence and is no legal advice; docs/training.md has the whole table.
"""

from training.card.markdown import section, table

POINTS = (
    ("GDPR 5(1)(b), 6(1)(a), 7", "lawful basis: the consent `ml_training`, present at the build", "Left out"),
    ("GDPR 5(1)(c)", "minimisation: people by pseudonym; no name, address, free text", "Columns"),
    ("GDPR 5(1)(e)", "storage: how long sets are kept is for their keeper to decide", "Left out: horizon"),
    ("GDPR 9", "special categories are never a column", "Columns; Leakage: protected"),
    ("GDPR 17", "erasure: `flux training erase-check`, then a successor by `flux training rebuild`", "Splits: people"),
    ("AI Act 10(2)(a)", "design choices", "Splits; Labels; Left out"),
    ("AI Act 10(2)(b)", "collection and origin", "Sources; Lineage"),
    ("AI Act 10(2)(c)", "preparation: labelling, cleaning, aggregation", "Labels; Left out"),
    ("AI Act 10(2)(d)", "assumptions: what each column measures", "Columns"),
    ("AI Act 10(2)(e)", "availability, quantity", "Splits; Labels: base rate"),
    ("AI Act 10(2)(f), (g)", "biases: what was shown depends on an earlier model", "Columns: context"),
    ("AI Act 10(2)(h)", "gaps", "Left out; Leakage: verdict"),
    ("AI Act 10(3)", "representative, complete, free of errors: evidence; the finding is the user's", "Leakage; Drift"),
    ("AI Act 10(5)", "special categories for detecting bias: not here", "What was checked, and what was not: fairness"),
)


def law() -> list[str]:
    """Map the articles to the card's sections."""
    return section("Law", table(("article", "what", "where"), POINTS))
