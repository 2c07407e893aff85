"""What a session must remember of the request that created it, in `Upload.extra`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ...model.upload import Upload


@attrs.frozen
class Note:
    """Fields of the creation, as they were sent."""

    metadata: str = ""
    concat: str = ""
    conditions: Mapping[str, str] = attrs.field(factory=dict)
    """If-Match and its kin, by lower-case name."""
    dated: bool = False
    """The metadata say the modification time, so no header of a later request does."""

    @classmethod
    def of(cls, upload: Upload) -> Note:
        """The note that was left in a session."""
        return cls(**upload.extra)

    def extra(self) -> dict[str, Any]:
        """What `of` reads, as JSON can hold it; what is empty is left out."""
        return {name: value for name, value in attrs.asdict(self).items() if value}
