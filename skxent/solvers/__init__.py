"""From an objective to its minimiser: a method a file; `solve` chooses one."""
