"""The proof of the forwarder: workers that kill themselves, and a look at what is left of it all.

A trial sends messages through a strict queue to workers in processes of their own. A fleet forks
them, and another one for each that dies. Where and when they die is decided by whoever runs the
trial, who issues warrants: a worker that passes a named point takes one if one is there, and then
kills itself. At the end the database is compared with what was sent.
"""

from tools.proof.cases import CASES, Case
from tools.proof.findings import Findings, compare
from tools.proof.fleet import Fleet
from tools.proof.messages import Sent, entries, orders, versions
from tools.proof.outages import exhausted, read_only, restart
from tools.proof.plan import POINTS, Plan, Point
from tools.proof.terminations import Terminations
from tools.proof.trial import Counts, Trial

__all__ = [
    "CASES",
    "POINTS",
    "Case",
    "Counts",
    "Findings",
    "Fleet",
    "Plan",
    "Point",
    "Sent",
    "Terminations",
    "Trial",
    "compare",
    "entries",
    "exhausted",
    "orders",
    "read_only",
    "restart",
    "versions",
]
