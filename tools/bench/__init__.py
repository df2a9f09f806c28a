"""Measure ours against a named peer, as ratios in one run: ``python -m tools.bench [name…]``.

Machines differ and get busy; a ratio of two things that were measured in turns, a few milliseconds
apart in one process, does not. Nothing here is a test: no run fails for being slow.
"""
