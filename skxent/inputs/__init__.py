"""Input that users pass, checked: one module for each kind of argument."""
