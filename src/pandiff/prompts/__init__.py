"""What prompts claim, and whether it holds in a map."""

from pandiff.prompts.claims import share_held
from pandiff.prompts.vocabulary import Vocabulary

__all__ = ["Vocabulary", "share_held"]
