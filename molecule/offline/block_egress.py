"""nftables in the network of every node: out goes only what stays in the lab's network and the cluster's own."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lab"))
import host
import nodes

RULES = """
table inet lab_egress {
  chain out {
    type filter hook output priority 0; policy accept;
    oifname "lo" accept
    ip daddr { %(subnet)s, 10.244.0.0/16, 10.96.0.0/16 } accept
    ip6 daddr { fe80::/10, ff02::/16 } accept
    counter reject
  }
  chain through {
    type filter hook forward priority 0; policy accept;
    oifname "eth0" ip daddr != { %(subnet)s, 10.244.0.0/16, 10.96.0.0/16 } counter reject
  }
}
"""


def main() -> None:
    host.use_containers_conf()
    lab = nodes.read(ROOT / "inventories" / "lab" / os.environ.get("MOLECULE_SCENARIO_NAME", "offline"))
    for node in lab.nodes:
        pid = host.podman("inspect", "--format", "{{.State.Pid}}", lab.container(node)).strip()
        inside = ["nsenter", "--target", pid, "--net"]
        subprocess.run([*inside, "nft", "-f", "-"], input=RULES % {"subnet": lab.subnet}, text=True, check=True)
        # Refused at once, not left without an answer: so this very rule did it.
        tried = subprocess.run([*inside, "timeout", "5", "bash", "-c", "</dev/tcp/192.0.2.1/80"], capture_output=True, text=True)
        if tried.returncode == 0 or "refused" not in tried.stderr:
            sys.exit("%s: something gets out: %s" % (node, tried.stderr))


if __name__ == "__main__":
    main()
