"""The one blueprint of this feature; the view modules hang their pages on it."""

from flask import Blueprint

from app.accounts.words import place_name

bp = Blueprint("accounts", __name__, template_folder="templates")
bp.add_app_template_global(place_name, "place_name")
