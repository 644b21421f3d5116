//! The precompiles' interfaces.
#![allow(missing_docs, clippy::too_many_arguments, reason = "generated from Solidity")]

mod chain;
mod minor;

use alloy::sol;
use alloy::sol_types::{SolError, SolInterface};

use crate::arbos::programs::ProgramError;

pub use chain::{ArbAggregator, ArbGasInfo, ArbOwner, ArbOwnerPublic};
pub use minor::{ArbAddressTable, ArbFunctionTable, ArbRetryableTx, ArbStatistics, ArbosActs};

sol! {
    interface ArbWasm {
        function activateProgram(address program) external payable returns (uint16 version, uint256 dataFee);
        function codehashKeepalive(bytes32 codehash) external payable;
        function stylusVersion() external view returns (uint16);
        function codehashVersion(bytes32 codehash) external view returns (uint16);
        function codehashAsmSize(bytes32 codehash) external view returns (uint32);
        function programVersion(address program) external view returns (uint16);
        function programInitGas(address program) external view returns (uint64 gas, uint64 gasWhenCached);
        function programMemoryFootprint(address program) external view returns (uint16);
        function programTimeLeft(address program) external view returns (uint64);
        function inkPrice() external view returns (uint32);
        function maxStackDepth() external view returns (uint32);
        function freePages() external view returns (uint16);
        function pageGas() external view returns (uint16);
        function pageRamp() external view returns (uint64);
        function pageLimit() external view returns (uint16);
        function minInitGas() external view returns (uint64 gas, uint64 cached);
        function initCostScalar() external view returns (uint64);
        function expiryDays() external view returns (uint16);
        function keepaliveDays() external view returns (uint16);
        function blockCacheSize() external view returns (uint16);
        function activationGas() external view returns (uint64);

        event ProgramActivated(bytes32 indexed codehash, bytes32 moduleHash, address program, uint256 dataFee, uint16 version);
        event ProgramLifetimeExtended(bytes32 indexed codehash, uint256 dataFee);

        error ProgramNotWasm();
        error ProgramNotActivated();
        error ProgramNeedsUpgrade(uint16 version, uint16 stylusVersion);
        error ProgramExpired(uint64 ageInSeconds);
        error ProgramUpToDate();
        error ProgramKeepaliveTooSoon(uint64 ageInSeconds);
        error ProgramInsufficientValue(uint256 have, uint256 want);
    }

    interface ArbWasmCache {
        function isCacheManager(address manager) external view returns (bool);
        function allCacheManagers() external view returns (address[] memory managers);
        function codehashIsCached(bytes32 codehash) external view returns (bool);
        function cacheCodehash(bytes32 codehash) external;
        function cacheProgram(address program) external;
        function evictCodehash(bytes32 codehash) external;
        event UpdateProgramCache(address indexed manager, bytes32 indexed codehash, bool cached);
    }

    interface ArbSys {
        function arbBlockNumber() external view returns (uint256);
        function arbBlockHash(uint256 number) external view returns (bytes32);
        function arbChainID() external view returns (uint256);
        function arbOSVersion() external view returns (uint256);
        function getStorageGasAvailable() external view returns (uint256);
        function isTopLevelCall() external view returns (bool);
        function mapL1SenderContractAddressToL2Alias(address sender, address unused) external pure returns (address);
        function wasMyCallersAddressAliased() external view returns (bool);
        function myCallersAddressWithoutAliasing() external view returns (address);
        function withdrawEth(address destination) external payable returns (uint256);
        function sendTxToL1(address destination, bytes calldata data) external payable returns (uint256);
        function sendMerkleTreeState() external view returns (uint256 size, bytes32 root, bytes32[] memory partials);
        event L2ToL1Tx(address caller, address indexed destination, uint256 indexed hash, uint256 indexed position, uint256 arbBlockNum, uint256 ethBlockNum, uint256 timestamp, uint256 callvalue, bytes data);
        event SendMerkleUpdate(uint256 indexed reserved, bytes32 indexed hash, uint256 indexed position);
        error InvalidBlockNumber(uint256 requested, uint256 current);
    }

    interface ArbInfo {
        function getBalance(address account) external view returns (uint256);
        function getCode(address account) external view returns (bytes memory);
    }

    interface ArbosTest {
        function burnArbGas(uint256 gasAmount) external pure;
    }

    interface ArbDebug {
        function becomeChainOwner() external;
        function overwriteContractCode(address target, bytes calldata newCode) external returns (bytes memory oldCode);
        function events(bool flag, bytes32 value) external payable returns (address, uint256);
        function eventsView() external view;
        function customRevert(uint64 number) external pure;
        function panic() external;
        function legacyError() external pure;
        event Basic(bool flag, bytes32 indexed value);
        event Mixed(bool indexed flag, bool not, bytes32 indexed value, address conn, address indexed caller);
        error Custom(uint64 number, string message, bool flag);
    }
}

/// ABI encoding of a program error.
pub(super) fn encode_error(error: &ProgramError) -> Vec<u8> {
    match error {
        ProgramError::NotWasm => ArbWasm::ProgramNotWasm {}.abi_encode(),
        ProgramError::NotActivated => ArbWasm::ProgramNotActivated {}.abi_encode(),
        ProgramError::NeedsUpgrade { version, current } => {
            ArbWasm::ProgramNeedsUpgrade { version: *version, stylusVersion: *current }.abi_encode()
        }
        ProgramError::Expired { age } => {
            ArbWasm::ProgramExpired { ageInSeconds: *age }.abi_encode()
        }
        ProgramError::UpToDate => ArbWasm::ProgramUpToDate {}.abi_encode(),
        ProgramError::KeepaliveTooSoon { age } => {
            ArbWasm::ProgramKeepaliveTooSoon { ageInSeconds: *age }.abi_encode()
        }
        ProgramError::InsufficientValue { have, want } => {
            ArbWasm::ProgramInsufficientValue { have: *have, want: *want }.abi_encode()
        }
    }
}

/// Reads a program error back from revert data.
pub(crate) fn decode_error(data: &[u8]) -> Option<ProgramError> {
    use ArbWasm::ArbWasmErrors as Known;
    Some(match Known::abi_decode(data).ok()? {
        Known::ProgramNotWasm(_) => ProgramError::NotWasm,
        Known::ProgramNotActivated(_) => ProgramError::NotActivated,
        Known::ProgramNeedsUpgrade(e) => {
            ProgramError::NeedsUpgrade { version: e.version, current: e.stylusVersion }
        }
        Known::ProgramExpired(e) => ProgramError::Expired { age: e.ageInSeconds },
        Known::ProgramUpToDate(_) => ProgramError::UpToDate,
        Known::ProgramKeepaliveTooSoon(e) => ProgramError::KeepaliveTooSoon { age: e.ageInSeconds },
        Known::ProgramInsufficientValue(e) => {
            ProgramError::InsufficientValue { have: e.have, want: e.want }
        }
    })
}
