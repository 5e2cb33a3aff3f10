"""Keep mandates, repairs and statements of performance

Revision: 4b6a39e6e440, after a0041
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '4b6a39e6e440'
down_revision = "a0041"
branch_labels = None
depends_on = None

BEFORE = {
    'deduction_not_positive': 'reverses_id IS NOT NULL OR points <= 0',
    'reversal_not_negative': 'reverses_id IS NULL OR points >= 0',
}
AFTER = {
    'deduction_not_positive': 'reverses_id IS NOT NULL OR repair_id IS NOT NULL OR points <= 0',
    'reversal_not_negative': '(reverses_id IS NULL AND repair_id IS NULL) OR points >= 0',
    'of_an_event_or_a_repair': '(event_id IS NULL) <> (repair_id IS NULL)',
}


def _change_checks(batch_op, old: dict[str, str], new: dict[str, str]) -> None:
    for name in old:
        batch_op.drop_constraint(batch_op.f(f'ck_integrity_entry_{name}'), type_='check')
    for name, rule in new.items():
        batch_op.create_check_constraint(batch_op.f(f'ck_integrity_entry_{name}'), rule)


def upgrade() -> None:
    op.create_table('mandate',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('organisation_id', sa.Integer(), nullable=False, comment='受托机构'),
    sa.Column('region_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False, comment='经办人'),
    sa.Column('certificate_number', sa.String(length=40), nullable=False, comment='held when the manager signed'),
    sa.Column('project', sa.String(length=200), nullable=False),
    sa.Column('side', sa.String(length=40), nullable=False),
    sa.Column('client_name', sa.String(length=160), nullable=False, comment='委托方; for both sides the supplier'),
    sa.Column('client_contact', sa.String(length=100), nullable=False),
    sa.Column('client_email', sa.String(length=254), nullable=False),
    sa.Column('consented_on', sa.Date(), nullable=True, comment='both sides: written consent of the supplier'),
    sa.Column('other_name', sa.String(length=160), nullable=False, comment='both sides: the party that seeks'),
    sa.Column('other_consented_on', sa.Date(), nullable=True),
    sa.Column('scope', sa.Text(), nullable=False),
    sa.Column('exclusive', sa.Boolean(), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('ends_on', sa.Date(), nullable=False, comment='last day'),
    sa.Column('commission', sa.Text(), nullable=False, comment='how the commission is reckoned, in words'),
    sa.Column('conflict', sa.Text(), nullable=False, comment='statement on conflicts of interest'),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_id', sa.Integer(), nullable=False),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=True, comment='by the manager'),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True, comment='by the organisation'),
    sa.Column('accepted_by_id', sa.Integer(), nullable=True),
    sa.Column('remark', sa.Text(), nullable=False, comment='what the organisation or the manager wrote last'),
    sa.Column('ended_on', sa.Date(), nullable=True),
    sa.Column('contract_number', sa.String(length=40), nullable=False, comment='登记编号 of the deal, normalised'),
    sa.CheckConstraint("state <> 'deal' OR contract_number <> ''", name=op.f('ck_mandate_deal_has_a_contract')),
    sa.CheckConstraint('accepted_by_id IS NULL OR accepted_by_id <> person_id', name=op.f('ck_mandate_accepted_by_another')),
    sa.CheckConstraint('ends_on >= starts_on', name=op.f('ck_mandate_ends_after_it_starts')),
    sa.ForeignKeyConstraint(['accepted_by_id'], ['person.id'], name=op.f('fk_mandate_accepted_by_id_person')),
    sa.ForeignKeyConstraint(['created_by_id'], ['person.id'], name=op.f('fk_mandate_created_by_id_person')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_mandate_organisation_id_organisation')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_mandate_person_id_person')),
    sa.ForeignKeyConstraint(['region_id'], ['region.id'], name=op.f('fk_mandate_region_id_region')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mandate'))
    )
    with op.batch_alter_table('mandate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mandate_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mandate_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mandate_region_id'), ['region_id'], unique=False)
        batch_op.create_index('ix_mandate_state_ends_on', ['state', 'ends_on'], unique=False)

    op.create_table('credit_statement',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=40), nullable=False, comment='printed, typed by readers'),
    sa.Column('token', sa.String(length=60), nullable=False, comment='in the QR code'),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False, comment='cut-off date, included'),
    sa.Column('snapshot', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False, comment='SHA-256 of the snapshot as canonical JSON'),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('show_name', sa.Boolean(), nullable=False, comment='the page of the QR code shows the whole name'),
    sa.Column('show_figures', sa.Boolean(), nullable=False, comment='… and the balance by indicator'),
    sa.Column('show_contracts', sa.Boolean(), nullable=False, comment='… and the contracts'),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pdf_file_id', sa.Integer(), nullable=True),
    sa.CheckConstraint('until >= since', name=op.f('ck_credit_statement_period_in_order')),
    sa.ForeignKeyConstraint(['pdf_file_id'], ['stored_file.id'], name=op.f('fk_credit_statement_pdf_file_id_stored_file')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_credit_statement_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_credit_statement')),
    sa.UniqueConstraint('number', name=op.f('uq_credit_statement_number')),
    sa.UniqueConstraint('token', name=op.f('uq_credit_statement_token'))
    )
    with op.batch_alter_table('credit_statement', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_credit_statement_pdf_file_id'), ['pdf_file_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_credit_statement_person_id'), ['person_id'], unique=False)

    op.create_table('integrity_repair',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('rule_id', sa.Integer(), nullable=False, comment='the conditions it is judged by'),
    sa.Column('hours', sa.BigInteger(), nullable=False, comment='ethics training, as proved'),
    sa.Column('trained_until', sa.Date(), nullable=False, comment='last day of that training'),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('applied_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('proposed_by_id', sa.Integer(), nullable=True),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finding', sa.Text(), nullable=False, comment='of the first officer; the holder reads it'),
    sa.Column('decided_by_id', sa.Integer(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision', sa.Text(), nullable=False, comment='of the second officer; the holder reads it'),
    sa.Column('points', sa.BigInteger(), nullable=True, comment='given back'),
    sa.CheckConstraint('decided_by_id IS NULL OR decided_by_id <> proposed_by_id', name=op.f('ck_integrity_repair_decided_by_another')),
    sa.CheckConstraint('hours > 0', name=op.f('ck_integrity_repair_hours_positive')),
    sa.ForeignKeyConstraint(['decided_by_id'], ['person.id'], name=op.f('fk_integrity_repair_decided_by_id_person')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_integrity_repair_person_id_person')),
    sa.ForeignKeyConstraint(['proposed_by_id'], ['person.id'], name=op.f('fk_integrity_repair_proposed_by_id_person')),
    sa.ForeignKeyConstraint(['rule_id'], ['rule_version.id'], name=op.f('fk_integrity_repair_rule_id_rule_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_integrity_repair'))
    )
    with op.batch_alter_table('integrity_repair', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_integrity_repair_person_id'), ['person_id'], unique=False)
        batch_op.create_index('uq_integrity_repair_open', ['person_id'], unique=True, sqlite_where=sa.text("state IN ('submitted', 'proposed')"), postgresql_where=sa.text("state IN ('submitted', 'proposed')"))

    op.create_table('mandate_file',
    sa.Column('mandate_id', sa.Integer(), nullable=False),
    sa.Column('file_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['stored_file.id'], name=op.f('fk_mandate_file_file_id_stored_file')),
    sa.ForeignKeyConstraint(['mandate_id'], ['mandate.id'], name=op.f('fk_mandate_file_mandate_id_mandate')),
    sa.PrimaryKeyConstraint('mandate_id', 'file_id', name=op.f('pk_mandate_file'))
    )
    with op.batch_alter_table('mandate_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mandate_file_file_id'), ['file_id'], unique=False)

    op.create_table('mandate_holder',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('mandate_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('certificate_number', sa.String(length=40), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.Column('because', sa.String(length=400), nullable=False, comment='why another manager took over'),
    sa.ForeignKeyConstraint(['mandate_id'], ['mandate.id'], name=op.f('fk_mandate_holder_mandate_id_mandate')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_mandate_holder_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mandate_holder'))
    )
    with op.batch_alter_table('mandate_holder', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mandate_holder_mandate_id'), ['mandate_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mandate_holder_person_id'), ['person_id'], unique=False)

    op.create_table('mandate_opinion',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('mandate_id', sa.Integer(), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('link_sealed', sa.String(length=400), nullable=True, comment='emptied once the mail is sent'),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('usable_until', sa.Date(), nullable=False),
    sa.Column('mail_state', sa.String(length=40), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('score', sa.Integer(), nullable=True),
    sa.Column('comment', sa.Text(), nullable=False),
    sa.CheckConstraint('(score IS NULL) = (given_at IS NULL)', name=op.f('ck_mandate_opinion_given_with_a_score')),
    sa.CheckConstraint('score IS NULL OR (score >= 1 AND score <= 5)', name=op.f('ck_mandate_opinion_score_is_1_to_5')),
    sa.ForeignKeyConstraint(['mandate_id'], ['mandate.id'], name=op.f('fk_mandate_opinion_mandate_id_mandate')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mandate_opinion')),
    sa.UniqueConstraint('mandate_id', name=op.f('uq_mandate_opinion_mandate_id')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_mandate_opinion_token_hash'))
    )
    with op.batch_alter_table('mandate_opinion', schema=None) as batch_op:
        batch_op.create_index('ix_mandate_opinion_mail', ['mail_state', 'next_try_at'], unique=False)

    op.create_table('repair_file',
    sa.Column('repair_id', sa.Integer(), nullable=False),
    sa.Column('file_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['file_id'], ['stored_file.id'], name=op.f('fk_repair_file_file_id_stored_file')),
    sa.ForeignKeyConstraint(['repair_id'], ['integrity_repair.id'], name=op.f('fk_repair_file_repair_id_integrity_repair')),
    sa.PrimaryKeyConstraint('repair_id', 'file_id', name=op.f('pk_repair_file'))
    )
    with op.batch_alter_table('repair_file', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_repair_file_file_id'), ['file_id'], unique=False)

    op.create_table('mandate_complaint',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('mandate_id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False, comment='the manager it is about'),
    sa.Column('received_on', sa.Date(), nullable=False),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('recorded_by_id', sa.Integer(), nullable=True, comment="empty: by the client's link"),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('finding', sa.Text(), nullable=False),
    sa.Column('settled_by_id', sa.Integer(), nullable=True),
    sa.Column('settled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('event_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['event_id'], ['integrity_event.id'], name=op.f('fk_mandate_complaint_event_id_integrity_event')),
    sa.ForeignKeyConstraint(['mandate_id'], ['mandate.id'], name=op.f('fk_mandate_complaint_mandate_id_mandate')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_mandate_complaint_person_id_person')),
    sa.ForeignKeyConstraint(['recorded_by_id'], ['person.id'], name=op.f('fk_mandate_complaint_recorded_by_id_person')),
    sa.ForeignKeyConstraint(['settled_by_id'], ['person.id'], name=op.f('fk_mandate_complaint_settled_by_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mandate_complaint'))
    )
    with op.batch_alter_table('mandate_complaint', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mandate_complaint_mandate_id'), ['mandate_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_mandate_complaint_person_id'), ['person_id'], unique=False)
        batch_op.create_index('ix_mandate_complaint_state', ['state'], unique=False)

    with op.batch_alter_table('integrity_entry', schema=None) as batch_op:
        batch_op.add_column(sa.Column('repair_id', sa.Integer(), nullable=True))
        batch_op.alter_column('event_id',
               existing_type=sa.INTEGER(),
               nullable=True)
        batch_op.create_unique_constraint(batch_op.f('uq_integrity_entry_repair_id'), ['repair_id'])
        batch_op.create_foreign_key(batch_op.f('fk_integrity_entry_repair_id_integrity_repair'), 'integrity_repair', ['repair_id'], ['id'])
        _change_checks(batch_op, BEFORE, AFTER)


def downgrade() -> None:
    op.execute('DELETE FROM integrity_entry WHERE repair_id IS NOT NULL')  # before, points could not be given back
    with op.batch_alter_table('integrity_entry', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_integrity_entry_repair_id_integrity_repair'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('uq_integrity_entry_repair_id'), type_='unique')
        batch_op.alter_column('event_id',
               existing_type=sa.INTEGER(),
               nullable=False)
        _change_checks(batch_op, AFTER, BEFORE)
        batch_op.drop_column('repair_id')

    with op.batch_alter_table('mandate_complaint', schema=None) as batch_op:
        batch_op.drop_index('ix_mandate_complaint_state')
        batch_op.drop_index(batch_op.f('ix_mandate_complaint_person_id'))
        batch_op.drop_index(batch_op.f('ix_mandate_complaint_mandate_id'))

    op.drop_table('mandate_complaint')
    with op.batch_alter_table('repair_file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_repair_file_file_id'))

    op.drop_table('repair_file')
    with op.batch_alter_table('mandate_opinion', schema=None) as batch_op:
        batch_op.drop_index('ix_mandate_opinion_mail')

    op.drop_table('mandate_opinion')
    with op.batch_alter_table('mandate_holder', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_mandate_holder_person_id'))
        batch_op.drop_index(batch_op.f('ix_mandate_holder_mandate_id'))

    op.drop_table('mandate_holder')
    with op.batch_alter_table('mandate_file', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_mandate_file_file_id'))

    op.drop_table('mandate_file')
    with op.batch_alter_table('integrity_repair', schema=None) as batch_op:
        batch_op.drop_index('uq_integrity_repair_open', sqlite_where=sa.text("state IN ('submitted', 'proposed')"), postgresql_where=sa.text("state IN ('submitted', 'proposed')"))
        batch_op.drop_index(batch_op.f('ix_integrity_repair_person_id'))

    op.drop_table('integrity_repair')
    with op.batch_alter_table('credit_statement', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_credit_statement_person_id'))
        batch_op.drop_index(batch_op.f('ix_credit_statement_pdf_file_id'))

    op.drop_table('credit_statement')
    with op.batch_alter_table('mandate', schema=None) as batch_op:
        batch_op.drop_index('ix_mandate_state_ends_on')
        batch_op.drop_index(batch_op.f('ix_mandate_region_id'))
        batch_op.drop_index(batch_op.f('ix_mandate_person_id'))
        batch_op.drop_index(batch_op.f('ix_mandate_organisation_id'))

    op.drop_table('mandate')
