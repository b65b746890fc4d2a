"""Links from the pages of source back to the reference that lead somewhere.

An object of two public modules has two pages. viewcode links to the last of them, with
the name that the first has there; and it lists modules that are not installed.
"""


def tidy(app, env):
    modules = getattr(env, "_viewcode_modules", {})
    for name, entry in list(modules.items()):
        if not entry:
            del modules[name]
            continue
        code, tags, used, _ = entry
        for member, page in used.items():
            public = page.rpartition("/")[2].removesuffix(f".{member}")
            modules[name] = code, tags, used, public
            break


def setup(app):
    app.connect("env-updated", tidy)
    return {"parallel_read_safe": True}
