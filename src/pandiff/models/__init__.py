"""Networks: the U-ViT trunk, map patching and the panoptic diffusion models."""
