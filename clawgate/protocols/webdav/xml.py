"""XML from strangers: bounded, without document types, entities, network."""

from __future__ import annotations

from lxml import etree

from ...errors import InvalidRequest
from .elements import Name

Element = etree._Element


def parse(body: bytes, *, depth: int) -> Element:
    """The root element of `body`. Comments and processing instructions are left out.

    Raises `InvalidRequest` if it is not well-formed (namespaces included), nests deeper than `depth`, or has a document type:
    RFC 4918 20.6 warns of entities, and no client sends one. A ``<!DOCTYPE`` inside a CDATA section is refused as well.
    """
    if _has_doctype(body):
        raise InvalidRequest("document types are not allowed in XML bodies")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidRequest(f"the body is not well-formed XML: {error}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidRequest("document types are not allowed in XML bodies")
    if _is_deeper(root, depth):
        raise InvalidRequest(f"the XML body nests deeper than {depth} elements")
    return root


def _has_doctype(body: bytes) -> bool:
    # Before parsing, so that not even a declaration is looked at. UTF-16 is the one usual encoding that hides it.
    if b"\0" in body:
        body = body.replace(b"\0", b"")
    return b"<!DOCTYPE" in body


def _is_deeper(root: Element, limit: int) -> bool:
    level = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        level += 1 if event == "start" else -1
        if level > limit:
            return True
    return False


def name_of(element: Element) -> Name:
    """Namespace and local name."""
    tag = str(element.tag)
    if tag[0] == "{":
        namespace, _, local = tag[1:].partition("}")
        return namespace, local
    return "", tag


def children(element: Element) -> list[Element]:
    """The child elements; stray text and entity nodes are passed over."""
    return [child for child in element if isinstance(child.tag, str)]


def child(element: Element, name: Name) -> Element | None:
    """The first child called `name`."""
    for candidate in children(element):
        if name_of(candidate) == name:
            return candidate
    return None


def text_of(element: Element) -> str:
    """The text of `element` itself, without blanks around it."""
    return (element.text or "").strip()


def serialize(element: Element) -> str:
    """`element` as XML that stands alone: the namespaces in scope and an inherited ``xml:lang`` (RFC 4918 4.3) are on it."""
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    if lang not in element.attrib:
        for above in element.iterancestors():
            if lang in above.attrib:
                element.set(lang, above.attrib[lang])
                break
    return etree.tostring(element, encoding="unicode", with_tail=False)
