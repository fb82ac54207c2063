"""What the cases of exchange_test.py share: how to start an exchange, where the recorded data is, a client's own book."""

import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "exchange"), str(ROOT / "tests" / "support")]
from exchange_client import Closed, Exchange  # noqa: E402
from tap import Skip  # noqa: E402

KINDS = ("@trade", "@aggTrade", "@bookTicker", "@depth@100ms")
ALL = [symbol + kind for symbol in ("btcusdt", "ethusdt") for kind in KINDS]
PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "of-exchange"


def tape_file():
    data = pathlib.Path(os.environ.get("OF_TEST_DATA") or ROOT.parent / "shared" / "data")
    tape = data / "tape" / "spot_btc_eth_20240808_combined.jsonl.gz"
    if not tape.exists():
        raise Skip("the recorded data is not there (OF_TEST_DATA)")
    return data, str(tape)


def synthetic(*arguments):
    return Exchange(PROGRAM, "--synthetic", "--seed", "7", *arguments)


def follow(stream, frames):
    """The next so many frames, as objects."""
    out = []
    while len(out) < frames:
        out.append(stream.json())
    return out


def closing_code(stream):
    """Reads until the server closes; the close code, or None for a cut."""
    try:
        while True:
            stream.text()
    except Closed as closed:
        return closed.code


class LocalBook:
    """The documented procedure, as a client does it."""

    def __init__(self, snapshot):
        self.id = snapshot["lastUpdateId"]
        self.sides = {side: {p: q for p, q in snapshot[side]} for side in ("bids", "asks")}

    def apply(self, event):
        if event["u"] <= self.id:
            return
        assert event["U"] <= self.id + 1, "gap: book at %d, event from %d" % (self.id, event["U"])
        for key, side in (("b", "bids"), ("a", "asks")):
            for price, quantity in event[key]:
                if float(quantity) == 0:
                    self.sides[side].pop(price, None)
                else:
                    self.sides[side][price] = quantity
        self.id = event["u"]

    def top(self):
        bid, ask = max(self.sides["bids"], key=float), min(self.sides["asks"], key=float)
        return bid, self.sides["bids"][bid], ask, self.sides["asks"][ask]

    def sorted(self):
        return {"lastUpdateId": self.id,
                "bids": sorted(([p, q] for p, q in self.sides["bids"].items()), key=lambda x: -float(x[0])),
                "asks": sorted(([p, q] for p, q in self.sides["asks"].items()), key=lambda x: float(x[0]))}
