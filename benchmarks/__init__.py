"""Comparisons with the peers, in one run; ratios, never bare times.

A subject is a module with BENCHMARKS, in which every key of `results/latest.json` has its floor and its measure.
"""
