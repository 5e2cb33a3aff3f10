"""Register employers, keep their checks, keys and shared links

Revision: a0041, after fc0b6a4737ec
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = 'a0041'
down_revision = "fc0b6a4737ec"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('api_key',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('organisation_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('prefix', sa.String(length=16), nullable=False, comment='the part by which it is found and named'),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('scopes', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('quota', sa.Integer(), nullable=False, comment='rows a day'),
    sa.Column('created_by_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('quota > 0', name=op.f('ck_api_key_quota_positive')),
    sa.ForeignKeyConstraint(['created_by_id'], ['person.id'], name=op.f('fk_api_key_created_by_id_person')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_api_key_organisation_id_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_key')),
    sa.UniqueConstraint('prefix', name=op.f('uq_api_key_prefix'))
    )
    with op.batch_alter_table('api_key', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_key_organisation_id'), ['organisation_id'], unique=False)

    op.create_table('employer_registration',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('region_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('credit_code', sa.String(length=18), nullable=False, comment='统一社会信用代码'),
    sa.Column('contact', sa.String(length=100), nullable=False, comment='who answers for the checks'),
    sa.Column('phone', sa.String(length=40), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False, comment='what the checks are for'),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by_id', sa.Integer(), nullable=True),
    sa.Column('remark', sa.Text(), nullable=False, comment='reason told to the applicant'),
    sa.Column('organisation_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['decided_by_id'], ['person.id'], name=op.f('fk_employer_registration_decided_by_id_person')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_employer_registration_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_employer_registration_person_id_person')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_employer_registration_region_id_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_employer_registration'))
    )
    with op.batch_alter_table('employer_registration', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_employer_registration_credit_code'), ['credit_code'], unique=False)
        batch_op.create_index(batch_op.f('ix_employer_registration_person_id'), ['person_id'], unique=False)
        batch_op.create_index('ix_employer_registration_region_id_state', ['region_id', 'state'], unique=False)
        batch_op.create_index('uq_employer_registration_one_open', ['person_id'], unique=True, sqlite_where=sa.text("state = 'submitted'"), postgresql_where=sa.text("state = 'submitted'"))

    op.create_table('api_use',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key_id', sa.Integer(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('rows', sa.Integer(), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['key_id'], ['api_key.id'], name=op.f('fk_api_use_key_id_api_key')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_use')),
    sa.UniqueConstraint('key_id', 'day', name=op.f('uq_api_use_key_id_day'))
    )
    op.create_table('share_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('certificate_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('receiver', sa.String(length=160), nullable=False, comment="for whom, in the holder's words"),
    sa.Column('purpose', sa.String(length=200), nullable=False),
    sa.Column('shows', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False, comment='what beyond level, state and dates is shown'),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['certificate_id'], ['certificate.id'], name=op.f('fk_share_link_certificate_id_certificate')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_share_link_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_share_link')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_share_link_token_hash'))
    )
    with op.batch_alter_table('share_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_share_link_certificate_id'), ['certificate_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_share_link_person_id'), ['person_id'], unique=False)

    op.create_table('share_look',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('link_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('organisation_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['link_id'], ['share_link.id'], name=op.f('fk_share_look_link_id_share_link')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_share_look_organisation_id_organisation')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_share_look'))
    )
    with op.batch_alter_table('share_look', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_share_look_link_id'), ['link_id'], unique=False)

    with op.batch_alter_table('verification_query', schema=None) as batch_op:
        batch_op.add_column(sa.Column('organisation_id', sa.Integer(), nullable=True, comment='a registered employer'))
        batch_op.add_column(sa.Column('typed', sa.String(length=60), nullable=False, server_default='', comment='number asked for; registered employers only'))
        batch_op.create_index('ix_verification_query_organisation_id_at', ['organisation_id', 'at'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_verification_query_organisation_id_organisation'), 'organisation', ['organisation_id'], ['id'])
    with op.batch_alter_table('verification_query', schema=None) as batch_op:
        batch_op.alter_column('way', existing_type=sa.String(length=10), existing_nullable=False, comment='page, code (QR), file, link, sheet or api', existing_comment='page, code (QR) or api')
        batch_op.alter_column('typed', existing_type=sa.String(length=60), existing_nullable=False, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('verification_query', schema=None) as batch_op:
        batch_op.alter_column('way', existing_type=sa.String(length=10), existing_nullable=False, comment='page, code (QR) or api', existing_comment='page, code (QR), file, link, sheet or api')
        batch_op.drop_constraint(batch_op.f('fk_verification_query_organisation_id_organisation'), type_='foreignkey')
        batch_op.drop_index('ix_verification_query_organisation_id_at')
        batch_op.drop_column('typed')
        batch_op.drop_column('organisation_id')

    with op.batch_alter_table('share_look', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_share_look_link_id'))

    op.drop_table('share_look')
    with op.batch_alter_table('share_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_share_link_person_id'))
        batch_op.drop_index(batch_op.f('ix_share_link_certificate_id'))

    op.drop_table('share_link')
    op.drop_table('api_use')
    with op.batch_alter_table('employer_registration', schema=None) as batch_op:
        batch_op.drop_index('uq_employer_registration_one_open', sqlite_where=sa.text("state = 'submitted'"), postgresql_where=sa.text("state = 'submitted'"))
        batch_op.drop_index('ix_employer_registration_region_id_state')
        batch_op.drop_index(batch_op.f('ix_employer_registration_person_id'))
        batch_op.drop_index(batch_op.f('ix_employer_registration_credit_code'))

    op.drop_table('employer_registration')
    with op.batch_alter_table('api_key', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_api_key_organisation_id'))

    op.drop_table('api_key')
