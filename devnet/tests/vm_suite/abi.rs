//! Interfaces of the ArbOS precompiles, written down independently of the engine.

use alloy::sol;

sol! {
    interface Wasm {
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
        function pageRamp() external view returns (uint64);
        function minInitGas() external view returns (uint64 gas, uint64 cached);
        function initCostScalar() external view returns (uint64);
        function blockCacheSize() external view returns (uint16);
        event ProgramActivated(bytes32 indexed codehash, bytes32 moduleHash, address program, uint256 dataFee, uint16 version);
    }
    interface Cache {
        function isCacheManager(address manager) external view returns (bool);
        function allCacheManagers() external view returns (address[] memory);
        function codehashIsCached(bytes32 codehash) external view returns (bool);
        function cacheProgram(address program) external;
        function evictCodehash(bytes32 codehash) external;
    }
    interface Owner {
        function setInkPrice(uint32 price) external;
        function setWasmFreePages(uint16 pages) external;
        function addWasmCacheManager(address manager) external;
        function scheduleArbOSUpgrade(uint64 newVersion, uint64 timestamp) external;
        function setL1PricePerUnit(uint256 price) external;
    }
    interface Sys {
        function arbBlockNumber() external view returns (uint256);
        function arbChainID() external view returns (uint256);
        function arbOSVersion() external view returns (uint256);
        function mapL1SenderContractAddressToL2Alias(address sender, address unused) external pure returns (address);
    }
    interface Info {
        function getBalance(address account) external view returns (uint256);
        function getCode(address account) external view returns (bytes memory);
    }
    interface Public {
        function isChainOwner(address addr) external view returns (bool);
        function getAllChainOwners() external view returns (address[] memory);
        function getNetworkFeeAccount() external view returns (address);
        function getMaxStylusContractFragments() external view returns (uint8);
    }
    interface GasInfo {
        function getMinimumGasPrice() external view returns (uint256);
        function getL1BaseFeeEstimate() external view returns (uint256);
        function getPricesInWei() external view returns (uint256, uint256, uint256, uint256, uint256, uint256);
    }
    interface Debug {
        function becomeChainOwner() external;
        function overwriteContractCode(address target, bytes calldata newCode) external returns (bytes memory oldCode);
    }
}
