"""Texts and pictures to unit vectors in one space. Knows nothing of Flask, Celery, SQL or Qdrant."""
