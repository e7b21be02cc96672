-- Writes a new call. ARGV: retention in ms, fields of the record (pairs), timeline entries.
local retentionMs = takeNumber()
redis.call('HSET', CALL, unpack(takeMany()))
record(takeMany())
-- Until somebody takes it, a call must not stay for ever.
redis.call('PEXPIRE', CALL, retentionMs)
redis.call('PEXPIRE', TIMELINE, retentionMs)
return 1
