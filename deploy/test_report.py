#!/usr/bin/env python3
"""Turns Meson's testlog.json into one closing line, "N passed, N failed", counted in test cases.

A test program counts by what it says itself: a line "N passed, N failed", or TAP; one that says nothing is one case.
Meson's own verdict is never softened: a program that failed counts at least one failure. The names of what failed and
the end of its output go to stderr. Exit code 1 if anything failed or nothing ran.
"""
import json
import re
import sys

TAIL_LINES = 40
LINE_CHARACTERS = 400
GOOD = {"OK", "EXPECTEDFAIL"}


def own_counts(text):
    """Of a line "N passed, N failed[, N skipped]"; with several the last holds."""
    found = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$", text, re.MULTILINE)
    return tuple(int(n or 0) for n in found[-1]) if found else None


def tap_counts(text):
    """Of TAP: each point is a case."""
    words = []
    for line in text.splitlines():
        point = re.match(r"(not )?ok\b(.*)", line)
        if point:
            skipped = re.search(r"#\s*skip", point[2], re.IGNORECASE)
            words.append("skipped" if skipped else "failed" if point[1] else "passed")
    return (words.count("passed"), words.count("failed"), words.count("skipped")) if words else None


def counts_of(test):
    text = test.get("stdout") or ""
    passed, failed, skipped = own_counts(text) or tap_counts(text) or (0, 0, 0)
    if test["result"] == "SKIP":
        return passed, failed, max(skipped, 1)
    if test["result"] not in GOOD:
        return passed, max(failed, 1), skipped
    return (passed if passed + failed + skipped else 1), failed, skipped


def explain(test):
    output = ((test.get("stdout") or "") + (test.get("stderr") or "")).rstrip().splitlines()
    print(f"\nfailed: {test['name']} ({test['result'].lower()}, exit code {test['returncode']}); what it said:", file=sys.stderr)
    # TAP names a failed point where it stands; with many points after it the end of the output says nothing.
    early = output[:-TAIL_LINES]
    points = [line for i, line in enumerate(early) if line.startswith("not ok") or "\n".join(early[i + 1 : i + 2]).startswith("not ok")]
    for line in points[:TAIL_LINES] + output[-TAIL_LINES:]:
        print(f"  {line[:LINE_CHARACTERS]}", file=sys.stderr)


def main():
    try:
        with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
            tests = [json.loads(line) for line in log if line.strip()]
    except (OSError, ValueError) as error:
        print(f"no test has run: {error}", file=sys.stderr)
        tests = []
    totals = [0, 0, 0]
    for test in tests:
        counts = counts_of(test)
        totals = [sum(pair) for pair in zip(totals, counts)]
        if counts[1] > 0:
            explain(test)
        elif counts[2] > 0:
            print(f"skipped: {test['name']} ({counts[2]} of {sum(counts)} cases)", file=sys.stderr)
    passed, failed, skipped = totals
    sys.stderr.flush()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
