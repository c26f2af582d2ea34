"""The wallets of a node: which there are, which are loaded, which one a call means."""

from alys.base.prng import Random
from alys.models.bitcoin import state, wallet_kept
from alys.models.bitcoin.state import NodeState
from alys.models.bitcoin.wallet import Wallet
from alys.wire.jsonrpc import RpcError

WALLET_NOT_FOUND = -18
WALLET_NOT_SPECIFIED = -19
WALLET_ALREADY_LOADED = -35
WALLET_ERROR = -4
SEED_BYTES = 32

NONE_LOADED = (
    "No wallet is loaded. Load a wallet using loadwallet or create a new one with createwallet. "
    "(Note: A default wallet is no longer automatically created)"
)
SEVERAL_LOADED = (
    "Multiple wallets are loaded. Please select which wallet to use by requesting the RPC through the "
    "/wallet/<walletname> URI path."
)
NOT_LOADED = "Requested wallet does not exist or is not loaded"


class Wallets:
    """All wallets by name. ``asked`` is the wallet on whose path the present call came, None for the root."""

    def __init__(self, random: Random) -> None:
        self.loaded: dict[str, Wallet] = {}
        self.stored: dict[str, Wallet] = {}
        self.asked: str | None = None
        self._random = random
        self._recalled = False

    def recall(self, node: NodeState) -> None:
        """Once, before the first call of a wallet: have the wallets of the data directory."""
        if self._recalled:
            return
        self._recalled = True
        for one in wallet_kept.stored(node.kept):
            wallet = Wallet(
                node,
                one.name,
                b"",
                private_keys=one.private_keys,
                blank=True,
                avoid_reuse=one.avoid_reuse,
            )
            wallet_kept.fill(node.kept, wallet, one)
            self.stored[one.name] = wallet
            if one.startup:
                self.loaded[one.name] = wallet

    def keep(self, node: NodeState) -> None:
        """Write down what is new of the wallets."""
        for wallet in self.stored.values():
            wallet_kept.keep(node.kept, wallet)

    def create(
        self, node: NodeState, name: str, *, private_keys: bool, blank: bool, avoid_reuse: bool
    ) -> Wallet:
        """A new wallet, loaded; raises RpcError -4 where there is one of that name."""
        if name in self.stored:
            told = f"Wallet file verification failed. Failed to create database path '{name}'. Database already exists."
            raise RpcError(WALLET_ERROR, told)
        wallet = Wallet(
            node,
            name,
            self._random.randbytes(SEED_BYTES),
            private_keys=private_keys,
            blank=blank,
            avoid_reuse=avoid_reuse,
        )
        self.stored[name] = self.loaded[name] = wallet
        return wallet

    def load(self, name: str) -> Wallet:
        """Load a wallet; raises RpcError -35 for one that is, -18 for one that is not there."""
        if name in self.loaded:
            raise RpcError(WALLET_ALREADY_LOADED, f'Wallet "{name}" is already loaded.')
        if name not in self.stored:
            told = f"Wallet file verification failed. Failed to load database path '{name}'. Path does not exist."
            raise RpcError(WALLET_NOT_FOUND, told)
        self.loaded[name] = self.stored[name]
        return self.loaded[name]

    def unload(self, name: str | None) -> Wallet:
        """Unload the wallet of this name, or of the present call's path; raises RpcError."""
        if name is not None and self.asked is not None and name != self.asked:
            told = "The RPC endpoint wallet and the wallet name parameter specify different wallets"
            raise RpcError(state.INVALID_PARAMETER, told)
        wanted = name if name is not None else self.asked
        if wanted is None:
            told = "Either the RPC endpoint wallet or the wallet name parameter must be provided"
            raise RpcError(state.INVALID_PARAMETER, told)
        if wanted not in self.loaded:
            raise RpcError(WALLET_NOT_FOUND, NOT_LOADED)
        return self.loaded.pop(wanted)

    def chosen(self) -> Wallet:
        """The wallet that the present call means, up to date; raises RpcError -18 or -19."""
        if self.asked is not None:
            if self.asked not in self.loaded:
                raise RpcError(WALLET_NOT_FOUND, NOT_LOADED)
            wallet = self.loaded[self.asked]
        elif not self.loaded:
            raise RpcError(WALLET_NOT_FOUND, NONE_LOADED)
        elif len(self.loaded) > 1:
            raise RpcError(WALLET_NOT_SPECIFIED, SEVERAL_LOADED)
        else:
            (wallet,) = self.loaded.values()
        wallet.read()
        return wallet
