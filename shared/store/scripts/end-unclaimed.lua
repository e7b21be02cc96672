-- Ends a call nobody has taken. ARGV: retention in ms, time of the end as JSON, patch (pairs),
-- entries, callbacks, letters to the gateway. Answers 1, or 0 when it is owned, ended or unknown.
local retentionMs, endedAt = takeNumber(), take()
local patch, entries, callbacks, letters = takeMany(), takeMany(), takeMany(), takeMany()
local state = status()
if not state or FINAL[state] or owner() ~= '' then return 0 end
redis.call('HSET', CALL, unpack(patch))
for _, json in ipairs(letters) do put(GATEWAY_BOX, '_gateway', json) end
for _, json in ipairs(callbacks) do put(OUTBOX, '_outbox', json, OUTBOX_CAP) end
record(entries)
finish(retentionMs, endedAt)
return 1
