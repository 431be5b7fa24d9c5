from __future__ import annotations

import itertools
import re

from hypothesis import given
from hypothesis import strategies as st

from poolhouse._core.picture import Edge, EdgeKind, Node, NodeKind, as_dot, as_mermaid, as_text, picture

NODES = [
    Node("pool", NodeKind.POOL, ("SharedPool",)),
    Node("users", NodeKind.SERVICE, ("schema users",)),
    Node("orders", NodeKind.SERVICE),
]
EDGES = [
    Edge("users", "pool", EdgeKind.NEEDS),
    Edge("orders", "users", EdgeKind.READS, "users.accounts"),
    Edge("orders", "users", EdgeKind.NEEDS, "accounts: Accounts", "users.service"),
    Edge("users", "pool", EdgeKind.NEEDS),
]

names = st.text(min_size=1, max_size=8)
many = st.lists(names, min_size=1, max_size=5, unique=True)


def of(names):
    """A picture in which each is a service and needs the next."""
    nodes = [Node(name, NodeKind.SERVICE, (name,)) for name in names]
    pairs = itertools.pairwise(names)
    return picture("Application", nodes, [Edge(one, two, EdgeKind.NEEDS, one) for one, two in pairs])


def test_services_come_first_and_each_edge_once():
    drawn = picture("Application", NODES, EDGES)
    assert [node.name for node in drawn.nodes] == ["orders", "users", "pool"]
    assert len(drawn.edges) == 3


def test_the_tree_says_what_each_needs_and_reads():
    assert as_text(picture("Application", NODES, EDGES)).splitlines() == [
        "Application",
        "├── orders",
        "│   ├── needs accounts: Accounts, which is users.service",
        "│   └── reads users.accounts",
        "├── users",
        "│   ├── schema users",
        "│   └── needs pool",
        "└── pool",
        "    └── SharedPool",
    ]


def test_mermaid_has_solid_arrows_for_needs_and_dotted_ones_for_reads():
    text = as_mermaid(picture("Application", NODES, EDGES))
    assert 'pool[("<b>pool</b><br>SharedPool")]' in text
    assert '    orders -->|"accounts: Accounts"| users\n' in text
    assert '    orders -.->|"reads users.accounts"| users\n' in text
    assert text.endswith("    users --> pool")


def test_dot_has_dashed_edges_for_reads():
    text = as_dot(picture("Application", NODES, EDGES))
    assert '"orders" -> "users" [label="reads users.accounts", style=dashed];' in text
    assert '"users" -> "pool";' in text


def test_a_word_of_mermaids_own_is_no_name():
    assert 'end_["<b>end</b>' in as_mermaid(of(["end"]))


@given(many)
def test_whatever_is_in_names_mermaid_gets_one_line_for_each_thing_with_names_of_its_own(names):
    lines = as_mermaid(of(names)).split("\n")[1:]
    assert len(lines) == 2 * len(names) - 1
    found = [re.fullmatch(r' {4}(\w+)\["<b>[^"<>]*</b><br>[^"<>]*"\]', line) for line in lines[: len(names)]]
    assert all(found)
    assert len({each[1] for each in found}) == len(names)


@given(many)
def test_whatever_is_in_names_dot_gets_quoted_strings(names):
    lines = as_dot(of(names)).split("\n")
    quoted = r'"(?:[^"\\\n]|\\.)*"'
    edges = [line for line in lines if re.fullmatch(rf" {{4}}{quoted} -> {quoted} \[label={quoted}\];", line)]
    nodes = [line for line in lines if re.fullmatch(rf" {{4}}{quoted} \[shape=box, label={quoted}\];", line)]
    assert (len(edges), len(nodes)) == (len(names) - 1, len(names))


@given(st.permutations(NODES), st.permutations(EDGES))
def test_the_order_of_what_is_given_is_nothing_to_see(nodes, edges):
    assert picture("Application", nodes, edges) == picture("Application", NODES, EDGES)
