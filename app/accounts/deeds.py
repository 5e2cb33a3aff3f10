from __future__ import annotations

from enum import StrEnum

from flask_babel import lazy_gettext as _l

from app.audit.service import name_deeds


class Did(StrEnum):
    SIGN_UP = "accounts.sign_up"
    CONFIRM_EMAIL = "accounts.confirm_email"
    SIGN_IN = "accounts.sign_in"
    SIGN_OUT_EVERYWHERE = "accounts.sign_out_everywhere"
    ASK_RESET = "accounts.ask_reset"
    RESET_PASSWORD = "accounts.reset_password"
    CHANGE_PASSWORD = "accounts.change_password"
    SET_SECOND_FACTOR = "accounts.set_second_factor"
    RESET_SECOND_FACTOR = "accounts.reset_second_factor"
    EDIT_PROFILE = "accounts.edit_profile"
    SET_ID_NUMBER = "accounts.set_id_number"
    SET_PHONE = "accounts.set_phone"
    SET_PHOTO = "accounts.set_photo"
    REVEAL = "accounts.reveal"
    GIVE_CONSENT = "accounts.give_consent"
    WITHDRAW_CONSENT = "accounts.withdraw_consent"
    EXPORT_DATA = "accounts.export_data"
    EXPORT_PEOPLE = "accounts.export_people"
    EXPORT_AUDIT = "accounts.export_audit"
    ASK_ERASURE = "accounts.ask_erasure"
    ERASE = "accounts.erase"
    REFUSE_ERASURE = "accounts.refuse_erasure"
    INVITE = "accounts.invite"
    GRANT_ROLE = "accounts.grant_role"
    END_ROLE = "accounts.end_role"
    REMOVE_ORGANISATION = "accounts.remove_organisation"
    SAVE_ORGANISATION = "accounts.save_organisation"
    SAVE_REGION = "accounts.save_region"


name_deeds(
    {
        Did.SIGN_UP: _l("Signed up"),
        Did.CONFIRM_EMAIL: _l("Confirmed the e-mail address"),
        Did.SIGN_IN: _l("Signed in"),
        Did.SIGN_OUT_EVERYWHERE: _l("Signed out everywhere"),
        Did.ASK_RESET: _l("Asked for a new password"),
        Did.RESET_PASSWORD: _l("Set a new password by link"),
        Did.CHANGE_PASSWORD: _l("Changed the password"),
        Did.SET_SECOND_FACTOR: _l("Set up the second factor"),
        Did.RESET_SECOND_FACTOR: _l("Reset a second factor"),
        Did.EDIT_PROFILE: _l("Edited a profile"),
        Did.SET_ID_NUMBER: _l("Entered an ID number"),
        Did.SET_PHONE: _l("Entered a phone number"),
        Did.SET_PHOTO: _l("Uploaded a photo"),
        Did.REVEAL: _l("Unmasked personal data"),
        Did.GIVE_CONSENT: _l("Gave a consent"),
        Did.WITHDRAW_CONSENT: _l("Withdrew a consent"),
        Did.EXPORT_DATA: _l("Downloaded own data"),
        Did.EXPORT_PEOPLE: _l("Exported the list of people"),
        Did.EXPORT_AUDIT: _l("Exported the audit log"),
        Did.ASK_ERASURE: _l("Asked for erasure"),
        Did.ERASE: _l("Erased personal data"),
        Did.REFUSE_ERASURE: _l("Refused an erasure"),
        Did.INVITE: _l("Invited a person"),
        Did.GRANT_ROLE: _l("Granted a role"),
        Did.END_ROLE: _l("Ended a role"),
        Did.REMOVE_ORGANISATION: _l("Took out an organisation"),
        Did.SAVE_ORGANISATION: _l("Saved an organisation"),
        Did.SAVE_REGION: _l("Saved a region"),
    }
)
