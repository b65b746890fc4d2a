"""What is minimised: loss, data and penalty as one function of the weights."""
