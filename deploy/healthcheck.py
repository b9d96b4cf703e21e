"""Asks one URL and exits 0 when it answers with 2xx: slim images have no curl."""

import sys
import urllib.error
import urllib.request

try:
    with urllib.request.urlopen(sys.argv[1], timeout=4):  # noqa: S310 - the image's own URL
        sys.exit(0)
except (urllib.error.URLError, OSError) as error:
    sys.exit(f"{sys.argv[1]}: {error}")
