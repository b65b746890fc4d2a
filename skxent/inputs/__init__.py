"""What users pass, checked: one policy each."""
