"""What prompts claim, whether it holds in a map, and what of a map to keep where it does not."""

from pandiff.prompts.claims import share_held
from pandiff.prompts.keep import pixels_to_keep
from pandiff.prompts.vocabulary import Vocabulary

__all__ = ["Vocabulary", "pixels_to_keep", "share_held"]
