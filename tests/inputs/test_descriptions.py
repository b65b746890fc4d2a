"""Docstrings that are composed of those of base classes and of other objects."""

from inspect import cleandoc

from skxent.inputs.descriptions import documented


class Base:
    """A base.

    Parameters
    ----------
    a : int
        The first,

        in two paragraphs.
    b, c : float
        Two at once.

    Attributes
    ----------
    fitted_ : int
        Set by fit.
    other_ : int
        Set as well.
    """


def other(d):
    """Do something.

    Parameters
    ----------
    b : str
        Not this one.
    d : str
        Known to `other` alone.
    **keywords
        Further arguments.
    """


def test_missing_entries_come_from_the_bases_and_then_from_others():
    @documented(other)
    class Derived(Base):
        """A class.

        Parameters
        ----------
        e : int
            Its own.
        {parameters}

        Attributes
        ----------
        other_ : int
            In another way.
        {attributes}

        Examples
        --------
        >>> {}
        """

        def __init__(self, a, b, c, d, e, unknown):
            pass

    assert Derived.__doc__ == cleandoc("""A class.

        Parameters
        ----------
        a : int
            The first,

            in two paragraphs.
        b, c : float
            Two at once.
        d : str
            Known to `other` alone.
        e : int
            Its own.

        Attributes
        ----------
        other_ : int
            In another way.
        fitted_ : int
            Set by fit.

        Examples
        --------
        >>> {}
        """)


def test_parameters_that_the_signature_lacks_are_left_out():
    @documented(Base, other)
    def function(c, **keywords):
        """Do something.

        Parameters
        ----------
        {parameters}
        """

    assert function.__doc__.splitlines()[4:] == [
        "b, c : float",
        "    Two at once.",
        "**keywords",
        "    Further arguments.",
    ]


def test_without_docstrings_there_is_nothing_to_complete():
    @documented(Base)
    def function(a):
        pass

    assert function.__doc__ is None
