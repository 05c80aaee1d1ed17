"""The benchmarks: `make bench`. They measure, and belong to no test."""
