"""Reads report.html: its elements, its headings, and what its script is given."""

import json
import re
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "input", "br", "hr"}


class Tree(HTMLParser):
    """Every element with its attributes and text; fails where one is closed that is not open, or left open."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> in the wrong place"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def drawn(text):
    """What the script is given."""
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def headings(text):
    return re.findall(r"<h[2-4][^>]*>([^<]*)</h[2-4]>", text)
