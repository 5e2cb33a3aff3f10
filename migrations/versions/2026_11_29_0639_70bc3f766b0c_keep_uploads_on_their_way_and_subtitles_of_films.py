"""Keep uploads on their way and subtitles of films

Revision: 70bc3f766b0c, after 7606e16a117f
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '70bc3f766b0c'
down_revision = '7606e16a117f'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('upload',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('token', sa.String(length=64), nullable=False, comment='in its address'),
    sa.Column('owner_id', sa.Integer(), nullable=False),
    sa.Column('about', sa.String(length=80), nullable=False, comment='what the file is for'),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False, comment='bytes announced'),
    sa.Column('received', sa.Integer(), nullable=False, comment='bytes that are safely here'),
    sa.Column('mark', sa.String(length=80), nullable=False, comment='by it the page knows the same file again'),
    sa.Column('pieces', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='[[random name in the storage, bytes], …] in order'),
    sa.Column('begun', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='pieces that were begun: named before they are written'),
    sa.Column('touched_at', sa.DateTime(timezone=True), nullable=False, comment='the last piece came; its term begins here'),
    sa.CheckConstraint('received >= 0 AND received <= size', name=op.f('ck_upload_no_more_than_announced')),
    sa.ForeignKeyConstraint(['owner_id'], ['person.id'], name=op.f('fk_upload_owner_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_upload')),
    sa.UniqueConstraint('token', name=op.f('uq_upload_token'))
    )
    with op.batch_alter_table('upload', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_upload_owner_id'), ['owner_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_upload_touched_at'), ['touched_at'], unique=False)

    with op.batch_alter_table('lesson_material', schema=None) as batch_op:
        batch_op.add_column(sa.Column('language', sa.String(length=20), server_default='', nullable=False, comment='of subtitles, as in BCP 47'))
        batch_op.create_check_constraint(batch_op.f('ck_lesson_material_subtitles_have_a_language'), "(kind = 'subtitles') = (language <> '')")


def downgrade() -> None:
    with op.batch_alter_table('lesson_material', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_lesson_material_subtitles_have_a_language'), type_='check')
        batch_op.drop_column('language')

    with op.batch_alter_table('upload', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_upload_touched_at'))
        batch_op.drop_index(batch_op.f('ix_upload_owner_id'))

    op.drop_table('upload')