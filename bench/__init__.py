"""Measurements: speed as ratios, both sides measured in one run.

    python -m bench                 all parts, and the table in docs/benchmarks.md
    python -m bench throughput race only these parts, printed

Each part is a module with ``measure() -> list[Row]``.
"""
