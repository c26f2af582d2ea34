"""Addresses of the BIPs and of the federation, templates by Core's names, and what the script engine refuses."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alys.wire import bitcoin_keys, bitcoin_script
from alys.wire.bitcoin_codec import OutPoint, Tx, TxIn, TxOut
from alys.wire.bitcoin_script import BadAddress, ScriptError

P2WPKH = bytes.fromhex("0014751e76e8199196d454941c45d1b3a323f1433bd6")
P2PKH = bytes.fromhex("76a914751e76e8199196d454941c45d1b3a323f1433bd688ac")
P2SH = bytes.fromhex("a914751e76e8199196d454941c45d1b3a323f1433bd687")
P2TR = bytes.fromhex("512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
OP_TRUE, OP_FALSE = b"\x51", b"\x00"


@pytest.mark.parametrize(
    ("script", "network", "address"),
    [
        # BIP173, BIP350, BIP341
        (P2WPKH, "mainnet", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (P2WPKH, "testnet", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
        (P2TR, "mainnet", "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
        (P2PKH, "mainnet", "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH"),
        (P2PKH, "regtest", "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r"),
        (
            bytes.fromhex("5120147c9c57132f6e7ecddba9800bb0c4449251c92a1e60371ee77557b6620f3ea3"),
            "mainnet",
            "bc1pz37fc4cn9ah8anwm4xqqhvxygjf9rjf2resrw8h8w4tmvcs0863sa2e586",
        ),
    ],
)
def test_addresses_of_the_bips(script: bytes, network: str, address: str) -> None:
    assert bitcoin_script.script_to_address(script, network) == address
    assert bitcoin_script.address_to_script(address, network) == script


@given(
    st.sampled_from([P2WPKH[:2], b"\x00\x20", b"\x51\x20", b"\x60\x02"]).flatmap(
        lambda start: st.binary(min_size=start[1], max_size=start[1]).map(
            lambda program: start + program
        )
    )
)
def test_every_witness_program_has_an_address_that_leads_back(script: bytes) -> None:
    address = bitcoin_script.script_to_address(script)
    assert address is not None
    assert address.startswith("bcrt1")
    assert bitcoin_script.address_to_script(address) == script
    assert bitcoin_script.address_to_script(address.upper()) == script


@pytest.mark.parametrize("script", [P2PKH, P2SH])
def test_base58_addresses_lead_back(script: bytes) -> None:
    address = bitcoin_script.script_to_address(script)
    assert address is not None
    assert bitcoin_script.address_to_script(address) == script


@pytest.mark.parametrize(
    "address",
    [
        "",
        "junk",
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt081",  # last character changed
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",  # the main network's
        "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",  # the test network's
        "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH",  # the main network's, base58
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",  # bech32, not bech32m
        " mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r",
        "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r\n",
        "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8é",
        "bcrt1QW508d6qejxtdg4y5r3zarvary0c5xw7kygt080",  # mixed case
    ],
)
def test_what_is_no_address_of_this_network_is_refused(address: str) -> None:
    with pytest.raises(BadAddress) as refused:
        bitcoin_script.address_to_script(address)
    assert refused.value.address == address
    assert refused.value.reason


@pytest.mark.parametrize(
    "script",
    [b"", OP_TRUE, b"\x00\x15" + bytes(21), b"\x6a\x14" + bytes(20), P2PKH + b"\x00"],
)
def test_scripts_without_an_address_have_none(script: bytes) -> None:
    assert bitcoin_script.script_to_address(script) is None


@pytest.mark.parametrize(
    ("script", "program"),
    [
        (P2WPKH, (0, P2WPKH[2:])),
        (P2TR, (1, P2TR[2:])),
        (b"\x60\x02ab", (16, b"ab")),
        (b"\x51\x01a", None),
        (b"\x51\x29" + bytes(41), None),
        (b"\x50\x02ab", None),
        (b"\x51\x03ab", None),
    ],
)
def test_witness_programs(script: bytes, program: tuple[int, bytes] | None) -> None:
    assert bitcoin_script.witness_program(script) == program


@pytest.mark.parametrize(
    ("script", "name"),
    [
        (P2WPKH, "witness_v0_keyhash"),
        (b"\x00\x20" + bytes(32), "witness_v0_scripthash"),
        (P2TR, "witness_v1_taproot"),
        (b"\x51\x02\x4e\x73", "anchor"),
        (b"\x52\x02ab", "witness_unknown"),
        (P2PKH, "pubkeyhash"),
        (P2SH, "scripthash"),
        (b"\x21\x02" + bytes(32) + b"\xac", "pubkey"),
        (b"\x6a\x14" + bytes(20), "nulldata"),
        (OP_TRUE, "nonstandard"),
    ],
)
def test_templates_have_cores_names(script: bytes, name: str) -> None:
    assert bitcoin_script.script_type(script) == name


def test_scripts_in_words() -> None:
    assert bitcoin_script.script_asm(P2WPKH) == f"0 {P2WPKH[2:].hex()}"
    told = f"OP_DUP OP_HASH160 {P2PKH[3:23].hex()} OP_EQUALVERIFY OP_CHECKSIG"
    assert bitcoin_script.script_asm(P2PKH) == told
    assert bitcoin_script.script_asm(b"\x6a\x20ab") == "OP_RETURN [error]"
    assert bitcoin_script.script_asm(b"\x6a\x04\x12\x34\x56\x78") == "OP_RETURN 2018915346"


@pytest.mark.parametrize(
    ("script", "data"),
    [
        (b"\x6a\x14" + bytes(20), bytes(20)),
        (b"\x6a\x4c\x02ab", b"ab"),
        (b"\x6a\x4d\x02\x00ab", b"ab"),
        (b"\x6a\x4e\x02\x00\x00\x00ab", b"ab"),
        (b"\x6a\x00", b""),
        (b"\x6a", None),
        (b"", None),
        (b"\x6a\x02a", None),
        (b"\x6a\x02abc", None),
        (b"\x6a\x01a\x01b", None),
        (b"\x6a\x4d\x02", None),
        (b"\x6a\x51", None),
        (b"\x51\x02ab", None),
    ],
)
def test_op_return_data_is_one_whole_push(script: bytes, data: bytes | None) -> None:
    assert bitcoin_script.op_return_data(script) == data


@given(st.binary(max_size=600))
def test_what_is_pushed_after_op_return_is_read_back(data: bytes) -> None:
    assert bitcoin_script.op_return_data(b"\x6a" + bitcoin_script.push(data)) == data


def spend(*scripts: bytes, script_sig: bytes = b"") -> tuple[Tx, list[TxOut]]:
    inputs = tuple(
        TxIn(outpoint=OutPoint(txid="cd" * 32, vout=n), script_sig=script_sig)
        for n in range(len(scripts))
    )
    tx = Tx(inputs=inputs, outputs=(TxOut(value=1, script=OP_TRUE),))
    return tx, [TxOut(value=1000, script=script) for script in scripts]


def test_the_engine_accepts_and_refuses_with_cores_words() -> None:
    tx, prevouts = spend(OP_TRUE, OP_FALSE)
    bitcoin_script.verify_input(tx, 0, prevouts)
    with pytest.raises(ScriptError) as refused:
        bitcoin_script.verify_input(tx, 1, prevouts)
    assert (refused.value.txid, refused.value.index) == (tx.txid, 1)
    assert (
        refused.value.description
        == "Script evaluated without error but finished with a false/empty top stack element"
    )


def test_a_missing_prevout_or_input_is_a_script_error_and_not_a_crash() -> None:
    tx, prevouts = spend(OP_TRUE, OP_TRUE)
    for index, spent in ((0, prevouts[:1]), (2, prevouts), (-1, prevouts)):
        with pytest.raises(ScriptError):
            bitcoin_script.verify_input(tx, index, spent)


def test_relay_rules_refuse_what_consensus_allows() -> None:
    tx, prevouts = spend(OP_TRUE, script_sig=b"\x51")  # leaves two items on the stack
    bitcoin_script.verify_input(tx, 0, prevouts)
    with pytest.raises(ScriptError):
        bitcoin_script.verify_input(tx, 0, prevouts, policy=True)


def test_taproot_and_segwit_rules_are_consensus() -> None:
    for script in (P2TR, P2WPKH):
        tx, prevouts = spend(script)
        with pytest.raises(ScriptError):
            bitcoin_script.verify_input(tx, 0, prevouts)


def test_signature_checks_cost_one_in_a_witness_and_four_elsewhere() -> None:
    secret = (5).to_bytes(32, "big")
    tx, prevouts = spend(bitcoin_keys.p2wpkh_script(bitcoin_keys.pubkey_of(secret)))
    signed = bitcoin_keys.sign_p2wpkh_input(tx, 0, secret, 1000)
    assert bitcoin_script.sigop_cost(signed, prevouts) == 1
    legacy = msgspec.structs.replace(signed, outputs=(TxOut(value=1, script=P2PKH),))
    assert bitcoin_script.sigop_cost(legacy, prevouts) == 5
