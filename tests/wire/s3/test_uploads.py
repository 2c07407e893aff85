"""Uploads in pieces as they are for a disk, with homes in a bucket."""

from __future__ import annotations

from ..test_chunking import (  # noqa: F401
    client,
    test_an_overwrite_keeps_the_id,
    test_an_upload_goes_on_after_a_restart,
    test_chunks_of_every_client,
    test_published_but_not_noted,
    test_quota,
    test_two_that_finish_at_once_publish_once,
    test_v1_again_after_a_break,
    test_v1_in_parallel_and_in_any_order,
)
from ..test_tus_clients import (  # noqa: F401
    name,
    proxy,
    test_tuspy_goes_on_after_a_cut,
    test_tuspy_in_chunks,
    test_tuspy_with_the_wrong_checksum,
)
