"""Let files be larger than two gigabytes.

Revision: 5c1d27e0b94a, after 3b7d51c09e42
"""

import sqlalchemy as sa
from alembic import op

revision = '5c1d27e0b94a'
down_revision = '3b7d51c09e42'
branch_labels = None
depends_on = None

COLUMNS = (('stored_file', 'size'), ('upload', 'size'), ('upload', 'received'))


def upgrade() -> None:
    if op.get_bind().dialect.name != 'sqlite':  # SQLite's integers are of 64 bits anyway
        for table, column in COLUMNS:
            op.alter_column(table, column, existing_type=sa.Integer(), type_=sa.BigInteger(), existing_nullable=False)


def downgrade() -> None:
    if op.get_bind().dialect.name != 'sqlite':
        for table, column in COLUMNS:
            op.alter_column(table, column, existing_type=sa.BigInteger(), type_=sa.Integer(), existing_nullable=False)
