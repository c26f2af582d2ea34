"""Planted bugs of what speaks to the services: the Engine API, the stream of governance, Bitcoin's RPC. ``source`` says where their like was met."""

from alys.mutants.mutant import Edit, Mutant

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="syncing-taken-for-valid",
        story=(
            "A client that is still fetching what the payload stands on is believed to "
            "have judged it: blocks are approved that nobody has executed."
        ),
        source=(
            "sigp/lighthouse pull request 3447 (2022-08-10) and consensus-specs' "
            "optimistic sync: what SYNCING and ACCEPTED do not say"
        ),
        area="clients",
        oracles=("clients/engine",),
        edits=(
            Edit(
                target="alys.node.engine:accepts",
                old="if status.status is wire.Status.VALID and status.latest_valid_hash == block_hash:",
                new="if status.status is not wire.Status.INVALID:",
            ),
        ),
    ),
    Mutant(
        name="invalid-with-a-hash-taken-for-valid",
        story=(
            "INVALID comes with the hash of the last valid ancestor; whoever looks at the "
            "hash alone takes a condemned block for good."
        ),
        source=(
            "ethereum/consensus-specs pull request 2954 (2022-07-27) and sigp/lighthouse "
            "pull request 4037 (2023-02-27): what latestValidHash means beside INVALID"
        ),
        area="clients",
        oracles=("clients/engine",),
        edits=(
            Edit(
                target="alys.node.engine:accepts",
                old="if status.status is wire.Status.VALID and status.latest_valid_hash == block_hash:",
                new="if status.latest_valid_hash is not None:",
            ),
        ),
    ),
    Mutant(
        name="valid-of-another-payload",
        story=(
            "VALID is believed whatever payload it is about: a late answer about one block "
            "approves another."
        ),
        source=(
            "NethermindEth/nethermind issue 13370 (2026-09-10): a verdict was recorded for "
            "a block that it was not about"
        ),
        area="clients",
        oracles=("clients/engine",),
        edits=(
            Edit(
                target="alys.node.engine:accepts",
                old="if status.status is wire.Status.VALID and status.latest_valid_hash == block_hash:",
                new="if status.status is wire.Status.VALID:",
            ),
        ),
    ),
    Mutant(
        name="no-judgement-taken-for-invalid",
        story="A client that cannot tell condemns the block, and with it whoever made it.",
        source=(
            "OffchainLabs/prysm pull request 10991 (2022-07-05): which errors of an "
            "execution client make a block a bad one"
        ),
        area="clients",
        oracles=("clients/engine",),
        edits=(
            Edit(
                target="alys.node.engine:accepts",
                old="judged = status.status is wire.Status.INVALID",
                new="judged = status.status is not wire.Status.VALID",
            ),
        ),
    ),
    Mutant(
        name="payload-on-another-parent",
        story="What the client has built is proposed without a look at what it stands on.",
        source=(
            "ethereum/go-ethereum issue 27251 (2023-05-11): consensus and execution client "
            "that spoke of different heads"
        ),
        area="clients",
        oracles=("clients/engine",),
        edits=(
            Edit(
                target="alys.node.engine:Engine._build",
                old="if payload.parent_hash != message.parent_hash:",
                new="if payload.parent_hash == payload.block_hash:",
            ),
        ),
    ),
    Mutant(
        name="missing-receipts-taken-for-none",
        story=(
            "Receipts that the client does not have yet count as a block without burns: "
            "coins are gone and nobody is paid."
        ),
        source=(
            "stacks-sbtc/sbtc issue 778 (2024-11-06): what happens when the event of a "
            "contract is missed"
        ),
        area="clients",
        oracles=("clients/engine", "work", "work/", "liveness", "ledger/"),
        edits=(
            Edit(
                target="alys.node.engine:Engine._facts",
                old='raise EngineRefused("eth_getBlockReceipts", f"no block {message.block_hash.hex()}")',
                new="receipts = []",
            ),
        ),
    ),
    Mutant(
        name="vital-call-is-not-tried-again",
        story=(
            "What has to follow an import is given up at the first refusal of a client "
            "that is away for a moment."
        ),
        source=(
            "ethereum/go-ethereum issue 27482 (2023-06-16): a client that was away, and "
            "what its consensus client made of it"
        ),
        area="clients",
        oracles=("clients/engine", "liveness"),
        edits=(
            Edit(
                target="alys.node.engine:Engine._try",
                old="if ctx.now() >= waiting.until:",
                new="if ctx.now() <= waiting.until:",
            ),
        ),
    ),
    Mutant(
        name="burn-told-of-any-block",
        story=(
            "The bridge is told of burns in blocks that are only being judged, which may "
            "never be part of the chain."
        ),
        source="pNetwork (2021-09-19): logs were taken for withdrawals that were none",
        area="clients",
        oracles=("clients/engine", "work", "work/", "ledger/"),
        edits=(
            Edit(
                target="alys.node.engine:Engine._facts",
                old="if message.imported and self._bridge is not None:",
                new="if self._bridge is not None:",
            ),
        ),
    ),
    Mutant(
        name="unconfirmed-frames-lost",
        story=("What was sent on a stream that broke, and perhaps not heard, is not said again."),
        source=(
            "grpc/grpc issue 20896 (2019-11-01): with every reconnection one request was not sent"
        ),
        area="clients",
        oracles=("clients/stream", "clients/calls", "clients/signatures", "liveness"),
        edits=(
            Edit(
                target="alys.node.outbox:Outbox.lost",
                old="again = [one.frame for one in self._sent.values()]",
                new="again = [one.frame for one in self._sent.values() if False]",
            ),
        ),
    ),
    Mutant(
        name="buffer-emptied-by-a-lost-stream",
        story=(
            "What waits for a governance node that is away is thrown away when a stream of it ends."
        ),
        source=(
            "ostelco/ostelco-core pull request 113 (2018-05-16): all requests were lost "
            "while gRPC was down"
        ),
        area="clients",
        oracles=("clients/stream", "clients/calls", "clients/signatures", "liveness"),
        edits=(
            Edit(
                target="alys.node.outbox:Outbox.put",
                old="self._add(_Waiting(frame=frame, order=self._last))",
                new="if not self._sent:\n        return frame\n    self._add(_Waiting(frame=frame, order=self._last))",
            ),
        ),
    ),
    Mutant(
        name="heard-is-said-again",
        story=(
            "What governance has acked is kept as unconfirmed and sent once more after "
            "every reconnection."
        ),
        source=(
            "grpc-ecosystem/go-grpc-middleware issue 88 (2017-10-11): the buffer of a "
            "retrying stream is never emptied"
        ),
        area="clients",
        oracles=("clients/stream",),
        edits=(
            Edit(
                target="alys.node.outbox:Outbox.confirm_before",
                old="del self._sent[name]",
                new="self._sent[name] = self._sent[name]",
            ),
        ),
    ),
    Mutant(
        name="frames-before-registration",
        story=(
            "What waits is sent as soon as the stream is open, before the node has said yes to us."
        ),
        source=(
            "grpc/grpc-java issue 8177 (2021-05-13): a new stream knows nothing of the one "
            "before it"
        ),
        area="clients",
        oracles=("clients/stream",),
        edits=(
            Edit(
                target="alys.node.stream:Stream.on_stream_opened",
                old='peer.state = "registering"\n    self._register(peer, ctx)',
                new="self._register(peer, ctx)\n    peer.ready(ctx.now())",
            ),
        ),
    ),
    Mutant(
        name="refused-registration-taken-for-accepted",
        story="A node that has refused us is talked to as if it had not.",
        source=(
            "stacks-network/stacks-core issue 5611 (2024-12-23): answers that were counted "
            "in a cycle in which they did not count"
        ),
        area="clients",
        oracles=("clients/stream",),
        edits=(
            Edit(
                target="alys.node.stream:Stream._registered",
                old="if not ack.accepted:",
                new="if ack is None:",
            ),
        ),
    ),
    Mutant(
        name="missed-heartbeats-not-noticed",
        story="A stream on which heartbeats are not acked any more is kept for ever.",
        source=(
            "googleapis/google-cloud-python issue 15076 (2022-09-30): a stream that was "
            "dead and never given up"
        ),
        area="clients",
        oracles=("clients/stream", "clients/calls", "clients/signatures", "liveness"),
        edits=(
            Edit(
                target="alys.node.peer:Peer.beat",
                old="if self._missed >= self._figures.heartbeat_misses_max:",
                new="if self._missed >= self._figures.heartbeat_misses_max * 1_000:",
            ),
        ),
    ),
    Mutant(
        name="one-signature-short",
        story="A payout is handed on with one signature fewer than the threshold.",
        source=(
            "multiversx/mx-bridge-eth-sc-rs pull request 120 (2022-05-03): the count of "
            "valid signers was not consistent"
        ),
        area="clients",
        oracles=("clients/signatures", "liveness", "threshold"),
        edits=(
            Edit(
                target="alys.node.collection:Collections.answered",
                old="threshold = collection.federation.threshold",
                new="threshold = collection.federation.threshold - 1",
            ),
        ),
    ),
    Mutant(
        name="payout-signature-not-verified",
        story="Signatures are counted as they come, whether they sign the payout or not.",
        source=(
            "Wormhole (2022-02-02): signatures of guardians were taken for verified that were not"
        ),
        area="clients",
        oracles=("clients/signatures", "liveness", "threshold"),
        edits=(
            Edit(
                target="alys.node.collection:Collections._check",
                old="payout.check_signature(index, digest, key, signature, collection.federation)",
                new="bytes(signature)",
            ),
        ),
    ),
    Mutant(
        name="refusals-counted-as-signatures",
        story=("It is answers that are counted: a node that refuses counts like one that signs."),
        source=(
            "Ronin (2022-03-23) and Harmony (2022-06-23): bridges that count their signers "
            "wrongly, or have too few, pay anybody"
        ),
        area="clients",
        oracles=("clients/signatures", "liveness"),
        edits=(
            Edit(
                target="alys.node.collection:Collections.answered",
                old="if len(collection.signatures) < threshold:",
                new="if len(collection.answers) < threshold:",
            ),
        ),
    ),
    Mutant(
        name="pending-taken-for-a-refusal",
        story="A node that says that it needs more time counts as one that will not sign.",
        source=(
            "stacks-sbtc/sbtc: signers that answer late; the protocol of governance has "
            "PENDING for it"
        ),
        area="clients",
        oracles=("clients/signatures", "liveness"),
        edits=(
            Edit(
                target="alys.node.collection:Collections.answered",
                old="return None  # no answer yet; another follows",
                new="collection.answers[endpoint] = 'pending'",
            ),
        ),
    ),
    Mutant(
        name="stale-federation-asked",
        story=(
            "Signatures are checked against the federation of the beginning, though the "
            "coins belong to its successor."
        ),
        source=(
            "gonka-ai/gonka issue 1080 (2026-04-16): keys of earlier epochs could sign "
            "withdrawals long after the rotation"
        ),
        area="clients",
        oracles=("clients/signatures", "liveness"),
        edits=(
            Edit(
                target="alys.node.collection:Collections.begin",
                old="federation = message.federation or self._federation",
                new="federation = self._federation",
            ),
        ),
    ),
    Mutant(
        name="answer-under-another-id-taken",
        story="An answer is taken for the request that is open, whatever its id says.",
        source="mbr/tinyrpc issue 70 (2019-03-13): ids of responses were not verified",
        area="clients",
        oracles=("clients/signatures", "clients/calls"),
        edits=(
            Edit(
                target="alys.node.stream:Stream._answered",
                old='kind = response.WhichOneof("payload")',
                new='kind = response.WhichOneof("payload")\n    request_id = next(iter(self._collections.ids()), request_id)',
            ),
        ),
    ),
    Mutant(
        name="one-voice-is-enough",
        story=(
            "One governance node, or one stolen key, can halt the chain or change the federation."
        ),
        source=(
            "Ronin (2022-03-23): one party held enough keys; Orbit (2024-01-01): what too "
            "few voices can order"
        ),
        area="clients",
        oracles=("clients/orders",),
        edits=(
            Edit(
                target="alys.node.announcements:Announcements._order",
                old="len(signers) < self.federation.threshold",
                new="len(signers) < 1",
            ),
        ),
    ),
    Mutant(
        name="forged-voice-counted",
        story="The signature under an order is not verified.",
        source="Wormhole (2022-02-02): a forged list of signatures passed for a verified one",
        area="clients",
        oracles=("clients/orders",),
        edits=(
            Edit(
                target="alys.node.announcements:Announcements.heard",
                old="if not bitcoin.schnorr_verify(key, digest, signature):",
                new="if len(signature) != 64:",
            ),
        ),
    ),
    Mutant(
        name="strangers-voices-counted",
        story="Whoever signs counts, member or not.",
        source="Nomad (2022-08-01): a root that nobody had approved counted as approved",
        area="clients",
        oracles=("clients/orders",),
        edits=(
            Edit(
                target="alys.node.announcements:Announcements._order",
                old="signers = self.federation.signers(words.signatures)",
                new="signers = tuple(words.signatures)",
            ),
            Edit(
                target="alys.node.announcements:Announcements._order",
                old="len(signers) < self.federation.threshold",
                new="len(signers) < self.federation.threshold + 0",
            ),
        ),
    ),
    Mutant(
        name="old-order-obeyed",
        story=(
            "The end of an earlier halt, said again by a node that registers late, ends "
            "the halt that stands."
        ),
        source=(
            "parity-bridge and every protocol with orders that can be replayed; here the "
            "numbers of halts stand against it"
        ),
        area="clients",
        oracles=("clients/orders",),
        edits=(
            Edit(
                target="alys.node.announcements:Announcements._order",
                old="if halt.number <= self.halt.number:",
                new="if halt.number == self.halt.number:",
            ),
        ),
    ),
    Mutant(
        name="former-members-still-heard",
        story=(
            "After a change of the federation its former members are heard, and the new "
            "ones are not."
        ),
        source=(
            "paritytech/parity-bridge issue 33 (2018-02-14): a fixed set of validators on "
            "a chain whose set changes"
        ),
        area="clients",
        oracles=("clients/orders",),
        edits=(
            Edit(
                target="alys.node.announcements:Announcements.changed",
                old="self.federation = federation",
                new="self.federation = self.federation",
            ),
        ),
    ),
    Mutant(
        name="question-asked-twice",
        story=(
            "Asking again under an id that is open sends the request a second time, and "
            "who asked first is forgotten."
        ),
        source=("stacks-sbtc/sbtc issue 778 (2024-11-06): attempts that were made more than once"),
        area="clients",
        oracles=("clients/calls", "leaks"),
        edits=(
            Edit(
                target="alys.node.stream:Stream.on_ask_governance",
                old="if self._calls.join(request_id, promise):",
                new="if self._calls.full() and self._calls.join(request_id, promise):",
            ),
        ),
    ),
    Mutant(
        name="only-the-newest-block-is-read",
        story=(
            "When several Bitcoin blocks have come between two looks, those before the "
            "last are passed over, and the deposits in them."
        ),
        source=(
            "AnduroProject/alys pull request 97 (2025-07-30): outputs that the federation "
            "had missed had to be fetched from Bitcoin"
        ),
        area="clients",
        oracles=("liveness", "work", "work/"),
        edits=(
            Edit(
                target="alys.node.bridge:Bridge._follow",
                old="for height in heights[: self._policy.blocks_per_poll_max]:",
                new="for height in heights[-1:]:",
            ),
        ),
    ),
)
