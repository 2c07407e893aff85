"""Settings of LibreGraph."""

from __future__ import annotations

import attrs

from .rule import setting


@attrs.frozen
class Graph:
    """[graph]: spaces, people and groups as current clients ask for them"""

    enabled: bool = setting(True, "offer spaces by LibreGraph; without it clients see the personal space only, as in ownCloud 10")
    search: bool = setting(True, "people may look for other people, and for groups other than their own")
    search_letters: int = setting(3, "letters such a search must have at least", low=1)
    search_results: int = setting(50, "people or groups it finds at most", low=1)
    children: int = setting(200, "files and folders in one page of the children of a folder", low=1, high=10000)
    spaces_most: int = setting(10000, "spaces that people may make on one mount", low=1)
    members_most: int = setting(1000, "people and groups that one of these may have as members", low=1)
