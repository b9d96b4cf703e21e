#!/bin/sh
# A container listens on every address, and whoever reaches a published port could read and delete. So where
# nobody chose a key, the embedded profile gets one: made once, kept in the volume, said in the log.
set -eu

if [ "${1:-}" = serve ] && [ -z "${TWINSPACE_API_KEYS:-}" ] && [ "${TWINSPACE_ALLOW_UNAUTHENTICATED:-}" != true ]; then
    file="${TWINSPACE_DATA:-/data}/api-key"
    if [ ! -s "$file" ]; then
        (umask 077 && python -c 'import secrets; print(secrets.token_urlsafe(24))' > "$file.part")
        mv "$file.part" "$file"
    fi
    TWINSPACE_API_KEYS="$(cat "$file")"
    export TWINSPACE_API_KEYS
    echo "API key (made at the first start, kept in $file): $TWINSPACE_API_KEYS"
fi
exec twinspace "$@"
