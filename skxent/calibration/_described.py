"""The shared docstring of the scalings."""


class DescribedScaling:
    """A classifier that moves the logits of another by a few parameters.

    Parameters
    ----------
    estimator : classifier, default=None
        A fitted classifier in a :class:`sklearn.frozen.FrozenEstimator` is calibrated
        on the rows that are passed to fit, which should not be those it was fitted to.
        Any other classifier is fitted to these rows, and calibrated on out-of-fold
        logits. None: X holds logits (n, K), or (n,), the log-odds of the second class.
    loss : str or Loss, default="cross_entropy"
        A loss, or a name in :data:`skxent.losses.LOSSES`, with default parameters.
    label_smoothing : float in [0, 1), default=0.0
        Label smoothing of the loss, undone in predict_proba.
    cv : int, splitter, iterable or None, default=5
        How out-of-fold logits are made, as in
        :func:`sklearn.model_selection.cross_val_predict`. Folds whose training rows
        lack a class are left out, with a warning. None: calibrate on the rows that the
        estimator was fitted to.
    ensemble : bool, default=False
        False: out-of-fold logits of all folds calibrate one model, fitted to all rows.
        True: the model of each fold is calibrated on the rows that it was not fitted
        to, and their probabilities are averaged, as scikit-learn does by default. That
        is often more accurate, and predictions take as many times longer.
    floor : float in [0, 1) or None, default=None
        The number that is added to the probabilities of a model without
        decision_function before their logarithm is taken. None: 1e-12, as in
        scikit-learn; but if a probability is smaller, such as the zeros of forests,
        neighbours and naive Bayes, the floor that has the least log loss out of fold,
        after temperature scaling.
    tol : float in (0, inf), default=1e-4
        Stop when the Newton decrement is at most this: the mean loss, in nats, is then
        about tol² / 2 above its minimum.
    max_iter : int, default=100
        The most Newton iterations.
    n_jobs : int, default=None
        Number of threads of the kernels; None means all that OpenMP may use.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        The classes of the estimator; without one the labels of y, or 0..K-1 if y lacks
        some of these.
    estimator_ : classifier or None
        The fitted estimator that gives the logits. Not set with `ensemble`.
    calibrated_classifiers_ : list of fitted scalings
        One for each fold; with `ensemble` only.
    floor_ : float or None
        The number that was added to probabilities; None for logits.
    n_iter_ : int
        The number of Newton iterations; with `ensemble` the largest.
    """
