package id.pantau.bench;

import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.WriteBufferManager;

/** One block cache and one bound of write buffers for all stores of the process, as Kafka's documentation advises. */
public final class BoundedMemory implements RocksDBConfigSetter {
    private static final long MIB = 1024 * 1024;
    private static final Cache CACHE = new LRUCache(512 * MIB, -1, false, 0.1);
    private static final WriteBufferManager BUFFERS = new WriteBufferManager(256 * MIB, CACHE);

    @Override
    public void setConfig(String store, Options options, Map<String, Object> configs) {
        BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
        table.setBlockCache(CACHE);
        table.setCacheIndexAndFilterBlocks(true);
        table.setCacheIndexAndFilterBlocksWithHighPriority(true);
        table.setPinTopLevelIndexAndFilter(true);
        table.setFilterPolicy(new BloomFilter(10, false));
        options.setTableFormatConfig(table);
        options.setWriteBufferManager(BUFFERS);
        options.setOptimizeFiltersForHits(false); // most identities are new: a miss is the usual answer
    }

    @Override
    public void close(String store, Options options) {
        // The cache and the buffers belong to the process.
    }
}
