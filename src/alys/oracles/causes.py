"""Why a ledger is red: stable names for machines, and each in plain words for whoever has to look for it."""

import enum
from collections.abc import Mapping


class Equation(enum.StrEnum):
    """Which of the ledger's equations a violation belongs to."""

    BITCOIN = "bitcoin"
    PEG = "peg"
    EVM = "evm"
    SOLVENCY = "solvency"


class Cause(enum.StrEnum):
    """Why a ledger is red. The values are stable names for reports and scenarios."""

    # Bitcoin: what the federation holds
    FEDERATION_BALANCE_WRONG = "federation_balance_wrong"
    FEDERATION_CHANGED_WITHOUT_WORD = "federation_changed_without_word"
    # Peg-in
    DOUBLE_MINT = "double_mint"
    MINT_BEFORE_CONFIRMATIONS = "mint_before_confirmations"
    MINT_WITHOUT_DEPOSIT = "mint_without_deposit"
    MINT_OF_UNCLAIMABLE = "mint_of_unclaimable_deposit"
    MINT_NOT_LISTED = "mint_not_listed"
    MINT_AMOUNT_WRONG = "mint_amount_wrong"
    MINT_MISSING = "mint_missing"
    DEPOSIT_REORGED = "deposit_reorged_after_mint"
    LOSS_INVENTED = "loss_invented"
    PEGIN_REFERENCE_WRONG = "pegin_reference_wrong"
    # Withdrawals that are no peg-in
    UNEXPLAINED_WITHDRAWAL = "unexplained_withdrawal"
    WITHDRAWALS_NOT_CANONICAL = "withdrawals_not_canonical"
    FEE_MINT_WRONG = "fee_mint_wrong"
    REFUND_MISSING = "refund_missing"
    REFUND_AMOUNT_WRONG = "refund_amount_wrong"
    DOUBLE_REFUND = "double_refund"
    REFUND_OF_PAYABLE = "refund_of_payable_request"
    CLAIM_MISSING = "consensus_block_missing"
    # Peg-out
    SWEEP_BEFORE_FINALITY = "sweep_before_finality"
    PAYOUT_WITHOUT_REQUEST = "payout_without_request"
    DOUBLE_PAYMENT = "double_payment"
    FEDERATION_BORE_FEE = "federation_bore_fee"
    PAYEES_SHORTED = "payees_shorted"
    PAYOUT_FEE_WRONG = "payout_fee_wrong"
    PAYOUT_SHARE_WRONG = "payout_share_wrong"
    PAYOUT_BEFORE_FINALITY = "payout_before_finality"
    FOREIGN_INPUT = "payout_foreign_input"
    TOO_FEW_SIGNATURES = "too_few_signatures"
    TOO_MANY_SIGNATURES = "too_many_signatures"
    BAD_SIGNATURE = "bad_signature"
    THRESHOLD_TOO_LOW = "threshold_too_low"
    # EVM
    SUPPLY_UNEXPLAINED = "evm_supply_unexplained"
    RECEIPTS_WRONG = "receipts_wrong"
    FEE_RECIPIENT_WRONG = "fee_recipient_wrong"
    BURN_ADDRESS_SHORT = "burn_address_short"
    FINALISED_BLOCK_REVERTED = "finalised_block_reverted"
    FINALITY_WITHOUT_WORK = "finality_without_work"
    # Solvency
    INSOLVENT = "insolvent"
    UNEXPLAINED_WEI = "unexplained_wei"


MEANING: Mapping[Cause, str] = {
    Cause.FEDERATION_BALANCE_WRONG: "the federation's unspent outputs are not deposits minus what payouts cost",
    Cause.FEDERATION_CHANGED_WITHOUT_WORD: "a block changes the federation, and too few of the one in force have signed that",
    Cause.DOUBLE_MINT: "a deposit was credited a second time",
    Cause.MINT_BEFORE_CONFIRMATIONS: "a deposit was credited before it was deep enough",
    Cause.MINT_WITHOUT_DEPOSIT: "a block credits a deposit that the Bitcoin chain does not have",
    Cause.MINT_OF_UNCLAIMABLE: "a block credits an output that names no EVM address or does not count",
    Cause.MINT_NOT_LISTED: "a deposit was credited that the block does not list",
    Cause.MINT_AMOUNT_WRONG: "a deposit was not credited at 10 gwei per sat",
    Cause.MINT_MISSING: "a block lists a deposit and does not credit it",
    Cause.DEPOSIT_REORGED: "a deposit was credited before it was deep enough, and is no longer on the best Bitcoin chain",
    Cause.LOSS_INVENTED: "a block calls a deposit lost that was not credited, or that never left the best Bitcoin chain",
    Cause.PEGIN_REFERENCE_WRONG: "a block names the wrong Bitcoin block for a deposit",
    Cause.UNEXPLAINED_WITHDRAWAL: "ether was made for which there is no deposit, refund or fee",
    Cause.WITHDRAWALS_NOT_CANONICAL: "a block's withdrawals are not one per address in ascending order, sixteen at most",
    Cause.FEE_MINT_WRONG: "the fees minted with an AuxPoW are not the floored 80/20 split of the tips since the last",
    Cause.REFUND_MISSING: "a request that cannot be paid was not refunded",
    Cause.REFUND_AMOUNT_WRONG: "a refund is not the amount that was requested",
    Cause.DOUBLE_REFUND: "a request was refunded a second time",
    Cause.REFUND_OF_PAYABLE: "a request was refunded although it can be paid",
    Cause.CLAIM_MISSING: "no consensus block explains an EVM block",
    Cause.SWEEP_BEFORE_FINALITY: "coins of a former federation were moved before a final block proposed it",
    Cause.PAYOUT_WITHOUT_REQUEST: "the federation paid what nobody requested",
    Cause.DOUBLE_PAYMENT: "a request was paid a second time",
    Cause.FEDERATION_BORE_FEE: "a payout cost the federation more than was requested",
    Cause.PAYEES_SHORTED: "a payout cost the federation less than was requested",
    Cause.PAYOUT_FEE_WRONG: "a payout's fee is not the fee rate times its size",
    Cause.PAYOUT_SHARE_WRONG: "the payees do not bear equal shares of the fee",
    Cause.PAYOUT_BEFORE_FINALITY: "a payout was signed before its proposal was final",
    Cause.FOREIGN_INPUT: "a payout spends an output that is not the federation's",
    Cause.TOO_FEW_SIGNATURES: "fewer federation members signed an input than the threshold",
    Cause.TOO_MANY_SIGNATURES: "more federation members signed an input than the threshold",
    Cause.BAD_SIGNATURE: "an input carries a signature that does not verify",
    Cause.THRESHOLD_TOO_LOW: "the federation's script asks for fewer than two thirds of its members",
    Cause.SUPPLY_UNEXPLAINED: "the sum of all balances is not genesis plus withdrawals minus base fees",
    Cause.RECEIPTS_WRONG: "a block's receipts contradict its transactions",
    Cause.FEE_RECIPIENT_WRONG: "a block's tips did not go to the burn address",
    Cause.BURN_ADDRESS_SHORT: "ether left the burn address",
    Cause.FINALISED_BLOCK_REVERTED: "a block that an AuxPoW had finalised was reverted",
    Cause.FINALITY_WITHOUT_WORK: "a block was called final that no AuxPoW covers",
    Cause.INSOLVENT: "the federation holds less than it owes",
    Cause.UNEXPLAINED_WEI: "what the federation holds beyond its debts is not the sum of the known reasons",
}
