import os from 'node:os';

const MIB = 2 ** 20;

/** An eighth of the memory that this process may use, between 32 and 256 MiB. */
const sharedBuffersMib = (): number => {
  const limit = process.constrainedMemory();
  const memory = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  return Math.max(32, Math.min(256, Math.floor(memory / 8 / MIB)));
};

/**
 * The server's settings, written anew at every start so that an upgrade brings its own. They are
 * included from postgresql.conf, so what an operator sets by ALTER SYSTEM still wins.
 */
export const settingsText = (): string => `# Written by Switchyard at every start: use ALTER SYSTEM.
listen_addresses = '127.0.0.1'
# Paths of sockets end at 107 bytes, and a data directory may lie deeper.
unix_socket_directories = ''
max_connections = 100
shared_buffers = ${sharedBuffersMib()}MB
timezone = 'UTC'
jit = off
random_page_cost = 1.1

# An acknowledged job is on the disk.
fsync = on
synchronous_commit = on
full_page_writes = on
wal_compression = on
checkpoint_timeout = 15min
max_wal_size = 4GB

# Every job leaves dead rows in the queue and lease tables: clean often, little at a time.
autovacuum = on
autovacuum_naptime = 10s
autovacuum_vacuum_threshold = 500
autovacuum_vacuum_scale_factor = 0.02
autovacuum_vacuum_insert_scale_factor = 0.1
autovacuum_analyze_threshold = 500
autovacuum_analyze_scale_factor = 0.02
autovacuum_vacuum_cost_limit = 5000

# One file for each day of the week, so the log bounds itself. Parameters may be secrets.
logging_collector = on
log_directory = 'log'
log_filename = 'postgres-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
log_rotation_size = 0
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
lc_messages = 'C'
log_lock_waits = on
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
`;
