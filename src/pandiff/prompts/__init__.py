"""What prompts claim, whether it holds in a map, and what of a map to keep where it does not."""

from pandiff.prompts.claims import share_held
from pandiff.prompts.keep import kept
from pandiff.prompts.vocabulary import Vocabulary

__all__ = ["Vocabulary", "kept", "share_held"]
