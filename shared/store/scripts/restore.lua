-- Writes a call again as its owner remembers it, when Redis knows nothing of it or only an older owner. ARGV: epoch,
-- serial of the owner's last write, retention in ms, time of the end as JSON, fields of the record (pairs), entries,
-- fields of the streams (pairs), their sids in order, the live ones (pairs), callbacks owed. Answers done or lost.
local epoch, serial, retentionMs, endedAt = take(), take(), takeNumber(), take()
local fields, entries, streams, order, live, callbacks = takeMany(), takeMany(), takeMany(), takeMany(), takeMany(), takeMany()
local GAP = 1000

local where = standing(epoch)
if where == 'current' then return 'done' end
if where == 'lost' then return 'lost' end

redis.call('DEL', CALL, TIMELINE, STREAMS, ORDER, LIVE, OUTBOX)
redis.call('HSET', CALL, unpack(fields))
redis.call('HSET', CALL, '_epoch', epoch, '_serial', serial)
record(entries)
-- What others wrote is forgotten: those who follow the timeline are further than we know.
redis.call('HINCRBY', CALL, '_seq', GAP)
if #streams > 0 then redis.call('HSET', STREAMS, unpack(streams)) end
if #order > 0 then redis.call('RPUSH', ORDER, unpack(order)) end
if #live > 0 then redis.call('HSET', LIVE, unpack(live)) end
for _, json in ipairs(callbacks) do put(OUTBOX, '_outbox', json, OUTBOX_CAP) end
if FINAL[status()] then finish(retentionMs, endedAt) end
return 'done'
