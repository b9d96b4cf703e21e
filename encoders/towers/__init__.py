"""The halves of a dual encoder: pictures or texts to features, before any learned projection.

timm and transformers import torchvision; its operators are mended here, once, before any tower does.
"""

import encoders.torchvision_operators  # noqa: F401
