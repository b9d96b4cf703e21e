"""Asks one URL; exits 0 when it answers with 2xx and with the lines named. Slim images have no curl."""

import sys
import urllib.error
import urllib.request

url, *lines = sys.argv[1:]
try:
    with urllib.request.urlopen(url, timeout=4) as answer:  # noqa: S310 - the image's own URL
        said = answer.read().decode().splitlines()
except (urllib.error.URLError, OSError) as error:
    sys.exit(f"{url}: {error}")
if missing := [line for line in lines if line not in said]:
    sys.exit(f"{url} does not say {missing}")
