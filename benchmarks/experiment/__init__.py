"""Which loss for which data: the experiment behind docs/choosing.md."""
