"""Words in Indonesian and English, each by the context it stands in and a code."""

from presentation.words.catalogue import Label, both, label

__all__ = ["Label", "both", "label"]
