// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

interface ArbWasm {
    function codehashAsmSize(bytes32 codehash) external view returns (uint32);
}

interface ArbWasmCache {
    function codehashIsCached(bytes32 codehash) external view returns (bool);
    function cacheProgram(address program) external;
    function evictCodehash(bytes32 codehash) external;
}

interface ArbOwnerPublic {
    function isChainOwner(address account) external view returns (bool);
}

/// Sells places in the chain's cache of Stylus programs: the interface that Arbitrum's tools bid
/// through. The lowest bid makes room for a higher one; older bids count less.
contract CacheManager {
    struct Entry {
        bytes32 code;
        uint64 size;
        uint192 bid;
    }

    error NotChainOwner(address sender);
    error AsmTooLarge(uint256 asm, uint256 queueSize, uint256 cacheSize);
    error AlreadyCached(bytes32 codehash);
    error BidTooLarge(uint256 bid);
    error BidTooSmall(uint192 bid, uint192 min);
    error BidsArePaused();
    error MakeSpaceTooLarge(uint64 size, uint64 limit);
    error ProgramNotActivated();
    error SweepFailed(address to);

    event InsertBid(bytes32 indexed codehash, address program, uint192 bid, uint64 size);
    event DeleteBid(bytes32 indexed codehash, uint192 bid, uint64 size);
    event SetCacheSize(uint64 size);
    event SetDecayRate(uint64 decay);
    event Pause();
    event Unpause();

    ArbWasm private constant WASM = ArbWasm(address(0x71));
    ArbWasmCache private constant CACHE = ArbWasmCache(address(0x72));
    ArbOwnerPublic private constant OWNERS = ArbOwnerPublic(address(0x6b));

    /// Size that smaller programs count as, in bytes.
    uint64 private constant LEAST_SIZE = 4096;
    /// Most space that one call of makeSpace frees, in bytes.
    uint64 private constant MOST_SPACE = 5 * 1024 * 1024;

    /// Bytes of compiled programs that may be cached.
    uint64 public cacheSize;
    /// Bytes that are cached.
    uint64 public queueSize;
    /// Wei by which a bid made one second later counts more.
    uint64 public decay;
    bool public isPaused;
    Entry[] public entries;

    modifier onlyOwner() {
        if (!OWNERS.isChainOwner(msg.sender)) revert NotChainOwner(msg.sender);
        _;
    }

    constructor(uint64 size, uint64 rate) {
        cacheSize = size;
        decay = rate;
    }

    function placeBid(address program) external payable {
        if (isPaused) revert BidsArePaused();
        bytes32 code = program.codehash;
        if (CACHE.codehashIsCached(code)) revert AlreadyCached(code);
        uint64 size = sizeOf(code);
        uint192 bid = bidNow();
        uint192 least = free(size);
        if (bid < least) revert BidTooSmall(bid, least);
        entries.push(Entry(code, size, bid));
        queueSize += size;
        emit InsertBid(code, program, bid, size);
        CACHE.cacheProgram(program);
    }

    /// Frees space for as long as the bid sent beats the lowest one. Returns the space there is.
    function makeSpace(uint64 size) external payable returns (uint64 space) {
        if (isPaused) revert BidsArePaused();
        if (size > MOST_SPACE) revert MakeSpaceTooLarge(size, MOST_SPACE);
        if (size > cacheSize) revert AsmTooLarge(size, queueSize, cacheSize);
        uint192 bid = bidNow();
        uint192 least = free(size);
        if (bid < least) revert BidTooSmall(bid, least);
        return cacheSize - queueSize;
    }

    /// The least bid, in wei at this moment, with which so many bytes would be cached.
    function getMinBid(uint64 size) public view returns (uint192 least) {
        if (size < LEAST_SIZE) size = LEAST_SIZE;
        if (size > cacheSize) revert AsmTooLarge(size, queueSize, cacheSize);
        uint256 taken = queueSize;
        if (taken + size <= cacheSize) return 0;
        Entry[] memory sorted = ascending();
        for (uint256 i = 0; taken + size > cacheSize; i++) {
            taken -= sorted[i].size;
            least = sorted[i].bid;
        }
        uint256 aged = uint256(decay) * block.timestamp;
        return least > aged ? uint192(least - aged) : 0;
    }

    function getMinBid(bytes32 codehash) public view returns (uint192) {
        return getMinBid(sizeOf(codehash));
    }

    function getMinBid(address program) external view returns (uint192) {
        return getMinBid(program.codehash);
    }

    function getEntries() external view returns (Entry[] memory) {
        return entries;
    }

    function getSmallestEntries(uint256 count) external view returns (Entry[] memory smallest) {
        Entry[] memory sorted = ascending();
        if (count > sorted.length) count = sorted.length;
        smallest = new Entry[](count);
        for (uint256 i = 0; i < count; i++) smallest[i] = sorted[i];
    }

    function setCacheSize(uint64 size) external onlyOwner {
        cacheSize = size;
        emit SetCacheSize(size);
    }

    function setDecayRate(uint64 rate) external onlyOwner {
        decay = rate;
        emit SetDecayRate(rate);
    }

    function paused() external onlyOwner {
        isPaused = true;
        emit Pause();
    }

    function unpause() external onlyOwner {
        isPaused = false;
        emit Unpause();
    }

    function evictAll() external onlyOwner {
        evictPrograms(entries.length);
    }

    /// Evicts the lowest bids.
    function evictPrograms(uint256 count) public onlyOwner {
        for (; count > 0 && entries.length > 0; count--) evict(lowest());
    }

    /// Sends all bids to the owner who asks for them.
    function sweepFunds() external onlyOwner {
        (bool sent,) = msg.sender.call{value: address(this).balance}("");
        if (!sent) revert SweepFailed(msg.sender);
    }

    function sizeOf(bytes32 codehash) private view returns (uint64) {
        uint64 size = WASM.codehashAsmSize(codehash);
        return size < LEAST_SIZE ? LEAST_SIZE : size;
    }

    function bidNow() private view returns (uint192) {
        uint256 bid = msg.value + uint256(decay) * block.timestamp;
        if (bid > type(uint192).max) revert BidTooLarge(bid);
        return uint192(bid);
    }

    /// Evicts the lowest bids until so many bytes fit, and tells the highest that had to go.
    function free(uint64 size) private returns (uint192 least) {
        if (size > cacheSize) revert AsmTooLarge(size, queueSize, cacheSize);
        while (uint256(queueSize) + size > cacheSize) {
            uint256 index = lowest();
            least = entries[index].bid;
            evict(index);
        }
    }

    function lowest() private view returns (uint256 index) {
        for (uint256 i = 1; i < entries.length; i++) {
            if (entries[i].bid < entries[index].bid) index = i;
        }
    }

    function evict(uint256 index) private {
        Entry memory entry = entries[index];
        entries[index] = entries[entries.length - 1];
        entries.pop();
        queueSize -= entry.size;
        emit DeleteBid(entry.code, entry.bid, entry.size);
        CACHE.evictCodehash(entry.code);
    }

    function ascending() private view returns (Entry[] memory sorted) {
        sorted = entries;
        for (uint256 i = 1; i < sorted.length; i++) {
            Entry memory entry = sorted[i];
            uint256 at = i;
            for (; at > 0 && sorted[at - 1].bid > entry.bid; at--) sorted[at] = sorted[at - 1];
            sorted[at] = entry;
        }
    }
}
