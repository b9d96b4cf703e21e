"""Benchmarks. Each prints ratios of figures from one run on one machine, which carry over to others far
better than milliseconds do, and ends with exit code 1 when it misses a bound.

python -m bench.recall   the default encoder's recall, through encoder and store
python -m bench.search   one client and 32 of them at 10,000 and 100,000 points; overload and recovery
python -m bench.ingest   pictures per second through the API, against decoding and encoding alone
python -m bench.start    until ready with 100,000 points, memory with 10,000, `twinspace --help`
python -m bench.store    the vector stores by themselves
python -m bench.towers   combinations of text and image towers: quality, milliseconds, megabytes

`make bench` runs them all.
"""
