"""Names and addresses of the QTI versions that are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from question_bank.formats.xml_nodes import Node

XSI = "http://www.w3.org/2001/XMLSchema-instance"
LOM = "http://ltsc.ieee.org/xsd/LOM"
LOM_XSD = "https://purl.imsglobal.org/spec/md/v1p3/schema/xsd/imsmd_loose_v1p3p2.xsd"


@dataclass(frozen=True)
class Version:
    item: str
    """Namespace of an item."""
    item_xsd: str
    manifest: str
    manifest_xsd: str
    metadata: str
    metadata_xsd: str
    resource: str
    """Type of a resource that is an item."""
    schema: tuple[str, str]
    templates: str
    """Address of a standard template, with %s for its name."""
    kebab: bool = False
    """``qti-choice-interaction`` instead of ``choiceInteraction``."""


QTI_22 = Version(
    item="http://www.imsglobal.org/xsd/imsqti_v2p2",
    item_xsd="http://www.imsglobal.org/xsd/qti/qtiv2p2/imsqti_v2p2.xsd",
    manifest="http://www.imsglobal.org/xsd/imscp_v1p1",
    manifest_xsd="http://www.imsglobal.org/xsd/qti/qtiv2p2/qtiv2p2_imscpv1p2_v1p0.xsd",
    metadata="http://www.imsglobal.org/xsd/imsqti_metadata_v2p2",
    metadata_xsd="http://www.imsglobal.org/xsd/qti/qtiv2p2/imsqti_metadata_v2p2.xsd",
    resource="imsqti_item_xmlv2p2",
    schema=("QTIv2.2 Package", "1.0.0"),
    templates="http://www.imsglobal.org/question/qti_v2p2/rptemplates/%s",
)
QTI_30 = Version(
    item="http://www.imsglobal.org/xsd/imsqtiasi_v3p0",
    item_xsd="https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_asiv3p0_v1p0.xsd",
    manifest="http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1",
    manifest_xsd="https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqtiv3p0_imscpv1p2_v1p0.xsd",
    metadata="http://www.imsglobal.org/xsd/imsqti_metadata_v3p0",
    metadata_xsd="https://purl.imsglobal.org/spec/qti/v3p0/schema/xsd/imsqti_metadatav3p0_v1p0.xsd",
    resource="imsqti_item_xmlv3p0",
    schema=("QTI Package", "3.0.0"),
    templates="https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/%s.xml",
    kebab=True,
)

#: HTML that the writer makes; it keeps its names in every version.
_HTML = frozenset(
    "p div span em strong code pre a ul ol li table thead tbody tr th td h1 h2 h3 h4 h5 h6 blockquote hr br img".split()
)
_WITH_BODY = frozenset({"modalFeedback", "feedbackBlock", "rubricBlock"})


def in_version(node: Node, version: Version) -> Node:
    """An item, built with the names of 2.x, with the names of a version."""
    if not version.kebab:
        return node
    children = [child if isinstance(child, str) else in_version(child, version) for child in node.children]
    if node.name in _HTML:
        return Node(node.name, node.attributes, children)
    if node.name in _WITH_BODY:
        children = [Node("qti-content-body", {}, children)]
    attributes = {_kebab(key): value for key, value in node.attributes.items()}
    if node.name == "rubricBlock":
        attributes["use"] = "scoring"
    return Node(f"qti-{_kebab(node.name)}", attributes, children)


def _kebab(name: str) -> str:
    if ":" in name:
        return name
    return re.sub(r"[A-Z]", lambda found: f"-{found[0].lower()}", name)
