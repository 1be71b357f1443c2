"""Refusals of the catalogue, in this project's own words; the API turns each into a problem."""


class TitleUnknown(LookupError):  # noqa: N818
    """No title with this id may be shown."""


class TitleGone(LookupError):  # noqa: N818
    """The title was taken down; nothing about it may be told."""


class CursorUnreadable(ValueError):  # noqa: N818
    """A page cursor that this API did not make."""


class EpisodeNeeded(ValueError):  # noqa: N818
    """A season was asked for without an episode, or a film with one; the message says which."""


class NothingPlayable(LookupError):  # noqa: N818
    """The title is shown, but no file of the asked film or episode can be played now."""


class AssetChanged(ValueError):  # noqa: N818
    """An asset's bytes changed under one name, which caches would never notice; the message names it."""
