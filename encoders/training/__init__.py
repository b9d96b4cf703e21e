"""Trains the heads of dual encoders: features of frozen towers, computed once, and a contrastive objective.

`encoders.training.train.train` is the way in; `twinspace train` calls it.
"""
