# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import yaml_reader, yaml_writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: Text that a reader could take for something else.
LOOKALIKES = [
    "10:30",
    "0x10",
    "010",
    "1e5",
    "yes",
    "~",
    "a: b",
    "a #b",
    "- a",
    "*x",
    "&x",
    "!x",
    "key:",
    "::1",
    "0",
    "1.20",
    "2026-11-21",
]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(LOOKALIKES)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.text(max_size=8), VALUES, min_size=1, max_size=5)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_what_we_write_pyyaml_reads_back(document):
    assert yaml.safe_load(yaml_writer.dump(document)) == document


def test_a_line_break_at_the_end_of_a_word_is_not_lost() -> None:
    for document in ({"A\n": None}, {"A": "x\n"}, {"A": ["x\n"]}):
        assert yaml_reader.load(yaml_writer.dump(document)) == document



@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_what_we_write_we_read_back(document):
    assert yaml_reader.load(yaml_writer.dump(document)) == document


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(DOCUMENTS, min_size=1, max_size=3))
def test_several_documents_come_back_in_order(documents):
    text = yaml_writer.dump_all(documents)
    assert list(yaml.safe_load_all(text)) == documents
    assert yaml_reader.load_all(text) == documents


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="ab:-# \n'\"{}[]|>&*!1.~", max_size=60))
def test_whatever_text_comes_the_reader_reads_it_or_refuses_it(text):
    with contextlib.suppress(yaml_reader.YamlError):
        yaml_reader.load_all(text)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(DOCUMENTS)
def test_pyyamls_own_block_style_is_read_alike_or_refused(document):
    text = yaml.safe_dump(document, default_flow_style=False, width=100000)
    with contextlib.suppress(yaml_reader.YamlError):
        assert yaml_reader.load(text) == yaml.safe_load(text)


def test_no_document_starts_with_a_brace():
    text = yaml_writer.dump_all([{"kind": "A", "apiVersion": "v1", "b": {}, "a": []}])
    assert text == "---\napiVersion: v1\nkind: A\na: []\nb: {}\n"


#: kubeadm 1.20.2, `kubeadm config print init-defaults`, with what `kubeadm-config` of a cluster adds.
KUBEADM_OUTPUT = """\
apiServer:
  extraArgs:
    authorization-mode: Node,RBAC
  timeoutForControlPlane: 4m0s
apiVersion: kubeadm.k8s.io/v1beta2
bootstrapTokens:
- groups:
  - system:bootstrappers:kubeadm:default-node-token
  token: abcdef.0123456789abcdef
  ttl: 24h0m0s
controllerManager: {}
dns:
  type: CoreDNS
etcd:
  local:
    dataDir: /var/lib/etcd
nodeRegistration:
  criSocket: /var/run/dockershim.sock
  taints:
  - effect: NoSchedule
    key: node-role.kubernetes.io/master
  kubeletExtraArgs: null
quoted: "1.20"
single: 'it''s'
text: |
  one
    two
"""


def test_what_kubeadm_prints_is_read_as_pyyaml_reads_it():
    assert yaml_reader.load(KUBEADM_OUTPUT) == yaml.safe_load(KUBEADM_OUTPUT)


@pytest.mark.parametrize("text", ["a: [1, 2]", "a: &x b", "a: *x", "a: !!str b", "{a: b}", "a: b\n  c", "\ta: b", "a: >\n  b"])
def test_what_the_reader_does_not_know_it_refuses(text):
    with pytest.raises(yaml_reader.YamlError):
        yaml_reader.load(text)
