"""Keep pictures of authority seals

Revision: bd56f92e1d7b, after 71b5858a8d94
"""

import sqlalchemy as sa
from alembic import op

revision = "bd56f92e1d7b"
down_revision = "71b5858a8d94"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authority_seal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("set_by_id", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_authority_seal_file_id_stored_file")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_authority_seal_region_id_region")),
        sa.ForeignKeyConstraint(["set_by_id"], ["person.id"], name=op.f("fk_authority_seal_set_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority_seal")),
    )
    with op.batch_alter_table("authority_seal") as batch:
        batch.create_index(batch.f("ix_authority_seal_file_id"), ["file_id"], unique=False)
        batch.create_index(batch.f("ix_authority_seal_region_id"), ["region_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("authority_seal") as batch:
        batch.drop_index(batch.f("ix_authority_seal_region_id"))
        batch.drop_index(batch.f("ix_authority_seal_file_id"))
    op.drop_table("authority_seal")
