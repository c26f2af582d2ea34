// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// The way out of the sidechain: burns ether and tells the federation where to pay the bitcoin.
/// Anything that is not a complete request reverts, so no ether is lost without an event.
contract Bridge {
    /// Nobody has the key of this account; ether sent here is out of circulation.
    address payable public constant BURN_ADDRESS = payable(0x000000000000000000000000000000000000dEaD);

    /// 0.01 bitcoin; below this the Bitcoin fee would eat too much of the payment.
    uint256 internal constant MINIMUM_WEI = 0.01 ether;

    event RequestPegOut(address indexed evmAddress, bytes bitcoinAddress, uint256 value);

    error AmountBelowMinimum(uint256 sent, uint256 minimum);
    error NoBitcoinAddress();
    error BurnFailed();
    error CallRequestPegOut();

    /// Burn the ether sent along and request its payment on Bitcoin.
    /// The address is passed as ASCII text and is judged by the federation, not here.
    function requestPegOut(bytes calldata bitcoinAddress) external payable {
        if (msg.value < MINIMUM_WEI) revert AmountBelowMinimum(msg.value, MINIMUM_WEI);
        if (bitcoinAddress.length == 0) revert NoBitcoinAddress();
        (bool burnt, ) = BURN_ADDRESS.call{value: msg.value}("");
        if (!burnt) revert BurnFailed();
        emit RequestPegOut(msg.sender, bitcoinAddress, msg.value);
    }

    receive() external payable {
        revert CallRequestPegOut();
    }

    fallback() external payable {
        revert CallRequestPegOut();
    }
}
