"""Keep statements on paper before a decision

Revision: 5d2f8c40be91, after 5c1d27e0b94a
"""

import sqlalchemy as sa
from alembic import op

revision = '5d2f8c40be91'
down_revision = '5c1d27e0b94a'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('status_change', schema=None) as batch_op:
        batch_op.add_column(sa.Column('received_on', sa.Date(), nullable=True, comment='day a statement on paper arrived; None: made on the page'))
        batch_op.add_column(sa.Column('statement_file_id', sa.Integer(), nullable=True, comment='scan of a statement on paper'))
        batch_op.add_column(sa.Column('stated_by_id', sa.Integer(), nullable=True, comment='officer who entered a statement on paper; None: the holder on the page'))
        batch_op.create_index(batch_op.f('ix_status_change_statement_file_id'), ['statement_file_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_status_change_statement_file_id_stored_file'), 'stored_file', ['statement_file_id'], ['id'])
        batch_op.create_foreign_key(batch_op.f('fk_status_change_stated_by_id_person'), 'person', ['stated_by_id'], ['id'])
        batch_op.create_check_constraint(
            batch_op.f('ck_status_change_paper_has_day_and_scan'),
            '(received_on IS NULL) = (statement_file_id IS NULL) AND (received_on IS NULL OR stated_at IS NOT NULL)',
        )


def downgrade() -> None:
    with op.batch_alter_table('status_change', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_status_change_paper_has_day_and_scan'), type_='check')
        batch_op.drop_constraint(batch_op.f('fk_status_change_stated_by_id_person'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('fk_status_change_statement_file_id_stored_file'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_status_change_statement_file_id'))
        batch_op.drop_column('stated_by_id')
        batch_op.drop_column('statement_file_id')
        batch_op.drop_column('received_on')
