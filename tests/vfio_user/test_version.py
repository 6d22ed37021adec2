# SPDX-License-Identifier: LGPL-2.1-or-later
"""VERSION: the first message, and what it agrees on."""

import errno
import json
import struct

import pytest

import client as vu


def test_qemu_is_answered_with_a_subset_that_fits_into_its_own_message(server):
    with server.connect() as c:
        reply = c.call(vu.VERSION, vu.version_payload(vu.QEMU))
        assert struct.unpack_from("<HH", reply.payload) == (0, 0)
        assert json.loads(reply.payload[4:-1]) == {
            "capabilities": {
                "max_msg_fds": 16,
                "max_data_xfer_size": 1048576,
                "max_dma_maps": 65535,
                "pgsizes": 4096,
                "write_multiple": True,
            }
        }
        assert len(reply.payload) + 16 <= 190


def test_cloud_hypervisor_gets_version_0_0_and_json_with_a_nul(server):
    with server.connect() as c:
        major, minor, said = c.version(vu.CLOUD_HYPERVISOR, minor=1)
        assert (major, minor) == (0, 0)
        assert said == {"capabilities": {"max_msg_fds": 16, "max_data_xfer_size": 1048576}}


@pytest.mark.parametrize("capabilities", [None, b"\0", b"{}\0", b'{"capabilities":{}}\0',
                                          b'{"other":[1,2]}\0',
                                          b'{"capabilities":{"twin_socket":{}}}\0',
                                          b'{"capabilities":{"twin_socket":{"supported":false}}}\0'])
def test_a_client_that_says_little_has_the_defaults(server, capabilities):
    with server.connect() as c:
        _, _, said = c.version(capabilities)
        assert said == {"capabilities": {"max_msg_fds": 16, "max_data_xfer_size": 1048576}}
        assert c.info()[2] == 9


def test_the_smaller_limit_holds(server):
    with server.connect() as c:
        _, _, said = c.version({"capabilities": {"max_data_xfer_size": 4096, "max_dma_maps": 7}})
        assert said["capabilities"]["max_data_xfer_size"] == 4096
        assert said["capabilities"]["max_dma_maps"] == 7
        assert len(c.read(4, 0, 4096)) == 4096
        assert c.error(vu.REGION_READ, vu.ACCESS_S.pack(0, 4, 4097)) == errno.EINVAL
        assert c.error(vu.REGION_WRITE, vu.ACCESS_S.pack(0, 4, 4097) + bytes(4097)) == errno.EINVAL


def test_a_limit_larger_than_the_servers_is_cut(server):
    with server.connect() as c:
        _, _, said = c.version({"capabilities": {"max_data_xfer_size": 1 << 40, "max_msg_fds": 99}})
        assert said["capabilities"]["max_data_xfer_size"] == 1048576
        assert said["capabilities"]["max_msg_fds"] == 16


@pytest.mark.parametrize("payload", [
    b"", b"\0", b"\0\0\0",
    vu.version_payload(major=1), vu.version_payload(major=0xFFFF),
    vu.version_payload(b'{"capabilities":{}}'),
    vu.version_payload(b'{"capabilities":{}}\0\0'),
    vu.version_payload(b'{"capabilities":{}\0}\0'),
    vu.version_payload(b"{\0"), vu.version_payload(b"[]\0"), vu.version_payload(b"null\0"),
    vu.version_payload(b"1\0"), vu.version_payload(b'{"a":1} x\0'),
    vu.version_payload(b"[" * 100 + b"]" * 100 + b"\0"),
    vu.version_payload(b'{"a":' * 100 + b"1" + b"}" * 100 + b"\0"),
    vu.version_payload(b"\xff\xfe\0"),
    vu.version_payload(b'{"capabilities":3}\0'),
    *[vu.version_payload({"capabilities": {name: value}})
      for name, values in {
          "max_msg_fds": [-1, "16", 1.5, None, []],
          "max_data_xfer_size": [0, -1, "x", {}],
          "max_dma_maps": [-1, "x", True],
          "pgsizes": [-1, 0, 1, 2048, "4096"],
          "write_multiple": [1, "true", None],
          "twin_socket": [True, "yes", None, [], {"supported": 1}, {"supported": None}],
      }.items() for value in values],
    vu.version_payload(b'{"a":"' + b"x" * 5000 + b'"}\0'),
], ids=lambda payload: repr(payload[:40]))
def test_nonsense_is_refused_and_ends_the_connection(server, payload):
    with server.connect() as c:
        assert c.error(vu.VERSION, payload) == errno.EINVAL
        assert c.at_end()


@pytest.mark.parametrize("command", [c for c in range(0, 20) if c != vu.VERSION] + [0xFFFF])
def test_nothing_is_done_before_version(server, command):
    with server.connect() as c:
        assert c.error(command, bytes(32)) == errno.EINVAL
        c.version()
        assert c.info()[2] == 9


def test_a_second_version_is_refused_and_changes_nothing(client):
    assert client.error(vu.VERSION, vu.version_payload(vu.CLOUD_HYPERVISOR)) == errno.EINVAL
    client.read(4, 0, 1 << 20)


def test_version_without_a_reply_is_obeyed(server):
    with server.connect() as c:
        c.send(vu.VERSION, vu.version_payload(), flags=vu.NO_REPLY)
        assert c.info()[2] == 9
