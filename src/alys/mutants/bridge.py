"""Planted bugs of the peg: what is minted, what is paid, out of which coins, at whose cost, and what a reorganisation does to it."""

from alys.mutants.mutant import Edit, Mutant

_PEG = "alys.chain.peg"
_PAYOUT = "alys.chain.payout"
_STATE = "alys.chain.state"
_VALIDITY = "alys.chain.validity"
_CLAIMS = "alys.chain.claim_checks"
_DEPOSITS = "alys.node.bridge_deposits:Deposits"
_PAYOUTS = "alys.node.bridge_payouts:Payouts"

_IN: tuple[Mutant, ...] = (
    Mutant(
        name="confirmations-off-by-one",
        story="The block on top of a deposit's counts as one more confirmation: deposits are minted a block too early.",
        source="interlay/interbtc#18 (the block that holds the transaction is the first confirmation)",
        area="bridge",
        oracles=("ledger/mint_before_confirmations",),
        edits=(
            Edit(
                target=f"{_PEG}:deep_enough",
                old="return confirmations >= required",
                new="return confirmations + 1 >= required",
            ),
        ),
    ),
    Mutant(
        name="unconfirmed-deposit-accepted",
        story="Validators only ask whether Bitcoin has the deposit: a producer can mint what a shallow reorganisation takes away.",
        source="stacks-sbtc/sbtc#525 (a deposit may be in the mempool only, and is accepted)",
        area="bridge",
        oracles=("forgery", "ledger/mint_before_confirmations"),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_confirmations",
                old="spec.required_confirmations):",
                new="0):",
            ),
        ),
    ),
    Mutant(
        name="sats-taken-for-gwei",
        story="A deposit's sats go into the withdrawal as they are: everybody is credited a tenth.",
        source="zeta-chain/node#1243 (a figure per kilobyte was taken for one per byte, users paid $800)",
        area="bridge",
        oracles=("ledger/mint_amount_wrong",),
        edits=(
            Edit(
                target=f"{_PEG}:mint_amount",
                old="return sats_to_gwei(sats)",
                new="return Gwei(sats)",
            ),
        ),
    ),
    Mutant(
        name="second-credit-overwrites",
        story="Of two amounts for one address in one block the second takes the place of the first.",
        source="FuelLabs/fuel-bridge#53 (TOB-FUEL-3: a refund overwrites the one before)",
        area="bridge",
        oracles=("ledger/",),
        edits=(
            Edit(
                target=f"{_PEG}:expected_withdrawals",
                old="amounts[address] = amounts.get(address, 0) + gwei",
                new="amounts[address] = gwei",
            ),
        ),
    ),
    Mutant(
        name="seventeenth-credit-dropped",
        story="A block lists as many deposits as it likes and credits the first sixteen addresses.",
        source="Verified-zkEVM/evm-asm#8556 (no bound on the withdrawals of a payload, sixteen fit)",
        area="bridge",
        oracles=("ledger/mint_missing",),
        edits=(
            Edit(
                target=f"{_PEG}:expected_withdrawals",
                old="raise TooManyWithdrawals(len(credited))",
                new="credited = credited[:WITHDRAWALS_MAX]",
            ),
            Edit(
                target=f"{_PEG}:fit_pegins",
                old="len(addresses) >= WITHDRAWALS_MAX:",
                new="len(addresses) >= PEGINS_MAX:",
            ),
        ),
    ),
    Mutant(
        name="minted-until-spent",
        story="That a deposit was minted is known as long as its coin is there: when a payout has spent it, it is minted again.",
        source="logos-blockchain/logos-execution-zone#555 (deposits are told apart by a queue that is emptied at finality)",
        area="bridge",
        oracles=("ledger/double_mint", "forgery"),
        edits=(
            Edit(
                target=f"{_STATE}:already_minted",
                old="return outpoint in state.minted",
                new="return outpoint in state.utxos",
            ),
        ),
    ),
    Mutant(
        name="minted-deposit-accepted",
        story="Validators do not look whether a deposit was minted before: it can be replayed as often as a producer likes.",
        source="Nomad, 2022-08-01: messages that were processed could be replayed by anybody",
        area="bridge",
        oracles=("forgery", "ledger/double_mint"),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_not_minted",
                old="if state.already_minted(parent, ref.outpoint):",
                new="if ref.outpoint in parent.lost:",
            ),
        ),
    ),
    Mutant(
        name="deposit-listed-twice",
        story="A block may list one deposit twice, and credits it twice.",
        source="CVE-2018-17144 (bitcoin/bitcoin#14247: an input that stands twice in one block was not noticed)",
        area="bridge",
        oracles=("forgery", "ledger/double_mint"),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_listed_once",
                old="listed.add(ref.outpoint)",
                new="listed.add(ref.block_hash)",
            ),
        ),
    ),
    Mutant(
        name="minted-by-transaction",
        story="A reference is looked up by its transaction alone: each output of a deposit's transaction mints the deposit once more.",
        source="MystenLabs/hashi#164 (one output must not be claimed a second time)",
        area="bridge",
        oracles=("forgery", "ledger/"),
        edits=(
            Edit(
                target="alys.node.lookups:seen_deposits",
                old="if deposit is not None and deposit.outpoint == ref.outpoint:",
                new="if deposit is not None and deposit.txid == ref.txid:",
            ),
        ),
    ),
    Mutant(
        name="extra-withdrawal-accepted",
        story="Validators look for every withdrawal that is due, and not for those that are not: the producer makes itself rich.",
        source="Alys v2 (expected withdrawals are ticked off, others are never refused); BNB bridge, 2022-10-06: two million coins from a forged proof",
        area="bridge",
        oracles=("forgery", "ledger/unexplained_withdrawal"),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_withdrawals",
                old="if block.payload.withdrawals != expected:",
                new="if not set(expected) <= set(block.payload.withdrawals):",
            ),
        ),
    ),
    Mutant(
        name="fees-minted-again",
        story="The tips that an AuxPoW block mints are not crossed off, and the next one mints them again.",
        source="stacks-sbtc/sbtc#778 (what was minted may be minted once more when the word of it is missed)",
        area="bridge",
        oracles=("ledger/fee_mint_wrong",),
        edits=(
            Edit(
                target=f"{_STATE}:_finalise",
                old="tips=bytes(_TIPS_BYTES),",
                new="tips=state.tips,",
            ),
        ),
    ),
)

_OUT: tuple[Mutant, ...] = (
    Mutant(
        name="payout-not-compared",
        story="A payout that nobody asked for is not refused where none is expected: a producer can send the coins anywhere.",
        source="Ronin, 2022-03-23: withdrawals that no one had asked for, 173,600 ETH",
        area="bridge",
        oracles=("forgery", "ledger/payout_without_request"),
        edits=(
            Edit(
                target=f"{_VALIDITY}:check_payout",
                old="if block.payout_proposal != expected:",
                new="if expected is not None and block.payout_proposal != expected:",
            ),
        ),
    ),
    Mutant(
        name="fee-charged-twice",
        story="The payees bear the fee of their payout twice.",
        source="Alys v2 with bdk 0.29 (the fee is taken out of the change and once more off the outputs)",
        area="bridge",
        oracles=("ledger/payout_fee_wrong",),
        edits=(
            Edit(
                target=f"{_PAYOUT}:assemble",
                old="fee_shares(fee_of(draft,",
                new="fee_shares(2 * fee_of(draft,",
            ),
        ),
    ),
    Mutant(
        name="fee-borne-by-federation",
        story="The change is made smaller by a fee that is not the federation's to pay: every payout makes the peg poorer.",
        source="stratisproject/StratisBitcoinFullNode#3353 (the federation subsidises the fees of all withdrawals)",
        area="bridge",
        oracles=("ledger/federation_bore_fee", "ledger/insolvent"),
        edits=(
            Edit(
                target=f"{_PAYOUT}:assemble",
                old="- sum(request.sats for request in requests)",
                new="- sum(request.sats for request in requests) - 2 * DUST_SATS",
            ),
        ),
    ),
    Mutant(
        name="bytes-taken-for-vbytes",
        story="The fee is reckoned by the weight where it should be by a quarter of that.",
        source="zeta-chain/node#1667 (fees by bytes and not by virtual bytes)",
        area="bridge",
        oracles=("ledger/payout_fee_wrong",),
        edits=(
            Edit(
                target=f"{_PAYOUT}:fee_of",
                old="signed_weight(tx, federation) // 4)",
                new="signed_weight(tx, federation))",
            ),
        ),
    ),
    Mutant(
        name="fee-remainder-lost",
        story="What the division of the fee among the payees leaves over is paid by nobody: the fee is short of it.",
        source="davout/bitcoin-central#28 (digits that are cut off get lost in limbo)",
        area="bridge",
        oracles=("ledger/payout_share_wrong", "ledger/payout_fee_wrong"),
        edits=(
            Edit(
                target=f"{_PAYOUT}:fee_shares",
                old="return (share + left, *[share] * (payees - 1))",
                new="return (share,) * payees",
            ),
        ),
    ),
    Mutant(
        name="coin-reserved-twice",
        story="What a payout spends stays among the coins that the next one chooses from: one of the two is never mined.",
        source="decred/dcrwallet#1452 (chosen outputs were not locked, which led to double spends)",
        area="bridge",
        oracles=("liveness", "progress", "work/", "ledger/"),
        edits=(
            Edit(
                target=f"{_STATE}:_utxos_after",
                old="del after[outpoint]",
                new="after.get(outpoint)",
            ),
        ),
    ),
    Mutant(
        name="payout-before-finality",
        story="Signatures are asked for as soon as a block proposes the payout; a branch that is abandoned has paid out.",
        source="code-423n4/2023-09-maia-findings#693 (a reorganisation undoes the burn, and the payment stands)",
        area="bridge",
        oracles=("ledger/payout_before_finality",),
        edits=(
            Edit(
                target=f"{_PAYOUTS}.ask_again",
                old="record.state is PegoutState.FINALISED and",
                new="record.state in (PegoutState.PROPOSED, PegoutState.FINALISED) and",
            ),
            Edit(
                target=f"{_PAYOUTS}.collected",
                old="if record is None or record.state is not PegoutState.FINALISED:",
                new="if record is None:",
            ),
        ),
    ),
    Mutant(
        name="refunded-twice",
        story="What a block gives back stays due and is given back by the next block too.",
        source="THORChain, 2021-07-22: refunds of what had never been deposited",
        area="bridge",
        oracles=("ledger/double_refund", "ledger/unexplained_withdrawal"),
        edits=(
            Edit(
                target=f"{_STATE}:duties",
                old="refunds_left=later,",
                new="refunds_left=later if parent.refunds_due else (*new, *later),",
            ),
        ),
    ),
    Mutant(
        name="burn-rounded-up",
        story="What was burnt is rounded up to whole sats: the federation pays a sat that it never had.",
        source="hippich/Bitcoin-Poker-Room#30 (an amount to withdraw is rounded to the nearest and not down)",
        area="bridge",
        oracles=("ledger/federation_bore_fee", "ledger/insolvent"),
        edits=(
            Edit(
                target="alys.chain.burns:judge",
                old="sats = wei_to_sats_floor(Wei(event.wei))",
                new="sats = Sats(wei_to_sats_floor(Wei(event.wei - 1)) + 1)",
            ),
        ),
    ),
    Mutant(
        name="foreign-address-paid",
        story="An address of another Bitcoin network is paid, on this one, to a script that its owner may not have here.",
        source="SatoshiPortal/bullbitcoin-mobile#148 (coins of the main network were sent to a test address, and mined)",
        area="bridge",
        oracles=("ledger/",),
        edits=(
            Edit(
                target="alys.chain.burns:judge",
                old="script = bitcoin.address_to_script(text, network)",
                new='script = bitcoin.address_to_script(text, "mainnet" if text[:3] == "bc1" else network)',
            ),
        ),
    ),
    Mutant(
        name="log-of-another-contract",
        story="A RequestPegOut counts whoever emits it: a contract of one's own burns nothing and is paid.",
        source="pNetwork, 2021-09-19: 277 BTC were paid for events of a contract of the attacker's",
        area="bridge",
        oracles=("clients/engine", "ledger/payout_without_request"),
        edits=(
            Edit(
                target="alys.node.engine:Engine._facts",
                old="ethereum.decode_request_peg_out(log)",
                new='ethereum.decode_request_peg_out(log, ethereum.from_data(log["address"]))',
            ),
            Edit(
                target="alys.node.engine:Engine._facts",
                old="if ethereum.is_request_peg_out(log)",
                new='if ethereum.is_request_peg_out(log, ethereum.from_data(log["address"]))',
            ),
        ),
    ),
)

_BITCOIN: tuple[Mutant, ...] = (
    Mutant(
        name="loss-not-looked-up",
        story="A block may call any deposit lost: a producer can take the federation's coins out of use.",
        source="stacks-sbtc/sbtc#1363 (one dishonest signer can turn what was decided about a withdrawal)",
        area="bridge",
        oracles=("forgery", "ledger/loss_invented"),
        edits=(
            Edit(
                target=f"{_CLAIMS}:check_lost",
                old="if facts.outputs.get(outpoint) != 0:",
                new="if outpoint not in facts.outputs:",
            ),
        ),
    ),
    Mutant(
        name="settled-not-looked-up",
        story="A block may call a payout settled that no Bitcoin block has: nobody bumps it any more, or pays it at all.",
        source="stacks-sbtc/sbtc#547 (a withdrawal is accepted without a look at the Bitcoin block that is named)",
        area="bridge",
        oracles=("forgery", "liveness"),
        edits=(
            Edit(
                target=f"{_CLAIMS}:check_settled",
                old="if not deep_enough(confirmations, spec.payout_confirmations):",
                new="if ref.txid not in facts.payments:",
            ),
        ),
    ),
    Mutant(
        name="fee-rate-unbounded",
        story="A block may name any fee rate: a producer, or a Bitcoin node that lies, turns payouts into miners' fees.",
        source="vultisig/vultisig-sdk#815 (127,500 sat/vB burn the whole balance)",
        area="bridge",
        oracles=("forgery", "ledger/payout_fee_wrong"),
        edits=(
            Edit(
                target=f"{_CLAIMS}:check_fee_rate",
                old="if not spec.fee_rate_sat_vb < rate <= spec.fee_rate_max_sat_vb:",
                new="if not spec.fee_rate_sat_vb < rate:",
            ),
        ),
    ),
    Mutant(
        name="withdrawn-deposit-kept",
        story="A deposit that was ready stays so when its block leaves the best chain: blocks that mint it are refused, for ever.",
        source="stacks-sbtc/sbtc#984 (deposits that a reorganisation moves keep their old block)",
        area="bridge",
        oracles=("liveness", "progress", "work/"),
        edits=(
            Edit(
                target="alys.node.chain:Chain.on_pegin_withdrawn",
                old="self._larder.withdraw_deposit(message.outpoint)",
                new="pass",
            ),
        ),
    ),
)

MUTANTS: tuple[Mutant, ...] = (*_IN, *_OUT, *_BITCOIN)
