"""Programs that wait to be let in, and logins with browsers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "login_flow",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("poll", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.UniqueConstraint("poll", name="login_flow_poll"),
    )
    op.create_index("login_flow_network", "login_flow", ["network"])
    op.create_index("login_flow_expires", "login_flow", ["expires"])
    op.create_table(
        "login_session",
        sa.Column("browser", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    op.create_index("login_session_user", "login_session", ["user_id", "expires"])
    op.create_index("login_session_expires", "login_session", ["expires"])
