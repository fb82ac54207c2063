#!/usr/bin/env python3
"""End-to-end test of the stand-in exchange: real processes, TLS, WebSocket, REST and control API. Prints TAP.

usage: exchange_test.py PATH/of-exchange [NAME...]      runs all cases, or those whose names contain one of NAME
"""

import sys
import traceback

import exchange_support
import exchange_cases_connection
import exchange_cases_faults
import exchange_cases_market

MODULES = (exchange_cases_connection, exchange_cases_market, exchange_cases_faults)


def run(number, name, case):
    """Runs one case and prints its line; whether it did not fail."""
    title = name[5:].replace("_", " ")
    try:
        case()
        print("ok %d - %s" % (number, title), flush=True)
    except exchange_support.Skip as skip:
        print("ok %d - %s # SKIP %s" % (number, title, skip), flush=True)
    except Exception:  # a case that breaks in any way has failed
        print("not ok %d - %s" % (number, title), flush=True)
        print("\n".join("# " + line for line in traceback.format_exc().splitlines()), flush=True)
        return False
    return True


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    words = sys.argv[2:]
    cases = [(name, case) for module in MODULES for name, case in vars(module).items()
             if name.startswith("test_") and (not words or any(word in name for word in words))]
    print("1..%d" % len(cases), flush=True)
    passed = [run(number, name, case) for number, (name, case) in enumerate(cases, 1)]
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
