"""The tables of the state. A change here needs a revision in ``migrations/versions`` and a new `SCHEMA` head."""

from __future__ import annotations

import os

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, SmallInteger, Table, Text, UniqueConstraint

from .engine import Schema

metadata = MetaData()

lock = Table(
    "lock",
    metadata,
    Column("token", Text, primary_key=True),
    Column("space", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("deep", SmallInteger, nullable=False),
    Column("exclusive", SmallInteger, nullable=False),
    Column("owner_xml", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("timeout", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
)

dead_property = Table(
    "dead_property",
    metadata,
    Column("space", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("namespace", Text, primary_key=True),
    Column("local", Text, primary_key=True),
    # The XML text of the whole element.
    Column("value", Text, nullable=False),
)

favourite = Table(
    "favourite",
    metadata,
    Column("space", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Index("favourite_node", "space", "node"),
)

upload = Table(
    "upload",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("space", Text, nullable=False),
    Column("handle", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("size", BigInteger),
    Column("offset", BigInteger, nullable=False),
    # Blank-separated ALGORITHM:hex
    Column("checksums", Text, nullable=False),
    Column("mtime_ns", BigInteger),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("finished", SmallInteger, nullable=False),
    Column("result", Text, nullable=False),
    # JSON object; belongs to the dialect.
    Column("extra", Text, nullable=False),
    Column("frees", BigInteger, nullable=False),
    UniqueConstraint("owner", "dialect", "key", name="upload_key"),
    Index("upload_expires", "finished", "expires"),
    Index("upload_owner", "owner", "finished"),
    Index("upload_space", "space", "finished"),
)

upload_part = Table(
    "upload_part",
    metadata,
    Column("upload", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("stop", BigInteger, nullable=False),
    Index("upload_part_range", "upload", "start"),
)

attempts = Table(
    "attempts",
    metadata,
    # Stands for the name that was typed; empty: the network as a whole.
    Column("user_id", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("failures", BigInteger, nullable=False),
    Column("last", Double, nullable=False),
    Column("good", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Index("attempts_expires", "expires"),
)

app_password = Table(
    "app_password",
    metadata,
    Column("id", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    # Of the secret, which nobody keeps.
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("read_only", SmallInteger, nullable=False),
    Column("space", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double),
    Column("used", Double),
    Column("foreign_user", SmallInteger, nullable=False),
    UniqueConstraint("digest", name="app_password_digest"),
    Index("app_password_user", "user_id"),
)

foreign_user = Table(
    "foreign_user",
    metadata,
    Column("user_id", Text, primary_key=True),
    # JSON object
    Column("person", Text, nullable=False),
    Column("seen", Double, nullable=False),
)

app_password_change = Table(
    "app_password_change",
    metadata,
    # One row, "all"; its number grows when an app password or what is known of its owner is not what it was.
    Column("scope", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

login_flow = Table(
    "login_flow",
    metadata,
    # Hashes of the two tokens, which nobody keeps.
    Column("id", Text, primary_key=True),
    Column("poll", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("network", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    # JSON object of who has let it in; empty: nobody yet.
    Column("person", Text, nullable=False),
    UniqueConstraint("poll", name="login_flow_poll"),
    Index("login_flow_network", "network"),
    Index("login_flow_expires", "expires"),
)

login_session = Table(
    "login_session",
    metadata,
    # Hash of what the browser keeps in a cookie
    Column("browser", Text, primary_key=True),
    # What the login is for: the id of a flow, or empty: the page of app passwords.
    Column("purpose", Text, primary_key=True),
    Column("user_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("expires", Double, nullable=False),
    Index("login_session_user", "user_id", "expires"),
    Index("login_session_expires", "expires"),
)

generation = Table(
    "generation",
    metadata,
    Column("space", Text, primary_key=True),
    # The last one that was noted in the storage for certain.
    Column("number", BigInteger, nullable=False),
    # What clients are told about restored backups; empty: there was none.
    Column("fingerprint", Text, nullable=False),
    # The older note that is known and explained, while the storage still has it; empty: there is none.
    Column("explained", Text, nullable=False),
    # The index and its last change when this was noted.
    Column("stamp", Text, nullable=False),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("user_id", Text, primary_key=True),
    # Hexadecimal; signatures can only be checked by whoever has the key itself.
    Column("key", Text, nullable=False),
    # The one before, with which addresses may have been signed that are still good; empty: there was none.
    Column("former", Text, nullable=False),
    Column("made", Double, nullable=False),
    # JSON object: who that was at the last login that asked for the key, and when that was.
    Column("person", Text, nullable=False),
    Column("seen", Double, nullable=False),
)

made_space = Table(
    "made_space",
    metadata,
    Column("mount", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    # Its name as it must not occur twice; of one that is being removed its key.
    Column("folded", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("quota", BigInteger),
    Column("standing", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("image", Text, nullable=False),
    Column("readme", Text, nullable=False),
    UniqueConstraint("mount", "folded", name="made_space_folded"),
    UniqueConstraint("mount", "label", name="made_space_label"),
)

made_space_member = Table(
    "made_space_member",
    metadata,
    Column("mount", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("role", Text, nullable=False),
    # Seconds since 1970 from which on the person is no member any more.
    Column("expires", Double),
)

made_space_change = Table(
    "made_space_change",
    metadata,
    # One row, "all"; its number grows with every change to the two tables.
    Column("scope", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

tag = Table(
    "tag",
    metadata,
    Column("space", Text, primary_key=True),
    Column("node", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Index("tag_name", "space", "name"),
)

tag_number = Table(
    "tag_number",
    metadata,
    # Never given out again: whoever still knows the number of a tag that is gone must not mean another one.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("user_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    # Made by the person, or used by its number: shown although nothing has the tag.
    Column("kept", SmallInteger, nullable=False),
    UniqueConstraint("user_id", "name", name="tag_number_name"),
    sqlite_autoincrement=True,
)

SCHEMA = Schema(
    metadata=metadata,
    migrations=os.path.join(os.path.dirname(__file__), "migrations"),
    head="0009",
    version_table="state_version",
)
