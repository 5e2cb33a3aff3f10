"""How a certificate is made: its number, dates, names, page, snapshot. No Flask, no database, no settings.

Who may have one and when is decided by ``app.certification``; this package only knows how the thing is made.
"""
