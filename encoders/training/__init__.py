"""Trains the heads of dual encoders: features of frozen towers, computed once, and a contrastive objective.

`encoders.training.train.train` is the way in; `twinspace train` calls it. Class names come from timm, which
imports torchvision; its operators are mended here, once, before anything does.
"""

import encoders.torchvision_operators  # noqa: F401
