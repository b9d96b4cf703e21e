"""Benchmarks. Each prints ratios of figures from one run on one machine, which carry over to others far
better than milliseconds do, and ends with exit code 1 when it misses a bound.

python -m bench.quality    the default encoder on val, COCO and ImageNet (`recall`: through the store)
python -m bench.relevance  one threshold for all directions (`composed`, `classify`, `hybrid`: other ways)
python -m bench.search     one client and 32 of them at 10,000 and 100,000 points; overload and recovery
python -m bench.steering   what relevance, diversity, words and groups cost at 100,000 points
python -m bench.ingest     pictures per second through the API, against decoding and encoding alone
python -m bench.start      until ready with 100,000 points, memory with 10,000, `twinspace --help`
python -m bench.store      the vector stores by themselves (`filters`: filtered, against brute force)
python -m bench.page       how soon a browser shows what was found
python -m bench.towers     combinations of text and image towers: quality, milliseconds, megabytes

`make bench` runs them all, over photos and captions in `../shared/data` (`bench.data`). Left out are
`distributed`, which needs Redis and PostgreSQL, `recipe` (what each part of a training is worth), which takes
an hour, and `training` (its memory and minutes), which takes half of one.
"""

from backend.memory import calm_blas

calm_blas()  # As servers do.
