"""The classifiers of the boosting libraries, quiet and in one thread."""


def xgb(n_trees, **settings):
    from xgboost import XGBClassifier

    return XGBClassifier(**{"n_estimators": n_trees, "n_jobs": 1, **settings})


def lgbm(n_trees, **settings):
    from lightgbm import LGBMClassifier

    quiet = {"n_estimators": n_trees, "n_jobs": 1, "verbosity": -1}
    return LGBMClassifier(**{**quiet, **settings})


def cat(n_trees, **settings):
    from catboost import CatBoostClassifier

    quiet = {"iterations": n_trees, "thread_count": 1, "verbose": 0}
    return CatBoostClassifier(**{**quiet, "allow_writing_files": False, **settings})
