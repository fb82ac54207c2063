"""Runs test functions and prints TAP: one line a case, its name a sentence."""

import sys
import traceback


class Skip(Exception):
    """What a case needs is not there; its text says what."""


def run_case(number, name, case):
    """Runs one case and prints its line; whether it did not fail."""
    title = name[5:].replace("_", " ")
    try:
        case()
        print("ok %d - %s" % (number, title), flush=True)
    except Skip as skip:
        print("ok %d - %s # SKIP %s" % (number, title, skip), flush=True)
    except Exception:  # a case that breaks in any way has failed
        print("not ok %d - %s" % (number, title), flush=True)
        print("\n".join("# " + line for line in traceback.format_exc().splitlines()), flush=True)
        return False
    return True


def main(modules, words):
    """Runs the functions test_* of the modules, or those whose names contain one of the words; ends the program."""
    cases = [(name, case) for module in modules for name, case in vars(module).items()
             if name.startswith("test_") and (not words or any(word in name for word in words))]
    print("1..%d" % len(cases), flush=True)
    passed = [run_case(number, name, case) for number, (name, case) in enumerate(cases, 1)]
    sys.exit(0 if all(passed) and cases else 1)
