"""Safe Exam Browser: the settings of a session, their Config Key, and the check of requests against it.

After the project's own description (safeexambrowser.org/developer, “Config Key” and “File Format”): the settings as JSON
with keys in case-insensitive order, without white space, escapes, empty dictionaries and ``originatorVersion``; SHA-256 of
that is the Config Key; a request carries SHA-256 of its address (without fragment) followed by the key. Pure.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import plistlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

HEADER = "X-SafeExamBrowser-ConfigKeyHash"
MEDIA_TYPE = "application/seb"
VERSION = "technology-manager-platform"


def settings_for(site: str, *, quit_hash: str = "") -> dict[str, Any]:
    """The settings with which an exam of this site is sat. ``site``: its address without a slash at the end."""
    return {
        "originatorVersion": VERSION,
        "sebConfigPurpose": 0,  # for one exam: the device's own settings come back afterwards
        "startURL": f"{site}/exams/",
        "quitURL": f"{site}/exams/seb-quit",
        "quitURLConfirm": False,
        "sendBrowserExamKey": True,
        "browserWindowWebView": 3,  # the modern view, which tells the key to the page's script
        "browserWindowAllowReload": True,
        "showReloadButton": True,
        "showTaskBar": True,
        "showTime": True,
        "showInputLanguage": True,
        "allowQuit": True,
        "hashedQuitPassword": quit_hash,
        "allowPreferencesWindow": False,
        "allowSwitchToApplications": False,
        "allowSpellCheck": False,
        "allowDictation": False,
        "allowDownloads": False,
        "allowUploads": False,
        "allowScreenSharing": False,
        "allowVirtualMachine": False,
        "enablePrintScreen": False,
        "enablePrivateClipboard": True,
        "enableRightMouse": False,
        "examSessionClearCookiesOnStart": True,
        "examSessionClearCookiesOnEnd": True,
        "newBrowserWindowByLinkPolicy": 0,
        "URLFilterEnable": True,
        "URLFilterEnableContentFilter": False,
        "URLFilterRules": [
            {"action": 1, "active": True, "expression": f"{site.split('://', 1)[-1]}/*", "regex": False},
        ],
    }


def settings_file(settings: Mapping[str, Any]) -> bytes:
    """The ``.seb`` file: a property list in XML, not encrypted."""
    return plistlib.dumps(dict(settings), fmt=plistlib.FMT_XML, sort_keys=True)


def seb_json(settings: Mapping[str, Any]) -> str:
    """The settings as the text whose digest is the Config Key."""
    return _json({key: value for key, value in settings.items() if key != "originatorVersion"})


def _json(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, Mapping):
        kept = [(key, one) for key, one in value.items() if not (isinstance(one, Mapping) and not one)]
        return (
            "{" + ",".join(f'"{key}":{_json(one)}' for key, one in sorted(kept, key=lambda pair: pair[0].lower())) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ",".join(_json(one) for one in value) + "]"
    return f'"{value}"'


def config_key(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(seb_json(settings).encode()).hexdigest()


@lru_cache(maxsize=64)
def key_for(site: str, quit_hash: str) -> str:
    """The Config Key of a session's settings."""
    return config_key(settings_for(site, quit_hash=quit_hash))


def request_hash(url: str, key: str) -> str:
    """What a request to ``url`` carries."""
    return hashlib.sha256((url.split("#", 1)[0] + key).encode()).hexdigest()


def fits(given: Any, url: str, key: str) -> bool:
    """Does the value belong to this address and key? Compared in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.lower().encode(), request_hash(url, key).encode())
