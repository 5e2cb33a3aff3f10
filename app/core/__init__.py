"""The words of the product, none of its rules."""

from app.core import speech

speech.install()  # before any module of ours takes its gettext from flask_babel
