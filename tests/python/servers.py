# SPDX-License-Identifier: Apache-2.0
"""What tests of several servers, and of servers in TLS, have in common."""


def url_of(*ports, name, scheme="tcp"):
    """Of a snapshot that the servers on all of these ports hold."""
    return f"{scheme}://{','.join(f'127.0.0.1:{port}' for port in ports)}/{name}"


def psk_files(lab):
    """Files with a key of alice, and with another that is called the same."""
    paths = []
    for name, digit in ("right", "5"), ("wrong", "6"):
        path = lab.path(f"{name}.psk")
        path.write_text(f"alice:{digit * 64}\n")
        path.chmod(0o600)
        paths.append(path)
    return paths
