"""Requests for content, addressed and signed as boto3 would do it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import attrs
from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]

_UNRESERVED = "-._~"


class _Unsigned(S3SigV4Auth):  # type: ignore[misc]
    """The content is not part of the signature: it is not known yet when the headers are sent."""

    def payload(self, request: Any) -> str:
        """The value of ``x-amz-content-sha256``."""
        return "UNSIGNED-PAYLOAD"


@attrs.frozen
class Signer:
    """Signs for one bucket."""

    endpoint: str
    """Without the bucket: ``https://s3.eu-west-1.amazonaws.com``."""
    region: str
    bucket: str
    credentials: Any
    """Of botocore; may have to be fetched, so signing blocks."""
    virtual: bool = False
    """Whether the bucket is a part of the host name."""

    def url(self, key: str) -> str:
        """Where an object is."""
        scheme, host, path, _, _ = urlsplit(self.endpoint)
        path = path.rstrip("/")
        if self.virtual:
            host = f"{self.bucket}.{host}"
        else:
            path = f"{path}/{self.bucket}"
        return f"{scheme}://{host}{path}/{quote(key, safe='/' + _UNRESERVED)}"

    def sign(self, method: str, key: str, headers: dict[str, str], query: str = "") -> tuple[str, dict[str, str]]:
        """Address and headers. Blocks when credentials have to be renewed."""
        url = self.url(key) + (f"?{query}" if query else "")
        request = AWSRequest(method=method, url=url, headers=headers)
        _Unsigned(self.credentials.get_frozen_credentials(), "s3", self.region).add_auth(request)
        return url, dict(request.headers.items())
