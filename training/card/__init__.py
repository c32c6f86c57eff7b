"""CARD.md: the dataset in words, for whoever trains on it or has to defend it.

Pure: manifest in, Markdown out. It says nothing that the manifest cannot prove, and names what was not checked.
"""

from training.card.text import card_text

__all__ = ["card_text"]
