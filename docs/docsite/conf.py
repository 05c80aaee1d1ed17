"""How Sphinx makes the reference that `make docs` builds of the pages that antsibull-docs writes."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

project = title = html_short_title = "incomex.closeout"
copyright = "The incomex.closeout authors"
extensions = ["sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_show_sphinx = html_copy_source = html_use_index = False
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
# A reference that leads nowhere is a warning, and with -W an error.
nitpicky = True

# What the pages refer to in Ansible's own documentation: given here, so that a build asks no network for its index.
_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
_ELSEWHERE = {
    "ansible_collections.ansible.builtin.set_stats_module": "collections/ansible/builtin/set_stats_module.html",
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def _elsewhere(_app: Sphinx, _env: object, node: Any, content: nodes.TextElement) -> nodes.reference | None:
    """The link to a page of Ansible's documentation; None, which is a warning, for any other that is not there."""
    page = _ELSEWHERE.get(node["reftarget"])
    return nodes.reference("", "", content, internal=False, refuri=_ANSIBLE + page) if page else None


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("missing-reference", _elsewhere)
