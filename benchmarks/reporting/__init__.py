"""Results of the benchmarks, from the clock to the pages: see ../report.py."""
