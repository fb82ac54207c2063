#!/usr/bin/env python3
"""End-to-end test of the stand-in exchange: real processes, TLS, WebSocket, REST and control API. Prints TAP.

usage: exchange_test.py PATH/of-exchange [NAME...]      runs all cases, or those whose names contain one of NAME
"""

import sys

import exchange_support  # noqa: F401 (makes tests/support importable)
import exchange_cases_connection
import exchange_cases_faults
import exchange_cases_market
import tap

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    tap.main((exchange_cases_connection, exchange_cases_market, exchange_cases_faults), sys.argv[2:])
