"""Does generated data help downstream? A small standard segmenter, trained on this and on that."""
