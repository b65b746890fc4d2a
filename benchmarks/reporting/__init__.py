"""What the benchmarks find, from the clock to the pages: see ../report.py."""
