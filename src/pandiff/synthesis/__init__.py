"""Prompts to datasets: images with their panoptic maps, written to disk."""
