"""Metadata of EOS by gRPC, the second implementation of `metadata.Metadata`; what it cannot say is asked over HTTP.

`proto` (messages), `translation` and `failures` are pure; `options` says how managers are reached, `channels` speaks to them;
`roles` says as whom, `detection` whether at all; `asking` and, with what changes something, `grpc_metadata` are the
implementation; `probing` asks single questions for ``clawgate check``. Nothing here is imported where no mount has ``grpc_urls``.
"""
