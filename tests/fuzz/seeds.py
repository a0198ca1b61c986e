"""Inputs that the fuzzers begin with, by target."""

from __future__ import annotations

from service.storage import files

_LONDON = (files.data("seeds") / "london.ndjson").read_bytes().splitlines()
_DAYS = """
2025 2025-06 2024-02-29 [2025-06-01..2025-06-03] [..9999-12-31] [2025-06-01,2025-06-03] 12@2025-06-10T12:00:00Z
2025-06-10T12:00:00.123456789+05:30 9007199254740991 0001-01-01T00:00:00Z 9999-12-31T23:59:59.999999-23:59
"""
_URLS = """
https://receiver.example/a?b=c https://[::ffff:127.0.0.1]:8443/ https://0x7f.1/ https://2130706433 https://a?b
https://93.184.215.14:443/x https://[2606:4700::1111]/ https://[2606:4700::1111:]/
"""
_ADDRESSES = ("7f000001", "5db8d70e", "00000000000000000000ffff7f000001", "0064ff9b00000000000000000a000001")

SEEDS: dict[str, list[bytes]] = {
    "decoder": [b'{"events":[%s],"expected_versions":{"a-b":1}}' % line for line in _LONDON],
    "days": _DAYS.encode().split(),
    "guard": [*_URLS.encode().split(), *map(bytes.fromhex, _ADDRESSES)],
}
