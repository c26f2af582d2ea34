"""Development accounts: keys that anybody can compute."""

from alys.models.ethereum import dev_accounts
from alys.wire.ethereum import address_of, to_data


def test_a_key_is_the_keccak_of_a_sentence() -> None:
    # cast keccak "alys dev account 0"
    assert to_data(dev_accounts.secret_of(0)) == (
        "0x3982d798f00b25ae60a004ca223fa91fc37360da32d9ad4b4ad40e633af3a8ce"
    )


def test_each_number_has_its_own_and_more_accounts_change_none() -> None:
    few, many = dev_accounts.secrets(2), dev_accounts.secrets(5)
    assert list(many)[:2] == list(few)
    assert len(set(many.values())) == 5
    assert all(address_of(secret) == address for address, secret in many.items())


def test_all_have_the_same_balance() -> None:
    assert set(dev_accounts.balances(3).values()) == {10_000 * 10**18}
    assert list(dev_accounts.balances(3)) == list(dev_accounts.secrets(3))
    assert dev_accounts.balances(0) == {}
